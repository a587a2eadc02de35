"""Plants that nobody chose, and whether the governor swings on them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from proxy.errors import ConfigError
from proxy.plant.parameters import Parameters
from proxy.simulation.loop import run
from proxy.simulation.policies import POLICIES
from proxy.simulation.scenarios import SCENARIOS
from proxy.simulation.world import Setting, World, world
from tests.simulation.worlds import nominal

Floats = NDArray[np.float64]

MINERS = 60
LENGTH_S = 1_500.0
LOOKED_AT_S = 600.0
"""The end of a run: what swings there does not settle."""
SWING = 0.02
"""Part of the load that a swing must be to count."""
SUSTAINED = 4
"""So many swings, each back from the one before, are no settling any more."""
MOVED = 6
"""Assumed figures that are drawn anew in each plant, anywhere between their ends."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a random plant showed."""

    seed: int
    swings: int
    trips: int
    fleet: str
    moved: tuple[tuple[str, float], ...]

    @property
    def oscillates(self) -> bool:
        """Whether it went on swinging."""
        return self.swings >= SUSTAINED


def swings(load_w: Floats, least_w: float) -> int:
    """Return how often a load turned and came back by at least ``least_w``."""
    count, direction = 0, 0
    low = high = load_w[0]
    for watts in load_w:
        low, high = min(low, watts), max(high, watts)
        if direction >= 0 and high - watts >= least_w:
            count, direction, low = count + 1, -1, watts
            high = watts
        elif direction <= 0 and watts - low >= least_w:
            count, direction, high = count + 1, 1, watts
            low = watts
    return count


def random_world(seed: int) -> tuple[World, tuple[tuple[str, float], ...]]:
    """Return a site of a plant drawn by ``seed``, and which figures were moved."""
    chance = np.random.default_rng([seed, 0x05C])
    parameters: Parameters = nominal()
    moved: list[tuple[str, float]] = []
    keys = parameters.assumed()
    for index in chance.permutation(len(keys))[:MOVED]:
        figure = parameters.values[keys[index]]
        value = float(chance.uniform(figure.low, figure.high))
        if figure.unit == "1" and figure.value == int(figure.value) and figure.high > 1.5:
            value = float(round(value))
        try:
            parameters = parameters.with_value(keys[index], value)
        except ConfigError:
            continue  # no such plant: the figures exclude each other
        moved.append((keys[index], value))
    fleet = str(chance.choice(["mixed", "luxos", "sleep-only", "homogeneous"]))
    row = replace(
        SCENARIOS["steady"],
        preload=float(chance.uniform(0.7, 1.0)),
        supply=float(chance.choice([1.0, 1.0, 0.8, 0.65])),
        line_pack_s=parameters.gas.line_pack_s,
    )
    return world(parameters, Setting(row, MINERS, LENGTH_S, seed, fleet)), tuple(moved)


def look(seed: int) -> Found:
    """Return what the governor does on the plant of ``seed``."""
    site, moved = random_world(seed)
    done = run(site, POLICIES["ours"])
    load = done.series.used_w[done.series.at_s >= LENGTH_S - LOOKED_AT_S]
    found = swings(load, SWING * float(load.mean()))
    return Found(seed, found, done.measured.genset_trips, site.fleet.kind, moved)
