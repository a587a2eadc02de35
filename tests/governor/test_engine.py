"""What the governor does with a site, seen from outside."""

import dataclasses
import json
import math
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from proxy.energy.site import Circuit, ReserveKw, Tenant
from proxy.governor.devices import Verb
from proxy.governor.engine import Governor
from proxy.governor.plan import Plan
from proxy.governor.readings import FREE, Instructions, Readings
from proxy.governor.settings import GovernorSettings
from proxy.governor.trace import plain, record, recorded
from tests.governor.fake import CURVES, MODEL, QUIET, Fake, Loop, devices, loop, site

NOISY = GovernorSettings()
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)
"""A run of minutes is not worth shrinking: it would take an hour and end in a run of minutes."""


def same(one: Plan, other: Plan) -> bool:
    """Whether two plans are equal to the last bit, NaN included."""
    return repr(plain(one)) == repr(plain(other))


def swings(loads: list[float], part: float) -> int:
    """Return how often the load turned after a move of more than ``part``: a slow approach never does."""
    turns, direction, extreme = 0, 0, loads[0]
    for load in loads:
        if direction * (load - extreme) >= 0 and direction:
            extreme = load
        elif abs(load - extreme) > part * max(extreme, 1.0):
            turns += direction != 0
            direction, extreme = (1 if load > extreme else -1), load
    return turns


def test_swings_are_counted() -> None:
    assert swings([100.0, 101.0, 104.0, 103.0, 108.0], 0.02) == 0
    assert swings([100.0, 104.0, 100.0, 104.0, 100.0], 0.02) == 3


def raises(plan: Plan, before: np.ndarray) -> bool:
    """Whether a plan tells anybody to draw more than it was told before, or to start."""
    verb, watts, miner = plan.steps.verb, plan.steps.watts, plan.steps.miner
    limits = verb == Verb.LIMIT
    return bool(
        (watts[limits] > before[miner[limits]] + 1.0).any() or np.isin(verb, (Verb.WAKE, Verb.RELEASE)).any()
    )


def test_load_settles_at_the_budget() -> None:
    run = loop(Fake(40, site(40)))
    run.run(300)
    plan = run.plans[-1]
    assert plan.bound == "generators"
    assert 0.985 * plan.budget_w < run.fake.load_w <= 1.005 * plan.budget_w


def test_budget_is_what_sets_give_less_reserve_and_auxiliaries() -> None:
    place = site(40, reserve=ReserveKw(30.0))
    run = loop(Fake(40, place))
    run.run(5)
    total = sum(one.nominal_kw for one in place.generators) * 1000.0
    assert run.plans[-1].budget_w == pytest.approx(total - 30_000.0 - place.auxiliaries_w, rel=0.001)


def test_lost_set_lowers_the_load_within_seconds() -> None:
    run = loop(Fake(40, site(40)))
    run.run(200)
    run.fake.running[0] = False
    run.run(30)
    assert run.fake.load_w <= 1.01 * run.plans[-1].budget_w
    assert run.plans[-1].budget_w < 0.75 * run.plans[-40].budget_w


def test_site_never_goes_dark_from_repeated_shedding() -> None:
    """Miners twice as slow as told: what is on its way counts and is not ordered again."""
    run = loop(Fake(60, site(60), lag_down=2.0, lag_up=2.0))
    run.run(120)
    for _ in range(4):
        run.fake.instructions = Instructions(cap_w=0.6 * 60 * MODEL.ceiling_w, cap_name="order")
        run.run(60)
        run.fake.instructions = Instructions(cap_w=0.7 * 60 * MODEL.ceiling_w, cap_name="order")
        run.run(60)
    assert min(run.loads[150:]) > 0.45 * 60 * MODEL.ceiling_w


def test_nothing_is_raised_while_the_load_is_unknown() -> None:
    run = loop(Fake(30, site(30)))
    run.run(150)
    run.fake.instructions = Instructions(cap_w=20_000.0, cap_name="order")
    run.run(60)
    run.fake.silent_feeder = run.fake.silent_sets = True
    run.fake.instructions = dataclasses.replace(run.fake.instructions, cap_w=math.inf)
    run.run(4)
    for _ in range(300):
        before = run.fake.limit.copy()
        run.run(1)
        assert not raises(run.plans[-1], before)


