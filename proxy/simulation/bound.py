"""What the oracle is told: the course of the supply without a fleet, and the true curves of the miners.

The supply's course is that of the same plant with a single miner: no load trips its sets or empties its
header, so it does not depend on any policy. What is burned the oracle balances against the inflow by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from proxy.plant.fleet import TERA, Model, model
from proxy.plant.plant import Plant
from proxy.plant.script import (
    Ambient,
    GasFactor,
    GasWander,
    GasWave,
    Script,
    SetEvent,
    WellShut,
)
from proxy.plant.site import burned_m3h
from proxy.simulation.concave import Line, envelope, together
from proxy.simulation.entitled import entitled
from proxy.simulation.loop import STEP_S, TOLD_EVERY_S
from proxy.simulation.oracle import Course, Gas, Kind, most_hashes
from proxy.simulation.series import buckets_of
from proxy.simulation.watch import Watch
from proxy.simulation.world import World

Floats = NDArray[np.float64]

POINTS = 200
"""Of a curve that is continuous: chords are within a millionth of it."""
RAMP = 3.0
"""An exponential ramp is steepest at its beginning: three times as steep as on average until 95 %."""
OWED = 0.97
"""Part of an entitlement that must be met: what a meter and a minute can tell."""
LEAST_PRESSURE = 0.75
"""Part of their power that pressure leaves to the sets where the oracle stops drawing on the header: with
less, no reserve is left at half load."""
BUCKET_S = 10.0
"""Shortest bucket of the oracle's time."""
SUPPLY = (Ambient, GasFactor, GasWander, GasWave, SetEvent, WellShut)


def hashes_at_most(world: World, told: Callable[[float], None] = lambda seconds: None) -> float:
    """Return an upper bound of what any policy that keeps the reserve can hash.

    Args:
        world: The site, and how long the run is.
        told: Called now and then with the virtual seconds since the last call.

    Raises:
        OracleUnavailable: The solver is not installed, or gave up.

    """
    classes = kinds(world)
    return most_hashes(classes, course(world, classes, told))


def kinds(world: World) -> list[Kind]:
    """Return the classes of the miners, by their true curves at the temperatures that they settle at."""
    found = []
    tenant, joins, index = world.fleet.tenant, world.joins_s, world.fleet.model
    for number, name in enumerate(one.name for one in world.fleet.models):
        one = model(world.true, name)
        line = _unit(world, one)
        alike = np.unique(np.stack([tenant[index == number], joins[index == number]]), axis=1).T
        for owner, from_s in alike:
            mine = (index == number) & (tenant == owner) & (joins == from_s)
            # Who boots takes up its load at once; who is there ramps as its firmware does.
            rate = inf if from_s > 0 or world.setting.scenario.dark else _climb_w_s(one) * int(mine.sum())
            found.append(Kind(int(owner), _class(line, world.fleet.spread[mine]), rate, float(from_s)))
    return found


def _unit(world: World, one: Model) -> Line:
    """Return the line of a unit without spread: watts are what it draws with its boards settled."""
    rest_w = one.sleep_w if one.can_sleep else one.idle_no_work_w
    if one.levels_w:
        levels = np.array(one.levels_w)
    elif one.can_limit:
        levels = np.linspace(one.floor_w, one.ceiling_w, POINTS)
    else:
        levels = np.array([one.default_w])
    hashes = np.array([one.hashrate(float(watts)) for watts in levels]) * TERA
    miner, ambient_c = world.true.miner, world.true.site.ambient_c
    # watts = level (1 + k (ambient + rise watts / default - reference)), solved for watts.
    cold = 1.0 + miner.watts_per_c * (ambient_c - miner.reference_c)
    at = np.concatenate([[rest_w], levels])
    settled = at * cold / (1.0 - at * miner.watts_per_c * miner.board_rise_c / one.default_w)
    return envelope(settled, np.concatenate([[0.0], hashes]))


def _class(unit: Line, spread: Floats) -> Line:
    slopes = np.outer(1.0 / spread, unit.slope).ravel()
    widths = np.outer(spread, unit.width_w).ravel()
    return together(slopes, widths, float(unit.base_w * spread.sum()))


