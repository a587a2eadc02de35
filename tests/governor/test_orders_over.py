"""What puts a whole fleet to sleep is over: it works again, and nobody takes its silence for a lost pool."""

from dataclasses import replace

import numpy as np
import pytest

from proxy.governor.engine import Governor
from proxy.governor.readings import Instructions, Readings
from proxy.simulation.loop import run
from proxy.simulation.policies import POLICIES
from proxy.simulation.policies.policy import Answer
from proxy.simulation.scenarios import SCENARIOS, Scenario
from proxy.simulation.world import Setting, World, world
from tests.simulation.worlds import nominal

STOP = Instructions(stopped=True)
NOTHING_MORE = Instructions(cap_w=0.0, cap_name="cap 0")
BACK_S = 1_800.0
"""Least time off, boots, and the engines' steps."""


class Ordered:
    """The governor, with an order from ``begin_s`` to ``end_s``."""

    def __init__(self, world: World, order: Instructions, begin_s: float, end_s: float) -> None:
        self._governor = Governor(world.site, world.devices, world.curves, world.settings)
        self._order, self._begin_s, self._end_s = order, begin_s, end_s
        self.pools_lost: list[float] = []

    def step(self, now: float, readings: Readings) -> Answer:
        """Return what the governor answers, and note when it took the pool for lost."""
        if self._begin_s <= now < self._end_s:
            readings = replace(readings, instructions=self._order)
        plan = self._governor.step(now, readings)
        self.pools_lost += [now for alarm in plan.alarms if alarm.kind == "pool"]
        return Answer(plan.proven_w, plan.expected_w, plan.steps, plan.open, plan.close)


def ordered(
    row: Scenario,
    fleet: str,
    order: Instructions,
    begin_s: float,
    end_s: float,
    miners: int = 8,
    seed: int = 7,
) -> tuple[float, float, float, Ordered]:
    """Return the mean watts before the order, in its last minutes and at the end."""
    place = world(nominal(), Setting(row, miners, end_s + BACK_S, seed, fleet))
    policy = Ordered(place, order, begin_s, end_s)
    series = run(place, replace(POLICIES["ours"], make=lambda _: policy)).series
    used, at = series.used_w, series.at_s

    def mean(begin: float, end: float) -> float:
        return float(np.mean(used[(at >= begin) & (at < end)]))

    return mean(120.0, 195.0), mean(end_s - 30.0, end_s), mean(end_s + BACK_S - 120.0, np.inf), policy


@pytest.mark.parametrize("order", [STOP, NOTHING_MORE], ids=["stop", "cap"])
@pytest.mark.parametrize("length_s", [60.0, 130.0, 600.0])
@pytest.mark.parametrize("fleet", ["luxos", "sleep-only"])
def test_a_fleet_that_slept_on_our_order_comes_back(fleet: str, length_s: float, order: Instructions) -> None:
    row = replace(SCENARIOS["steady"], every_s=np.inf)
    before, during, after, policy = ordered(row, fleet, order, 200.0, 200.0 + length_s)
    assert during < 0.2 * before
    assert after > 0.9 * before
    assert not policy.pools_lost


def test_a_pool_that_returns_while_all_sleep_is_heard_of() -> None:
    """They slept before they could be kept from work; nobody may be raised while it is lost: one is sent."""
    row = replace(SCENARIOS["uplink-lost"], onset_s=200.0, for_s=900.0, every_s=np.inf)
    before, during, after, policy = ordered(row, "luxos", STOP, 250.0, 700.0)
    assert during < 0.2 * before
    assert policy.pools_lost
    assert after > 0.9 * before


def test_a_lost_pool_is_still_noticed() -> None:
    row = replace(SCENARIOS["uplink-lost"], onset_s=600.0, for_s=600.0, every_s=np.inf)
    _, _, _, policy = ordered(row, "luxos", Instructions(), 0.0, 200.0)
    assert 610.0 <= policy.pools_lost[0] <= 660.0
