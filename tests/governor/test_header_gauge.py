"""The pressure of a header, out of readings that are rounded."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.governor.header_gauge import LEVEL_GAIN, STEP_KPA, HeaderGauge

COARSE = st.floats(1.5, 10.0)


def rounded(kpa: float, step: float) -> float:
    return round(kpa / step) * step


def levels(readings: list[float]) -> list[float]:
    gauge, found = HeaderGauge(), []
    for kpa in readings:
        gauge.read(kpa)
        found.append(gauge.level)
    return found


@given(st.floats(2.0, 10.0), st.floats(250.0, 400.0), st.integers(1, 4))
def test_a_gauge_that_cannot_decide_between_two_steps_moves_nothing(
    step: float, kpa: float, seconds: int
) -> None:
    low = rounded(kpa, step)
    found = levels([low + step * (second // seconds % 2) for second in range(900)])
    assert max(found[600:]) - min(found[600:]) < 0.001


@given(COARSE, st.floats(0.3, 2.0), st.floats(350.0, 400.0))
def test_a_fall_is_followed_within_half_a_step_and_the_filters_own_lag(
    step: float, fall: float, begin: float
) -> None:
    gauge, true = HeaderGauge(), begin
    for second in range(150):
        true = begin - fall * second
        gauge.read(rounded(true, step))
    assert gauge.level - true <= 0.5 * step + 0.5 * step + fall / LEVEL_GAIN
    assert gauge.fall <= 0.0


def test_a_fine_gauge_is_followed_as_it_is() -> None:
    found = levels([400.0 - 0.1 * second for second in range(300)])
    assert all(a > b for a, b in pairwise(found[50:]))


@pytest.mark.parametrize("moved", [0.1, 1.0])
def test_the_step_is_the_least_that_was_seen_and_bounded(moved: float) -> None:
    gauge = HeaderGauge()
    assert gauge.step == STEP_KPA[0]
    for kpa in (400.0, 300.0):
        gauge.read(kpa)
    assert gauge.step == STEP_KPA[1]
    gauge.read(300.0 + moved)
    assert gauge.step == STEP_KPA[0]


def test_nothing_read_is_nothing_known() -> None:
    assert math.isnan(HeaderGauge().level)
