"""How far a miner may be moved: dwell, lock-outs, who is left out."""

from dataclasses import replace
from math import nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.bounds import Dwell, Standing, able_w, bounds

DWELL = Dwell(min_on_s=900.0, min_off_s=300.0, cycles_day=6)
FLOOR, CEILING, SLEEP, IDLE = 800.0, 3000.0, 25.0, 200.0
seeds = st.integers(0, 2**32 - 1)


def standing(**columns: Any) -> Standing:
    """Return one miner that has run at its ceiling for an hour, but for ``columns``."""
    usual: dict[str, Any] = {
        "told_w": CEILING,
        "runs": True,
        "sleeps": False,
        "here": True,
        "changed_s": 3600.0,
        "cycles": 0.0,
        "lent": False,
        "left_out": False,
        "locked": False,
        "floor_w": FLOOR,
        "ceiling_w": CEILING,
        "sleep_w": SLEEP,
        "idle_w": IDLE,
        "can_limit": True,
        "can_sleep": True,
        "can_idle": True,
    }
    return Standing(**{name: np.array([value]) for name, value in (usual | columns).items()})


def of(miner: Standing, *, shedding: bool = False, limits: bool = False) -> tuple[float, float]:
    lower, upper = bounds(miner, DWELL, shedding=shedding, limits=limits)
    return float(lower[0]), float(upper[0])


def fleet(seed: int, count: int = 60) -> Standing:
    rng = np.random.default_rng(seed)
    mode = rng.integers(0, 3, count)

    def some(part: float) -> np.ndarray:
        return np.asarray(rng.random(count) < part)

    runs, sleeps = mode == 0, mode == 1
    told = np.where(runs, rng.uniform(FLOOR, CEILING, count), np.where(sleeps, SLEEP, IDLE))
    return Standing(
        told_w=told,
        runs=runs,
        sleeps=sleeps,
        here=some(0.9),
        changed_s=rng.choice([0.0, 299.0, 300.0, 899.0, 900.0, 1e5], count),
        cycles=rng.choice([0.0, 5.9, 6.0], count),
        lent=some(0.2),
        left_out=some(0.2),
        locked=some(0.2),
        floor_w=np.full(count, FLOOR),
        ceiling_w=np.full(count, CEILING),
        sleep_w=np.full(count, SLEEP),
        idle_w=np.full(count, IDLE),
        can_limit=some(0.7),
        can_sleep=some(0.7),
        can_idle=some(0.7),
    )


@given(st.floats(0, 2000) | st.just(nan), st.floats(0, 10))
def test_nobody_sleeps_for_money_before_its_time_nor_too_often(changed: float, cycles: float) -> None:
    lower, _ = of(standing(changed_s=changed, cycles=cycles))
    assert (lower < FLOOR) == (changed >= 900.0 and cycles < 6)


@given(seeds)
def test_protective_reductions_ignore_dwell(seed: int) -> None:
    miners = fleet(seed)
    fresh = replace(miners, changed_s=np.zeros(60), cycles=np.full(60, 99.0))
    rested = replace(miners, changed_s=np.full(60, 1e6), cycles=np.zeros(60))
    for one, other in zip(
        bounds(fresh, DWELL, shedding=True), bounds(rested, DWELL, shedding=True), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert of(standing(changed_s=0.0), shedding=True)[0] == SLEEP


@given(seeds, st.booleans())
def test_nobody_is_raised_while_shedding(seed: int, limits: bool) -> None:
    miners = fleet(seed)
    _, upper = bounds(miners, DWELL, shedding=True, limits=limits)
    assert (upper <= miners.told_w).all()


@given(seeds, st.booleans())
def test_bounds_are_in_order_and_within_what_a_miner_can_be(seed: int, shedding: bool) -> None:
    miners = fleet(seed)
    lower, upper = bounds(miners, DWELL, shedding=shedding)
    assert (lower <= upper).all()
    assert (lower >= np.minimum(SLEEP, miners.told_w)).all()
    assert (upper <= CEILING).all()


@given(seeds, st.booleans())
def test_who_is_left_out_or_gone_stays_where_it_was_told(seed: int, shedding: bool) -> None:
    miners = fleet(seed)
    lower, upper = bounds(miners, DWELL, shedding=shedding)
    fixed = miners.left_out | (~miners.runs & ~miners.sleeps & ~miners.here)
    np.testing.assert_array_equal(lower[fixed], miners.told_w[fixed])
    np.testing.assert_array_equal(upper[fixed], miners.told_w[fixed])


def test_while_limits_are_enough_whoever_has_one_is_not_stopped() -> None:
    assert of(standing(), shedding=True, limits=True)[0] == FLOOR
    assert of(standing(can_limit=False), shedding=True, limits=True)[0] == SLEEP


def test_what_stops_a_miner_is_sleep_or_idleness_or_nothing() -> None:
    assert of(standing())[0] == SLEEP
    assert of(standing(can_sleep=False))[0] == IDLE
    assert of(standing(can_sleep=False, can_idle=False))[0] == FLOOR
    assert of(standing(can_sleep=False, can_idle=False, can_limit=False)) == (CEILING, CEILING)


@pytest.mark.parametrize(
    ("asleep_s", "lent", "wakes"), [(299, False, False), (300, False, True), (1, True, True)]
)
def test_a_sleeper_is_woken_after_its_time_or_if_it_was_lent(
    asleep_s: float, lent: bool, wakes: bool
) -> None:
    _, upper = of(standing(runs=False, sleeps=True, told_w=SLEEP, changed_s=asleep_s, lent=lent))
    assert upper == (CEILING if wakes else SLEEP)


def test_who_waits_for_work_may_have_it_as_soon_as_it_is_here() -> None:
    waiting = standing(runs=False, told_w=IDLE)
    assert of(waiting) == (IDLE, CEILING)
    assert of(replace(waiting, here=np.array([False]))) == (IDLE, IDLE)


def test_who_is_locked_out_goes_down_whatever_dwell_says() -> None:
    assert of(standing(locked=True, changed_s=0.0)) == (SLEEP, SLEEP)
    assert of(standing(locked=True, runs=False, told_w=IDLE)) == (SLEEP, SLEEP)


@pytest.mark.parametrize(
    ("columns", "able"),
    [
        ({"changed_s": 0.0}, CEILING),
        ({"changed_s": 0.0, "here": False}, SLEEP),
        ({"here": False}, SLEEP),
        ({"left_out": True}, SLEEP),
        ({"locked": True}, SLEEP),
        ({"sleeps": False, "told_w": IDLE}, CEILING),
        ({"sleeps": False, "told_w": IDLE, "here": False}, IDLE),
        ({"sleeps": False, "runs": True, "told_w": FLOOR}, CEILING),
        ({"sleeps": False, "runs": True, "told_w": FLOOR, "can_limit": False}, FLOOR),
    ],
)
def test_who_rests_by_our_order_is_able_and_who_is_gone_is_not(columns: dict[str, Any], able: float) -> None:
    miner = standing(**{"runs": False, "sleeps": True, "told_w": SLEEP, **columns})
    _, upper = bounds(miner, DWELL, shedding=False)
    assert able_w(miner, upper).tolist() == [able]
