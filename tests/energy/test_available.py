"""An outside limit in kW: mistakes of units are not believed, real changes are."""

from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.available import BEYOND, Before, believe
from proxy.energy.plausible import Judged

RATED_KW = 1000.0
FLEET_KW = 900.0


def told(*answers: float, rated_kw: float = RATED_KW, fleet_kw: float = FLEET_KW) -> Judged:
    """Return what the last of some answers is taken for."""
    before, judged = Before(), Judged(nan, "nothing told")
    for answer in answers:
        judged, before = believe(answer, before, rated_kw=rated_kw, fleet_kw=fleet_kw)
    return judged


@pytest.mark.parametrize("rated_kw", [RATED_KW, 0.0], ids=["generators", "grid"])
@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ((900.0, 900e3), "one for kilo"),
        ((90.0, 90e3), "one for kilo"),
        ((90.0, 0.0, 90e3), "one for kilo"),
        ((900.0, 0.9), "kilo for one"),
        ((900.0, -900.0), "its sign is flipped"),
        ((900.0, nan), "no number"),
        ((20.0, 500e3), "outside"),
        ((-900.0,), "its sign is flipped"),
        ((900.0, *[900e3] * 10_000), "one for kilo"),
    ],
)
def test_a_mistake_is_not_believed_and_says_why(
    answers: tuple[float, ...], reason: str, rated_kw: float
) -> None:
    judged = told(*answers, rated_kw=rated_kw)
    assert isnan(judged.value)
    assert judged.reason.startswith("source of available kW: ")
    assert reason in judged.reason


@pytest.mark.parametrize("rated_kw", [RATED_KW, 0.0], ids=["generators", "grid"])
@pytest.mark.parametrize(
    "answers",
    [
        (900.0, 90.0),
        (90.0, 900.0),
        (900.0, 0.0),
        (0.0, 900.0),
        (900.0, 0.0, 0.9),
        (900.0, 0.0, 0.9, 900.0),
        (0.9, 900.0),
        (10.0, 0.0, 900.0),
        (900.0, 900e3, 90.0),
        (900.0,) * 10_000,
        (1500.0,),
    ],
)
def test_a_real_change_is_believed(answers: tuple[float, ...], rated_kw: float) -> None:
    assert told(*answers, rated_kw=rated_kw) == Judged(answers[-1], "")


def test_the_first_answer_is_bounded_by_the_generators_or_else_by_the_miners() -> None:
    assert "one for kilo" in told(900e3).reason
    assert "one for kilo" in told(900e3, rated_kw=0.0).reason
    assert not told(5000.0, rated_kw=0.0, fleet_kw=36.0).reason, "a grid, and few of its miners have come"
    assert not told(900e3, rated_kw=0.0, fleet_kw=0.0).reason, "nothing is known that it could be judged by"


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=8))
def test_what_is_believed_was_told_and_is_possible(answers: list[float]) -> None:
    judged = told(900.0, *answers)
    assert judged.reason or 0.0 <= judged.value <= BEYOND * RATED_KW
    assert isnan(judged.value) == bool(judged.reason)
