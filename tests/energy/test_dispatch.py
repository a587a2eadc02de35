"""Which of the wanted moves are made, in which order, and how many of them now."""

from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.dispatch import (
    fall_w,
    gentlest,
    harsher,
    permits,
    raises,
    reductions,
    sized_w,
    worthwhile,
)

seeds = st.integers(0, 2**32 - 1)


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


# -- dead-band -----------------------------------------------------------------------------------------------


def moving(
    *change: float, waiting: tuple[bool, ...] | None = None, worth_w: float = 100.0, needed: bool = False
) -> tuple[list[int], list[int]]:
    idle = np.array(waiting or (False,) * len(change))
    down, up = worthwhile(
        array(*change),
        idle,
        least_w=np.full(len(change), 30.0),
        worth_w=worth_w,
        largest_w=3000.0,
        needed=needed,
    )
    return down.tolist(), up.tolist()


def test_small_changes_of_one_miner_are_left_alone() -> None:
    assert moving(-500.0, -30.0, 30.0, 500.0) == ([0], [3])


def test_who_waits_is_woken_for_any_gain_and_never_lowered() -> None:
    assert moving(-500.0, 2.0, 0.5, waiting=(True,) * 3, worth_w=1.0) == ([], [1])


def test_what_falls_to_make_room_must_gain_something() -> None:
    assert moving(-500.0, 90.0) == ([], [])
    assert moving(-90.0, 500.0) == ([], [1])
    assert moving(-500.0, 100.0) == ([0], [1])


def test_nothing_is_too_small_when_power_lacks() -> None:
    assert moving(-40.0, 40.0, needed=True) == ([0], [1])


def test_one_miner_is_worth_its_raise_however_large_the_fleet() -> None:
    assert moving(3000.0, worth_w=1e6) == ([], [0])
    assert moving(2999.0, worth_w=1e6) == ([], [])


@given(seeds)
def test_what_does_not_need_to_move_less_than_its_worth_stays(seed: int) -> None:
    change = np.random.default_rng(seed).normal(0, 40, 30)
    down, up = moving(*change, worth_w=200.0)
    assert (change[down] < -30.0).all()
    assert (change[up] > 30.0).all()
    assert not down or min(-change[down].sum(), change[up].sum()) >= 200.0


# -- reductions ----------------------------------------------------------------------------------------------


@given(st.floats(-1e6, 1e6), st.floats(0, 1))
def test_a_reduction_is_larger_than_its_deficit_and_none_without_one(deficit: float, margin: float) -> None:
    assert sized_w(deficit, margin) == (pytest.approx((1 + margin) * deficit) if deficit > 0 else 0.0)


def test_a_little_of_the_load_changes_places_at_a_time_and_nothing_while_the_last_is_coming() -> None:
    assert fall_w(0.0, 100e3, coming=False) == pytest.approx(1.5e3)
    assert fall_w(0.0, 100e3, coming=True) == 0.0
    assert fall_w(5e3, 100e3, coming=True) == 5e3


@given(seeds, st.floats(0, 50e3))
def test_reductions_cover_what_is_allowed_with_not_one_more_than_needed(seed: int, allowed: float) -> None:
    rng = np.random.default_rng(seed)
    drop, loss = rng.uniform(10, 3000, 30), rng.uniform(0, 1e14, 30)
    chosen = reductions(drop, loss, allowed)
    assert len(set(chosen.tolist())) == len(chosen)
    assert drop[chosen].sum() >= min(allowed, drop.sum())
    assert not len(chosen) or drop[chosen].sum() == drop.sum() or drop[chosen[:-1]].sum() < allowed
    if allowed == 0.0:
        assert not len(chosen)


