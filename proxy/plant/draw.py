"""What miners draw and what that makes them hash: ramps, heat, curves; as arrays."""

from math import expm1

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
        self._scratch = np.empty(count)
        self._cold = 1.0 - common.watts_per_c * common.reference_c
        """What is left of the watts of a unit with boards of 0 C."""
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
        # As np.clip does, whose wrapper takes longer than both.
        straight = np.minimum(np.maximum(gap, -most), most)
        level += np.where(self._is_linear[moving], straight, slide)
        there = np.abs(target - level) < THERE_W
        level[there] = target[there]
        self.level_w[moving] = level
        self._moving = moving[~there]
        return moving

    def heat(self, dt: float, ambient_c: float) -> None:
        """Warm or cool the boards ``dt`` seconds, and take the watts that follow."""
        common, temperature_c = self._common, self.temperature_c
        change = np.multiply(self.watts, self._rise_c_w, out=self._scratch)
        change += ambient_c
        change -= temperature_c
        change *= -expm1(-dt / common.board_tau_s)
        temperature_c += change
        watts = np.multiply(temperature_c, common.watts_per_c, out=self._scratch)
        watts += self._cold
        watts *= self.level_w
        watts *= self._spread
        np.maximum(watts, 0.0, out=self.watts)

    def hashrate_hs(self, indices: Ints) -> Floats:
        """Return what these would hash at their level, if they did nothing but hash."""
        over = self.level_w[indices] - self._constant[indices]
        np.maximum(over, 0.0, out=over)
        linear = self._linear[indices]
        root = self._four_square[indices] * over
        root += linear * linear
        np.sqrt(root, out=root)
        root += linear
        over *= 2.0 * TERA
        over /= root
        return over
