"""What the generators can give the fleet, from nominal figures and from early signs that it will be less."""

import math
from dataclasses import dataclass

import numpy as np

from proxy.energy import supply
from proxy.energy.acceptance import Acceptance, air_left_w
from proxy.energy.arrays import Bools, Floats
from proxy.energy.budget import Term
from proxy.energy.ladder import LADDERS
from proxy.energy.site import Site
from proxy.governor.header_gauge import HeaderGauge
from proxy.governor.readings import GeneratorReading, Readings
from proxy.governor.settings import GovernorSettings

SILENT_S = 3.0
"""A controller that is silent for this long is not heard."""


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


class SupplyWatch:
    """Remembers pressures and frequencies long enough to see where they go."""

    def __init__(self, site: Site, settings: GovernorSettings) -> None:
        self._site = site
        self._settings = settings
        self._nominal_w: Floats = np.array([one.nominal_kw * 1000.0 for one in site.generators])
        self._derate: Floats = np.array([math.prod(one.derates) for one in site.generators])
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
        self._asked: tuple[tuple[bytes, float], Term] = ((b"", math.nan), Term("generators", math.nan, ""))

    def look(self, now: float, readings: Readings, bus_w: float) -> Supplied:
        """Return what the supply allows; ``bus_w`` is the load of the bus, NaN if unknown."""
        if not self._site.generators:
            return Supplied(math.inf, math.inf, (), (), False, False)
        generators = readings.generators
        if generators is None or len(generators.running) != len(self._nominal_w):
            return self._blind()
        silent = now - generators.at > SILENT_S
        if silent.all():
            return self._blind()
        heat = 1.0
        if math.isfinite(readings.ambient_c):
            heat -= self._settings.heat_per_c * max(0.0, readings.ambient_c - self._settings.heat_from_c)
        running = generators.running & ~silent
        if silent.any():
            running |= silent & self._carried(now, generators, silent, bus_w)
        self._breathe(now, running, bus_w)
        # The valve speaks through ``supply``; here it would make the load its own limit.
        sets_w = np.where(running, self._nominal_w * (self._derate * max(0.0, heat)), 0.0)
        told = generators.available_w
        sets_w = np.where(np.isnan(told) | ~running, sets_w, np.minimum(sets_w, np.maximum(told, 0.0)))
        factor, frozen, gas = self._gas(now, readings)
        trim, off = self._frequency(now, generators)
        if off:
            frozen = (*frozen, off)
        term = self._term(sets_w, min(factor, trim))
        if trim < factor:
            term = Term("frequency", term.watts, f"frequency is low; {term.sentence}")
        elif term.name == "gas":
            term = Term("gas", term.watts, f"{gas}; {term.sentence}")
        self.seen_at = float(generators.at.max())
        if silent.any():
            frozen = (*frozen, "a generator's controller is silent")
        left = min(1.0, max(0.0, self._pressure_part(readings)))
        capability = float(sets_w.sum()) * left
        rating = float(self._nominal_w[running].sum())
        return Supplied(
            capability,
            self._engines.accepts_w(rating, self.air_w),
            (term,),
            frozen,
            now - self.lost_s < 10.0,
            trim < 1.0,
        )

    def _term(self, sets_w: Floats, factor: float) -> Term:
        """Return what the generators allow; most ticks of a day ask what the tick before asked."""
        key = (sets_w.tobytes(), factor)
        if key != self._asked[0]:
            self._asked = (key, supply.generators(self._site.reserve, sets_w, factor))
        return self._asked[1]

    def _carried(self, now: float, generators: GeneratorReading, silent: Bools, bus_w: float) -> Bools:
        """Return which silent sets the others and the load prove to be on the bus still.

        While nobody knows the load either, nothing speaks against what was, for as long as the ladder holds.
        """
        was = np.zeros(len(silent), np.bool_) if self.running is None else np.array(self.running)
        speaking = generators.running & ~silent
        rated, given = float(self._nominal_w[speaking].sum()), float(generators.watts[speaking].sum())
        missing = silent & was
        if math.isnan(bus_w):
            return missing & (now - generators.at < LADDERS["generators"].safe_s)
        return missing & supply.carried(rated, given, float(self._nominal_w[missing].sum()), bus_w)

    def _blind(self) -> Supplied:
        term = Term("generators", math.nan, "the generators tell nothing")
        return Supplied(math.nan, 0.0, (term,), ("the generators tell nothing",), False, False)

    def _breathe(self, now: float, running: Bools, bus_w: float) -> None:
        """Follow the load with the air, as the slowest engine would."""
        rating = float(self._nominal_w[running].sum())
        if self.running is not None and len(self.running) == len(running):
            gone = np.array(self.running) & ~running
            if gone.any() and rating > 0:
                self.lost_s = now
                # The others find the load of the lost one on top of the air that they have.
                self.air_w = air_left_w(self.air_w, rating, float(self._nominal_w[gone].sum()))
        self.running = tuple(bool(one) for one in running)
        dt = 0.0 if math.isnan(self.looked_s) else max(0.0, min(10.0, now - self.looked_s))
        self.looked_s = now
        self.air_w = self._engines.air_w(self.air_w, bus_w, rating, dt)

    def _gas(self, now: float, readings: Readings) -> tuple[float, tuple[str, ...], str]:
        header = self._settings.header
        if header is None:
            return 1.0, (), ""
        kpa = readings.header_kpa
        if not math.isfinite(kpa) or not 0.0 <= kpa < 20_000.0:
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
        if header is None or not math.isfinite(readings.header_kpa):
            return 1.0
        # Engines lose power below ``empty_kpa``; half of that is taken for none [A].
        return (readings.header_kpa - 0.5 * header.empty_kpa) / (0.5 * header.empty_kpa)

    def _frequency(self, now: float, generators: GeneratorReading) -> tuple[float, str]:
        hz = generators.hz
        if math.isfinite(hz) and not 0.5 <= hz / self._site.hz <= 1.5:
            hz = math.nan
        trim, off = supply.droop(hz, self._site.hz, self._settings.hz_resolution)
        if off and math.isfinite(hz):
            self.disturbed_s = now
        elif now - self.disturbed_s < supply.CALM_S:
            off = f"frequency was out of its band {now - self.disturbed_s:.0f} s ago"
        return trim, off
