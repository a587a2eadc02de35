"""One simulated site, seen from both sides: the plant in its truth, and what its owner would configure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from proxy.energy.curves import Curves, Points, curves, on_off
from proxy.energy.site import Auxiliary, Circuit, Generator, Site, Tenant
from proxy.energy.supply import Header
from proxy.governor.devices import Actuator, Devices
from proxy.governor.settings import GovernorSettings
from proxy.plant.fleet import TERA, Fleet, Model, fleet
from proxy.plant.parameters import Parameters, truth
from proxy.plant.plant import Plant
from proxy.plant.script import Disturbance, GasFactor, Join, Script
from proxy.plant.site import SiteLayout, auxiliary_w, site
from proxy.simulation.entitled import Claim
from proxy.simulation.scenarios import Scenario, disturbances
from proxy.simulation.trace import Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

POINTS = 25
"""Operating points of a miner that holds any watts, as LuxOS has levels."""
FULL = 0.75
"""Pressure, from the engines' derating to normal, below which the owner wants the load let down [A]."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is asked to be."""

    scenario: Scenario
    miners: int
    duration_s: float
    seed: int
    fleet: str | None = None
    """Kind of the fleet; None: the scenario's."""
    budget_share: float = inf
    """A cap for the whole run, over the fleet's default draw."""
    trace: Trace | None = None
    """A recorded supply in place of the scenario's own."""


@dataclass(frozen=True, slots=True)
class World:
    """A site before its first second. ``plant()`` makes the truth; everything else is nominal."""

    setting: Setting
    parameters: Parameters
    true: Parameters
    fleet: Fleet
    layout: SiteLayout
    site: Site
    devices: Devices
    curves: Curves
    settings: GovernorSettings
    claims: tuple[Claim, ...]
    """What tenants were promised, in watts."""
    default_w: Floats
    """Draw of each miner as it comes."""
    script: Script
    joins_s: Floats
    """When each miner is there."""

    def plant(self) -> Plant:
        """Return the plant at its beginning; the same each time."""
        return Plant(self.true, self.fleet, self.layout, self.setting.seed, self.script)

    @property
    def rating_w(self) -> float:
        """Nameplate sum of all sets."""
        return sum(self.layout.ratings_w)


def world(parameters: Parameters, setting: Setting) -> World:
    """Return the site of a setting.

    Raises:
        ConfigError: The plant file knows no such fleet, or the site would be impossible.

    """
    row = setting.scenario
    tenant = _tenants(setting.miners, len(row.tenants))
    made = fleet(
        parameters,
        setting.fleet or row.fleet,
        setting.miners,
        setting.seed,
        tenants=tenant.tolist(),
        circuits=min(row.circuits, setting.miners),
    )
    layout = site(
        parameters, made, sets=row.sets, preload=row.preload, engine=row.engine, line_pack_s=row.line_pack_s
    )
    if row.dark:
        layout = replace(layout, running=(False,) * row.sets)
    default_w = made.of_model("default_w")
    total_w = float(default_w.sum())
    claims = tuple(replace(claim, guarantee_w=claim.guarantee_w * total_w) for claim in row.tenants)
    happenings = _happenings(parameters, layout, setting)
    joins_s = np.zeros(setting.miners)
    for event in happenings:
        if isinstance(event, Join):
            joins_s[list(event.miners)] = event.at_s
    models = [_points(model) for model in made.models]
    return World(
        setting=setting,
        parameters=parameters,
        true=truth(parameters, setting.seed),
        fleet=made,
        layout=layout,
        site=_site(parameters, layout, total_w, claims, row),
        devices=_devices(made),
        curves=curves(models),
        settings=_settings(parameters),
        claims=claims,
        default_w=default_w,
        # A recorded supply is all of it: what wells did is in the record.
        script=Script(tuple(happenings), wells_vary=row.wells_vary and setting.trace is None),
        joins_s=joins_s,
    )


def _tenants(miners: int, count: int) -> Ints:
    """Return the tenant of each miner: the first has the most, as tenants are in life."""
    weights = np.arange(count, 0, -1, dtype=np.float64)
    ends = np.cumsum(weights) / weights.sum() * miners
    return np.searchsorted(ends, np.arange(miners) + 0.5).clip(0, count - 1).astype(np.int64)