def test_a_climb_stops_when_the_load_becomes_unknown() -> None:
    """The budget was there before the meters fell silent; what is unknown is how much of it is left."""
    run = loop(Fake(30, site(30)))
    run.fake.instructions = Instructions(cap_w=20_000.0, cap_name="order")
    run.run(120)
    run.fake.instructions = Instructions()
    run.run(8)
    assert run.plans[-1].budget_w > 2.0 * run.fake.load_w
    run.fake.silent_feeder = run.fake.silent_watts = True
    run.run(3)
    for _ in range(12):
        before = run.fake.limit.copy()
        run.run(1)
        assert not raises(run.plans[-1], before)


@pytest.mark.parametrize("every", [2, 3, 5])
def test_a_tick_in_which_nobody_tells_the_load_raises_nobody(every: int) -> None:
    """No meter is silent for long: now and then a tick tells nothing, before any ladder begins."""
    run = loop(Fake(30, site(30)))
    run.fake.instructions = Instructions(cap_w=20_000.0, cap_name="order")
    run.run(120)
    run.fake.instructions = Instructions()
    raised = {True: 0, False: 0}
    for second in range(120):
        blind = second % every == every - 1
        told = run.fake.step()
        if blind:
            assert told.generators is not None
            lost = dataclasses.replace(told.generators, watts=np.full_like(told.generators.watts, math.nan))
            told = dataclasses.replace(told, site_w=math.nan, generators=lost)
        before = run.fake.limit.copy()
        plan = run.governor.step(run.fake.now, told)
        raised[blind] += raises(plan, before)
        run.fake.obey(plan)
    assert raised[True] == 0
    assert raised[False] > 2


def test_silent_meters_lead_down_the_ladder_to_sleep() -> None:
    run = loop(Fake(30, site(30)))
    run.run(150)
    full = run.fake.load_w
    run.fake.silent_feeder = run.fake.silent_sets = True
    run.run(12)
    assert run.fake.load_w == pytest.approx(full, rel=0.05)
    run.run(30)
    assert run.fake.load_w < 0.75 * full
    run.run(240)
    assert run.fake.load_w < 2.0 * 30 * MODEL.sleep_w


def test_one_silent_meter_of_two_changes_nothing() -> None:
    run = loop(Fake(30, site(30)))
    run.run(150)
    full = run.fake.load_w
    run.fake.silent_feeder = True
    run.run(120)
    assert run.fake.load_w == pytest.approx(full, rel=0.02)
    assert any(alarm.subject == "feeder" for plan in run.plans for alarm in plan.alarms)


@pytest.mark.parametrize("factor", [1000.0, 1e-3, -1.0])
def test_misread_feeder_is_unknown_and_alarmed_and_never_gives_power(factor: float) -> None:
    run = loop(Fake(30, site(30)))
    run.run(150)
    full = run.fake.load_w
    for _ in range(60):
        readings = run.fake.step()
        wrong = dataclasses.replace(readings, site_w=readings.site_w * factor)
        plan = run.governor.step(run.fake.now, wrong)
        run.plans.append(plan)
        run.fake.obey(plan)
        assert run.fake.load_w <= 1.01 * full
    assert run.fake.load_w > 0.9 * full  # the generators' meters are the second source
    assert any(alarm.subject == "feeder" for plan in run.plans for alarm in plan.alarms)


def test_operator_holds_and_nothing_is_raised_until_release() -> None:
    run = loop(Fake(30, site(30)))
    run.fake.instructions = Instructions(cap_w=30_000.0, cap_name="operator")
    run.run(120)
    low = run.fake.load_w
    assert low < 31_000.0
    run.fake.instructions = Instructions(held=True)
    run.run(120)
    assert 0.99 * low <= run.fake.load_w <= 1.01 * low  # room for better watts is of no use while it holds
    run.fake.instructions = Instructions()
    run.run(400)
    assert run.fake.load_w > 1.5 * low


def test_emergency_stop_puts_everything_down() -> None:
    run = loop(Fake(30, site(30)))
    run.run(60)
    run.fake.instructions = Instructions(stopped=True)
    run.run(40)
    assert run.fake.load_w < 1.5 * 30 * MODEL.sleep_w
    assert run.plans[-1].bound == "emergency stop"