@given(seeds)
def test_those_go_first_that_lose_least_for_a_watt(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drop, loss = rng.uniform(10, 3000, 30), rng.uniform(0, 1e14, 30)
    chosen = reductions(drop, loss, 0.5 * float(drop.sum()))
    rest = np.setdiff1d(np.arange(30), chosen)
    assert (loss / drop)[chosen].max() <= (loss / drop)[rest].min()


# -- raises --------------------------------------------------------------------------------------------------


def raised(
    seed: int, headroom: float, room: float, *, alone: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rise = rng.uniform(10, 3000, 30)
    soon, gain = rise * rng.uniform(0.1, 1.0, 30), rng.uniform(0, 1e14, 30)
    return raises(rise, soon, gain, headroom_w=headroom, room_w=room, alone=alone), rise, soon, gain


@given(seeds, st.floats(0, 50e3), st.floats(0, 50e3), st.booleans())
def test_never_more_is_raised_than_is_free_and_the_step_permits_but_for_the_lone_one(
    seed: int, headroom: float, room: float, alone: bool
) -> None:
    chosen, rise, soon, _ = raised(seed, headroom, room, alone=alone)
    assert rise[chosen].sum() <= headroom
    assert soon[chosen].sum() <= room or (alone and len(chosen) == 1)


@given(seeds, st.floats(1, 50e3), st.floats(1, 50e3))
def test_the_best_watts_are_raised_first_and_nobody_overtakes(
    seed: int, headroom: float, room: float
) -> None:
    chosen, rise, soon, gain = raised(seed, headroom, room)
    rest = np.setdiff1d(np.arange(30), chosen)
    worth = gain / rise
    if len(chosen) and len(rest):
        assert worth[chosen].min() >= worth[rest].max()
    if len(rest):
        following = rest[np.argmax(worth[rest])]
        over = rise[chosen].sum() + rise[following] > headroom
        assert over or soon[chosen].sum() + soon[following] > room


@given(seeds, st.booleans(), st.floats(1, 1e6))
def test_nothing_is_raised_on_unknown_or_nothing(seed: int, alone: bool, enough: float) -> None:
    for headroom, room in (
        (nan, enough),
        (enough, nan),
        (nan, nan),
        (0.0, enough),
        (enough, 0.0),
        (-1.0, enough),
    ):
        assert not permits(headroom, room)
        assert not len(raised(seed, headroom, room, alone=alone)[0])


def test_a_miner_larger_than_the_step_starts_alone_where_there_is_power_for_it() -> None:
    rise, gain = array(3000.0, 3000.0), array(2.0, 1.0)

    def chosen(headroom: float, *, alone: bool) -> list[int]:
        return list(raises(rise, rise, gain, headroom_w=headroom, room_w=1000.0, alone=alone))

    assert chosen(1e5, alone=True) == [0]
    assert chosen(1e5, alone=False) == []
    assert chosen(2999.0, alone=True) == []


def test_nobody_to_raise_is_no_trouble() -> None:
    none = array()
    assert not len(raises(none, none, none, headroom_w=1.0, room_w=1.0, alone=True))
    assert not len(reductions(none, none, 0.0))


# -- ways down -----------------------------------------------------------------------------------------------

masks = st.lists(st.booleans(), min_size=8, max_size=8).map(np.array)


@given(seeds, masks, masks, masks)
def test_a_miner_goes_down_one_way_at_most_and_the_gentlest_that_gets_there(
    seed: int, can_limit: np.ndarray, can_sleep: np.ndarray, can_withhold: np.ndarray
) -> None:
    watts = np.random.default_rng(seed).choice([25.0, 200.0, 800.0, 2000.0], 8)
    limit, sleep, withhold = gentlest(watts, np.full(8, 800.0), can_limit, can_sleep, can_withhold)
    assert (limit.astype(int) + sleep + withhold <= 1).all()
    hashes = watts >= 800.0
    np.testing.assert_array_equal(limit, hashes & can_limit)
    np.testing.assert_array_equal(sleep, ~hashes & can_sleep)
    np.testing.assert_array_equal(withhold, ~hashes & ~can_sleep & can_withhold)


@given(st.lists(st.integers(0, 3), min_size=8, max_size=8), masks, masks, masks)
def test_who_did_not_obey_goes_one_step_further_by_what_it_has(
    modes: list[int], can_sleep: np.ndarray, can_withhold: np.ndarray, can_cut: np.ndarray
) -> None:
    mode = np.array(modes)
    runs, sleeps, withheld = mode == 0, mode == 1, mode == 2
    sleep, withhold, cut = harsher(runs, sleeps, withheld, can_sleep, can_withhold, can_cut)
    assert (sleep.astype(int) + withhold + cut <= 1).all()
    assert not (sleep & ~(runs & can_sleep)).any()
    assert not (withhold & (withheld | ~can_withhold)).any()
    np.testing.assert_array_equal(cut, withheld & can_cut)
    assert (sleep | withhold)[runs & (can_sleep | can_withhold)].all()
