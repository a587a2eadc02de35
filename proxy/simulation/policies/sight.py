"""What simple policies take for their budget: the site's own rules of supply, on the readings as they come.

They share the governor's arithmetic of capability, reserve and gas, so that a comparison shows what the
*policies* differ in. They have none of its judgement: a missing reading leaves the last one standing.
"""

from __future__ import annotations

import math

import numpy as np

from proxy.energy.supply import capability_w, droop, generators, supply
from proxy.governor.readings import GeneratorReading, Readings
from proxy.simulation.world import World

SLOPE_S = 10.0
"""Time constant of the pressure's slope."""


class Sight:
    """Keeps what a policy needs of the past readings."""

    def __init__(self, world: World) -> None:
        self._site = world.site
        self._settings = world.settings
        self._nominal_w = np.array([generator.nominal_kw * 1e3 for generator in world.site.generators])
        self._derate = (
            np.array([generator.firm_kw * 1e3 for generator in world.site.generators]) / self._nominal_w
        )
        self.running_w = 0.0
        """Ratings of the sets that run."""
        self.capability_w = 0.0
        """What they give, before any reserve."""
        self.gas_factor = 1.0
        """What the gas leaves of it."""
        self.trim = 1.0
        """What the frequency leaves of it."""
        self.budget_w = 0.0
        """What the fleet may draw."""
        self.load_w = math.nan
        """What the fleet draws by its meter."""
        self.frozen = True
        """Whether supply or frequency forbid a raise."""
        self._kpa = self._slope = math.nan
        self._at = 0.0
        self._off_s = -math.inf

    def look(self, now: float, readings: Readings) -> None:
        """Take the readings of one tick."""
        if not math.isnan(readings.site_w):
            self.load_w = readings.site_w
        sets = readings.generators
        if sets is not None:
            self._supply(now, readings, sets)
        self._at = now

    def _supply(self, now: float, readings: Readings, sets: GeneratorReading) -> None:
        site, settings = self._site, self._settings
        capability = capability_w(self._nominal_w, self._derate, sets.running, sets.watts, sets.valve)
        self.running_w = float(self._nominal_w[sets.running].sum())
        self.capability_w = float(capability.sum())
        frozen = False
        if settings.header is not None:
            self._pressure(now, readings.header_kpa)
            found = supply(
                settings.header,
                pressure_kpa=readings.header_kpa,
                slope_kpa_s=self._slope,
                valve=float(np.nan_to_num(sets.valve[sets.running]).max(initial=0.0)),
                flare_m3h=readings.flare_m3h,
                calm_s=now - self._off_s,
            )
            self.gas_factor, frozen = found.factor, bool(found.frozen)
        self.trim, off = droop(sets.hz, site.hz, settings.hz_resolution)
        if off:
            self._off_s = now
        self.frozen = frozen or bool(off)
        aux_w = site.auxiliaries_w if math.isnan(readings.aux_w) else readings.aux_w
        allowed = generators(site.reserve, capability, self.gas_factor).watts * self.trim - aux_w
        self.budget_w = max(0.0, min(allowed, readings.instructions.cap_w))

    def _pressure(self, now: float, kpa: float) -> None:
        if math.isnan(kpa):
            return
        dt = now - self._at
        if not math.isnan(self._kpa) and dt > 0:
            slope = (kpa - self._kpa) / dt
            known = 0.0 if math.isnan(self._slope) else self._slope
            self._slope = known + (slope - known) * min(1.0, dt / SLOPE_S)
        self._kpa = kpa
