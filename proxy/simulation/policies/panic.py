"""The reference for violations: holds the reserve, and at the first sign of shortfall sleeps everything."""

from __future__ import annotations

import math

from typing_extensions import override

from proxy.simulation.policies.division import equal_percent
from proxy.simulation.policies.followers import Follower
from proxy.simulation.world import World

CALM_S = 300.0
"""Everything stays down until no reading has shown a shortfall for so long; then it comes back, paced."""


class Panic(Follower):
    """What no policy can be faster than: it gives up every watt for the sake of a few."""

    def __init__(self, world: World) -> None:
        super().__init__(world, equal_percent)
        self._down_until_s = -math.inf
        self._aux_w = world.site.auxiliaries_w

    @override
    def budget_w(self, now: float) -> float:
        """Return nothing while in panic; else what the sets give less the reserve."""
        sight = self.sight
        if sight.load_w + self._aux_w > sight.capability_w * sight.gas_factor * sight.trim:
            self._down_until_s = now + CALM_S
        return 0.0 if now < self._down_until_s else sight.budget_w
