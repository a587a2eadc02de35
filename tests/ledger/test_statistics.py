"""Hashrate, its error and luck, from sums."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.ledger.statistics import effective_shares, luck, luck_of, rate, relative_error
from proxy.mining import difficulty, hashrate

shares = st.lists(st.integers(0, 40).map(lambda power: 2.0**power), min_size=1, max_size=200)


def sums(of: list[float]) -> tuple[float, float]:
    return sum(of), sum(each * each for each in of)


def test_a_terahash_is_measured_as_one() -> None:
    # 10**12 hashes a second for 300 s, in shares of difficulty 1024.
    count = round(1e12 * 300 / 2**32 / 1024)
    found = rate(count * 1024.0, count * 1024.0**2, 300)
    assert found.hashes_per_second == pytest.approx(1e12, rel=0.01)
    assert found.error == pytest.approx(1 / math.sqrt(count))


@given(of=shares)
def test_effective_shares_are_at_most_the_shares(of: list[float]) -> None:
    assert 1 - 1e-9 <= effective_shares(*sums(of)) <= len(of) * (1 + 1e-9)


@given(count=st.integers(1, 10**6), power=st.integers(-20, 60))
def test_equal_shares_count_for_one_each(count: int, power: int) -> None:
    credit = 2.0**power
    assert effective_shares(count * credit, count * credit**2) == pytest.approx(count)
    assert relative_error(count * credit, count * credit**2) == pytest.approx(hashrate.relative_error(count))


def test_without_a_share_nothing_is_certain() -> None:
    assert rate(0.0, 0.0, 60) == (0.0, math.inf)


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan])
def test_a_rate_needs_a_time(seconds: float) -> None:
    with pytest.raises(ValueError, match="time"):
        rate(1.0, 1.0, seconds)


def test_a_difficulty_is_worth_the_hashes_that_miners_are_told() -> None:
    assert rate(1.0, 1.0, 1).hashes_per_second == difficulty.HASHES_PER_DIFFICULTY


def test_luck_is_found_by_expected() -> None:
    found = luck(3, 200.0, 100.0)
    assert (found.found, found.expected, found.ratio) == (3, 2.0, 1.5)
    assert found.at_most == pytest.approx(math.exp(-2) * (1 + 2 + 2 + 8 / 6))


def test_before_any_work_luck_is_unknown() -> None:
    assert luck_of(0, 0.0) == (0, 0.0, None, 1.0)


def test_a_network_without_difficulty_is_refused() -> None:
    with pytest.raises(ValueError, match="network"):
        luck(0, 1.0, 0.0)


@given(found=st.integers(0, 300), expected=st.floats(1e-9, 2000))
def test_the_probability_rises_with_what_was_found(found: int, expected: float) -> None:
    less, more = luck_of(found, expected).at_most, luck_of(found + 1, expected).at_most
    assert 0.0 <= less <= more <= 1.0
    assert luck_of(found, expected * 1.1).at_most <= less + 1e-9


@given(expected=st.floats(1e-9, 1e6))
def test_the_error_of_luck_is_that_of_chance(expected: float) -> None:
    assert luck_of(0, expected).error == pytest.approx(expected**-0.5)
    assert luck_of(0, 0.0).error is None
