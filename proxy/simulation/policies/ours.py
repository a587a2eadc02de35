"""Our own governor, as the running proxy has it."""

from __future__ import annotations

from proxy.governor.engine import Governor
from proxy.governor.readings import Readings
from proxy.simulation.policies.policy import Answer
from proxy.simulation.world import World


class Ours:
    """Wraps the engine; it is handed nominal values alone."""

    def __init__(self, world: World) -> None:
        self.governor = Governor(world.site, world.devices, world.curves, world.settings)

    def step(self, now: float, readings: Readings) -> Answer:
        """Return what the governor plans."""
        plan = self.governor.step(now, readings)
        return Answer(plan.proven_w, plan.expected_w, plan.steps, plan.open, plan.close)
