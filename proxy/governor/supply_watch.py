"""What the generators can give the fleet, from nominal figures and from early signs that it will be less."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress

import numpy as np

from proxy.energy import supply
from proxy.energy.acceptance import Acceptance, air_left_w
from proxy.energy.budget import Term
from proxy.energy.ladder import LADDERS
from proxy.energy.site import Site
from proxy.governor.header_gauge import HeaderGauge
from proxy.governor.readings import GeneratorReading, Readings
from proxy.governor.settings import GovernorSettings

SILENT_S = 3.0
"""A controller that is silent for this long is not heard."""
MOST_KPA = 20_000.0
"""Above what any header is built for."""
OFF_PARTS = (0.5, 1.5)
"""Of the nominal frequency: relays have long tripped a set beyond them."""
COLDEST_C, HOTTEST_C = -60.0, 70.0
"""No outdoor air is beyond them: what a thermometer says there is no temperature [A]."""
JUMP_K, DRIFT_K_H = 10.0, 10.0
"""Air is not another by so much from one reading to the next, and as much more for each hour between [A]."""


@dataclass(frozen=True, slots=True)
class Supplied:
    """What the supply allows now, at the bus."""

    capability_w: float
    """What the running sets can give for good, reserve included; infinite without generators, NaN unknown."""
    accepts_w: float
    """What they can take within a second, step acceptance considered; infinite without generators."""
    terms: tuple[Term, ...]
    frozen: tuple[str, ...]
    """Why nothing may be raised."""
    lost: bool
    """Whether a set left the bus within the last seconds."""
    sags: bool
    """Whether frequency says that the sets are overloaded."""
    doubts: tuple[tuple[str, str], ...] = ()
    """Instruments that are not believed, and why."""


class SupplyWatch:
    """Remembers pressures and frequencies long enough to see where they go."""

    def __init__(self, site: Site, settings: GovernorSettings) -> None:
        self._site = site
        self._settings = settings
        # Lists, and loops over them: a site has a handful of sets, and arrays that short cost more.
        self._nominal_w = [one.nominal_kw * 1000.0 for one in site.generators]
        self._derate = [math.prod(one.derates) for one in site.generators]
        self._engines = Acceptance(
            settings.step_low, settings.step_high, settings.step_break, settings.step_period_s, settings.air_s
        )
        self._gauge = HeaderGauge()
        self.disturbed_s = -math.inf
        """When frequency was last out of its band."""
        self.running: tuple[bool, ...] | None = None
        self.seen_at = -math.inf
        """When the generators were last read."""
        self.air_w = math.nan
        """Load that the running engines have air for, by the slowest turbo and step acceptance."""
        self.lost_s = -math.inf
        """When a set left the bus last."""
        self.looked_s = math.nan
        self.ambient_c = -math.inf
        """Temperature that was last believed: before the first one no heat is taken off."""
        self.ambient_s = -math.inf
        """When that was."""
        self._asked: tuple[tuple[list[float], float], Term] = (
            ([], math.nan),
            Term("generators", math.nan, ""),
        )

    def look(self, now: float, readings: Readings, bus_w: float) -> Supplied:
        """Return what the supply allows; ``bus_w`` is the load of the bus, NaN if unknown."""
        if not self._site.generators:
            return Supplied(math.inf, math.inf, (), (), False, False)
        generators = readings.generators
        if generators is None or len(generators.running) != len(self._nominal_w):
            return self._blind()
        read_at = generators.at.tolist()
        silent = [now - at > SILENT_S for at in read_at]
        if all(silent):
            return self._blind()
        heat = 1.0 - self._settings.heat_per_c * max(
            0.0, self._warmth_c(now, readings.ambient_c) - self._settings.heat_from_c
        )
        running = [
            runs and not quiet for runs, quiet in zip(generators.running.tolist(), silent, strict=True)
        ]
        if any(silent):
            running = self._carried(now, generators, running, silent, bus_w)
        self._breathe(now, running, bus_w)
        sets_w = self._sets_w(running, generators.available_w.tolist(), max(0.0, heat))
        factor, frozen, gas = self._gas(now, readings)
        trim, off = self._frequency(now, generators)
        if off:
            frozen = (*frozen, off)
        term = self._term(sets_w, min(factor, trim))
        if trim < factor:
            term = Term("frequency", term.watts, f"frequency is low; {term.sentence}")
        elif term.name == "gas":
            term = Term("gas", term.watts, f"{gas}; {term.sentence}")
        self.seen_at = max(read_at)
        if any(silent):
            frozen = (*frozen, "a generator's controller is silent")
        doubts = self._doubts(readings)
        if any(name == "thermometer" for name, _ in doubts):
            frozen = (*frozen, "the temperature of the air is unknown")
        left = min(1.0, max(0.0, self._pressure_part(readings)))
        return Supplied(
            sum(sets_w) * left,
            self._engines.accepts_w(self._rating_w(running), self.air_w),
            (term,),
            frozen,
            now - self.lost_s < 10.0,
            trim < 1.0,
            doubts,
        )

    def _doubts(self, readings: Readings) -> tuple[tuple[str, str], ...]:
        """Return which readings beside watts are none; a thermometer that is not there is not missed."""
        doubts = []
        if not math.isnan(readings.ambient_c) and readings.ambient_c != self.ambient_c:
            doubts.append(
                ("thermometer", f"thermometer: {readings.ambient_c:g} C is not the temperature of the air")
            )
        if self._settings.header is not None and not 0.0 <= readings.header_kpa < MOST_KPA:
            doubts.append(("header", f"gas header: {readings.header_kpa:g} kPa is no pressure"))
        generators = readings.generators
        hz = math.nan if generators is None else generators.hz
        if not (math.isnan(hz) or OFF_PARTS[0] <= hz / self._site.hz <= OFF_PARTS[1]) and any(
            self.running or ()
        ):
            doubts.append(("frequency", f"frequency: {hz:g} Hz is that of no set that runs"))
        return tuple(doubts)

    def _warmth_c(self, now: float, told_c: float) -> float:
        """Return the temperature as far as it can be believed; without a thermometer that is never any.

        Of two that do not go together it is the hotter one: that gives less.
        """
        if not COLDEST_C <= told_c <= HOTTEST_C:
            return self.ambient_c
        most_k = JUMP_K + DRIFT_K_H * (now - self.ambient_s) / 3600.0
        if self.ambient_s == -math.inf or abs(told_c - self.ambient_c) <= most_k:
            self.ambient_c, self.ambient_s = told_c, now
        return max(told_c, self.ambient_c)

    def _rating_w(self, which: Iterable[bool]) -> float:
        return sum(compress(self._nominal_w, which))

    def _sets_w(self, running: list[bool], told_w: list[float], heat: float) -> list[float]:
        """Return what each set can give; by the valve the load would become its own limit."""
        sets_w = []
        for runs, nominal, derate, told in zip(running, self._nominal_w, self._derate, told_w, strict=True):
            watts = nominal * (derate * heat) if runs else 0.0
            sets_w.append(watts if math.isnan(told) else min(watts, max(told, 0.0)))
        return sets_w

    def _term(self, sets_w: list[float], factor: float) -> Term:
        """Return what the generators allow; most ticks of a day ask what the tick before asked."""
        key = (sets_w, factor)
        if key != self._asked[0]:
            self._asked = (key, supply.generators(self._site.reserve, np.array(sets_w), factor))
        return self._asked[1]

    def _carried(
        self,
        now: float,
        generators: GeneratorReading,
        speaking: list[bool],
        silent: list[bool],
        bus_w: float,
    ) -> list[bool]:
        """Return which sets run: those that say so, and silent ones that the others and the load prove.

        While nobody knows the load either, nothing speaks against what was, for as long as the ladder holds.
        """
        was = self.running or (False,) * len(silent)
        missing = [quiet and ran for quiet, ran in zip(silent, was, strict=True)]
        if math.isnan(bus_w):
            held = (now - generators.at < LADDERS["generators"].safe_s).tolist()
            return [one or (quiet and on) for one, quiet, on in zip(speaking, missing, held, strict=True)]
        given = sum(compress(generators.watts.tolist(), speaking))
        on = supply.carried(self._rating_w(speaking), given, self._rating_w(missing), bus_w)
        return [one or (quiet and on) for one, quiet in zip(speaking, missing, strict=True)]

    def _blind(self) -> Supplied:
        term = Term("generators", math.nan, "the generators tell nothing")
        return Supplied(math.nan, 0.0, (term,), ("the generators tell nothing",), False, False)

    def _breathe(self, now: float, running: list[bool], bus_w: float) -> None:
        """Follow the load with the air, as the slowest engine would."""
        rating = self._rating_w(running)
        if self.running is not None and len(self.running) == len(running):
            gone = [ran and not runs for ran, runs in zip(self.running, running, strict=True)]
            if any(gone) and rating > 0:
                self.lost_s = now
                # The others find the load of the lost one on top of the air that they have.
                self.air_w = air_left_w(self.air_w, rating, self._rating_w(gone))
        self.running = tuple(running)
        dt = 0.0 if math.isnan(self.looked_s) else max(0.0, min(10.0, now - self.looked_s))
        self.looked_s = now
        self.air_w = self._engines.air_w(self.air_w, bus_w, rating, dt)

    def _gas(self, now: float, readings: Readings) -> tuple[float, tuple[str, ...], str]:
        header = self._settings.header
        if header is None:
            return 1.0, (), ""
        kpa = readings.header_kpa
        if not math.isfinite(kpa) or not 0.0 <= kpa < MOST_KPA:
            return (
                1.0,
                ("the pressure of the gas header is unknown",),
                "the pressure of the gas header is unknown",
            )
        self._gauge.read(kpa)
        # The valve freezes nothing here, the reserve is what keeps it from its stop.
        told = supply.supply(
            header,
            pressure_kpa=self._gauge.level,
            slope_kpa_s=self._gauge.fall,
            valve=math.nan,
            flare_m3h=readings.flare_m3h,
            calm_s=now - self.disturbed_s,
        )
        return told.factor, told.frozen, told.sentence

    def _pressure_part(self, readings: Readings) -> float:
        header = self._settings.header
        # Nonsense empties no header: it is alarmed about, and nothing is raised meanwhile.
        if header is None or not 0.0 <= readings.header_kpa < MOST_KPA:
            return 1.0
        # Engines lose power below ``empty_kpa``; half of that is taken for none [A].
        return (readings.header_kpa - 0.5 * header.empty_kpa) / (0.5 * header.empty_kpa)

    def _frequency(self, now: float, generators: GeneratorReading) -> tuple[float, str]:
        hz = generators.hz
        if math.isfinite(hz) and not OFF_PARTS[0] <= hz / self._site.hz <= OFF_PARTS[1]:
            hz = math.nan
        trim, off = supply.droop(hz, self._site.hz, self._settings.hz_resolution)
        if off and math.isfinite(hz):
            self.disturbed_s = now
        elif now - self.disturbed_s < supply.CALM_S:
            off = f"frequency was out of its band {now - self.disturbed_s:.0f} s ago"
        return trim, off
