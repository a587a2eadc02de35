"""What the generators can give the fleet, from nominal figures and from what tells early that it will be less."""

import math
from dataclasses import dataclass

import numpy as np

from proxy.energy import supply
from proxy.energy.arrays import Floats
from proxy.energy.budget import Term
from proxy.energy.site import Site
from proxy.governor.readings import GeneratorReading, Readings
from proxy.governor.settings import GovernorSettings

SLOPE_GAIN = 0.08
"""Of the filter that draws the header's slope out of readings that are rounded to 1 kPa."""
LEVEL_GAIN = 0.4


@dataclass(frozen=True, slots=True)
class Supplied:
    """What the supply allows now, at the bus."""

    capability_w: float
    """What the running sets can give for good, reserve included; infinite without generators, NaN unknown."""
    running_w: float
    """Nameplate of the running sets; infinite without generators."""
    terms: tuple[Term, ...]
    frozen: tuple[str, ...]
    """Why nothing may be raised."""
    lost: bool
    """Whether a set has just left the bus."""
    sags: bool
    """Whether frequency says that the sets are overloaded."""


class SupplyWatch:
    """Remembers pressures and frequencies long enough to see where they go."""

    def __init__(self, site: Site, settings: GovernorSettings) -> None:
        self._site = site
        self._settings = settings
        self._nominal_w: Floats = np.array([one.nominal_kw * 1000.0 for one in site.generators])
        self._derate: Floats = np.array([math.prod(one.derates) for one in site.generators])
        self.kpa = self.slope = math.nan
        self.disturbed_s = -math.inf
        """When frequency was last out of its band."""
        self.running: tuple[bool, ...] | None = None
        self.seen_at = -math.inf
        """When the generators were last read."""
        self.known_w = math.nan
        """What they could give then."""

    def look(self, now: float, readings: Readings) -> Supplied:
        """Return what the supply allows."""
        if not self._site.generators:
            return Supplied(math.inf, math.inf, (), (), False, False)
        generators = readings.generators
        if generators is None or now - generators.at > 3.0 or len(generators.running) != len(self._nominal_w):
            return self._blind()
        heat = 1.0
        if math.isfinite(readings.ambient_c):
            heat -= self._settings.heat_per_c * max(0.0, readings.ambient_c - self._settings.heat_from_c)
        running = generators.running
        lost = self.running is not None and any(
            was and not runs for was, runs in zip(self.running, running, strict=True)
        )
        self.running = tuple(bool(one) for one in running)
        # The valve speaks through ``supply``; here it would make the load its own limit.
        sets_w = supply.capability_w(
            self._nominal_w, self._derate * max(0.0, heat), running, generators.watts, np.full(len(running), np.nan)
        )
        told = generators.available_w
        sets_w = np.where(np.isnan(told) | ~running, sets_w, np.minimum(sets_w, np.maximum(told, 0.0)))
        factor, frozen, gas = self._gas(now, readings)
        trim, off = self._frequency(now, generators)
        if off:
            frozen = (*frozen, off)
        term = supply.generators(self._site.reserve, sets_w, min(factor, trim))
        if trim < factor:
            term = Term("frequency", term.watts, f"frequency is low; {term.sentence}")
        elif term.name == "gas":
            term = Term("gas", term.watts, f"{gas}; {term.sentence}")
        self.seen_at, self.known_w = generators.at, term.watts
        left = min(1.0, max(0.0, self._pressure_part(readings)))
        capability = float(sets_w.sum()) * left
        return Supplied(
            capability, float(self._nominal_w[running].sum()), (term,), frozen, lost, trim < 1.0
        )

    def _blind(self) -> Supplied:
        frozen = ("the generators tell nothing",)
        rating = float(self._nominal_w.sum())
        term = Term("generators", math.nan, "the generators tell nothing")
        return Supplied(math.nan, rating, (term,), frozen, False, False)

    def _gas(self, now: float, readings: Readings) -> tuple[float, tuple[str, ...], str]:
        header = self._settings.header
        if header is None:
            return 1.0, (), ""
        kpa = readings.header_kpa
        if not math.isfinite(kpa) or not 0.0 <= kpa < 20_000.0:
            return 1.0, ("the pressure of the gas header is unknown",), "the pressure of the gas header is unknown"
        if math.isnan(self.kpa):
            self.kpa, self.slope = kpa, 0.0
        else:
            ahead = self.kpa + self.slope
            self.kpa = ahead + LEVEL_GAIN * (kpa - ahead)
            self.slope += SLOPE_GAIN * (kpa - ahead)
        # The valve freezes nothing here, the reserve is what keeps it from its stop.
        told = supply.supply(
            header,
            pressure_kpa=self.kpa,
            slope_kpa_s=self.slope,
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
