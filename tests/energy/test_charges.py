"""The two sums: what a command costs at once, and what only evidence gives back."""

from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.charges import (
    arrived,
    expected_w,
    in_flight_w,
    left,
    missing_w,
    proven_w,
    soon_part,
    taken_back_w,
    to_come_w,
    to_go_w,
    told,
)

seeds = st.integers(0, 2**32 - 1)
watts = st.floats(0, 4000)


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


@given(watts, watts, watts, watts)
def test_a_command_never_lowers_the_proven_sum(
    before: float, target: float, drawn: float, charge: float
) -> None:
    after = told(array(before), array(target), array(drawn), array(charge))
    assert after.charge_w[0] >= charge
    assert proven_w(nan, 0.0, after.charge_w, 1.0) >= proven_w(nan, 0.0, array(charge), 1.0)
    # Lower than what is charged is a reduction that something has to prove.
    assert after.falling[0] == (target < after.charge_w[0])


@given(watts, watts, watts)
def test_a_raise_is_charged_in_full_when_issued(before: float, more: float, drawn: float) -> None:
    target = before + more
    after = told(array(before), array(target), array(drawn), array(before))
    assert after.charge_w[0] == target
    assert after.rising[0] == (target > before)
    if after.rising[0]:
        assert to_come_w(array(target), after.base_w)[0] >= target - before


def test_what_falls_still_stays_charged_though_it_is_raised_meanwhile() -> None:
    lowered = told(array(3000.0), array(25.0), array(3000.0), array(3000.0))
    raised = told(array(25.0), array(1000.0), array(2900.0), lowered.charge_w)
    assert raised.charge_w.tolist() == [3000.0]
    assert raised.falling.tolist() == [True]
    assert raised.base_w.tolist() == [25.0]


def test_a_lag_is_told_as_the_time_to_95_percent() -> None:
    assert left(array(0.0, 10.0), array(10.0, 10.0)) == pytest.approx([1.0, 0.05], abs=5e-4)
    assert left(array(1.0), array(0.0))[0] < 1e-9
    assert soon_part(array(1.0, 30.0, 300.0), 5.0) == pytest.approx([1.0, 0.5, 0.05])


def test_a_reduction_is_expected_while_under_way_and_no_longer() -> None:
    base, target, lag = np.full(3, 3000.0), array(0.0, 0.0, 0.0), np.full(3, 10.0)
    age = array(0.0, 16.0, 16.1)
    down, up = in_flight_w(to_go_w(base, target, age, lag), age, lag, 1.6)
    assert up == 0.0
    assert down == pytest.approx(3000.0 + 3000.0 * np.exp(-4.8))


@given(seeds)
def test_expected_lies_between_no_command_obeyed_and_all_of_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base, target = rng.uniform(0, 4000, 20), rng.uniform(0, 4000, 20)
    age, lag = rng.uniform(0, 60, 20), rng.uniform(0, 30, 20)
    down, up = in_flight_w(to_go_w(base, target, age, lag), age, lag, 1.6)
    change = base - target
    assert 0.0 <= down <= change[change > 0].sum()
    assert 0.0 <= up <= -change[change < 0].sum()
    load = float(base.sum())
    assert load - change[change > 0].sum() <= expected_w(load, up, down, 1.0) + 1e-6
    assert expected_w(load, 0.0, 2.0 * load, 1.0) == 0.0


@given(st.floats(0, 1e7), st.floats(0, 1e6), st.floats(0.6, 1.6))
def test_proven_is_at_least_what_the_feeder_shows_and_what_may_come(
    seen: float, latent: float, bias: float
) -> None:
    assert proven_w(seen, latent, array(1.0), bias) >= seen + latent
    assert proven_w(nan, latent, array(seen), bias) >= seen


def test_a_raise_has_arrived_when_seen_and_metered_or_when_its_time_is_over() -> None:
    target = np.full(6, 3000.0)
    seen = array(2990.0, 2990.0, 2000.0, nan, nan, 2990.0)
    at = array(108.0, 100.5, 108.0, 100.0, 100.0, 103.0)
    issued, lag = array(100.0, 100.0, 100.0, 100.0, 64.0, 107.0), np.full(6, 20.0)
    found = arrived(target, seen, at, issued, lag, now_s=109.0, lag_s=4.0)
    # Seen; read before; not there; unknown; unknown, but long ago; seen, but not on the meter yet.
    assert found.tolist() == [True, False, False, False, True, False]


@given(watts, watts, watts, st.booleans())
def test_a_raise_that_is_taken_back_may_still_bring_what_it_was_charged(
    before: float, target: float, base: float, rising: bool
) -> None:
    left = taken_back_w(array(before), array(target), array(base), np.array([rising]))[0]
    assert left == (max(0.0, before - base) if rising and target < before else 0.0)


@given(seeds)
def test_only_what_is_clearly_missing_and_known_is_held_to_be_on_its_way(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = rng.uniform(0, 4000, 30)
    seen = np.where(rng.random(30) < 0.2, nan, target * rng.uniform(0, 1.3, 30))
    out = rng.random(30) < 0.2
    slack = missing_w(target, seen, out)
    assert (slack[out | np.isnan(seen)] == 0.0).all()
    counts = slack > 0
    assert slack[counts] == pytest.approx((target - seen)[counts])
    near = np.abs(target - seen) <= 40.0
    assert not counts[near].any()
    assert counts[~out & (seen < 0.5 * target) & (target > 200.0)].all()
