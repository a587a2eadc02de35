"""Every assumed figure of the plant to both its ends, one after the other: where does the governor fail?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from proxy.errors import ConfigError
from proxy.plant.parameters import Parameters, load
from proxy.simulation.report import against, result
from proxy.simulation.world import Setting, world


@dataclass(frozen=True, slots=True)
class Corner:
    """One figure at one of its ends."""

    key: str
    end: str
    """``low`` or ``high``."""
    value: float


@dataclass(frozen=True, slots=True)
class Finding:
    """How a policy did at a corner."""

    corner: Corner
    failures: tuple[str, ...]
    """What was worse than the panic reference; empty: it held."""
    impossible: str = ""
    """Why there is no such site."""


WELLS = ("slow_", "slug_", "short_trip", "long_trip")
"""Beginnings of the figures of wells that vary by themselves."""


def corners(plant: str, setting: Setting) -> list[Corner]:
    """Return both ends of every assumed figure that acts in this setting, where they differ from its value.

    Raises:
        ConfigError: The file is no plant.

    """
    parameters = load(plant)
    found = []
    for key in parameters.assumed():
        if not _acts(parameters, setting, key):
            continue
        figure = parameters.values[key]
        ends = (("low", figure.low), ("high", figure.high))
        found += [Corner(key, end, value) for end, value in ends if value != figure.value]
    return found


def _acts(parameters: Parameters, setting: Setting, key: str) -> bool:
    """Return whether a figure can make a difference: other engines, fleets and firmware are not there."""
    row, (section, name, *_) = setting.scenario, key.split(".")
    kind = setting.fleet or row.fleet
    pairs = [pair.partition("/") for pair in parameters.fleet.get(kind, ())]
    match section:
        case "engine":
            return name == row.engine
        case "fleet":
            return name == kind
        case "asic":
            return name in {asic for asic, _, _ in pairs}
        case "firmware":
            return name in {firmware for _, _, firmware in pairs}
        case "carbon":
            return False  # it is counted by, and moves no watt
        case "gas" if name.startswith(WELLS):
            return row.wells_vary and setting.trace is None
        case _:
            return True


def sweep(plant: str, setting: Setting, policy: str, jobs: int) -> Iterator[Finding]:
    """Yield how the policy did at each corner, as they are done.

    The swept figure is known to the site's owner as every nominal one is; the truth is drawn around it.
    """
    # A fresh interpreter for each worker: numpy's threads do not survive a fork.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        started = [pool.submit(at, plant, setting, corner, policy) for corner in corners(plant, setting)]
        for done in as_completed(started):
            yield done.result()


def at(plant: str, setting: Setting, corner: Corner, policy: str) -> Finding:
    """Return how the policy did at one corner."""
    try:
        site = world(load(plant).with_value(corner.key, corner.value), setting)
    except ConfigError as error:
        return Finding(corner, (), "; ".join(error.mistakes))
    found = result(site, policy, against(site, reference=True, oracle=False))
    return Finding(corner, tuple(found.failures))