def test_locked_circuit_is_emptied_then_opened_and_closed_again() -> None:
    run = loop(Fake(20, site(20)))
    run.run(60)
    run.fake.instructions = Instructions(locked=(0,))
    opened: list[int] = []
    for _ in range(60):
        run.run(1)
        if run.plans[-1].open:
            opened.append(len(run.plans))
            assert run.fake.load_w < 0.15 * 20 * MODEL.ceiling_w
    assert len(opened) == 1
    run.fake.instructions = Instructions()
    run.run(1)
    assert run.plans[-1].close == (0,)


def test_a_circuit_that_is_locked_out_makes_no_debt() -> None:
    described = site(30, tenants=(Tenant("acme", guarantee_kw=60.0),))
    wired = dataclasses.replace(described, circuits=(*described.circuits, Circuit("row", parent="main")))
    below = dataclasses.replace(devices(30), circuit=np.ones(30, dtype=np.int64))
    run = Loop(Fake(30, wired), Governor(wired, below, CURVES, QUIET))
    run.run(60)
    run.fake.instructions = Instructions(locked=(1,))
    run.run(300)
    assert run.fake.load_w < 1_000.0
    assert run.plans[-1].debts_wh.tolist() == [0.0]
    assert not any(alarm.kind == "guarantee" for plan in run.plans for alarm in plan.alarms)


def test_a_switch_is_not_opened_while_miners_below_its_circuit_draw_power() -> None:
    described = site(20)
    wired = dataclasses.replace(described, circuits=(*described.circuits, Circuit("row", parent="main")))
    fake = Fake(20, wired)
    below = dataclasses.replace(devices(20), circuit=np.ones(20, dtype=np.int64))
    run = Loop(fake, Governor(wired, below, CURVES, QUIET))
    run.run(60)
    fake.instructions = Instructions(locked=(0,))
    for _ in range(60):
        run.run(1)
        if run.plans[-1].open:
            assert fake.load_w < 0.15 * 20 * MODEL.ceiling_w
            return
    pytest.fail("never opened")


def test_a_switch_stays_closed_while_the_circuits_own_meter_shows_load() -> None:
    fake = Fake(20, site(20), stray_w=9_000.0)
    run = loop(fake)
    run.run(60)
    fake.instructions = Instructions(locked=(0,))
    run.run(120)
    assert fake.load_w < 0.15 * 20 * MODEL.ceiling_w
    assert not any(plan.open for plan in run.plans)
    said = [alarm.sentence for plan in run.plans for alarm in plan.alarms if alarm.kind == "lockout"]
    assert said
    assert "still carries" in said[0]
    fake.stray_w = 0.0
    run.run(2)
    assert [plan.open for plan in run.plans if plan.open] == [(0,)]


def test_joiners_are_charged_at_their_ceiling_before_they_work() -> None:
    fake = Fake(30, site(30, preload=0.6))
    fake.connected[20:] = False
    fake._aim()
    fake.level[20:] = 200.0
    run = loop(fake)
    run.run(60)
    assert not run.fake.working[20:].any()
    run.fake.connected[20:] = True
    released = set()
    for _ in range(300):
        run.run(1)
        new, watts = run.plans[-1].steps.of(Verb.RELEASE)
        if len(new):
            assert run.plans[-1].proven_w >= 0.99 * run.loads[-1] + float(watts.sum()) - 200.0 * len(new)
        released |= set(new.tolist())
    assert released == set(range(20, 30))


def test_short_guarantee_is_an_event_with_its_cause_and_becomes_debt() -> None:
    tenants = (Tenant("acme", guarantee_kw=60.0),)
    run = loop(Fake(30, site(30, tenants=tenants)))
    run.run(60)
    run.fake.instructions = Instructions(cap_w=30_000.0, cap_name="curtailment order 7")
    run.run(120)
    said = [alarm for plan in run.plans for alarm in plan.alarms if alarm.kind == "guarantee"]
    assert said
    assert "curtailment order 7" in said[0].sentence
    assert run.plans[-1].debts_wh[0] == pytest.approx(30_000.0 * 120.0 / 3600.0, rel=0.2)


