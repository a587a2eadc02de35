"""Wells, header and flare: a volume balance. What is burned follows from the load and is never the supply."""

from dataclasses import dataclass
from math import exp, expm1, inf, pi, sin

import numpy as np

from proxy.plant.parameters import Parameters
from proxy.plant.script import GasFactor, GasWander, GasWave, WellShut
from proxy.plant.site import SiteLayout

MONTH_S = 30.44 * 86400.0
YEAR_S = 365.25 * 86400.0


@dataclass(slots=True)
class _Well:
    mean_m3h: float
    drift: float = 0.0
    slugging: bool = False
    phase: float = 0.0
    turn_s: float = 0.0
    """When its slugging begins or ends."""
    trip_s: float = inf
    shut_until_s: float = 0.0


class Wells:
    """The inflow: every well by itself, then the separator's lag, then what the script does to the total."""

    def __init__(
        self, parameters: Parameters, layout: SiteLayout, vary: bool, chance: np.random.Generator
    ) -> None:
        self._gas = parameters.gas
        self._vary = vary
        self._chance = chance
        count = int(self._gas.wells)
        self.wells = [_Well(layout.gas_m3h / count) for _ in range(count)]
        for well in self.wells:
            well.turn_s = chance.exponential(self._gas.slug_quiet_s)
            well.trip_s = self._next_trip()
            if vary:
                self._come_upon(well)
        self._separated_m3h = layout.gas_m3h
        self._factor, self._aim, self._slope = 1.0, 1.0, 0.0
        self._waves: list[GasWave] = []
        self._wander: GasWander | None = None
        self._wandered = 0.0

    def _come_upon(self, well: _Well) -> None:
        """Let a well be as one comes upon it: it has drifted, and some are in a spell of slugging."""
        gas, chance = self._gas, self._chance
        well.drift = chance.normal(0.0, gas.slow_sigma)
        well.slugging = chance.random() * (gas.slug_quiet_s + gas.slug_spell_s) < gas.slug_spell_s
        well.turn_s = chance.exponential(gas.slug_spell_s if well.slugging else gas.slug_quiet_s)
        well.phase = chance.uniform(0.0, 2.0 * pi)

    def meet(self, event: GasFactor | GasWave | GasWander | WellShut) -> None:
        """Let the script do something to the supply.

        Raises:
            IndexError: There is no such well.

        """
        match event:
            case GasFactor():
                self._aim = event.factor
                self._slope = (event.factor - self._factor) / event.ramp_s if event.ramp_s > 0 else inf
            case GasWave():
                self._waves.append(event)
            case GasWander():
                self._wander = event
            case WellShut():
                well = self.wells[event.well]
                well.shut_until_s = max(well.shut_until_s, event.at_s + event.for_s)

    def step(self, now: float, dt: float) -> float:
        """Return the inflow into the header in Nm3/h, ``dt`` seconds later than before."""
        total = 0.0
        for well in self.wells:
            if self._vary:
                self._live(well, now, dt)
            if now >= well.shut_until_s:
                slug = self._gas.slug_amplitude * sin(well.phase) if well.slugging else 0.0
                total += well.mean_m3h * exp(well.drift) * (1.0 + slug)
        self._separated_m3h += (total - self._separated_m3h) * -expm1(-dt / self._gas.separator_lag_s)
        return max(0.0, self._separated_m3h * self._script_factor(now, dt))

    def _script_factor(self, now: float, dt: float) -> float:
        gap, move = self._aim - self._factor, abs(self._slope) * dt
        self._factor = self._aim if abs(gap) <= move else self._factor + (move if gap > 0 else -move)
        factor = self._factor
        for wave in self._waves:
            if wave.at_s <= now < wave.at_s + wave.for_s:
                factor *= 1.0 - wave.amplitude * sin(2.0 * pi * (now - wave.at_s) / wave.period_s)
        if self._wander is not None:
            keep = exp(-dt / self._wander.tau_s)
            noise = self._chance.standard_normal() * self._wander.sigma * (1.0 - keep * keep) ** 0.5
            self._wandered = self._wandered * keep + noise
            factor *= exp(self._wandered)
        return factor

    def _live(self, well: _Well, now: float, dt: float) -> None:
        gas, chance = self._gas, self._chance
        keep = exp(-dt / gas.slow_tau_s)
        # Student's t with 3 degrees has variance 3: daily changes of real wells are heavy-tailed.
        noise = chance.standard_t(3) / 3.0**0.5
        well.drift = well.drift * keep + gas.slow_sigma * (1.0 - keep * keep) ** 0.5 * noise
        if now >= well.turn_s:
            well.slugging = not well.slugging
            well.phase = 0.0
            well.turn_s = now + chance.exponential(gas.slug_spell_s if well.slugging else gas.slug_quiet_s)
        well.phase += 2.0 * pi * dt / gas.slug_period_s
        if now >= well.trip_s:
            short, long = gas.short_trips_month / MONTH_S, gas.long_trips_year / YEAR_S
            lasts_s = (
                chance.exponential(gas.short_trip_s)
                if chance.random() * (short + long) < short
                else gas.long_trip_s * exp(1.2 * chance.standard_normal())
            )
            well.shut_until_s = max(well.shut_until_s, now + lasts_s)
            well.trip_s = well.shut_until_s + self._next_trip()

    def _next_trip(self) -> float:
        rate = self._gas.short_trips_month / MONTH_S + self._gas.long_trips_year / YEAR_S
        return self._chance.exponential(1.0 / rate) if rate > 0 else inf


class Header:
    """The pipe between separator and engines. Its pressure falls when more is burned than flows in."""

    def __init__(self, parameters: Parameters, layout: SiteLayout) -> None:
        self._gas = parameters.gas
        self._volume_m3_kpa = layout.line_pack_m3_kpa
        self._valve_m3h_kpa = parameters.gas.flare_m3h_kpa * layout.gas_m3h
        self.kpa = parameters.gas.normal_kpa
        self.flare_m3h = 0.0
        self.burned_m3 = 0.0
        """Burned in the engines since the beginning, and so on."""
        self.flared_m3 = 0.0
        self.inflow_m3 = 0.0

    @property
    def power_part(self) -> float:
        """The part of their power that the pressure leaves to the engines, 0 to 1."""
        span = self._gas.derate_kpa - self._gas.shut_kpa
        return min(1.0, max(0.0, (self.kpa - self._gas.shut_kpa) / span))

    @property
    def stored_m3(self) -> float:
        """What the header holds above zero gauge pressure, Nm3."""
        return self.kpa * self._volume_m3_kpa

    def step(self, dt: float, inflow_m3h: float, burned_m3h: float) -> None:
        """Balance ``dt`` seconds. An empty header gives no more than flows in."""
        inflow, wanted = inflow_m3h * dt / 3600.0, burned_m3h * dt / 3600.0
        burned = min(wanted, self.stored_m3 + inflow)
        kpa = self.kpa + (inflow - burned) / self._volume_m3_kpa
        over = kpa - self._gas.flare_kpa
        flared = 0.0
        if over > 0.0:
            # Implicit, so that a stiff valve and a long step do not overshoot.
            per_kpa = self._valve_m3h_kpa * dt / 3600.0 / self._volume_m3_kpa
            flared = over * per_kpa / (1.0 + per_kpa) * self._volume_m3_kpa
        self.kpa = max(0.0, kpa - flared / self._volume_m3_kpa)
        self.flare_m3h = flared * 3600.0 / dt
        self.inflow_m3 += inflow
        self.burned_m3 += burned
        self.flared_m3 += flared
