from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.plausible import Channel, Judged, Memory, differ, judge

FEEDER = Channel("feeder", low=-5e3, high=3e6)


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


def test_a_clock_that_jumps_makes_readings_unknown() -> None:
    ahead, memory = judge(FEEDER, 950e3, 110.0, 102.0, known(900e3))
    assert ahead.reason == "feeder: its clock is ahead by 8 s"
    assert memory == known(900e3)
    back, memory = judge(FEEDER, 950e3, 40.0, 102.0, known(900e3))
    assert back.reason == "feeder: its clock went back by 60 s"
    assert judge(FEEDER, 951e3, 41.0, 103.0, memory)[0] == Judged(951e3, "")
    assert "clock" in judge(FEEDER, 950e3, nan, 102.0, known(900e3))[0].reason


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        (1000e3, 1100e3, False),
        (1000e3, 1112e3, True),
        (1112e3, 1000e3, True),
        (10e3, 30e3, False),
        (10e3, 31e3, True),
        (0.0, 900e3, True),
    ],
)
def test_two_meters_differ_by_a_part_of_the_greater_and_more_than_never_matters(
    first: float, second: float, apart: bool
) -> None:
    assert differ(first, second, part=0.1, least=20e3) == apart
