"""What puts a whole fleet to sleep is over: it works again, and nobody takes its silence for a lost pool."""

from dataclasses import replace

import numpy as np
import pytest

from proxy.governor.readings import Instructions, Readings
from proxy.simulation.scenarios import SCENARIOS, Scenario
from proxy.simulation.world import Setting, world
from tests.simulation.steered import Steered, mean_w
from tests.simulation.worlds import nominal

STOP = Instructions(stopped=True)
NOTHING_MORE = Instructions(cap_w=0.0, cap_name="cap 0")
BACK_S = 1_800.0
"""Least time off, boots, and the engines' steps."""
LOOKED_AT_S = 600.0
"""Of that the end, in which one of few may give way to a better one for minutes."""


def ordered(
    row: Scenario,
    fleet: str,
    order: Instructions,
    begin_s: float,
    end_s: float,
    miners: int = 8,
    seed: int = 7,
) -> tuple[float, float, float, list[float]]:
    """Return mean watts before the order, in its last minutes and at the end; and when the pool was lost."""
    place = world(nominal(), Setting(row, miners, end_s + BACK_S, seed, fleet))

    def changes(now: float, readings: Readings) -> Readings:
        return replace(readings, instructions=order) if begin_s <= now < end_s else readings

    steered = Steered(place, changes)
    done = steered.run(place)
    before, during = mean_w(done, 120.0, 195.0), mean_w(done, end_s - 30.0, end_s)
    pools_lost = [alarm.at for alarm in steered.alarms if alarm.kind == "pool"]
    return before, during, mean_w(done, end_s + BACK_S - LOOKED_AT_S), pools_lost


@pytest.mark.parametrize("order", [STOP, NOTHING_MORE], ids=["stop", "cap"])
@pytest.mark.parametrize("length_s", [60.0, 130.0, 600.0])
@pytest.mark.parametrize("fleet", ["luxos", "sleep-only"])
def test_a_fleet_that_slept_on_our_order_comes_back(fleet: str, length_s: float, order: Instructions) -> None:
    row = replace(SCENARIOS["steady"], every_s=np.inf)
    before, during, after, pools_lost = ordered(row, fleet, order, 200.0, 200.0 + length_s)
    assert during < 0.2 * before
    assert after > 0.9 * before
    assert not pools_lost


def test_a_pool_that_returns_while_all_sleep_is_heard_of() -> None:
    """They slept before they could be kept from work; nobody may be raised while it is lost: one is sent."""
    row = replace(SCENARIOS["uplink-lost"], onset_s=200.0, for_s=900.0, every_s=np.inf)
    before, during, after, pools_lost = ordered(row, "luxos", STOP, 250.0, 700.0)
    assert during < 0.2 * before
    assert pools_lost
    assert after > 0.9 * before


def test_a_lost_pool_is_still_noticed() -> None:
    row = replace(SCENARIOS["uplink-lost"], onset_s=600.0, for_s=600.0, every_s=np.inf)
    _, _, _, pools_lost = ordered(row, "luxos", Instructions(), 0.0, 200.0)
    assert 610.0 <= pools_lost[0] <= 660.0
