"""How simple policies divide a budget: functions of watts and a fleet, without memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy.governor.devices import Actuator
from proxy.simulation.world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Herd:
    """What a simple policy knows of the miners: nameplates."""

    default_w: Floats
    rest_w: Floats
    """Draw when put to rest, asleep or without work."""
    floor_w: Floats
    can_limit: Bools
    can_sleep: Bools
    best_first: Ints
    """All miners by their average joules per hash at default power; the older first among equals."""


def herd(world: World) -> Herd:
    """Return the nameplates of a site's miners."""
    devices = world.devices
    per_hash = world.default_w / world.fleet.of_model("hashrate_ths")
    can_sleep = devices.may(Actuator.SLEEP)
    return Herd(
        default_w=world.default_w,
        rest_w=np.where(can_sleep, devices.sleep_w, devices.idle_w),
        floor_w=devices.floor_w,
        can_limit=devices.may(Actuator.LIMIT),
        can_sleep=can_sleep,
        best_first=np.argsort(per_hash, kind="stable").astype(np.int64),
    )


def worst_first(budget_w: float, herd: Herd) -> Floats:
    """Return the watts of each: the worst by average efficiency off until the others fit, nobody limited.

    So do block/proto-fleet and OptiFleet.
    """
    return _as_many_as_fit(budget_w, herd, herd.default_w)


def equal_percent(budget_w: float, herd: Herd) -> Floats:
    """Return the watts of each: all that can be limited at one part of their default; others run on.

    Only when floors do not fit, miners go off, the worst first.
    """
    fixed_w = float(herd.default_w[~herd.can_limit].sum())
    limited_w = float(herd.default_w[herd.can_limit].sum())
    part = min(1.0, (budget_w - fixed_w) / limited_w) if limited_w else 0.0
    least = np.where(herd.can_limit, herd.floor_w, herd.default_w)
    if least.sum() <= budget_w:
        wanted = np.where(herd.can_limit, np.maximum(herd.floor_w, part * herd.default_w), herd.default_w)
        over_w = float(wanted.sum()) - budget_w
        slack = wanted - least
        # Floors lift some above their part: the others give that back.
        return wanted - slack * min(1.0, max(0.0, over_w) / max(float(slack.sum()), 1e-9))
    return _as_many_as_fit(budget_w, herd, least)


def cascade(budget_w: float, herd: Herd) -> Floats:
    """Return the watts of each: strictly the best first, the one at the border limited, none behind it.

    So does Solar-Miner-Node: a miner that cannot take what is left blocks all behind it.
    """
    watts = worst_first(budget_w, herd)
    left_w = budget_w - float(watts.sum())
    border = next((index for index in herd.best_first if watts[index] < herd.default_w[index]), None)
    if border is not None and herd.can_limit[border]:
        limit_w = herd.rest_w[border] + left_w
        if limit_w >= herd.floor_w[border]:
            watts[border] = limit_w
    return watts


def _as_many_as_fit(budget_w: float, herd: Herd, on_w: Floats) -> Floats:
    """Return ``on_w`` for the best that fit together, in their order, and rest for all others."""
    watts = herd.rest_w.copy()
    more = np.cumsum((on_w - herd.rest_w)[herd.best_first])
    fit = herd.best_first[: int(np.searchsorted(more, budget_w - herd.rest_w.sum(), side="right"))]
    watts[fit] = on_w[fit]
    return watts
