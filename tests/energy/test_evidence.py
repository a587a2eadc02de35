"""What counts as proof that a miner obeyed, and what does not."""

from math import inf, log, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.evidence import (
    SILENCE,
    Verdict,
    by_feeder,
    by_own_figure,
    by_silence,
    falls_short,
    hashes_on,
    is_silent,
    rate_hz,
    time_to_proof_s,
)

watts = st.floats(0, 1e4)
seconds = st.floats(0, 1e5)


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def yes(*values: bool) -> np.ndarray:
    return np.array(values, dtype=np.bool_)


# -- shares --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("per_minute", "proof_s"), [(6, 69), (20, 21), (60, 7)])
def test_silence_proves_sooner_where_shares_were_frequent(per_minute: float, proof_s: float) -> None:
    assert time_to_proof_s(array(per_minute / 60))[0] == pytest.approx(proof_s, abs=0.5)


def test_time_to_proof_is_as_many_mean_intervals_as_one_in_a_thousand_takes() -> None:
    assert pytest.approx(log(1000.0), abs=0.01) == SILENCE
    assert time_to_proof_s(array(0.1, 2.0)).tolist() == [SILENCE / 0.1, SILENCE / 2.0]


def test_who_sends_no_shares_is_never_proven_by_their_absence() -> None:
    assert time_to_proof_s(array(0.0))[0] == inf
    assert time_to_proof_s(array(0.0), 60.0)[0] == 60.0
    assert not by_silence(array(1e9), array(0.0), yes(True))[0]


@given(st.floats(0.01, 10), st.floats(0.1, 1000))
def test_silence_is_proof_from_the_time_of_proof_on(rate: float, silent_s: float) -> None:
    proof_s = time_to_proof_s(array(rate))[0]
    proven = bool(by_silence(array(silent_s), array(rate), yes(True))[0])
    if abs(silent_s - proof_s) > 1e-9 * proof_s:
        assert proven == (silent_s > proof_s)


@given(seconds, st.floats(0, 10))
def test_silence_of_a_miner_without_work_proves_nothing(silent_s: float, rate: float) -> None:
    assert not by_silence(array(silent_s), array(rate), yes(False))[0]


def test_a_miner_that_hashes_on_is_taken_for_silent_in_one_gap_of_a_thousand() -> None:
    gaps = np.random.default_rng(7).exponential(1.0 / 0.2, 200_000)
    proven = by_silence(gaps, np.full(len(gaps), 0.2), np.ones(len(gaps), np.bool_))
    assert 0.5e-3 < proven.mean() < 1.5e-3


@given(st.floats(0, 10), watts, st.floats(1, 1e4))
def test_fewer_shares_are_expected_of_a_limited_miner_and_never_none(
    full: float, drawn: float, ceiling: float
) -> None:
    rate = rate_hz(array(full), array(drawn), array(ceiling))[0]
    assert 0.1 * full <= rate <= full
    if 0.1 * ceiling < drawn < ceiling:
        assert rate == pytest.approx(full * drawn / ceiling)


def test_a_share_long_after_the_command_contradicts_sleep_and_one_at_once_does_not() -> None:
    heard = array(100.0, 115.0, 116.0, 139.0, 146.0)
    issued, lag = np.full(5, 100.0), np.full(5, 5.0)
    assert hashes_on(heard, issued, lag).tolist() == [False, False, True, True, True]
    assert hashes_on(heard, issued, lag, lags=3.0, grace_s=30.0).tolist() == [False] * 4 + [True]


def test_a_raised_miner_is_silent_only_if_even_three_tenths_of_its_rate_would_have_shown() -> None:
    quiet, rate = array(247.0, 249.0, 1e9), array(0.2, 0.2, 0.0)
    assert is_silent(quiet, rate, np.full(3, 20.0)).tolist() == [False, True, False]


# -- watts ---------------------------------------------------------------------------------------------------


def test_own_figure_proves_if_it_is_low_and_taken_after_the_command() -> None:
    seen = array(25.0, 25.0, nan, 3000.0, 3000.0, 66.0, 68.0)
    at = array(11.0, 10.5, 11.0, 11.0, 10.0, 11.0, 11.0)
    proves, contradicts = by_own_figure(seen, at, np.full(7, 25.0), np.full(7, 10.0))
    assert proves.tolist() == [True, False, False, False, False, True, False]
    assert contradicts.tolist() == [False, False, False, True, False, False, True]


@given(watts | st.just(nan), seconds, watts, seconds)
def test_no_figure_proves_and_contradicts_at_once_nor_before_the_command(
    seen: float, at: float, told: float, issued: float
) -> None:
    proves, contradicts = by_own_figure(array(seen), array(at), array(told), array(issued))
    assert not (proves & contradicts).any()
    if at <= issued or seen != seen:
        assert not (proves | contradicts).any()


def test_a_raise_had_no_effect_where_the_own_figure_is_far_below_and_known() -> None:
    told = np.full(4, 3000.0)
    assert falls_short(array(3000.0, 2515.0, 2500.0, nan), told).tolist() == [False, False, True, False]


# -- the feeder ----------------------------------------------------------------------------------------------


def test_the_feeder_proves_a_drop_that_it_shows_and_refutes_one_that_it_does_not() -> None:
    assert by_feeder(0.0, 100e3, 2e3) is Verdict.PROVEN
    assert by_feeder(39e3, 100e3, 2e3) is Verdict.PROVEN
    assert by_feeder(50e3, 100e3, 2e3) is Verdict.OPEN
    assert by_feeder(61e3, 100e3, 2e3) is Verdict.REFUTED


@given(st.floats(-1e6, 1e6) | st.just(nan), st.floats(0, 1e6), st.floats(0, 1e5))
def test_a_drop_within_the_noise_or_unknown_is_neither_credited_nor_blamed(
    rose: float, drop: float, sigma: float
) -> None:
    if rose != rose or drop <= 3.0 * sigma:
        assert by_feeder(rose, drop, sigma) is Verdict.OPEN


def test_noise_seldom_decides_whether_a_group_obeyed() -> None:
    """At three deviations of the drop, a group that did nothing is credited in one of ten at most."""
    rng = np.random.default_rng(9)
    noise = rng.normal(0.0, 1e3 * 2**0.5, 10_000)
    idle = [by_feeder(6e3 + one, 6e3, 1e3) for one in noise]
    assert np.mean([one is Verdict.PROVEN for one in idle]) < 0.01
    fell = [by_feeder(one, 6e3, 1e3) for one in noise]
    assert np.mean([one is Verdict.REFUTED for one in fell]) < 0.01
