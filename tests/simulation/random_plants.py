"""Plants that nobody chose, and whether the governor swings on them."""

from dataclasses import dataclass, replace
from statistics import median_low

import numpy as np
from numpy.typing import NDArray

from proxy.errors import ConfigError
from proxy.governor.devices import Verb
from proxy.governor.plan import Plan
from proxy.plant.parameters import Parameters
from proxy.simulation.scenarios import SCENARIOS, Scenario
from proxy.simulation.world import Setting, World, world
from tests.simulation.steered import Steered
from tests.simulation.worlds import nominal

Floats = NDArray[np.float64]

MINERS = 60
LENGTH_S = 1_500.0
LOOKED_AT_S = 600.0
"""The end of a run: what swings there does not settle."""
SWING = 0.02
"""Part of the load that a swing must be to count."""
SUSTAINED = 4
"""So many swings in such a time, each back from the one before, are no settling any more."""
LOOKED_ON = 3
"""Such times, one after the other, in which whatever swings by itself goes on. A meter that is silent for
five seconds is answered by a fall and a rise as well; by chance that happens twice in a time, hardly in two
of three. What swings without an order is the plant's: ASICs that shut themselves down."""
MOVED = 6
"""Assumed figures that are drawn anew in each plant, anywhere between their ends."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a random plant showed."""

    seed: int
    swings: int
    """Of the load and of what was told, in two of three times at least where it was looked on."""
    trips: int
    fleet: str
    moved: tuple[tuple[str, float], ...]

    @property
    def wrong(self) -> bool:
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


def random_world(
    seed: int, length_s: float = LENGTH_S, story: Scenario = SCENARIOS["steady"]
) -> tuple[World, tuple[tuple[str, float], ...]]:
    """Return a site of a plant drawn by ``seed`` whose wells live, and which figures were moved."""
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
        story,
        preload=float(chance.uniform(0.7, 1.0)),
        supply=float(chance.choice([1.0, 1.0, 0.8, 0.65])),
        wells_vary=True,
    )
    return world(parameters, Setting(row, MINERS, length_s, seed, fleet)), tuple(moved)


def told_w(world: World, plans: list[Plan]) -> Floats:
    """Return what the whole fleet was told to draw, second by second."""
    each_w, sleeps = world.default_w.astype(np.float64), np.zeros(len(world.default_w), np.bool_)
    told = []
    for plan in plans:
        miners, watts = plan.steps.of(Verb.LIMIT)
        each_w[miners] = watts
        sleeps[plan.steps.of(Verb.SLEEP)[0]] = True
        sleeps[plan.steps.of(Verb.WAKE)[0]] = False
        told.append(float(each_w[~sleeps].sum()))
    return np.array(told)


def look(seed: int) -> Found:
    """Return what the governor does on the plant of ``seed``: if it swings, for longer than once."""
    found = look_for(seed, 1)
    return look_for(seed, LOOKED_ON) if found.wrong else found


def look_for(seed: int, times: int) -> Found:
    """Return what it does in so many times of ``LOOKED_AT_S``."""
    site, moved = random_world(seed, length_s(times))
    count, trips = swung(site, times)
    return Found(seed, count, trips, site.fleet.kind, moved)


def length_s(times: int) -> float:
    """Return how long a run is that is looked at so many times."""
    return LENGTH_S + (times - 1) * LOOKED_AT_S


def swung(site: World, times: int) -> tuple[int, int]:
    """Return the swings of load and orders alike in two of three times at least, and the trips."""
    steered = Steered(site)
    done = steered.run(site)
    at, used = done.series.at_s, done.series.used_w
    told = told_w(site, steered.plans)
    told_at = np.arange(len(told)) + 1.0
    counts = []
    for number in range(times):
        end = site.setting.duration_s - number * LOOKED_AT_S
        load = used[(at >= end - LOOKED_AT_S) & (at < end)]
        orders = told[(told_at > end - LOOKED_AT_S) & (told_at <= end)]
        least_w = SWING * float(load.mean())
        counts.append(min(swings(load, least_w), swings(orders, least_w)))
    return median_low(counts), done.measured.genset_trips
