"""Instruments beside the meters of watts: nonsense is said with its instrument, and gives no watt more."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from proxy.governor.engine import Governor
from proxy.governor.plan import Alarm
from proxy.governor.readings import Readings
from proxy.plant.script import Disturbance, MeterFault
from proxy.simulation.loop import run
from proxy.simulation.policies import POLICIES
from proxy.simulation.policies.policy import Answer
from proxy.simulation.scenarios import SCENARIOS, Scenario, Story
from proxy.simulation.world import Setting, World, world
from tests.simulation.worlds import nominal

What = Literal["nan", "scale", "flip"]


class Heard:
    """The governor, and what it alarmed about."""

    def __init__(self, world: World) -> None:
        self._governor = Governor(world.site, world.devices, world.curves, world.settings)
        self.alarms: list[Alarm] = []
        self.budgets_w: list[float] = []

    def step(self, now: float, readings: Readings) -> Answer:
        """Return what the governor answers, and note it."""
        plan = self._governor.step(now, readings)
        self.alarms += plan.alarms
        self.budgets_w.append(plan.budget_w)
        return Answer(plan.proven_w, plan.expected_w, plan.steps, plan.open, plan.close)


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
    heard = Heard(place)
    series = run(place, replace(POLICIES["ours"], make=lambda _: heard)).series
    used, at = series.used_w, series.at_s
    before = float(np.mean(used[(at > 200) & (at < 295)]))
    after = float(np.mean(used[at > 1_100]))
    faulty = [alarm for alarm in heard.alarms if 300.0 <= alarm.at <= 600.0 and alarm.kind == "meter"]
    assert named in {alarm.subject for alarm in faulty}
    assert not {alarm.subject for alarm in heard.alarms if alarm.at < 295} & {
        "thermometer",
        "header",
        "frequency",
    }
    assert max(heard.budgets_w[305:595]) <= 1.02 * max(heard.budgets_w[200:300])
    assert np.mean(used[(at > 320) & (at < 600)]) > 0.9 * before
    assert after > 0.9 * before
