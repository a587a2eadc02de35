"""Reads the plant's truth as metrics and oracle want it."""

from __future__ import annotations

import numpy as np

from proxy.energy.supply import reserve_w
from proxy.plant.asics import MINING
from proxy.plant.step import Seen, Truth
from proxy.simulation.metrics import Moment
from proxy.simulation.policies.policy import Answer
from proxy.simulation.scenarios import ordered_cap
from proxy.simulation.world import World


class Watch:
    """Remembers the reserve of the sets that run: it changes when they do."""

    def __init__(self, world: World) -> None:
        self._setting = world.setting
        self._default_w = float(world.default_w.sum())
        self._ratings_w = np.array(world.layout.ratings_w)
        self._reserve = world.site.reserve
        self._running: tuple[bool, ...] | None = None
        self._reserved = 0.0

    def cap_w(self, now: float) -> float:
        """Return the ordered cap of the fleet at its feeder, infinite without one."""
        return min(ordered_cap(self._setting.scenario, now), self._setting.budget_share) * self._default_w

    def kept_w(self, truth: Truth) -> float:
        """Return what the running sets can give for good, less the reserve, at the bus."""
        if truth.running != self._running:
            self._running = truth.running
            rated = self._ratings_w * np.array(truth.running)
            total = float(rated.sum())
            self._reserved = reserve_w(self._reserve, rated) / total if total else 1.0
        return truth.sustained_w * (1.0 - self._reserved)

    def usable_w(self, truth: Truth, cap_w: float) -> float:
        """Return what the fleet may draw, at the bus: what is carried less reserve and auxiliaries."""
        carried_w = min(self.kept_w(truth), truth.gas_sustained_w)
        return max(0.0, min(carried_w - truth.aux_w, cap_w))

    def moment(
        self, at_s: float, dt_s: float, truth: Truth, seen: Seen, cap_w: float, answer: Answer
    ) -> Moment:
        """Return a step that began at ``at_s``, with what the policy answered to it."""
        return Moment(
            at_s=at_s,
            dt_s=dt_s,
            load_w=truth.load_w,
            aux_w=truth.aux_w,
            capability_w=truth.sustained_w,
            excess_w=truth.excess_w,
            usable_w=self.usable_w(truth, cap_w),
            hashes=truth.hashes,
            low_hz=truth.lowest_hz,
            high_hz=truth.highest_hz,
            trips=sum(trip.cause != "fault" for trip in truth.trips) if truth.trips else 0,
            miner_w=truth.miner_w,
            hashing=truth.miner_state == MINING,
            connected=seen.connected,
            proven_w=answer.proven_w,
            expected_w=answer.expected_w,
        )