@pytest.mark.parametrize(
    ("hours", "left"), [(1, 0.12), pytest.param(4, 0.02, marks=pytest.mark.slow, id="until it is over")]
)
def test_debt_is_paid_back_from_the_surplus(hours: int, left: float) -> None:
    tenants = (Tenant("acme", guarantee_kw=60.0),)
    run = loop(Fake(30, site(30, tenants=tenants)))
    run.run(60)
    run.fake.instructions = Instructions(cap_w=30_000.0, cap_name="curtailment order 7")
    run.run(120)
    owed = run.plans[-1].debts_wh[0]
    run.fake.instructions = Instructions(cap_w=62_000.0, cap_name="a day of little gas")
    run.run(300)
    slowly = run.plans[-1].debts_wh[0]
    # Half of a surplus of 2 kW, and that for less than five minutes.
    assert owed + 60.0 > slowly > owed - 2_000.0 / 2 * 300 / 3600 - 1.0
    run.fake.instructions = FREE
    run.run(3600)
    assert run.plans[-1].debts_wh[0] < 0.35 * owed
    run.run(hours * 3600)
    assert run.plans[-1].debts_wh[0] < left * owed


def test_alarms_are_not_repeated_every_second() -> None:
    run = loop(Fake(30, site(30)))
    run.run(30)
    run.fake.silent_feeder = True
    run.run(300)
    assert sum(alarm.subject == "feeder" for plan in run.plans for alarm in plan.alarms) == 1


def test_decisions_say_what_bound_and_why() -> None:
    run = loop(Fake(30, site(30)))
    run.run(100)
    decisions = [one for plan in run.plans for one in plan.decisions]
    assert decisions
    assert all(one.bound and one.sentence for one in decisions)


def test_frozen_feeder_is_noticed() -> None:
    run = loop(Fake(30, site(30), noise=0.005), NOISY)
    run.run(120)
    stuck = run.fake.read().site_w
    for _ in range(30):
        readings = dataclasses.replace(run.fake.step(), site_w=stuck)
        plan = run.governor.step(run.fake.now, readings)
        run.plans.append(plan)
        run.fake.obey(plan)
    assert any("digits" in alarm.sentence for plan in run.plans for alarm in plan.alarms)


def test_site_without_miners_is_no_trouble() -> None:
    run = loop(Fake(0, site(1)))
    run.run(30)
    assert all(not len(plan.steps.miner) for plan in run.plans)


def test_a_fleet_that_lost_its_pool_comes_back_in_steps() -> None:
    """Kept from work are all but a few, whose first share lets the others in."""
    run = loop(Fake(40, site(40)))
    run.run(120)
    full = run.fake.load_w
    run.fake.pool = False
    run.run(200)
    assert 1 <= int(run.fake.working.sum()) <= 5
    assert run.fake.load_w < 0.3 * full
    run.fake.pool = True
    loads = [run.fake.load_w]
    for _ in range(400):
        run.run(1)
        loads.append(run.fake.load_w)
    rating = sum(one.nominal_kw for one in run.fake.site.generators) * 1000.0
    assert max(after - before for before, after in zip(loads, loads[10:], strict=False)) < 0.12 * rating
    assert loads[-1] > 0.95 * full


# -- the two sums ------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=UNSHRUNK)
@given(
    lag_down=st.floats(0.5, 2.0),
    lag_up=st.floats(0.5, 2.0),
    caps=st.lists(st.floats(0.3, 1.1), min_size=1, max_size=6),
    deaf=st.sets(st.integers(0, 19), max_size=3),
    tells=st.booleans(),
)
def test_proven_is_never_below_what_is_drawn(
    lag_down: float, lag_up: float, caps: list[float], deaf: set[int], tells: bool
) -> None:
    """Whatever was commanded, and whoever obeys: a command by itself proves nothing."""
    run = loop(Fake(20, site(20), lag_down=lag_down, lag_up=lag_up, deaf=deaf, tells_watts=tells))
    for cap in caps:
        run.fake.instructions = Instructions(cap_w=cap * 20 * MODEL.ceiling_w, cap_name="order")
        for _ in range(25):
            # The governor's sum is compared with the load of the tick that it was made from.
            run.run(1)
            assert run.plans[-1].proven_w >= 0.97 * run.loads[-1]


def test_down_command_is_not_credited_before_evidence() -> None:
    """The feeder stands still after the command: the proven sum stands with it, the expected one falls."""
    run = loop(Fake(20, site(20)))
    run.run(120)
    before = run.plans[-1].proven_w
    run.fake.instructions = Instructions(cap_w=0.5 * before, cap_name="order")
    run.fake.lag_down = 1e6
    run.run(1)
    assert len(run.plans[-1].steps.miner)
    run.run(2)
    assert run.plans[-1].proven_w > 0.97 * before
    assert run.plans[-1].expected_w < 0.7 * before


