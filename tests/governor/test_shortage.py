"""What is owed while miners are kept down by our own order, and what is said of it."""

import dataclasses

import numpy as np
import pytest

from proxy.energy.site import Tenant
from proxy.governor.devices import Actuator
from proxy.governor.engine import Governor
from proxy.governor.readings import FREE, Instructions
from tests.governor.fake import ALL, CURVES, MODEL, QUIET, Fake, Loop, devices, site

COUNT = 30
GUARANTEE_W = 30_000.0
DEEP = Instructions(cap_w=0.05 * COUNT * MODEL.ceiling_w, cap_name="curtailment order 7")
STOP = Instructions(stopped=True)
SLEEP_ONLY = int(Actuator.SLEEP)


def two_tenants(actuators: int = ALL) -> Loop:
    """Return a site with half of its miners each, whose first tenant has run for a minute."""
    promised = tuple(Tenant(name, guarantee_kw=GUARANTEE_W / 1000.0) for name in ("acme", "bull"))
    fake = Fake(COUNT, site(COUNT, tenants=promised))
    owned = dataclasses.replace(devices(COUNT, actuators), tenant=np.arange(COUNT) % 2)
    run = Loop(fake, Governor(fake.site, owned, CURVES, QUIET))
    run.run(60)
    return run


def missing_wh(run: Loop, seconds: int) -> np.ndarray:
    """Run on; return the integral of what is guaranteed and not drawn by those who are here [T]."""
    missing = np.zeros(2)
    for _ in range(seconds):
        run.run(1)
        for tenant in range(2):
            mine = run.fake.connected & (np.arange(COUNT) % 2 == tenant)
            due = min(GUARANTEE_W, MODEL.ceiling_w * int(mine.sum()))
            missing[tenant] += max(0.0, due - float(run.fake.level[mine].sum())) / 3600.0
    return missing


@pytest.mark.parametrize("actuators", [ALL, SLEEP_ONLY], ids=["limits and sleep", "sleep only"])
@pytest.mark.parametrize("asked", [DEEP, STOP], ids=["cap", "stop"])
def test_what_sleeps_by_our_order_is_owed_all_the_while(asked: Instructions, actuators: int) -> None:
    run = two_tenants(actuators)
    run.fake.instructions = asked
    missing = missing_wh(run, 280)
    assert missing.min() > 1_900.0
    assert run.plans[-1].debts_wh == pytest.approx(missing, rel=0.05)
    said = [alarm for plan in run.plans for alarm in plan.alarms if alarm.kind == "guarantee"]
    assert {alarm.subject for alarm in said} == {"acme", "bull"}
    for alarm in said:
        assert float(alarm.sentence.split(" kW")[0].split()[-1]) > 0.85 * GUARANTEE_W / 1000.0
        assert (asked.cap_name or "emergency stop") in alarm.sentence


def stopped_shortly() -> tuple[Loop, np.ndarray]:
    """Return a site that was stopped for half a minute and just let go, and what lacked meanwhile."""
    run = two_tenants(SLEEP_ONLY)
    run.fake.instructions = STOP
    missing = missing_wh(run, 30)
    run.fake.instructions = FREE
    return run, missing


def test_what_is_left_asleep_after_a_short_order_is_owed_too() -> None:
    run, missing = stopped_shortly()
    missing += missing_wh(run, 240)
    assert run.plans[-1].debts_wh == pytest.approx(missing, rel=0.05)


def test_what_a_hold_keeps_asleep_is_owed_beyond_their_rest() -> None:
    run, missing = stopped_shortly()
    missing += missing_wh(run, 60)
    run.fake.instructions = Instructions(held=True)
    missing += missing_wh(run, 600)
    assert run.plans[-1].debts_wh == pytest.approx(missing, rel=0.05)
    said = [alarm for plan in run.plans for alarm in plan.alarms if alarm.kind == "guarantee"]
    assert "nothing is raised while somebody holds it" in said[-1].sentence


@pytest.mark.parametrize("asked", [DEEP, STOP], ids=["cap", "stop"])
@pytest.mark.parametrize("first", [True, False], ids=["gone before", "gone meanwhile"])
def test_who_is_gone_is_owed_nothing(asked: Instructions, first: bool) -> None:
    run = two_tenants()
    bull = np.arange(COUNT) % 2 == 1
    if first:
        run.fake.connected[bull] = False
        run.run(60)
    before = run.plans[-1].debts_wh[1]
    run.fake.instructions = asked
    missing = np.zeros(2) if first else missing_wh(run, 100)
    run.fake.connected[bull] = False
    missing += missing_wh(run, 180)
    owed = run.plans[-1].debts_wh
    assert before == 0.0
    assert owed[0] == pytest.approx(missing[0], rel=0.05)
    # Until the next round what was short before counts.
    assert owed[1] == pytest.approx(missing[1], rel=0.05, abs=10 * GUARANTEE_W / 3600.0)
    assert bool(owed[1] == 0.0) is first
