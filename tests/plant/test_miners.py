"""Miners: curves, ramps, sleep, work without which they burn on and then idle, heat, lies."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.plant.asics import State
from proxy.plant.fleet import HASHES_PER_DIFFICULTY, fleet, model
from proxy.plant.plant import Plant
from proxy.plant.script import BrownOut, Deaf, Join, LanLost, Liars, UplinkLost
from proxy.plant.step import Commands, Step
from proxy.plant.telemetry import Claim
from tests.plant import sites
from tests.plant.sites import NOMINAL, STIFF, after, at, steps, watts, with_values

a_plant = partial(sites.a_plant, parameters=STIFF)
S19K = model(NOMINAL, "s19k-pro/luxos")


@pytest.mark.parametrize(
    ("hashrate_ths", "recorded_w"),
    [(39.2, 784), (54.7, 1080), (70.2, 1414), (85.7, 1785), (101.1, 2192), (121.8, 2794), (142.4, 3461)],
)
def test_the_curve_is_the_recorded_one(hashrate_ths: float, recorded_w: float) -> None:
    assert S19K.watts(hashrate_ths) == pytest.approx(recorded_w, rel=0.005)
    assert S19K.hashrate(recorded_w) == pytest.approx(hashrate_ths, rel=0.005)


@given(low=st.floats(800, 3000), more=st.floats(1, 300))
def test_more_watts_are_more_hashes_each_dearer_than_the_last(low: float, more: float) -> None:
    first, second, third = (S19K.hashrate(low + number * more) for number in range(3))
    assert first < second < third
    assert third - second < second - first


def test_presets_rise_from_floor_to_ceiling() -> None:
    assert len(S19K.levels_w) == 25
    assert list(S19K.levels_w) == sorted(S19K.levels_w)
    assert S19K.levels_w[0] == pytest.approx(S19K.floor_w)
    assert S19K.levels_w[-1] == pytest.approx(S19K.ceiling_w)


@pytest.mark.parametrize("kind", sorted(NOMINAL.fleet))
def test_a_fleet_is_mixed_by_its_weights(kind: str) -> None:
    made = fleet(NOMINAL, kind, 1000, 1, tenants=3, circuits=7)
    weights = np.array(list(NOMINAL.fleet[kind].values()))
    counts = np.bincount(made.model, minlength=len(made.models))
    assert np.abs(counts - weights / weights.sum() * 1000).max() <= 1
    assert set(made.tenant) == {0, 1, 2}
    assert set(made.circuit) == set(range(7))
    assert made.spread.min() >= 1 - NOMINAL.miner.spread
    assert made.spread.max() <= 1 + NOMINAL.miner.spread
    assert not (made.model != fleet(NOMINAL, kind, 1000, 1, tenants=3, circuits=7).model).any()


def kilowatts(step: Step) -> float:
    return float(step.truth.miner_w.sum()) / 1e3


def test_a_miner_at_default_power_draws_it() -> None:
    # 25 C at the inlet is what the curve was taken at.
    assert after(a_plant(), 60).truth.miner_w == pytest.approx(S19K.default_w, rel=0.002)


def test_a_limit_takes_the_preset_below_and_hashes_follow_the_curve() -> None:
    plant = a_plant()
    step = after(plant, 400, Commands(limit=(at(0), watts(2000.0))))
    preset = max(level for level in S19K.levels_w if level <= 2000.0)
    # Cooler boards draw less.
    assert 0.93 * preset < step.truth.miner_w[0] < preset
    assert step.truth.hashrate_hs[0] == pytest.approx(S19K.hashrate(preset) * 1e12, rel=1e-6)
    assert step.truth.miner_w[1] == pytest.approx(S19K.default_w, rel=0.002)


@given(limit=st.floats(-1e6, 1e6))
def test_no_limit_leads_outside_floor_and_ceiling(limit: float) -> None:
    plant = a_plant(miners=1, circuits=1)
    after(plant, 60, Commands(limit=(at(0), watts(limit))), dt=10.0)
    level = plant.miners.draw.level_w[0]
    assert S19K.floor_w - 1 <= level <= S19K.ceiling_w + 1


def test_a_sleeping_miner_is_there_within_its_time_and_hashes_nothing() -> None:
    plant = a_plant()
    everybody = np.arange(60)
    passed = list(steps(plant, 20, first=Commands(sleep=everybody)))
    load = np.array([kilowatts(step) for step in passed]) / kilowatts(passed[0])
    assert load[0] > 0.5
    assert load[6] < 0.06
    assert passed[-1].truth.hashes == 0
    assert passed[-1].seen.shares.sum() == 0
    assert passed[-1].truth.miner_w == pytest.approx(S19K.sleep_w, rel=0.2)


@pytest.mark.parametrize(("kind", "slow_s"), [("homogeneous", 60.0), ("sleep-only", 420.0)])
def test_waking_takes_as_long_as_the_firmware_needs(kind: str, slow_s: float) -> None:
    plant = a_plant(kind=kind)
    everybody = np.arange(60)
    full = kilowatts(after(plant, 1))
    after(plant, 120, Commands(sleep=everybody))
    loads = [kilowatts(step) / full for step in steps(plant, 1.5 * slow_s, first=Commands(wake=everybody))]
    assert loads[round(slow_s / 8)] < 0.9
    assert loads[-1] > 0.9


def test_a_limit_and_a_wake_in_one_step_are_both_obeyed() -> None:
    plant = a_plant()
    after(plant, 30, Commands(sleep=at(0)))
    step = after(plant, 200, Commands(wake=at(0), limit=(at(0), watts(1000.0))))
    assert step.truth.miner_state[0] == State.MINING
    assert 800 < step.truth.miner_w[0] < 1000


def test_without_work_a_miner_burns_on_and_then_idles() -> None:
    plant = a_plant()
    passed = list(steps(plant, 180, first=Commands(withhold=at(0))))
    assert passed[100].truth.miner_w[0] > 0.95 * S19K.default_w
    assert passed[100].truth.hashrate_hs[0] > 0
    assert passed[150].truth.miner_w[0] < 0.1 * S19K.default_w
    assert passed[150].truth.hashrate_hs[0] == 0
    assert passed[150].seen.connected[0]
    step = after(plant, 120, Commands(release=at(0)))
    assert step.truth.miner_w[0] > 0.9 * S19K.default_w
    assert step.truth.hashrate_hs[0] > 0


def test_work_that_comes_back_in_time_changes_nothing() -> None:
    plant = a_plant()
    after(plant, 60, Commands(withhold=at(0)))
    for step in steps(plant, 120, first=Commands(release=at(0))):
        assert step.truth.miner_w[0] > 0.99 * S19K.default_w


def test_a_disconnected_miner_comes_back_some_time_after_its_release() -> None:
    plant = a_plant()
    assert not after(plant, 300, Commands(disconnect=at(0))).seen.connected[0]
    assert not after(plant, 1, Commands(release=at(0))).seen.connected[0]
    assert after(plant, 300).seen.connected[0]


def test_a_stray_miner_works_for_somebody_else_when_disconnected() -> None:
    plant = a_plant(parameters=STIFF.with_value("miner.stray", 1.0))
    step = after(plant, 300, Commands(disconnect=at(0)))
    assert step.truth.miner_w[0] > 0.95 * S19K.default_w
    assert step.truth.hashrate_hs[0] == 0
    step = after(plant, 300, Commands(release=at(0)))
    assert step.truth.hashrate_hs[0] > 0


def test_firmware_without_the_interface_refuses() -> None:
    plant = a_plant(kind="sleep-only")
    step = plant.step(1.0, Commands(limit=(at(3, 5), watts(1000.0, 1000.0))))
    assert list(step.seen.refused) == [3, 5]


def test_so_many_commands_are_lost_and_refused() -> None:
    parameters = with_values({"miner.lost": 0.03, "miner.refused": 0.02}, STIFF)
    plant = a_plant(miners=4000, parameters=parameters, circuits=1)
    everybody = np.arange(4000)
    first, *_, last = steps(plant, 30, first=Commands(sleep=everybody))
    awake = int((last.truth.miner_state == State.MINING).sum())
    assert 40 < first.seen.refused.size < 130
    assert 120 < awake < 290


def test_the_deaf_do_nothing_and_say_so() -> None:
    plant = a_plant(Deaf(0.0, (0,)))
    step = after(plant, 60, Commands(sleep=at(0, 1)))
    assert step.truth.miner_w[0] > 0.99 * S19K.default_w
    assert step.seen.miner_claim[0] == Claim.MINING
    assert step.seen.miner_claim[1] == Claim.ASLEEP
    assert step.seen.refused.size == 0


def test_liars_do_nothing_and_say_otherwise_but_their_shares_come() -> None:
    plant = a_plant(Liars(0.0, (0,), for_s=100.0))
    shares = 0
    for step in steps(plant, 99, first=Commands(sleep=at(0))):
        shares += int(step.seen.shares[0])
    assert step.truth.miner_w[0] > 0.99 * S19K.default_w
    assert step.seen.miner_claim[0] == Claim.ASLEEP
    assert step.seen.miner_w[0] == pytest.approx(S19K.sleep_w)
    assert shares > 0
    after(plant, 2)
    honest = after(plant, 60, Commands(sleep=at(0)))
    assert honest.truth.miner_w[0] < 100


def test_telemetry_tells_what_the_firmware_knows() -> None:
    plant = a_plant(kind="mixed", miners=200)
    step = after(plant, 20)
    for number, one in enumerate(plant.miners.models):
        told = step.seen.miner_w[plant.fleet.model == number]
        true = step.truth.miner_w[plant.fleet.model == number]
        assert np.isnan(told).all() == (one.telemetry == 0)
        if one.telemetry == 2:
            assert told == pytest.approx(true, rel=0.01)
        if one.telemetry == 1:
            assert told == pytest.approx(true, rel=0.3)


def test_each_miner_is_asked_once_in_its_time() -> None:
    plant = a_plant(miners=57)
    after(plant, 60)
    for step in steps(plant, 30):
        assert step.seen.miner_age_s.max() <= NOMINAL.miner.poll_s + 1
    assert np.unique(step.seen.miner_age_s).size > 5


def test_shares_are_poisson_of_the_true_hashrate() -> None:
    plant = a_plant(miners=200)
    total, squares, seconds = 0.0, 0.0, 400
    for step in steps(plant, seconds):
        total += step.seen.shares.sum()
        squares += float((step.seen.shares.astype(float) ** 2).sum())
    rate = step.truth.hashrate_hs.sum() / (step.seen.difficulty[0] * HASHES_PER_DIFFICULTY)
    assert total == pytest.approx(rate * seconds, rel=0.03)
    mean = total / seconds / 200
    assert squares / seconds / 200 == pytest.approx(mean + mean**2, rel=0.05)


def test_a_brown_out_reboots_all_and_volatile_limits_are_forgotten() -> None:
    plant = a_plant(BrownOut(100.0))
    before = kilowatts(after(plant, 99, Commands(limit=(np.arange(60), np.full(60, 1000.0)))))
    dipped = after(plant, 3)
    assert kilowatts(dipped) < 0.3 * before
    assert not dipped.seen.connected.any()
    back = after(plant, 400)
    assert back.seen.connected.all()
    assert kilowatts(back) == pytest.approx(60 * S19K.default_w / 1e3, rel=0.02)


def test_joiners_are_nothing_before_they_join() -> None:
    plant = a_plant(Join(50.0, (58, 59)))
    step = after(plant, 40)
    assert step.truth.miner_w[58] == 0
    assert step.seen.miner_claim[58] == Claim.UNREACHABLE
    assert not step.seen.connected[58]
    assert after(plant, 20).truth.miner_w[58] > 0
    step = after(plant, 300)
    assert step.seen.connected[58]
    assert step.truth.miner_w[58] > 0.9 * S19K.default_w


def test_without_uplink_all_burn_on_for_nothing_and_then_idle() -> None:
    plant = a_plant(UplinkLost(10.0, 400.0))
    step = after(plant, 60)
    assert kilowatts(step) > 0.95 * 60 * S19K.default_w / 1e3
    assert step.truth.hashes == 0
    assert kilowatts(after(plant, 200)) < 0.1 * 60 * S19K.default_w / 1e3
    step = after(plant, 400)
    assert step.truth.hashes > 0


def test_without_a_network_nobody_is_told_or_heard() -> None:
    plant = a_plant(LanLost(10.0, 100.0, circuit=0))
    step = after(plant, 60)
    cut = plant.fleet.circuit == 0
    assert (step.seen.miner_claim[cut] == Claim.UNREACHABLE).all()
    assert (step.seen.miner_claim[~cut] == Claim.MINING).all()
    assert step.seen.shares[cut].sum() == 0
    assert set(plant.step(1.0, Commands(sleep=np.arange(60))).seen.refused) == set(np.flatnonzero(cut))
    assert after(plant, 300).seen.connected.all()


def test_too_hot_a_board_stops_and_comes_back_when_it_has_cooled() -> None:
    hot = with_values({"site.ambient_c": 62.0, "engine.lean.heat_per_c": 0.0}, STIFF)
    plant: Plant = a_plant(parameters=hot)
    states = {int(step.truth.miner_state[0]) for step in steps(plant, 3000, dt=5.0)}
    assert {State.HOT, State.WAKING, State.MINING} <= states
    assert plant.miners.draw.temperature_c.max() < NOMINAL.miner.trip_c + 1


def test_warm_air_raises_the_watts() -> None:
    cold, warm = (
        kilowatts(after(a_plant(parameters=STIFF.with_value("site.ambient_c", celsius)), 600, dt=5.0))
        for celsius in (10.0, 30.0)
    )
    assert warm / cold == pytest.approx(1 + 20 * NOMINAL.miner.watts_per_c, rel=0.05)