def test_up_command_is_charged_at_once_at_its_final_watts() -> None:
    run = loop(Fake(20, site(20)))
    run.fake.instructions = Instructions(cap_w=20_000.0, cap_name="order")
    run.run(120)
    run.fake.instructions = Instructions()
    for _ in range(60):
        told = run.fake.limit.copy()
        run.run(1)
        miners, watts = run.plans[-1].steps.of(Verb.LIMIT)
        up = watts > told[miners] + 1.0
        if up.any():
            risen = float((watts - told[miners])[up].sum())
            assert run.plans[-1].proven_w >= 0.97 * run.loads[-1] + 0.97 * risen
            return
    pytest.fail("nothing was raised")


# -- oscillation ---------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=UNSHRUNK)
@given(
    lag_down=st.floats(0.5, 2.0),
    lag_up=st.floats(0.5, 2.0),
    spread=st.floats(0.9, 1.1),
    preload=st.floats(0.7, 1.5),
    noise=st.sampled_from([0.0, 0.005]),
    seed=st.integers(0, 1000),
)
def test_no_sustained_oscillation(
    lag_down: float, lag_up: float, spread: float, preload: float, noise: float, seed: int
) -> None:
    run = loop(
        Fake(
            25,
            site(25, preload=preload),
            lag_down=lag_down,
            lag_up=lag_up,
            spread=spread,
            noise=noise,
            seed=seed,
        ),
        NOISY if noise else QUIET,
    )
    run.run(420)
    assert swings(run.loads[-200:], 0.02) < 2


# -- repeatable ----------------------------------------------------------------------------------------------


def recorded_run(seconds: int) -> tuple[Loop, list[dict[str, object]]]:
    run = loop(Fake(15, site(15), noise=0.005, seed=3, deaf={2}), NOISY)
    entries = []
    for second in range(seconds):
        readings = run.fake.step()
        if second == 60:
            run.fake.running[1] = False
        if second == 100:
            run.fake.connected[:3] = False
        entries.append(record(run.fake.now, readings))
        plan = run.governor.step(run.fake.now, readings)
        run.plans.append(plan)
        run.fake.obey(plan)
    return run, entries


def fresh() -> Governor:
    return Governor(site(15), devices(15), CURVES, NOISY)


def replayed(governor: Governor, entries: list[dict[str, Any]]) -> list[Plan]:
    """Return the plans of a governor for recorded ticks."""
    return [governor.step(*recorded(entry)) for entry in entries]


def test_replay_of_a_trace_gives_identical_plans() -> None:
    run, entries = recorded_run(200)
    packed = msgpack.packb(entries)
    plans = replayed(fresh(), msgpack.unpackb(packed))
    assert all(same(one, other) for one, other in zip(run.plans, plans, strict=True))


def test_trace_keeps_every_reading() -> None:
    fake = Fake(3, site(3))
    readings = fake.step()
    now, again = recorded(json.loads(json.dumps(record(fake.now, readings))))
    assert now == fake.now
    assert repr(plain(again)) == repr(plain(readings))


@pytest.mark.parametrize("cut", [1, 59, 63, 110, 150])
def test_state_taken_anywhere_goes_on_identically(cut: int) -> None:
    run, entries = recorded_run(170)
    governor = fresh()
    replayed(governor, entries[:cut])
    state = msgpack.unpackb(msgpack.packb(governor.state()))
    heir = Governor.from_state(state, site(15), devices(15), CURVES, NOISY)
    plans = replayed(heir, entries[cut:])
    assert all(same(one, other) for one, other in zip(run.plans[cut:], plans, strict=True))


def test_state_of_other_devices_is_refused() -> None:
    with pytest.raises(ValueError, match="other devices"):
        Governor.from_state(fresh().state(), site(14), devices(14), CURVES)


def test_joined_devices_wait_for_admission() -> None:
    governor = Governor(site(10), devices(5), CURVES, QUIET)
    fake = Fake(5, site(10))
    governor.step(fake.now, fake.step())
    governor.join(devices(2))
    wide = Fake(7, site(10))
    wide.now = fake.now
    plan = governor.step(wide.now + 1.0, wide.step())
    assert set(plan.steps.of(Verb.WITHHOLD)[0].tolist()) == {5, 6}


