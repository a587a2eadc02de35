"""Hashrate from credited difficulty: right in the mean at every age, and honest about its error."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.mining.difficulty import HASHES_PER_DIFFICULTY
from proxy.mining.hashrate import WINDOWS, HashrateMeter, relative_error
from proxy.units import Difficulty, Seconds

ONE = Difficulty(1.0)
MINUTE, FIVE_MINUTES, HOUR = WINDOWS
shares = st.lists(
    st.tuples(st.floats(0, 600), st.floats(2**-20, 2**40).map(Difficulty)), min_size=1, max_size=60
)


def steady(per_second: float, seconds: float, credited: Difficulty = ONE) -> HashrateMeter:
    """Return a meter that got shares at equal intervals from instant 0 on."""
    meter = HashrateMeter(Seconds(0.0))
    for number in range(1, int(per_second * seconds) + 1):
        meter.add(credited, Seconds(number / per_second))
    return meter


def test_without_shares_there_is_no_hashrate() -> None:
    meter = HashrateMeter(Seconds(5.0))
    assert meter.rates(Seconds(5.0)) == (0.0, 0.0, 0.0)
    assert meter.rates(Seconds(1e6)) == (0.0, 0.0, 0.0)
    assert meter.relative_error() == math.inf


@given(per_second=st.floats(1, 20), age=st.sampled_from([10.0, 60.0, 200.0]))
def test_a_steady_miner_is_measured_right_at_every_age(per_second: float, age: float) -> None:
    meter = steady(per_second, age)
    for window in WINDOWS:
        measured = meter.rate(Seconds(age), window) / HASHES_PER_DIFFICULTY
        # One share more or less at either end is what discrete shares leave open.
        assert measured == pytest.approx(per_second, abs=2 / min(age, window))


def test_random_shares_are_measured_right_in_the_mean() -> None:
    chance = random.Random(1)
    measured = []
    for _ in range(400):
        meter, now = HashrateMeter(Seconds(0.0)), chance.expovariate(0.2)
        while now < 90:
            meter.add(Difficulty(4.0), Seconds(now))
            now += chance.expovariate(0.2)
        measured.append(meter.rates(Seconds(90.0)))
    for window in range(3):
        mean = sum(rates[window] for rates in measured) / len(measured)
        assert mean == pytest.approx(0.2 * 4 * HASHES_PER_DIFFICULTY, rel=0.05)


@given(shares, st.floats(2**-10, 2**10))
def test_hashrate_scales_with_the_credited_difficulty(
    found: list[tuple[float, Difficulty]], factor: float
) -> None:
    one, scaled = HashrateMeter(Seconds(0.0)), HashrateMeter(Seconds(0.0))
    now = 0.0
    for wait, credited in found:
        now += wait
        one.add(credited, Seconds(now))
        scaled.add(Difficulty(credited * factor), Seconds(now))
    for window in WINDOWS:
        assert scaled.rate(Seconds(now), window) == pytest.approx(factor * one.rate(Seconds(now), window))
        assert scaled.effective_shares(window) == pytest.approx(one.effective_shares(window))


@given(shares)
def test_the_sums_are_those_of_the_definition(found: list[tuple[float, Difficulty]]) -> None:
    meter, now, at = HashrateMeter(Seconds(0.0)), 0.0, []
    for wait, credited in found:
        now += wait
        at.append((now, credited))
        meter.add(credited, Seconds(now))
    now += 7
    for window in WINDOWS:
        weights = [(math.exp((t - now) / window), d) for t, d in at]
        decayed = sum(w * d for w, d in weights)
        expected = decayed * HASHES_PER_DIFFICULTY / (window * (1 - math.exp(-now / window)))
        assert meter.rate(Seconds(now), window) == pytest.approx(expected)
        effective = decayed**2 / sum((w * d) ** 2 for w, d in weights)
        assert meter.effective_shares(window) == pytest.approx(effective)
        assert effective <= len(found) + 1e-6


def test_what_stopped_is_forgotten_sooner_by_shorter_windows() -> None:
    meter = steady(1.0, 7200)
    minute, five, hour = (rate / HASHES_PER_DIFFICULTY for rate in meter.rates(Seconds(7200 + 300.0)))
    assert minute == pytest.approx(math.exp(-5), rel=0.05)
    assert five == pytest.approx(math.exp(-1), rel=0.05)
    assert hour > 0.9


def test_shares_in_the_first_instant_are_no_infinite_hashrate() -> None:
    meter = HashrateMeter(Seconds(3.0))
    for _ in range(4):
        meter.add(ONE, Seconds(3.0))
    assert meter.rate(Seconds(3.0)) <= 4.1 * HASHES_PER_DIFFICULTY


def test_an_instant_before_the_last_one_counts_as_the_last_one() -> None:
    forth, back = steady(1.0, 30), steady(1.0, 30)
    forth.add(ONE, Seconds(30.0))
    back.add(ONE, Seconds(12.0))
    assert back.rates(Seconds(30.0)) == forth.rates(Seconds(30.0)) == back.rates(Seconds(1.0))


def test_one_heavy_share_among_light_ones_counts_for_little_more_than_one() -> None:
    meter = steady(1.0, 100)
    meter.add(Difficulty(1e6), Seconds(100.0))
    assert meter.effective_shares(HOUR) == pytest.approx(1, rel=0.01)


def test_the_error_bar_covers_the_truth_as_often_as_a_standard_deviation_should() -> None:
    chance = random.Random(2)
    covered = 0
    for _ in range(300):
        meter, now = HashrateMeter(Seconds(0.0)), chance.expovariate(0.2)
        while now < 600:
            meter.add(ONE, Seconds(now))
            now += chance.expovariate(0.2)
        measured = meter.rate(Seconds(600.0), FIVE_MINUTES) / HASHES_PER_DIFFICULTY
        covered += abs(measured - 0.2) <= measured * meter.relative_error(FIVE_MINUTES)
    assert 0.6 < covered / 300 < 0.76  # 68 %


def test_a_hundred_shares_are_ten_percent() -> None:
    assert relative_error(100) == pytest.approx(0.1)
    assert relative_error(0) == math.inf


@pytest.mark.parametrize("windows", [(), (0.0,), (-1.0,), (math.inf,), (60.0, math.nan)])
def test_windows_of_no_length_are_refused(windows: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="windows must be"):
        HashrateMeter(Seconds(0.0), [Seconds(window) for window in windows])


def test_a_window_that_is_not_kept_is_refused() -> None:
    with pytest.raises(ValueError, match="no window of 61"):
        HashrateMeter(Seconds(0.0)).rate(Seconds(1.0), Seconds(61.0))
