"""Policies that follow a budget by dividing it anew in every round, and believe what they command."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from proxy.governor.devices import Verb
from proxy.governor.plan import NO_STEPS, Steps
from proxy.governor.readings import Readings
from proxy.simulation.policies.division import Herd, herd
from proxy.simulation.policies.policy import Answer
from proxy.simulation.policies.sight import Sight
from proxy.simulation.world import World

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ROUND_S = 10.0
"""Between two divisions when nothing happens; three times as often as proto-fleet."""
OVER = 0.01
"""Load above the budget, as a part of it, that is not left until the next round."""
DEADBAND = 0.01
"""Part of the budget that is not worth a raise."""
WORTH = 0.01
"""Part of a miner's default by which a limit is not moved."""


class DoNothing:
    """Lets every miner do what it does."""

    def __init__(self, world: World) -> None:
        self._sight = Sight(world)

    def step(self, now: float, readings: Readings) -> Answer:
        """Return no step."""
        self._sight.look(now, readings)
        load_w = 0.0 if math.isnan(self._sight.load_w) else self._sight.load_w
        return Answer(load_w, load_w)


class Follower:
    """Divides the budget; raises are paced as the sets accept them, reductions are immediate."""

    def __init__(self, world: World, divide: Callable[[float, Herd], Floats]) -> None:
        self.herd = herd(world)
        self.sight = Sight(world)
        self.target_w = np.zeros(len(world.default_w))
        """What each was told, in nominal watts: 0 while it is not there."""
        self._divide = divide
        self._settings = world.settings
        self._connected = np.zeros(len(world.default_w), dtype=np.bool_)
        self._bias = 1.0
        self._next_s = 0.0

    def step(self, now: float, readings: Readings) -> Answer:
        """Return what changes."""
        self.sight.look(now, readings)
        self._meet(readings.connected)
        budget_w = self.budget_w(now)
        told_w = float(self.target_w.sum())
        late = now >= self._next_s
        if not late and told_w * self._bias <= budget_w * (1.0 + OVER):
            return self._answer(NO_STEPS)
        self._next_s = now + ROUND_S
        self._weigh(told_w, late=late)
        nominal_w = budget_w / self._bias
        if nominal_w > told_w:
            nominal_w = min(nominal_w, told_w + self._pace_w()) if not self.sight.frozen else told_w
            if nominal_w - told_w < DEADBAND * nominal_w:
                return self._answer(NO_STEPS)
        return self._answer(self._towards(self._division(nominal_w)))

    def budget_w(self, now: float) -> float:
        """Return what the fleet may draw now."""
        return self.sight.budget_w

    def _meet(self, connected: Bools) -> None:
        # Who comes (back) runs as it was shipped; who left draws nothing that is known of.
        come = connected & ~self._connected
        self.target_w[come] = self.herd.default_w[come]
        self.target_w[~connected] = 0.0
        self._connected = connected.copy()

    def _weigh(self, told_w: float, *, late: bool) -> None:
        # Nameplates differ from the feeder by percents: slowly scaled, and only when nothing moved.
        load_w = self.sight.load_w
        if late and told_w > 0 and load_w > 0:
            self._bias += 0.2 * (min(1.25, max(0.8, load_w / told_w)) - self._bias)

    def _pace_w(self) -> float:
        settings = self._settings
        steps = max(1.0, ROUND_S / settings.step_period_s)
        return settings.step_high * steps * self.sight.running_w

    def _division(self, budget_w: float) -> Floats:
        # Who is not there takes no part.
        there = self._connected
        whole = self.herd
        if there.all():
            return self._divide(budget_w, whole)
        chosen = np.flatnonzero(there)
        place = np.full(len(there), -1, dtype=np.int64)
        place[chosen] = np.arange(len(chosen))
        order = place[whole.best_first]
        part = Herd(
            whole.default_w[there],
            whole.rest_w[there],
            whole.floor_w[there],
            whole.can_limit[there],
            whole.can_sleep[there],
            order[order >= 0],
        )
        watts = np.zeros(len(there))
        watts[there] = self._divide(budget_w, part)
        return watts

    def _towards(self, wanted_w: Floats) -> Steps:
        herd = self.herd
        was_on, is_on = self.target_w > herd.rest_w, wanted_w > herd.rest_w
        there = self._connected
        off = there & was_on & ~is_on
        on = there & ~was_on & is_on
        moved = there & was_on & is_on & herd.can_limit
        moved &= np.abs(wanted_w - self.target_w) > WORTH * herd.default_w
        told = [
            (off & herd.can_sleep, Verb.SLEEP),
            (off & ~herd.can_sleep, Verb.WITHHOLD),
            (moved & (wanted_w < self.target_w), Verb.LIMIT),
            # A wake comes after its limit, or the miner would climb to where it was before.
            ((moved & (wanted_w >= self.target_w)) | (on & herd.can_limit), Verb.LIMIT),
            (on & herd.can_sleep, Verb.WAKE),
            (on & ~herd.can_sleep, Verb.RELEASE),
        ]
        changed = off | on | moved
        self.target_w = np.where(changed, wanted_w, self.target_w)
        miners = [np.flatnonzero(chosen) for chosen, _ in told]
        verbs = [np.full(len(who), int(verb)) for who, (_, verb) in zip(miners, told, strict=True)]
        miner = np.concatenate(miners).astype(np.int64)
        return Steps(miner, np.concatenate(verbs).astype(np.int64), wanted_w[miner])

    def _answer(self, steps: Steps) -> Answer:
        believed_w = float(self.target_w.sum()) * self._bias
        return Answer(believed_w, believed_w, steps)
