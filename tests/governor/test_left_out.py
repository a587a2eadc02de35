"""Miners that do not do as they are told, and are left out."""

import pytest

from proxy.energy.curves import curves
from proxy.governor.devices import Actuator, Verb
from proxy.governor.engine import Governor
from proxy.governor.readings import Instructions
from tests.energy.models import quadratic
from tests.governor.fake import MODEL, QUIET, Fake, Loop, devices, loop, site


def test_deaf_miner_is_alarmed_and_the_others_make_room() -> None:
    run = loop(Fake(30, site(30), deaf={3, 4}))
    run.fake.instructions = Instructions(cap_w=0.5 * 30 * MODEL.ceiling_w, cap_name="order")
    run.run(400)
    assert run.fake.load_w <= 1.01 * run.plans[-1].budget_w
    assert {alarm.subject for plan in run.plans for alarm in plan.alarms if alarm.kind == "deaf"} >= {
        "m3",
        "m4",
    }


def test_what_burns_without_work_gets_it_again_when_there_is_power() -> None:
    """Only work can be withheld, and it saves no watt: hashes for nothing are the worst of all."""
    run = loop(Fake(12, site(12), deaf={5}), actuators=int(Actuator.WITHHOLD))
    run.run(30)
    run.fake.instructions = Instructions(cap_w=0.05 * 12 * MODEL.ceiling_w, cap_name="order")
    run.run(700)
    assert not run.fake.working[5]
    run.fake.instructions = Instructions()
    run.run(200)
    assert run.fake.working[5]


def test_what_is_seen_to_burn_without_work_gets_it_although_the_others_take_all_that_is_free() -> None:
    """Its watts are drawn with work or without: it must not wait until nobody else wants any."""
    fake = Fake(40, site(40), deaf={5})
    named = devices(40)
    named.actuators[5], named.curve[5] = int(Actuator.WITHHOLD), 1
    worse = curves([MODEL, quadratic(2800.0, 40e12)])
    run = Loop(fake, Governor(fake.site, named, worse, QUIET))
    run.run(30)
    run.fake.instructions = Instructions(cap_w=0.6 * 40 * MODEL.ceiling_w, cap_name="order")
    worked = []
    for _ in range(1200):
        run.run(1)
        worked.append(bool(run.fake.working[5]))
    assert not all(worked)
    assert all(worked[-600:])
    assert max(run.loads[-1000:]) <= 1.01 * run.plans[-1].budget_w


def test_who_is_locked_out_gets_no_work_though_it_burns_on() -> None:
    run = loop(Fake(12, site(12), deaf={5}), actuators=int(Actuator.WITHHOLD))
    run.run(30)
    run.fake.instructions = Instructions(locked=(0,))
    for _ in range(1000):
        run.run(1)
        assert not run.fake.working.any()


@pytest.mark.parametrize("asked", [Instructions(stopped=True), Instructions(locked=(0,))])
def test_stop_and_lock_out_are_told_to_those_too_that_were_given_up(asked: Instructions) -> None:
    """It may hear this time: nobody is left at work where people rely on its being down."""
    run = loop(Fake(12, site(12), deaf={5}))
    run.fake.instructions = Instructions(cap_w=0.6 * 12 * MODEL.ceiling_w, cap_name="order")
    run.run(300)
    assert any(one.what == "give up" for plan in run.plans for one in plan.decisions)
    run.fake.instructions = asked
    run.run(2)
    assert 5 in {miner for plan in run.plans[-2:] for miner in plan.steps.of(Verb.SLEEP)[0].tolist()}