def _climb_w_s(one: Model) -> float:
    fastest_s = min(one.t_limit_up_s, one.t_up_s) if one.can_limit else one.t_up_s
    return RAMP * (one.ceiling_w - one.sleep_w) / max(fastest_s, STEP_S)


def course(world: World, classes: list[Kind], told: Callable[[float], None] = lambda seconds: None) -> Course:
    """Return what there was to work with, in at most as many buckets as the series has."""
    setting, watch, plant = world.setting, Watch(world), _bare(world)
    bucket_s, count = buckets_of(setting.duration_s, BUCKET_S)
    sums = np.zeros((count, 4))  # seconds, usable, gas, fixed auxiliaries
    own = world.true.auxiliary
    at = told_s = 0.0
    per_bus = 1.0
    for number in range(1, round(setting.duration_s / STEP_S) + 1):
        truth = plant.step(STEP_S).truth
        # At the miners' terminals: losses and fans grow with what they draw.
        heat = max(0.0, 1.0 + own.fan_per_c * (truth.ambient_c - 25.0))
        per_bus = (1.0 + world.true.site.loss) * (1.0 + own.fan_fraction * heat)
        cap_w = watch.cap_w(number * STEP_S) / (1.0 + world.true.site.loss)
        usable_w = min(cap_w, max(0.0, watch.kept_w(truth) - truth.aux_w) / per_bus)
        row = min(int(at / bucket_s), count - 1)
        sums[row] += STEP_S, STEP_S * usable_w, STEP_S * truth.gas_sustained_w, STEP_S * truth.aux_w
        at = number * STEP_S
        if at - told_s >= TOLD_EVERY_S:
            told(at - told_s)
            told_s = at
    told(at - told_s)
    sums = sums[sums[:, 0] > 0]
    seconds = sums[:, 0]
    usable, gas_w, fixed_w = (sums[:, column] / seconds for column in (1, 2, 3))
    stored_j, most_j = _stored(world)
    gas = Gas((gas_w - fixed_w) * seconds, stored_j, most_j, per_bus)
    carried_w = np.minimum(usable, np.maximum(0.0, gas_w - fixed_w) / per_bus)
    first_w = np.array([0.0 if setting.scenario.dark else inf for _ in classes])
    return Course(seconds, usable, OWED * _owed(world, carried_w, seconds, classes), first_w, gas)


def _bare(world: World) -> Plant:
    """Return the plant with its first miner alone, and of the script what concerns the supply."""
    fleet = world.fleet
    one = {
        name: getattr(fleet, name)[:1]
        for name in ("model", "spread", "tenant", "circuit", "phase", "difficulty")
    }
    supply = tuple(event for event in world.script.disturbances if isinstance(event, SUPPLY))
    script = Script(supply, wells_vary=world.script.wells_vary)
    return Plant(world.true, replace(fleet, **one), world.layout, world.setting.seed, script)


def _stored(world: World) -> tuple[float, float]:
    """Return what the header can give in joules at the bus: at the beginning, and when the flare opens."""
    gas, layout = world.true.gas, world.layout
    empty_kpa = gas.shut_kpa + LEAST_PRESSURE * (gas.derate_kpa - gas.shut_kpa)
    m3h_w = burned_m3h(world.true, world.true.engine[layout.engine], 1.0, 0.0)
    joules_kpa = layout.line_pack_m3_kpa / m3h_w * 3_600.0
    # Behind the valve pressure rises further, by what is flared at most.
    most_kpa = gas.flare_kpa + 1.0 / gas.flare_m3h_kpa
    return joules_kpa * (gas.normal_kpa - empty_kpa), joules_kpa * (most_kpa - empty_kpa)


def _owed(world: World, usable_w: Floats, seconds: Floats, classes: list[Kind]) -> Floats:
    """Return the least watts of each tenant: what it is entitled to of what sets and gas carry."""
    ends = np.cumsum(seconds)
    owed = np.zeros((len(world.claims), len(seconds)))
    for bucket, watts in enumerate(usable_w.tolist()):
        demand = [0.0] * len(world.claims)
        for kind in classes:
            if kind.from_s < ends[bucket]:
                demand[kind.tenant] += kind.line.base_w + float(kind.line.width_w.sum())
        owed[:, bucket] = entitled(watts, world.claims, demand)
    return owed
