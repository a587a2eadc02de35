"""Instruments beside the meters of watts: nonsense is said with its instrument, and gives no watt more."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from proxy.plant.script import Disturbance, MeterFault
from proxy.simulation.scenarios import SCENARIOS, Scenario, Story
from proxy.simulation.world import Setting, world
from tests.simulation.steered import Steered, mean_w
from tests.simulation.worlds import nominal

What = Literal["nan", "scale", "flip"]


@pytest.mark.parametrize("fleet", ["luxos", "mixed"])
@pytest.mark.parametrize(
    ("meter", "what", "size", "named"),
    [
        ("ambient", "scale", 1000.0, "thermometer"),
        ("ambient", "flip", 0.0, "thermometer"),
        ("header", "nan", 0.0, "header"),
        ("header", "scale", 1000.0, "header"),
        ("header", "flip", 0.0, "header"),
        ("hz", "scale", 1000.0, "frequency"),
        ("hz", "scale", 0.001, "frequency"),
    ],
)
def test_nonsense_is_named_and_neither_raises_nor_darkens(
    meter: str, what: What, size: float, named: str, fleet: str
) -> None:
    def broken(row: Scenario, story: Story) -> Iterator[Disturbance]:
        yield MeterFault(story.at_s, meter, what, 300.0, size)

    row = replace(SCENARIOS["steady"], happens=broken, onset_s=300.0, every_s=np.inf)
    place = world(nominal(), Setting(row, 24, 1_200.0, 3, fleet))
    steered = Steered(place)
    done = steered.run(place)
    before = mean_w(done, 200.0, 295.0)
    budgets_w = [plan.budget_w for plan in steered.plans]
    faulty = [alarm for alarm in steered.alarms if 300.0 <= alarm.at <= 600.0 and alarm.kind == "meter"]
    assert named in {alarm.subject for alarm in faulty}
    assert not {alarm.subject for alarm in steered.alarms if alarm.at < 295} & {
        "thermometer",
        "header",
        "frequency",
    }
    assert max(budgets_w[305:595]) <= 1.02 * max(budgets_w[200:300])
    assert mean_w(done, 320.0, 600.0) > 0.9 * before
    assert mean_w(done, 1_100.0) > 0.9 * before
