"""Judges what is read before anything is built on it: an implausible reading is unknown, with its reason."""

import math
from dataclasses import dataclass

from proxy.governor.readings import GeneratorReading, Readings
from proxy.governor.settings import GovernorSettings

DISAGREE = 0.10
"""Two meters of the same watts that differ by more than this part are not both right [A]."""
DISAGREE_W = 20_000.0
HUGE = 3.0
"""A meter that shows so many times what the fleet could draw at most is in the wrong unit, or broken."""
TINY = 0.05
"""Less than this part of what is expected, while miners work, is no load but a fault."""
CLOCK_S = 1.0
"""A reading from further in the future than this has a wrong clock."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the governor believes without looking at the meter."""

    load_w: float
    most_w: float
    """What the fleet could draw at most."""
    works: bool
    """Whether a good part of the fleet was heard of within the last seconds."""
    moving: bool
    """Whether commands are in flight, so that the load may change in a second."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What may be believed of the feeder."""

    load_w: float
    """Of the fleet; NaN is unknown."""
    at: float
    """When it was so."""
    aux_w: float
    """Load of the site beside the fleet, seen as the difference of two meters; NaN if it cannot be seen."""
    source: str
    """``feeder``, ``generators`` or ``nothing``."""
    doubts: tuple[tuple[str, str], ...]
    """Meters that are not believed, and why."""


class Gauge:
    """One meter of watts and what it last showed."""

    __slots__ = ("at", "last_w", "since")

    def __init__(self) -> None:
        self.last_w = math.nan
        self.at = -math.inf
        self.since = math.inf
        """When the digits last moved."""

    def doubt(self, now: float, watts: float, at: float, expected: Expectation, settings: GovernorSettings) -> str:
        """Return why the reading is not to be believed; empty if it is."""
        if not math.isfinite(watts) or math.isnan(at):
            return "tells nothing"
        if at > now + CLOCK_S:
            return "its clock is ahead"
        if watts != self.last_w or self.since == math.inf:
            self.since = at
        fresh = at > self.at
        self.last_w, self.at = watts, max(at, self.at)
        stale = now - at
        if stale >= 3.0:
            return f"silent for {stale:.0f} s"
        # Noise moves the digits of any real load; without load there is none.
        if fresh and abs(watts) > DISAGREE_W and at - self.since >= settings.frozen_s and not self._may_rest(settings):
            return f"the same digits for {at - self.since:.0f} s"
        if at - self.since >= settings.frozen_s and expected.moving:
            return f"the same digits for {at - self.since:.0f} s while the load is being changed"
        if watts < -0.01 * expected.most_w:
            return "negative: its sign is wrong"
        if watts > HUGE * max(expected.most_w, DISAGREE_W):
            return "far more than all miners can draw: its unit is wrong"
        return ""

    def _may_rest(self, settings: GovernorSettings) -> bool:
        return settings.meter_noise == 0.0


class Senses:
    """The feeder's meter, that of the generators as its second, and what can be known from both."""

    def __init__(self, settings: GovernorSettings) -> None:
        self._settings = settings
        self.feeder = Gauge()
        self.sets = Gauge()
        self.aux_w = math.nan
        """Smoothed difference of the two."""
        self.apart_s = 0.0
        """For how long they have disagreed."""

    def look(self, now: float, readings: Readings, expected: Expectation, configured_aux_w: float) -> Sight:
        """Return the load as far as it can be believed."""
        doubts: list[tuple[str, str]] = []
        feeder_w, feeder_at = readings.site_w, readings.site_at
        told = not math.isnan(readings.site_at)
        why = self.feeder.doubt(now, feeder_w, feeder_at, expected, self._settings) if told else "is not there"
        sets_w, sets_at = _sum(readings.generators)
        why_sets = (
            self.sets.doubt(now, sets_w, sets_at, expected, self._settings)
            if readings.generators is not None
            else "is not there"
        )
        aux_w = self._aux(readings, configured_aux_w)
        if not why and not why_sets:
            wrong = self._disagreement(feeder_w, sets_w - aux_w, expected)
            if wrong == "feeder":
                why = f"{feeder_w / 1000:,.0f} kW, while generators give {sets_w / 1000:,.0f} kW"
            elif wrong == "sets":
                why_sets = f"{sets_w / 1000:,.0f} kW, while the feeder shows {feeder_w / 1000:,.0f} kW"
            else:
                self._learn_aux(sets_w - feeder_w)
        elif not why and expected.works and not expected.moving and feeder_w < TINY * expected.load_w:
            why = f"{feeder_w / 1000:,.0f} kW, while miners work"
        if why and told:
            doubts.append(("feeder", why))
        if why_sets and readings.generators is not None:
            doubts.append(("generators", why_sets))
        if not why:
            return Sight(feeder_w, feeder_at, self.aux_w, "feeder", tuple(doubts))
        if not why_sets:
            return Sight(max(0.0, sets_w - aux_w), sets_at, self.aux_w, "generators", tuple(doubts))
        return Sight(math.nan, math.nan, self.aux_w, "nothing", tuple(doubts))

    def _aux(self, readings: Readings, configured_w: float) -> float:
        if math.isfinite(readings.aux_w) and 0.0 <= readings.aux_w <= 3.0 * configured_w + DISAGREE_W:
            return readings.aux_w
        return configured_w if math.isnan(self.aux_w) else self.aux_w

    def _learn_aux(self, difference_w: float) -> None:
        seen = max(0.0, difference_w)
        self.aux_w = seen if math.isnan(self.aux_w) else self.aux_w + 0.02 * (seen - self.aux_w)

    def _disagreement(self, feeder_w: float, sets_w: float, expected: Expectation) -> str:
        """Return which of two believable meters is wrong, once they have differed for two seconds."""
        gap = abs(feeder_w - sets_w)
        if gap <= max(DISAGREE * max(feeder_w, sets_w), DISAGREE_W):
            self.apart_s = 0.0
            return ""
        self.apart_s += 1.0
        if self.apart_s < 2.0 and gap < 0.5 * max(feeder_w, sets_w):
            return ""
        # Two meters out of step by a second during a change are both right; the model arbitrates.
        return "sets" if abs(feeder_w - expected.load_w) <= abs(sets_w - expected.load_w) else "feeder"


def _sum(reading: GeneratorReading | None) -> tuple[float, float]:
    if reading is None:
        return math.nan, math.nan
    running = reading.watts[reading.running]
    # A set that runs and tells no watts makes the sum unknown; one that stands gives nothing.
    return float(running.sum()), reading.at