def _happenings(parameters: Parameters, layout: SiteLayout, setting: Setting) -> list[Disturbance]:
    own = disturbances(setting.scenario, setting.miners, setting.duration_s, setting.seed)
    if setting.trace is None:
        return own
    # Gas for the nominal kilowatts is the derated sum over the surplus that the wells have.
    enough_kw = layout.derated_w / 1e3 * parameters.gas.surplus
    course = [GasFactor(at, factor) for at, factor in setting.trace.factors(enough_kw)]
    return sorted([*course, *(event for event in own if not isinstance(event, GasFactor))], key=_when)


def _when(event: Disturbance) -> float:
    return event.at_s


def _points(model: Model) -> Points:
    rest_w = model.sleep_w if model.can_sleep else model.idle_no_work_w
    if not model.can_limit:
        return on_off(model.default_w, model.hashrate_ths * TERA, sleep_w=rest_w)
    watts = model.levels_w or tuple(np.linspace(model.floor_w, model.ceiling_w, POINTS).tolist())
    hashes = tuple(model.hashrate(level) * TERA for level in watts)
    return Points((rest_w, *watts), (0.0, *hashes), divisible=not model.levels_w)


def _site(
    parameters: Parameters, layout: SiteLayout, load_w: float, claims: tuple[Claim, ...], row: Scenario
) -> Site:
    place = parameters.site
    names = [circuit.name for circuit in layout.circuits]
    circuits = tuple(
        Circuit(
            circuit.name,
            None if circuit.parent < 0 else names[circuit.parent],
            phase_a=circuit.breaker_a,
            volts=place.voltage_v,
            power_factor=place.power_factor,
        )
        for circuit in layout.circuits
    )
    generators = tuple(
        Generator(f"set-{number}", watts / 1e3, (layout.derate,))
        for number, watts in enumerate(layout.ratings_w)
    )
    own_w = auxiliary_w(parameters, load_w, sum(layout.ratings_w), place.ambient_c)
    tenants = tuple(
        Tenant(claim.name, claim.guarantee_w / 1e3, None, claim.share, claim.priority) for claim in claims
    )
    auxiliaries = (Auxiliary("site", own_w / 1e3),)
    return Site(circuits, generators, row.reserve, auxiliaries, tenants, place.nominal_hz)


def _devices(made: Fleet) -> Devices:
    def each(values: list[float]) -> Floats:
        return np.array(values, dtype=np.float64)[made.model]

    models = made.models
    masks = [
        int(Actuator.WITHHOLD | Actuator.DISCONNECT)
        | (int(Actuator.LIMIT) if model.can_limit else 0)
        | (int(Actuator.SLEEP) if model.can_sleep else 0)
        for model in models
    ]
    points = [_points(model) for model in models]
    rate = [model.hashrate(point.ceiling_w) * TERA for model, point in zip(models, points, strict=True)]
    return Devices(
        ids=tuple(f"miner-{number}" for number in range(len(made.model))),
        tenant=made.tenant,
        circuit=made.circuit,
        curve=made.model,
        floor_w=each([point.floor_w for point in points]),
        ceiling_w=each([point.ceiling_w for point in points]),
        sleep_w=each([model.sleep_w for model in models]),
        idle_w=each([model.idle_no_work_w for model in models]),
        actuators=np.array(masks, dtype=np.int64)[made.model],
        t_down_limit_s=each([model.command_lag_s + model.t_limit_down_s for model in models]),
        t_down_sleep_s=each([model.command_lag_s + model.t_down_s for model in models]),
        t_idle_s=each([model.hold_s + model.t_down_s for model in models]),
        t_up_limit_s=each([model.command_lag_s + model.t_limit_up_s for model in models]),
        t_wake_s=each([model.command_lag_s + model.wake_delay_s + model.t_up_s for model in models]),
        share_rate_hz=each(rate) / (made.difficulty * 2.0**32),
    )


def _settings(parameters: Parameters) -> GovernorSettings:
    gas = parameters.gas
    full_kpa = gas.derate_kpa + FULL * (gas.normal_kpa - gas.derate_kpa)
    return GovernorSettings(
        header=Header(full_kpa, gas.derate_kpa),
        hz_resolution=parameters.meter.hz,
        meter_noise=parameters.meter.noise,
    )
