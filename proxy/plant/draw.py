"""What miners draw and what that makes them hash: ramps, heat, curves; as arrays."""

import numpy as np

from proxy.plant.figures import Miner
from proxy.plant.fleet import TERA, Flags, Fleet, Floats, Ints, Model

LEAST_RAMP_S = 0.05
THERE_W = 1.0
"""A ramp ends this near to its aim."""


class Draw:
    """Watts and temperatures of all miners. `level_w` is the power of a unit without spread at 60 C."""

    def __init__(self, common: Miner, models: tuple[Model, ...], fleet: Fleet, ambient_c: float) -> None:
        self._common = common
        self._spread = fleet.spread

        def each(name: str) -> Floats:
            return np.array([getattr(one, name) for one in models], dtype=np.float64)[fleet.model]

        self._constant, self._linear = each("constant_w"), each("linear_w_ths")
        self._four_square = 4.0 * each("square_w_ths2")
        self._is_linear: Flags = each("linear") > 0
        default_w = each("default_w")
        self._rise_c_w = common.board_rise_c / default_w
        count = fleet.model.size
        self.level_w = default_w
        self.temperature_c = np.full(count, ambient_c + common.board_rise_c)
        self.watts = np.zeros(count)
        self._target_w = default_w.copy()
        self._ramp_s, self._rate_w_s = np.full(count, LEAST_RAMP_S), np.zeros(count)
        self._moving: Ints = np.zeros(0, dtype=np.int64)
        self.heat(0.0, ambient_c)

    def aim(self, indices: Ints, watts: Floats, ramp_s: Floats) -> None:
        """Let these ramp to ``watts``, 95 % of the way within ``ramp_s``."""
        if not indices.size:
            return
        self._target_w[indices] = watts
        self._ramp_s[indices] = np.maximum(ramp_s, LEAST_RAMP_S)
        self._rate_w_s[indices] = 0.95 * np.abs(watts - self.level_w[indices]) / self._ramp_s[indices]
        self._moving = (self._target_w != self.level_w).nonzero()[0]

    def cut(self, indices: Ints) -> None:
        """Take the voltage from these."""
        self._target_w[indices] = self.level_w[indices] = self.watts[indices] = 0.0
        self._moving = (self._target_w != self.level_w).nonzero()[0]

    def ramp(self, dt: float) -> Ints:
        """Move all ramps ``dt`` seconds on; return who has moved."""
        moving = self._moving
        if not moving.size:
            return moving
        level, target = self.level_w[moving], self._target_w[moving]
        gap = target - level
        slide = gap * -np.expm1(-3.0 * dt / self._ramp_s[moving])
        most = self._rate_w_s[moving] * dt
        level += np.where(self._is_linear[moving], np.clip(gap, -most, most), slide)
        there = np.abs(target - level) < THERE_W
        level[there] = target[there]
        self.level_w[moving] = level
        self._moving = moving[~there]
        return moving

    def heat(self, dt: float, ambient_c: float) -> None:
        """Warm or cool the boards ``dt`` seconds, and take the watts that follow."""
        common = self._common
        change = self.watts * self._rise_c_w
        change += ambient_c
        change -= self.temperature_c
        change *= -np.expm1(-dt / common.board_tau_s)
        self.temperature_c += change
        watts = self.temperature_c * common.watts_per_c
        watts += 1.0 - common.watts_per_c * common.reference_c
        watts *= self.level_w
        watts *= self._spread
        np.maximum(watts, 0.0, out=self.watts)

    def hashrate_hs(self, indices: Ints) -> Floats:
        """Return what these would hash at their level, if they did nothing but hash."""
        over = np.maximum(self.level_w[indices] - self._constant[indices], 0.0)
        linear = self._linear[indices]
        root = np.sqrt(linear * linear + self._four_square[indices] * over)
        rate: Floats = (2.0 * TERA) * over / (linear + root)
        return rate
