"""Prices: what markets do is believed, what units and signs do is not."""

from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.plausible import Judged
from proxy.energy.prices import Before, believe


def told(*answers: float) -> Judged:
    """Return what the last of some answers is taken for."""
    before, judged = Before(), Judged(nan, "nothing told")
    for answer in answers:
        judged, before = believe(answer, before)
    return judged


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ((40.0, 40_000.0), "a unit is wrong by 1,000"),
        ((40.0, 40_000.0, 43_000.0), "a unit is wrong by 1,000"),
        ((40.0, 0.04), "a unit is wrong by 1,000"),
        ((-40.0, -40_000.0), "a unit is wrong by 1,000"),
        ((40.0, -40.0), "its sign is flipped"),
        ((40.0, -40.0, -36.0, -33.0), "its sign is flipped"),
        ((-12.0, 12.0), "its sign is flipped"),
        ((40.0, nan), "no number"),
        ((inf,), "no number"),
        ((40.0, *[40_000.0] * 1000), "a unit is wrong by 1,000"),
    ],
)
def test_a_mistake_is_not_believed_and_says_why(answers: tuple[float, ...], reason: str) -> None:
    judged = told(*answers)
    assert isnan(judged.value)
    assert judged.reason.startswith("source of prices: ")
    assert reason in judged.reason


@pytest.mark.parametrize(
    "answers",
    [
        (20.0, -15.0),
        (20.0, 5000.0),
        (5000.0, 20.0),
        (40.0, 0.0),
        (0.0, 40.0),
        (0.05, 40.0),
        (40.0, 40_000.0, 41.0),
        (40.0, -40.0, 41.0),
        (40.0, -40.0, 41.0, -35.0),
        (40.0,) * 1000,
        (80_000.0,),
    ],
)
def test_what_markets_do_is_believed(answers: tuple[float, ...]) -> None:
    assert told(*answers) == Judged(answers[-1], "")


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=8))
def test_what_is_believed_was_told(answers: list[float]) -> None:
    judged = told(*answers)
    assert judged.value == answers[-1] if not judged.reason else isnan(judged.value)
