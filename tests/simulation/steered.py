"""The governor steers a simulated site, and a test sees its plans."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from proxy.governor.engine import Governor
from proxy.governor.plan import Alarm, Plan
from proxy.governor.readings import Readings
from proxy.simulation.loop import Run, run
from proxy.simulation.policies import POLICIES
from proxy.simulation.policies.policy import Answer
from proxy.simulation.world import World

Changes = Callable[[float, Readings], Readings]
"""Of what the governor is told, at a time."""


class Steered:
    """The governor as a policy that keeps its plans."""

    def __init__(self, world: World, changes: Changes = lambda now, readings: readings) -> None:
        self._governor = Governor(world.site, world.devices, world.curves, world.settings)
        self._changes = changes
        self.plans: list[Plan] = []
        """One for each second, the first at 1 s."""

    @property
    def alarms(self) -> list[Alarm]:
        """All that was alarmed about."""
        return [alarm for plan in self.plans for alarm in plan.alarms]

    def step(self, now: float, readings: Readings) -> Answer:
        """Return what the governor answers, and keep it."""
        plan = self._governor.step(now, self._changes(now, readings))
        self.plans.append(plan)
        return Answer(plan.proven_w, plan.expected_w, plan.steps, plan.open, plan.close)

    def run(self, world: World) -> Run:
        """Steer the site from beginning to end."""
        return run(world, replace(POLICIES["ours"], make=lambda _: self))


def mean_w(done: Run, begin_s: float, end_s: float = np.inf) -> float:
    """Return the mean of what the fleet drew."""
    at = done.series.at_s
    return float(np.mean(done.series.used_w[(at >= begin_s) & (at < end_s)]))
