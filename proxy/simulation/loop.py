"""The closed loop: plant, readings, policy, commands, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from proxy.energy.supply import reserve_w
from proxy.governor.readings import FREE, Instructions
from proxy.plant.asics import State
from proxy.plant.plant import NOBODY, Commands, Seen, Truth
from proxy.simulation.metrics import Measured, Metrics, Moment
from proxy.simulation.policies import Kind
from proxy.simulation.scenarios import ordered_cap
from proxy.simulation.series import Recorder, Series
from proxy.simulation.translate import commands, readings
from proxy.simulation.world import World

Floats = NDArray[np.float64]
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
    watch = _Watch(world)
    gate = _Gate(world, on=kind.gates)
    order = Commands(withhold=gate.absent(plant.miners.connected))
    at, told_s, steps = 0.0, 0.0, round(setting.duration_s / STEP_S)
    for number in range(1, steps + 1):
        step = plant.step(STEP_S, order)
        now = number * STEP_S
        cap_w = watch.cap_w(now)
        answer = policy.step(now, readings(now, step.seen, _instructions(cap_w, setting.scenario.name)))
        moment = watch.moment(at, step.truth, step.seen, cap_w, answer.proven_w, answer.expected_w)
        metrics.add(moment)
        recorder.add(moment)
        order = commands(answer, gate.parted(step.seen.connected))
        at = now
        if now - told_s >= TOLD_EVERY_S:
            told(now - told_s)
            told_s = now
    told(at - told_s)
    return Run(metrics.measured(), recorder.series(), at)


def _instructions(cap_w: float, name: str) -> Instructions:
    return FREE if cap_w == inf else Instructions(cap_w=cap_w, cap_name=name)


class _Watch:
    """Reads the truth as the metrics want it."""

    def __init__(self, world: World) -> None:
        self._scenario = world.setting.scenario
        self._default_w = float(world.default_w.sum())
        self._share = world.setting.budget_share
        self._ratings_w = np.array(world.layout.ratings_w)
        self._reserve = world.site.reserve
        self._running: tuple[bool, ...] = ()
        self._reserve_part = 0.0

    def cap_w(self, now: float) -> float:
        """Return the ordered cap of the fleet, infinite without one."""
        return min(ordered_cap(self._scenario, now), self._share) * self._default_w

    def usable_w(self, truth: Truth, cap_w: float) -> float:
        """Return what the fleet may draw at the bus: what sets and gas carry, less reserve and auxiliaries."""
        if truth.running != self._running:
            self._running = truth.running
            rated = self._ratings_w * np.array(truth.running)
            total = float(rated.sum())
            self._reserve_part = reserve_w(self._reserve, rated) / total if total else 1.0
        kept = truth.sustained_w * (1.0 - self._reserve_part)
        return max(0.0, min(kept, truth.gas_sustained_w, cap_w + truth.aux_w) - truth.aux_w)

    def moment(
        self, at: float, truth: Truth, seen: Seen, cap_w: float, proven_w: float, expected_w: float
    ) -> Moment:
        """Return one step as the metrics take it."""
        low, high = truth.lowest_hz, truth.highest_hz
        return Moment(
            at_s=at,
            dt_s=STEP_S,
            load_w=truth.load_w,
            aux_w=truth.aux_w,
            capability_w=truth.sustained_w,
            excess_w=truth.excess_w,
            usable_w=self.usable_w(truth, cap_w),
            hashes=truth.hashes,
            low_hz=low,
            high_hz=high,
            trips=sum(trip.cause != "fault" for trip in truth.trips),
            miner_w=truth.miner_w,
            hashing=truth.miner_state == State.MINING,
            connected=seen.connected,
            proven_w=proven_w,
            expected_w=expected_w,
        )


class _Gate:
    """What the relay does for a governor that acts: whoever comes back finds no work until it is released."""

    def __init__(self, world: World, *, on: bool) -> None:
        self._on = on
        self._connected = np.ones(len(world.default_w), dtype=np.bool_)

    def absent(self, connected: Bools) -> Ints:
        """Return who is not there at the beginning."""
        return self.parted(connected)

    def parted(self, connected: Bools) -> Ints:
        """Return who has just gone: kept from work before it is back."""
        if not self._on:
            return NOBODY
        gone: Ints = np.flatnonzero(self._connected & ~connected)
        self._connected = connected.copy()
        return gone
