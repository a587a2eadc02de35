from math import inf, isnan, log, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.evidence import (
    OPEN,
    PROVEN,
    REFUTED,
    by_feeder_w,
    by_miner_watts,
    by_shares,
    charged_w,
    combined,
    expected_w,
    proven_load_w,
    time_to_proof_s,
)
from proxy.energy.plausible import Channel, Judged, Memory, agreed, judge

seeds = st.integers(0, 2**32 - 1)
verdicts = st.sampled_from([PROVEN, OPEN, REFUTED])


# -- shares --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("per_minute", "seconds"), [(6, 69), (20, 21), (60, 7)])
def test_silence_proves_sooner_where_shares_were_frequent(per_minute: float, seconds: float) -> None:
    assert time_to_proof_s(per_minute / 60) == pytest.approx(seconds, abs=0.5)
    assert time_to_proof_s(0.0) == inf


def one(shares: int, elapsed: float, before: float, after: float = 0.0, held: bool = False) -> int:
    verdict = by_shares(
        np.array([shares]), np.array([elapsed]), np.array([before]), np.array([after]), np.array([held])
    )
    return int(verdict[0])


@given(st.floats(0.01, 10), st.floats(0.1, 500))
def test_silence_is_proof_from_the_time_of_proof_on(rate: float, elapsed: float) -> None:
    assert one(0, elapsed, rate) == (PROVEN if rate * elapsed >= log(1000) else OPEN)
    assert one(1, elapsed, rate) == REFUTED


@given(st.integers(0, 500), st.floats(0, 1e5), st.floats(0, 10), st.floats(0, 10))
def test_silence_of_those_without_work_proves_nothing(
    shares: int, elapsed: float, before: float, after: float
) -> None:
    assert one(shares, elapsed, before, after, held=True) == OPEN


@given(st.integers(0, 500), st.floats(0, 1e5), st.floats(0, 10))
def test_a_raise_is_not_proven_by_shares(shares: int, elapsed: float, before: float) -> None:
    assert one(shares, elapsed, before, before) == one(shares, elapsed, before, 2 * before) == OPEN


def test_a_miner_that_goes_on_is_proven_in_one_of_a_thousand_however_often_one_looks() -> None:
    rng = np.random.default_rng(7)
    miners, rate = 20_000, 1.0
    for after in (0.0, 0.5):
        proven, refuted = np.zeros(miners, dtype=np.bool_), np.zeros(miners, dtype=np.bool_)
        shares = np.zeros(miners, dtype=np.int64)
        for second in range(1, 60):
            shares += rng.poisson(rate, miners)
            verdict = by_shares(
                shares,
                np.full(miners, float(second)),
                np.full(miners, rate),
                np.full(miners, after),
                np.zeros(miners, dtype=np.bool_),
            )
            proven |= (verdict == PROVEN) & ~refuted
            refuted |= (verdict == REFUTED) & ~proven
        assert proven.mean() <= 1.6e-3  # three deviations of 20,000 draws above one in a thousand
        assert refuted.mean() > 0.8


def test_a_miner_at_half_its_rate_is_proven_by_its_shares() -> None:
    rng = np.random.default_rng(8)
    shares = rng.poisson(0.5 * 120, 2000)
    none = np.zeros(2000, dtype=np.bool_)
    verdict = by_shares(shares, np.full(2000, 120.0), np.ones(2000), np.full(2000, 0.5), none)
    assert (verdict == PROVEN).mean() > 0.9
    assert (verdict == REFUTED).mean() < 1e-2


# -- watts ---------------------------------------------------------------------------------------------------


def test_a_miners_own_watts_prove_only_if_read_afterwards_and_if_it_is_believed() -> None:
    told = np.array([25.0, 25.0, 25.0, nan, 3000.0, 80.0])
    target = np.full(6, 25.0)
    at = np.array([11.0, 9.0, 11.0, 11.0, 11.0, 11.0])
    trusted = np.array([True, True, False, True, True, True])
    verdict = by_miner_watts(told, target, at, np.full(6, 10.0), trusted)
    assert verdict.tolist() == [PROVEN, OPEN, OPEN, OPEN, REFUTED, PROVEN]