# -- bad input -----------------------------------------------------------------------------------------------

floats = st.one_of(
    st.just(math.nan), st.just(math.inf), st.floats(-1e12, 1e12), st.sampled_from([0.0, -1.0, 65535.0])
)


NAMES = ("site_w", "site_at", "header_kpa", "flare_m3h", "ambient_c", "aux_w", "available_w", "available_at")


def nonsense(data: st.DataObject, readings: Readings) -> Readings:
    """Return readings of which some, drawn by ``data``, are anything."""
    wrong: dict[str, Any] = {
        name: data.draw(floats) for name in data.draw(st.sets(st.sampled_from(NAMES), max_size=4))
    }
    if data.draw(st.booleans()):
        wrong["site_w"] = readings.site_w * data.draw(st.floats(0.7, 1.3))  # nothing that looks wrong
    if data.draw(st.booleans()):
        sets = readings.generators
        assert sets is not None
        wrong["miner_w"] = readings.miner_w * data.draw(floats)
        wrong["generators"] = dataclasses.replace(
            sets, hz=data.draw(floats), watts=sets.watts * data.draw(floats)
        )
    return dataclasses.replace(readings, **wrong)


@settings(max_examples=40, deadline=None, phases=UNSHRUNK)
@given(data=st.data())
def test_no_reading_ever_breaks_it_or_raises_beyond_proof(data: st.DataObject) -> None:
    """A fleet that climbs, for there is room: the moment at which a wrong reading does most harm."""
    run = loop(Fake(40, site(40)))
    run.fake.instructions = Instructions(cap_w=70_000.0, cap_name="order")
    run.run(60)
    run.fake.instructions = FREE
    rating_w = 1000.0 * sum(one.nominal_kw for one in run.fake.site.generators)
    usable_w = 0.75 * rating_w - run.fake.aux_w
    run.run(data.draw(st.integers(0, 150)))
    for _ in range(8):
        before = run.fake.limit.copy()
        plan = run.governor.step(run.fake.now + 1.0, nonsense(data, run.fake.step()))
        assert not math.isnan(plan.budget_w)
        assert (plan.steps.watts >= 0).all()
        assert (plan.steps.watts <= MODEL.ceiling_w).all()
        assert plan.budget_w <= 1.001 * 0.75 * rating_w
        if raises(plan, before):
            # What is proven counts what this plan raises.
            assert plan.proven_w <= 1.001 * plan.budget_w
        run.fake.obey(plan)
    run.run(60)
    assert max(run.loads[-60:]) <= 1.01 * usable_w


@pytest.mark.parametrize("ends", [False, True])
def test_who_is_let_go_at_the_programs_end_is_no_loss(ends: bool) -> None:
    run = loop(Fake(30, site(30)))
    run.run(60)
    begun = len(run.plans)
    run.fake.instructions = Instructions(ends=ends)
    for miner in range(0, 30, 10):
        run.fake.connected[miner : miner + 10] = False
        run.run(5)
    plans = run.plans[begun:]
    said = {alarm.kind for plan in plans for alarm in plan.alarms}
    told = {decision.what for plan in plans for decision in plan.decisions}
    assert ("sessions" in said, "lost" in told) == (not ends, not ends)
    assert not ends or not said


def test_nothing_is_raised_while_the_program_ends() -> None:
    run = loop(Fake(30, site(30)))
    run.fake.instructions = Instructions(cap_w=30_000.0, cap_name="operator")
    run.run(120)
    low = run.fake.load_w
    run.fake.instructions = Instructions(ends=True)
    run.run(120)
    assert run.fake.load_w <= 1.01 * low
    assert "the program ends" in run.plans[-1].sentence


@pytest.mark.parametrize("ends", [False, True])
def test_who_was_let_go_is_not_blamed_for_what_it_was_told_before(ends: bool) -> None:
    run = loop(Fake(30, site(30)))
    run.run(60)
    run.fake.deaf.add(3)
    run.fake.instructions = Instructions(stopped=True, ends=ends)
    run.run(3)
    run.fake.connected[:] = False
    begun = len(run.plans)
    run.run(60)
    blamed = {alarm.subject for plan in run.plans[begun:] for alarm in plan.alarms if alarm.kind == "deaf"}
    assert blamed == (set() if ends else {"m3"})
