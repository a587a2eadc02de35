"""Difficulty and target: exact, monotonic, and powers of two rounded down."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.mining.difficulty import (
    DIFFICULTY_ONE_TARGET,
    GREATEST_DIFFICULTY,
    LEAST_DIFFICULTY,
    MAX_TARGET,
    difficulty_of,
    power_of_two_at_most,
    target_of,
    target_of_nbits,
)
from proxy.units import Difficulty

difficulties = st.floats(LEAST_DIFFICULTY, GREATEST_DIFFICULTY).map(Difficulty)
nonsense = st.sampled_from([0.0, -0.0, -1.0, -math.inf, math.inf, math.nan]).map(Difficulty)


def test_difficulty_one_is_bdiff_not_pdiff() -> None:
    assert target_of(Difficulty(1.0)) == 0xFFFF << 208
    # ckpool's truediffone, in decimal.
    assert target_of(Difficulty(1.0)) == 26959535291011309493156476344723991336010898738574164086137773096960


@given(difficulties)
def test_target_is_the_exact_quotient_rounded_down(difficulty: Difficulty) -> None:
    numerator, denominator = difficulty.as_integer_ratio()
    assert target_of(difficulty) == min(MAX_TARGET, DIFFICULTY_ONE_TARGET * denominator // numerator)


@given(difficulties, difficulties)
def test_a_harder_share_never_has_the_larger_target(one: Difficulty, other: Difficulty) -> None:
    easy, hard = sorted((one, other))
    assert target_of(hard) <= target_of(easy)


@given(st.integers(1, MAX_TARGET))
def test_difficulty_of_a_target_is_right_to_the_last_bit(target: int) -> None:
    difficulty = difficulty_of(target)
    assert math.isclose(difficulty * target, DIFFICULTY_ONE_TARGET, rel_tol=2**-51)


@given(st.integers(-32, 200))
def test_a_hash_at_the_target_of_a_power_of_two_has_at_least_that_difficulty(exponent: int) -> None:
    difficulty = Difficulty(2.0**exponent)
    assert difficulty_of(target_of(difficulty)) >= difficulty or target_of(difficulty) == MAX_TARGET


def test_the_hash_zero_has_a_difficulty() -> None:
    assert difficulty_of(0) == difficulty_of(1)


@given(nonsense)
def test_what_is_no_difficulty_is_refused(difficulty: Difficulty) -> None:
    with pytest.raises(ValueError, match="difficulty must be finite"):
        target_of(difficulty)
    with pytest.raises(ValueError, match="difficulty must be finite"):
        power_of_two_at_most(difficulty)


@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False).map(Difficulty))
def test_power_of_two_lies_within_a_factor_of_two_below(difficulty: Difficulty) -> None:
    power = power_of_two_at_most(difficulty)
    assert math.frexp(power)[0] == 0.5
    assert power <= difficulty
    assert difficulty / 2 < power


@given(st.integers(-1074, 1023))
def test_a_power_of_two_is_left_alone(exponent: int) -> None:
    assert power_of_two_at_most(Difficulty(math.ldexp(1.0, exponent))) == math.ldexp(1.0, exponent)


@pytest.mark.parametrize(
    ("nbits", "target"),
    [
        (0x1D00FFFF, 0xFFFF << 208),  # the genesis block
        (0x170261C0, 0x0261C0 << 160),
        (0x207FFFFF, 0x7FFFFF << 232),  # regtest
        (0x03123456, 0x123456),
        (0x02123456, 0x1234),
        (0x01123456, 0x12),
        (0x00123456, 0),
        (0x04923456, 0),  # negative
        (0xFF123456, 0),  # overflow
        (0x21010000, 0),  # one byte beyond 256 bits
        (0x2100FFFF, 0xFFFF << 240),
    ],
)
def test_compact_targets_decode_as_in_bitcoin(nbits: int, target: int) -> None:
    assert target_of_nbits(nbits) == target


@given(st.integers(0, 0xFFFFFFFF))
def test_every_compact_target_is_within_256_bits(nbits: int) -> None:
    assert 0 <= target_of_nbits(nbits) <= MAX_TARGET