def test_the_feeder_credits_what_it_shows_beyond_its_noise() -> None:
    credit = by_feeder_w(1000e3, 880e3, commanded_w=150e3, raised_w=0.0, sigma_w=2e3)
    assert credit == pytest.approx(120e3 - 3 * 2**0.5 * 2e3)
    assert by_feeder_w(1000e3, 700e3, commanded_w=150e3, raised_w=0.0, sigma_w=0.0) == 150e3
    assert by_feeder_w(1000e3, 900e3, commanded_w=150e3, raised_w=30e3, sigma_w=0.0) == 130e3
    assert by_feeder_w(1000e3, 1100e3, commanded_w=150e3, raised_w=0.0, sigma_w=0.0) == 0.0
    for before, after in ((nan, 1.0), (1.0, nan)):
        assert by_feeder_w(before, after, commanded_w=1e3, raised_w=0.0, sigma_w=0.0) == 0.0


def test_noise_alone_is_credited_in_one_of_seven_hundred() -> None:
    rng = np.random.default_rng(9)
    readings = rng.normal(1e6, 5e3, (20_000, 2))
    credited = [
        by_feeder_w(before, after, commanded_w=1e5, raised_w=0.0, sigma_w=5e3) > 0
        for before, after in readings
    ]
    assert np.mean(credited) < 2.2e-3


# -- the two sums --------------------------------------------------------------------------------------------


@given(st.floats(0, 4000), st.floats(0, 4000), st.floats(0, 600), st.floats(0, 600), verdicts)
def test_a_command_alone_is_never_credited(
    before: float, target: float, since: float, lag: float, verdict: int
) -> None:
    was, told, proof = np.array([before]), np.array([target]), np.array([verdict])
    charged = charged_w(was, told, proof)[0]
    if verdict != PROVEN:
        assert charged == max(before, target)
    assert charged >= target
    expected = expected_w(was, told, np.array([since]), np.array([lag]), proof)[0]
    assert target <= expected <= charged


def test_a_reduction_is_expected_while_under_way_and_no_longer() -> None:
    before, target = np.full(5, 3000.0), np.array([25.0, 25.0, 25.0, 25.0, 3500.0])
    since, lag = np.array([5.0, 11.0, 5.0, 11.0, 1.0]), np.full(5, 10.0)
    verdict = np.array([OPEN, OPEN, REFUTED, PROVEN, OPEN])
    assert expected_w(before, target, since, lag, verdict).tolist() == [25.0, 3000.0, 3000.0, 25.0, 3500.0]
    assert charged_w(before, target, verdict).tolist() == [3000.0, 3000.0, 3000.0, 25.0, 3500.0]


@given(st.lists(st.lists(verdicts, min_size=4, max_size=4), min_size=1, max_size=4))
def test_one_refutation_outweighs_all_proofs(rows: list[list[int]]) -> None:
    result = combined(*(np.array(row) for row in rows))
    for index, verdict in enumerate(result):
        column = [row[index] for row in rows]
        assert verdict == (REFUTED if REFUTED in column else PROVEN if PROVEN in column else OPEN)


@given(st.floats(0, 1e7), st.floats(-1e6, 1e6), st.floats(0, 1e7), st.floats(0, 1e5))
def test_proven_load_is_at_least_what_the_feeder_shows(
    feeder: float, rising: float, charged: float, sigma: float
) -> None:
    assert proven_load_w(feeder, rising, charged, sigma) >= feeder + max(0.0, rising)
    assert proven_load_w(nan, rising, charged, sigma) == charged


# -- readings ------------------------------------------------------------------------------------------------

FEEDER = Channel("feeder", low=-5e3, high=3e6, resolution=100.0)


def known(value: float, at: float = 100.0) -> Memory:
    return Memory(value, at, value, at)


