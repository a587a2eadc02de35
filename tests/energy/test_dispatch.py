from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.dispatch import Dwell, Ramp, lowers, margin, outside_deadband, protective, raises
from proxy.energy.release import charge_w, pace_w, release

seeds = st.integers(0, 2**32 - 1)


# -- ramps ---------------------------------------------------------------------------------------------------


def test_a_step_is_a_part_of_what_runs_and_smaller_above_its_knee() -> None:
    ramp = Ramp()
    assert ramp.up_w(1e6, 500e3, 0.0) == pytest.approx(100e3)
    assert ramp.up_w(1e6, 500e3, 70e3) == pytest.approx(30e3)
    assert ramp.up_w(1e6, 700e3, 0.0) == pytest.approx(50e3)
    assert ramp.down_w(1e6, 200e3) == pytest.approx(50e3)
    assert ramp.unload_part_s == pytest.approx(0.05)


@given(st.floats(0, 1e7) | st.just(nan), st.floats(0, 1e7) | st.just(nan), st.floats(0, 1e7))
def test_unknown_load_or_rating_permits_no_raise(rating: float, load: float, recent: float) -> None:
    allowed = Ramp().up_w(rating, load, recent)
    assert 0 <= allowed <= 0.1 * (rating if rating == rating else 0.0)
    assert Ramp().up_w(rating, nan, recent) == Ramp().up_w(nan, load, recent) == 0


def test_dwell_holds_what_changed_lately_what_cycles_too_often_and_what_is_unknown() -> None:
    dwell = Dwell()
    assert dwell.may_raise(np.array([29.0, 30.0, nan])).tolist() == [False, True, False]
    assert dwell.may_wake(np.array([299.0, 300.0, 300.0, nan]), np.array([0, 5, 6, 0])).tolist() == [
        False,
        True,
        False,
        False,
    ]
    assert dwell.may_sleep(np.array([899.0, 900.0, nan])).tolist() == [False, True, False]


def test_small_differences_are_left_alone() -> None:
    wanted, present = np.array([1000.0, 2000.0]), np.array([1010.0, 1990.0])
    assert not outside_deadband(wanted, present, 2000.0)
    assert outside_deadband(wanted, present, 1999.0)


# -- raises and lowers ---------------------------------------------------------------------------------------


def told_up(seed: int, allowed_w: float, *, alone: bool = False) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    floor = np.full(30, 800.0)
    charged = np.where(rng.random(30) < 0.4, 25.0, rng.uniform(800, 3000, 30))
    wanted = np.where(rng.random(30) < 0.2, 25.0, rng.uniform(800, 3500, 30))
    ready, divisible = rng.random(30) < 0.8, rng.random(30) < 0.5
    worth = rng.random(30)
    told = raises(
        wanted,
        charged,
        allowed_w=allowed_w,
        ready=ready,
        worth=worth,
        divisible=divisible,
        floor_w=floor,
        alone=alone,
    )
    return told, wanted, charged, ready, divisible, floor


@given(seeds, st.floats(0, 50e3))
def test_raises_add_no_more_than_is_allowed_and_end_where_a_miner_can_stand(
    seed: int, allowed: float
) -> None:
    told, wanted, charged, ready, divisible, floor = told_up(seed, allowed)
    moved = ~np.isnan(told)
    assert (told - charged)[moved].sum() <= allowed + 1e-6
    assert (told[moved] > charged[moved]).all()
    assert (told[moved] <= wanted[moved]).all()
    assert ready[moved].all()
    part = moved & (told < wanted)
    assert divisible[part].all()
    assert (told[part] >= floor[part]).all()


@given(seeds)
def test_nothing_is_raised_on_unknown_or_no_allowance(seed: int) -> None:
    for allowed in (nan, 0.0, -1e3):
        assert np.isnan(told_up(seed, allowed)[0]).all()


def test_the_best_watts_are_raised_first() -> None:
    ready = np.ones(3, dtype=np.bool_)
    told = raises(
        np.full(3, 3000.0),
        np.full(3, 25.0),
        allowed_w=3000.0,
        ready=ready,
        worth=np.array([1.0, 3.0, 2.0]),
        divisible=~ready,
        floor_w=np.full(3, 3000.0),
    )
    assert told[1] == 3000.0
    assert np.isnan(told[[0, 2]]).all()


def test_a_miner_larger_than_the_step_starts_alone() -> None:
    told = told_up(3, 0.0, alone=True)[0]
    assert (~np.isnan(told)).sum() == 1


@given(seeds, st.floats(0, 50e3))
def test_lowers_drop_no_more_than_is_allowed_but_for_a_single_large_one(seed: int, allowed: float) -> None:
    rng = np.random.default_rng(seed)
    present, wanted = rng.uniform(25, 3500, 30), rng.uniform(25, 3500, 30)
    ready = rng.random(30) < 0.8
    told = lowers(wanted, present, allowed_w=allowed, ready=ready, worth=rng.random(30))
    moved = ~np.isnan(told)
    assert (told[moved] < present[moved]).all()
    assert ready[moved].all()
    assert (present - told)[moved].sum() <= allowed or moved.sum() <= 1
    if allowed == 0:
        assert not moved.any()


