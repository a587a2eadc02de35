"""Judges what is read of the load before anything is built on it: the implausible is unknown."""

import math
from dataclasses import dataclass
from itertools import compress

from proxy.energy.plausible import Channel, Memory, differ, judge
from proxy.governor.readings import Readings
from proxy.governor.settings import GovernorSettings

DISAGREE = 0.10
"""Two meters of the same watts that differ by more than this part are not both right [A]."""
LEAST_W = 20_000.0
"""Below this differences are left alone, and digits may rest: noise is less than a digit."""
HUGE = 3.0
"""A meter that shows so many times what the fleet could draw at most is broken."""
TINY = 0.05
"""Less than this part of what is expected, while miners work, is a fault and no load."""
STALE_S = 3.0
"""A reading this old is no reading: the first rung of the ladder."""
ALARM_S = 15.0
"""Silence for this long is worth an alarm."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the governor believes without looking at the meter."""

    load_w: float
    most_w: float
    """What the fleet could draw at most."""
    works: bool
    """Whether a good part of the fleet was heard of within the last seconds."""
    moving: bool
    """Whether much is in flight, so that the load may change within a second."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What may be believed of the feeder."""

    load_w: float
    """Of the fleet; NaN is unknown."""
    at: float
    """When it was so."""
    aux_w: float
    """Load of the site beside the fleet."""
    source: str
    """``feeder``, ``generators`` or ``nothing``."""
    doubts: tuple[tuple[str, str], ...]
    """Meters that are not believed, and why."""


class Senses:
    """The feeder's meter, that of the generators as its second, and what can be known from both."""

    def __init__(self, settings: GovernorSettings) -> None:
        self._settings = settings
        self.feeder = Memory()
        self.sets = Memory()
        self.aux_w = math.nan
        """Smoothed difference of the two."""
        self.apart = 0
        """Readings in a row that disagreed."""

    def look(self, now: float, readings: Readings, expected: Expectation, configured_aux_w: float) -> Sight:
        """Return the load as far as it can be believed."""
        metered_w, aux_w = self._auxiliaries(readings, configured_aux_w)
        feeder_w, why = math.nan, "is not there"
        if not math.isnan(readings.site_at):
            feeder_w, why, self.feeder = self._judged(
                "feeder", readings.site_w, readings.site_at, now, self.feeder, expected, 0.0
            )
        sets_w, why_sets, sets_at = math.nan, "are not there", math.nan
        if readings.generators is not None:
            generators = readings.generators
            # As old as the oldest of its parts; sets that stand give nothing, however long ago they said so.
            sets_at = float(generators.at[generators.running].min(initial=now))
            sets_w, why_sets, self.sets = self._judged(
                "generators",
                float(sum(compress(generators.watts.tolist(), generators.running.tolist()))),
                sets_at,
                now,
                self.sets,
                expected,
                metered_w,
            )
        if not why and not why_sets:
            match self._wrong(feeder_w, sets_w - metered_w, expected):
                case "feeder":
                    why = f"{feeder_w / 1000:,.0f} kW, while generators give {sets_w / 1000:,.0f} kW"
                case "generators":
                    why_sets = f"{sets_w / 1000:,.0f} kW, while the feeder shows {feeder_w / 1000:,.0f} kW"
                case _:
                    self._learn(sets_w - feeder_w)
        elif not why and expected.works and not expected.moving and feeder_w < TINY * expected.load_w:
            why = f"{feeder_w / 1000:,.0f} kW, while miners work"
        doubts = []
        # A meter that misses a few polls is every day's business; the ladder holds meanwhile.
        if why and not math.isnan(readings.site_at) and not STALE_S <= now - readings.site_at < ALARM_S:
            doubts.append(("feeder", why))
        if why_sets and readings.generators is not None and not STALE_S <= now - sets_at < ALARM_S:
            doubts.append(("generators", why_sets))
        if not why:
            return Sight(feeder_w, readings.site_at, aux_w, "feeder", tuple(doubts))
        if not why_sets:
            return Sight(max(0.0, sets_w - metered_w), sets_at, metered_w, "generators", tuple(doubts))
        return Sight(math.nan, math.nan, aux_w, "nothing", tuple(doubts))

    def _judged(
        self,
        name: str,
        watts: float,
        at: float,
        now: float,
        memory: Memory,
        expected: Expectation,
        beside_w: float,
    ) -> tuple[float, str, Memory]:
        """Return the believed watts, why they are not believed, and what to remember."""
        most_w = HUGE * max(expected.most_w + beside_w, LEAST_W)
        # Without load there is no noise, and digits rest.
        rests = abs(watts) < LEAST_W and expected.load_w + beside_w < 2.0 * LEAST_W
        channel = Channel(
            name,
            -0.01 * most_w,
            most_w,
            frozen_s=math.inf if rests or self._settings.meter_noise == 0.0 else self._settings.frozen_s,
        )
        # While much moves a misread unit cannot be told from a changed load by what is expected.
        reference = math.nan if expected.moving or expected.load_w < LEAST_W else expected.load_w + beside_w
        judged, memory = judge(channel, watts, at, now, memory, expected=reference)
        if not judged.reason and now - at >= STALE_S:
            return math.nan, f"{name}: silent for {now - at:.0f} s", memory
        return judged.value, judged.reason, memory

    def _auxiliaries(self, readings: Readings, configured_w: float) -> tuple[float, float]:
        """Return the auxiliaries to compare meters by, and those to reckon with.

        Sets give whatever a feeder's meter reads too low, or a meter of auxiliaries leaves out: the greater
        sum of the two is what is drawn at the bus.
        """
        learned_w = configured_w if math.isnan(self.aux_w) else self.aux_w
        if not (math.isfinite(readings.aux_w) and 0.0 <= readings.aux_w <= 3.0 * configured_w + LEAST_W):
            return learned_w, learned_w
        return readings.aux_w, readings.aux_w if math.isnan(self.aux_w) else max(readings.aux_w, self.aux_w)

    def _learn(self, difference_w: float) -> None:
        seen = max(0.0, difference_w)
        self.aux_w = seen if math.isnan(self.aux_w) else self.aux_w + 0.02 * (seen - self.aux_w)

    def _wrong(self, feeder_w: float, sets_w: float, expected: Expectation) -> str:
        """Return which of two plausible meters is wrong, once they have differed for two readings."""
        if not differ(feeder_w, sets_w, part=DISAGREE, least=LEAST_W):
            self.apart = 0
            return ""
        self.apart += 1
        # Meters that are read a second apart differ while the load changes.
        if self.apart < (6 if expected.moving else 2):
            return ""
        return "generators" if abs(feeder_w - expected.load_w) <= abs(sets_w - expected.load_w) else "feeder"
