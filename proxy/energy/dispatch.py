"""From wanted watts to steps: what may move now, how much of it, and in which order.

Protective reductions wait for nothing. All else obeys ramps: upwards what the generators that run accept as
one step, downwards what they can be unloaded by; and moves that gain too little are left alone.
"""

import math
from dataclasses import dataclass

import numpy as np

from proxy.energy.arrays import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Ramp:
    """What running generators take in their stride, as parts of their rating. Lean-burn gas engines [A]."""

    step_part: float = 0.10
    """Upwards in each ``step_s``, below ``easy_below`` of the rating; rich-burn ones take 0.20 to 0.25."""
    high_step_part: float = 0.05
    """Upwards above it."""
    easy_below: float = 0.60
    step_s: float = 10.0
    unload_part: float = 0.25
    """Downwards in each ``unload_s``."""
    unload_s: float = 5.0

    def up_w(self, rating_w: float, load_w: float, recent_w: float) -> float:
        """Return what may be raised now.

        Args:
            rating_w: Of the sets that run.
            load_w: Proven load; unknown (NaN) permits nothing.
            recent_w: What was raised in the last ``step_s``.

        """
        if not math.isfinite(load_w) or not rating_w > 0:
            return 0.0
        part = self.step_part if load_w < self.easy_below * rating_w else self.high_step_part
        return max(0.0, part * rating_w - recent_w)

    def down_w(self, rating_w: float, recent_w: float) -> float:
        """Return what may be lowered now without need, after ``recent_w`` in the last ``unload_s``."""
        return max(0.0, self.unload_part * rating_w - recent_w)

    @property
    def unload_part_s(self) -> float:
        """Part of the rating that may be unloaded in a second."""
        return self.unload_part / self.unload_s


@dataclass(frozen=True, slots=True)
class Dwell:
    """How long a miner is left as it is: hardware dies of heating and cooling. All [A]."""

    raise_s: float = 30.0
    """Between two raises of one miner."""
    on_s: float = 900.0
    off_s: float = 300.0
    cycles_a_day: int = 6

    def may_raise(self, changed_s: Floats) -> Bools:
        """Return whose last change is long enough ago, from seconds since [N]; unknown is not."""
        return changed_s >= self.raise_s

    def may_wake(self, asleep_s: Floats, cycles: Ints) -> Bools:
        """Return who may be woken, from seconds asleep and cycles of the last day [N]."""
        return (asleep_s >= self.off_s) & (cycles < self.cycles_a_day)

    def may_sleep(self, awake_s: Floats) -> Bools:
        """Return who may be put to sleep without need, from seconds awake [N]."""
        return awake_s >= self.on_s


def outside_deadband(wanted_w: Floats, present_w: Floats, budget_w: float, part: float = 0.01) -> bool:
    """Return whether a plan differs enough from what is: by a part of the budget, ups and downs added."""
    return float(np.abs(wanted_w - present_w).sum()) > part * max(0.0, budget_w)


_LEAST_RAISE_W = 10.0
"""A smaller part of a raise is not worth a command."""


def raises(
    wanted_w: Floats,
    charged_w: Floats,
    *,
    allowed_w: float,
    ready: Bools,
    worth: Floats,
    divisible: Bools,
    floor_w: Floats,
    alone: bool = False,
) -> Floats:
    """Return the watts each miner is told now on its way up, NaN for those that are told nothing [N].

    Args:
        wanted_w: Where allocation wants them.
        charged_w: What they are charged now.
        allowed_w: What all raises of this step may add: the least of ramp, headroom and pace. NaN is nothing.
        ready: Who may be raised: dwell, cycles, proof.
        worth: Hashes per watt of the raise; the best go first.
        divisible: Who can take a part of a raise.
        floor_w: The least at which each hashes; no part ends below.
        alone: Whether one miner may exceed the ramp because nothing was raised for its whole step time; the
            caller answers for headroom. Otherwise a miner larger than the step would never start.

    """
    told = np.full(len(wanted_w), np.nan)
    rise = wanted_w - charged_w
    left = 0.0 if math.isnan(allowed_w) else max(0.0, allowed_w)
    candidates = np.flatnonzero(ready & (rise > 0))
    for place, miner in enumerate(candidates[np.argsort(-worth[candidates], kind="stable")]):
        if left <= 0 and not alone:
            break
        if rise[miner] <= left or (alone and place == 0):
            told[miner] = wanted_w[miner]
            left -= float(rise[miner])
        elif divisible[miner] and left >= _LEAST_RAISE_W and charged_w[miner] + left >= floor_w[miner]:
            told[miner] = charged_w[miner] + left
            left = 0.0
        alone = False
    return told