# -- protection ----------------------------------------------------------------------------------------------


@given(seeds, st.floats(0, 60e3))
def test_a_reduction_covers_the_deficit_with_its_margin_or_takes_all_there_is(
    seed: int, deficit: float
) -> None:
    rng = np.random.default_rng(seed)
    drop = np.where(rng.random(30) < 0.2, nan, rng.uniform(0, 3000, 30))
    shed = protective(deficit, drop, rng.choice([2.0, 10.0, 300.0, inf], 30), rng.random(30))
    assert shed.watts == pytest.approx(drop[shed.chosen].sum())
    assert shed.short_w == pytest.approx(max(0.0, deficit - shed.watts))
    if deficit == 0:
        assert not shed.chosen.any()
    elif shed.watts < deficit * (1 + margin(int(shed.chosen.sum()))):
        countable = np.isfinite(drop) & (drop > 0) & np.isfinite(shed.slowest_s)
        assert shed.chosen.sum() <= countable.sum()
    else:  # not one more than needed
        last = drop[shed.chosen].max()
        assert shed.watts - last <= deficit * (1 + margin(1))


def test_nothing_is_shed_where_nothing_lacks() -> None:
    for deficit in (0.0, -5e3, nan):
        assert not protective(deficit, np.full(5, 1e3), np.ones(5), np.zeros(5)).chosen.any()


def test_the_fastest_go_first_and_among_them_the_cheapest() -> None:
    shed = protective(
        1900.0,
        np.full(5, 1000.0),
        np.array([60.0, 4.0, 20.0, 3.0, 2.0]),
        np.array([0.0, 3.0, 0.0, 2.0, 1.0]),
    )
    assert shed.chosen.tolist() == [False, True, False, True, True]
    assert shed.slowest_s == 4.0
    cheap = protective(600.0, np.full(3, 1000.0), np.full(3, 2.0), np.array([2.0, 1.0, 3.0]))
    assert cheap.chosen.tolist() == [False, True, False]


def test_the_margin_covers_what_models_have_in_common_and_narrows_with_numbers() -> None:
    assert margin(1) > margin(100) > margin(10_000) > 1 / (0.95 * 0.97) - 1


def test_a_true_shortfall_is_covered_although_curves_are_off_and_some_do_not_obey() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(300):
        nominal = rng.uniform(800, 3500, 2000)
        common, obeys = rng.uniform(0.95, 1.05), rng.random(2000) > 0.03
        true = nominal * common * rng.normal(1, 0.05, 2000) * obeys
        shed = protective(500e3, nominal, np.full(2000, 3.0), rng.random(2000))
        covered += true[shed.chosen].sum() >= 500e3
    assert covered >= 285


# -- the way back --------------------------------------------------------------------------------------------


@given(seeds, st.floats(0, 60e3) | st.just(nan))
def test_no_more_is_released_than_is_allowed_and_nobody_overtakes(seed: int, allowed: float) -> None:
    rng = np.random.default_rng(seed)
    waiting, rank = rng.random(30) < 0.7, rng.permutation(30).astype(float)
    charge = np.where(rng.random(30) < 0.05, nan, rng.uniform(500, 3500, 30))
    started, left = release(waiting, charge, rank, allowed)
    budget = 0.0 if allowed != allowed else allowed
    assert charge[started].sum() <= budget
    assert left == pytest.approx(budget - charge[started].sum())
    assert waiting[started].all()
    behind = np.setdiff1d(np.flatnonzero(waiting), started)
    if len(started) and len(behind):
        assert rank[started].max() < rank[behind].min()
    if len(behind):
        following = behind[np.argmin(rank[behind])]
        assert not charge[following] <= left - 1e-6


def test_ten_thousand_that_return_at_once_come_back_at_the_pace() -> None:
    waiting, charge = np.ones(10_000, dtype=np.bool_), np.full(10_000, 3000.0)
    saved, second, released = 0.0, 0, []
    while waiting.any():
        second += 1
        saved = pace_w(100e3, 1.0, saved, burst_w=200e3)
        started, saved = release(waiting, charge, np.arange(10_000.0), saved)
        waiting[started] = False
        released.append(charge[started].sum())
    assert max(released) <= 200e3
    assert second == pytest.approx(300, abs=3)


def test_pace_saves_up_to_its_burst_and_a_clock_that_goes_back_gives_nothing() -> None:
    assert pace_w(1e3, 1000.0, 0.0, 5e3) == 5e3
    assert pace_w(1e3, -10.0, 2e3, 5e3) == 2e3


def test_joiners_are_charged_at_their_ceiling_unless_known() -> None:
    assert charge_w(np.array([3600.0, 3600.0]), np.array([nan, 1200.0])).tolist() == [3600.0, 1200.0]
