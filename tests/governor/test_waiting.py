"""What holds each miner that could draw more, with the constraint and its end."""

from dataclasses import replace

import numpy as np
import pytest

from proxy.energy.ladder import Ladder
from proxy.governor.accounts import Mode
from proxy.governor.alarms import Alarms
from proxy.governor.engine import Governor
from proxy.governor.readings import Instructions
from proxy.governor.waiting import Wait, Waiting
from tests.governor.fake import CURVES, QUIET, Fake, Loop, devices, loop, site

COUNT = 10
STOP = Instructions(stopped=True)


def held(run: Loop) -> Waiting:
    found = run.governor.waiting()
    assert found is not None
    return found


def only(run: Loop) -> tuple[Wait, str]:
    """Return what holds all miners, the same for each."""
    found = held(run)
    (code,) = set(found.wait.tolist())
    return Wait(code), found.sentences[code]


def test_before_the_first_step_nothing_is_known() -> None:
    assert Governor(site(COUNT), devices(COUNT), CURVES).waiting() is None


def test_who_works_as_much_as_it_can_waits_for_nothing() -> None:
    run = loop(Fake(COUNT, site(COUNT, preload=0.5)))
    run.run(60)
    assert set(held(run).wait.tolist()) == {Wait.NOTHING}


def test_after_a_stop_is_released_miners_sleep_for_their_least_time_off_and_it_tells_how_long() -> None:
    run = loop(Fake(COUNT, site(COUNT, preload=0.5)))
    run.run(60)
    run.fake.instructions = STOP
    run.run(40)
    assert only(run)[0] is Wait.STOPPED
    assert set(held(run).mode.tolist()) == {Mode.ASLEEP}
    run.fake.instructions = Instructions()
    run.run(10)
    assert only(run) == (Wait.DWELL, "asleep for least time off")
    before = held(run).left_s
    assert (before == QUIET.min_off_s - 49).all()
    run.run(100)
    assert (held(run).left_s == before - 100).all()
    run.run(400)
    assert Wait.DWELL not in held(run).wait
    assert Mode.RUNNING in held(run).mode


@pytest.mark.parametrize(
    ("instructions", "wait", "said"),
    [
        (Instructions(cap_w=8500.0, cap_name="capped by ann"), Wait.HEADROOM, "capped by ann"),
        (Instructions(cap_w=9000.0, cap_name="x", held=True), Wait.FROZEN, "somebody holds it"),
        (Instructions(locked=(0,)), Wait.LOCKED, "its circuit is locked out"),
    ],
)
def test_what_an_order_holds_is_told_with_the_order(
    instructions: Instructions, wait: Wait, said: str
) -> None:
    run = loop(Fake(COUNT, site(COUNT, preload=0.5)))
    run.run(60)
    run.fake.instructions = instructions
    # Beyond the least time off, which would be told first.
    run.run(500)
    found = held(run)
    assert set(found.wait.tolist()) <= {wait, Wait.ROUND}
    assert wait in found.wait
    assert said in found.sentences[wait]


def test_who_is_gone_or_left_out_is_told_so_first() -> None:
    run = loop(Fake(COUNT, site(COUNT, preload=0.5)))
    run.run(60)
    run.fake.deaf = {3}
    run.fake.connected[5] = False
    run.fake.instructions = STOP
    run.run(600)
    found = held(run)
    assert found.wait[5] == Wait.AWAY
    assert found.wait[3] in (Wait.LEFT_OUT, Wait.STOPPED)
    standing = run.plans[-1].standing
    assert ("deaf", "m3") in standing, "an alarm stands while its reason does"


@pytest.mark.parametrize(
    ("ladder", "silent"), [(Ladder(1.0, 2.0, 3.0, 40.0), True), (Ladder(90.0, 90.0, 90.0, 90.0), False)]
)
def test_the_silence_of_the_source_counts_by_the_ladder_that_is_configured(
    ladder: Ladder, silent: bool
) -> None:
    run = loop(Fake(COUNT, site(COUNT, preload=0.5)), replace(QUIET, source_ladder=ladder))
    run.run(30)
    told = replace(run.fake.step(), available_w=30_000.0, available_at=run.fake.now - 45.0)
    plan = run.governor.step(run.fake.now, told)
    assert (plan.bound == "source silent") is silent


def test_asking_changes_no_plan() -> None:
    asked, silent = (loop(Fake(COUNT, site(COUNT, preload=0.9), noise=0.005)) for _ in range(2))
    for _ in range(60):
        asked.run(1)
        silent.run(1)
        held(asked)
        assert repr(asked.governor.state()) == repr(silent.governor.state())


def test_an_alarm_stands_while_its_reason_is_found_again() -> None:
    alarms = Alarms(600.0, holds_s=25.0)
    alarms.say(0.0, "meter", "feeder", "stuck")
    alarms.say(20.0, "meter", "feeder", "stuck")
    assert len(alarms.drawn()) == 1
    assert alarms.standing(45.0) == (("meter", "feeder"),)
    assert alarms.standing(45.1) == ()
    alarms.still(50.0, "meter", {"feeder", "another"})
    assert alarms.standing(60.0) == (("meter", "feeder"),)
    alarms.still(100.0, "pool", {"feeder"})
    assert alarms.standing(100.0) == ()


def test_sums_are_bounded() -> None:
    alarms = Alarms(600.0)
    for number in range(5000):
        alarms.say(float(number), "deaf", f"m{number}", "x")
    assert len(alarms.found) <= len(alarms.said) <= 1001


def test_a_fleet_of_nobody_holds_nobody() -> None:
    run = loop(Fake(0, site(1)))
    run.run(2)
    assert np.array_equal(held(run).wait, [])
