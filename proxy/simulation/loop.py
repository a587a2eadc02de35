"""The closed loop: plant, readings, policy, commands, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from proxy.governor.readings import FREE, Instructions
from proxy.plant.step import NOBODY, Commands
from proxy.simulation.metrics import Measured, Metrics
from proxy.simulation.policies import Kind
from proxy.simulation.series import Recorder, Series
from proxy.simulation.translate import commands, readings
from proxy.simulation.watch import Watch
from proxy.simulation.world import World

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

STEP_S = 1.0
"""Of the plant, of the policy, of the meters."""
TOLD_EVERY_S = 300.0
"""How often progress is told."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it."""

    measured: Measured
    series: Series
    virtual_s: float
    burned_m3: float
    """Gas that the sets burned, Nm3."""
    flared_m3: float


def run(world: World, kind: Kind, told: Callable[[float], None] = lambda seconds: None) -> Run:
    """Let a policy steer a site from beginning to end.

    Args:
        world: The site, and how long the run is.
        kind: The policy.
        told: Called now and then with the virtual seconds since the last call.

    """
    setting = world.setting
    plant = world.plant()
    policy = kind.make(world)
    metrics = Metrics(world.rating_w, world.claims, world.fleet.tenant, world.devices.ceiling_w)
    recorder = Recorder(setting.duration_s)
    watch = Watch(world)
    gate = _Gate(world, on=kind.gates)
    order = Commands(withhold=gate.absent(plant.miners.connected.copy()))
    at, told_s, steps = 0.0, 0.0, round(setting.duration_s / STEP_S)
    burned_m3 = flared_m3 = 0.0
    for number in range(1, steps + 1):
        step = plant.step(STEP_S, order)
        now = number * STEP_S
        cap_w = watch.cap_w(now)
        answer = policy.step(now, readings(now, step.seen, _instructions(cap_w, setting.scenario.name)))
        moment = watch.moment(at, STEP_S, step.truth, step.seen, cap_w, answer)
        metrics.add(moment)
        recorder.add(moment)
        order = commands(answer, gate.parted(step.seen.connected))
        at, burned_m3, flared_m3 = now, step.truth.gas_m3, step.truth.flare_m3
        if now - told_s >= TOLD_EVERY_S:
            told(now - told_s)
            told_s = now
    told(at - told_s)
    return Run(metrics.measured(), recorder.series(), at, burned_m3, flared_m3)


def _instructions(cap_w: float, name: str) -> Instructions:
    return FREE if cap_w == inf else Instructions(cap_w=cap_w, cap_name=name)


class _Gate:
    """What the relay does for a governor that acts: whoever comes back finds no work until it is released."""

    def __init__(self, world: World, *, on: bool) -> None:
        self._on = on
        self._connected = np.ones(len(world.default_w), dtype=np.bool_)

    def absent(self, connected: Bools) -> Ints:
        """Return who is not there at the beginning."""
        return self.parted(connected)

    def parted(self, connected: Bools) -> Ints:
        """Return who has just gone: kept from work before it is back. ``connected`` is kept as it is."""
        if not self._on:
            return NOBODY
        gone: Ints = (self._connected & ~connected).nonzero()[0]
        self._connected = connected
        return gone