def lowers(wanted_w: Floats, present_w: Floats, *, allowed_w: float, ready: Bools, worth: Floats) -> Floats:
    """Return the watts each miner is told now on its way down without need, NaN for none [N].

    The least worth first, whole reductions as long as they fit; a first one that is larger goes alone.
    """
    told = np.full(len(wanted_w), np.nan)
    fall = present_w - wanted_w
    candidates = np.flatnonzero(ready & (fall > 0))
    order = candidates[np.argsort(worth[candidates], kind="stable")]
    fits = np.cumsum(fall[order]) <= allowed_w
    if len(fits) and allowed_w > 0:
        fits[0] = True
    told[order[fits]] = wanted_w[order[fits]]
    return told


_SPEEDS_S = (5.0, 30.0, 120.0)
"""Actuators as fast as that are tried one class after the other; inside a class cost decides."""


_CURVES_OFF, _DEAF = 0.05, 0.03
"""How far curves are off, those of a model all together and again those of single miners; and how many
commands fail [A]."""


def margin(miners: int) -> float:
    """Return by what part a reduction is made larger than the deficit.

    What miners have in common no number of them evens out; of what they do not, two standard deviations.
    """
    common = 1.0 / ((1.0 - _CURVES_OFF) * (1.0 - _DEAF)) - 1.0
    single = math.sqrt(_CURVES_OFF**2 + _DEAF * (1.0 - _DEAF))
    return common + 2.0 * single / math.sqrt(max(1, miners))


@dataclass(frozen=True, slots=True)
class Shed:
    """A protective reduction."""

    chosen: Bools
    """[N]"""
    watts: float
    """What it drops if all obey."""
    short_w: float
    """What it lacks, all miners being down: hardware's to shed."""
    slowest_s: float
    """When the last of it is down."""


def protective(deficit_w: float, drop_w: Floats, t_down_s: Floats, cost: Floats) -> Shed:
    """Return whom to lower at once so that a deficit is gone.

    Args:
        deficit_w: Expected load less what may be; none if not above 0.
        drop_w: What each miner can give up by its fastest actuator [N]; 0 or NaN: nothing that may be counted
            on.
        t_down_s: How long 95 % of that takes [N].
        cost: Hashes lost for each watt dropped, reboots included [N]; the least is dropped first within a
            speed.

    """
    drop = np.where(np.isfinite(drop_w) & np.isfinite(t_down_s), np.maximum(drop_w, 0.0), 0.0)
    chosen = np.zeros(len(drop), dtype=np.bool_)
    if not deficit_w > 0:
        return Shed(chosen, 0.0, 0.0, 0.0)
    speed = np.searchsorted(np.array(_SPEEDS_S), t_down_s, side="left")
    order = np.lexsort((cost, speed))
    order = order[drop[order] > 0]
    sums = np.cumsum(drop[order])
    # The margin falls with the number of miners that it takes.
    sized = deficit_w * (1.0 + np.array([margin(count + 1) for count in range(len(order))]))
    enough = np.flatnonzero(sums >= sized)
    count = int(enough[0]) + 1 if len(enough) else len(order)
    chosen[order[:count]] = True
    watts = float(drop[chosen].sum())
    slowest = float(t_down_s[chosen].max(initial=0.0))
    return Shed(chosen, watts, max(0.0, deficit_w - watts), slowest)