def reading(value: float, at: float = 101.0, now: float = 101.5, **more: float) -> Judged:
    return judge(FEEDER, value, at, now, known(900e3), **more)[0]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (nan, "no number"),
        (inf, "no number"),
        (-inf, "no number"),
        (900.0, "kilo for one"),
        (930e6, "one for kilo"),
        (-900e3, "its sign is flipped"),
        (4e6, "outside"),
        (-20e3, "its sign is flipped"),
    ],
)
def test_what_cannot_be_is_unknown_with_its_reason(value: float, reason: str) -> None:
    judged = reading(value)
    assert isnan(judged.value)
    assert judged.reason.startswith("feeder: ")
    assert reason in judged.reason


@given(st.floats(-1e12, 1e12))
def test_what_is_believed_is_what_was_told_and_possible(value: float) -> None:
    judged, memory = judge(FEEDER, value, 101.0, 101.5, known(900e3))
    if judged.reason:
        assert isnan(judged.value)
        assert memory.value == 900e3
    else:
        assert judged.value == memory.value == value
        assert FEEDER.low <= value <= FEEDER.high


@pytest.mark.parametrize("value", [950e3, 450e3, 100e3, 1.9e6, 0.0, 300.0])
def test_a_load_that_falls_or_rises_is_believed(value: float) -> None:
    assert reading(value) == Judged(value, "")


def test_what_miners_were_told_outweighs_what_was_last_seen() -> None:
    assert "kilo for one" in judge(FEEDER, 900.0, 1.0, 1.0, Memory(), expected=850e3)[0].reason
    assert reading(900.0, expected=1000.0) == Judged(900.0, "")


def test_a_first_reading_with_nothing_to_compare_is_believed_if_possible() -> None:
    assert judge(FEEDER, 900.0, 1.0, 1.0, Memory())[0] == Judged(900.0, "")


def test_digits_that_stand_still_are_no_measurement() -> None:
    memory, reasons = Memory(), []
    for second in range(40):
        judged, memory = judge(FEEDER, 900e3, float(second), float(second), memory)
        reasons.append(judged.reason)
    assert reasons.index("feeder: the same digits for 30 s") == 30
    judged, memory = judge(FEEDER, 900.1e3, 41.0, 41.0, memory)
    assert judged == Judged(900.1e3, "")


def test_digits_that_stand_still_while_the_load_moves_are_noticed_sooner() -> None:
    _, memory = judge(FEEDER, 900e3, 1.0, 1.0, Memory())
    assert judge(FEEDER, 900e3, 3.0, 3.0, memory, moved=10e3)[0].reason == ""
    stuck = judge(FEEDER, 900e3, 3.0, 3.0, memory, moved=100e3)[0]
    assert "although the load moved by 100,000" in stuck.reason


def test_a_clock_that_jumps_makes_readings_unknown() -> None:
    ahead, memory = judge(FEEDER, 950e3, 110.0, 102.0, known(900e3))
    assert ahead.reason == "feeder: its clock is ahead by 8 s"
    assert memory == known(900e3)
    back, memory = judge(FEEDER, 950e3, 40.0, 102.0, known(900e3))
    assert back.reason == "feeder: its clock went back by 60 s"
    assert judge(FEEDER, 951e3, 41.0, 103.0, memory)[0] == Judged(951e3, "")
    assert "clock" in judge(FEEDER, 950e3, nan, 102.0, known(900e3))[0].reason


def test_two_meters_that_disagree_know_nothing() -> None:
    assert agreed("site", 1000e3, 1040e3) == Judged(1040e3, "")
    apart = agreed("site", 1000e3, 1100e3)
    assert isnan(apart.value)
    assert apart.reason == "site: two meters disagree, 1e+06 and 1.1e+06"
    assert agreed("site", nan, 5.0) == agreed("site", 5.0, nan) == Judged(5.0, "")
    assert isnan(agreed("site", nan, nan).value)
    assert agreed("site", 100.0, 900.0).value == 900.0
