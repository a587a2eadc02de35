"""The clock leaves out what the program slept through, and nothing else."""

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.app.clock import GREATEST_GAP, PlainSteadyClock, SteadyClock
from proxy.units import Seconds

both_twins = pytest.mark.parametrize("kind", [PlainSteadyClock, SteadyClock])


class Source:
    """A monotonic clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@both_twins
@given(steps=st.lists(st.floats(0, 100)))
def test_it_never_falls_and_passes_exactly_while_the_program_is_awake(
    kind: type[SteadyClock], steps: list[float]
) -> None:
    source = Source()
    clock = kind(source)
    before, awake = clock(), 0.0
    start = before
    for step in steps:
        source.now += step
        gap = source.now - (1000.0 + awake + clock.slept)
        assume(abs(gap - GREATEST_GAP) > 1e-6)  # which of them it is hangs on the last digit of these sums
        now = clock()
        assert now >= before - 1e-9
        awake += 0.0 if gap > GREATEST_GAP else gap
        before = now
    assert abs((before - start) - awake) < 1e-6


@both_twins
def test_a_long_pause_does_not_count_and_a_short_one_does(kind: type[SteadyClock]) -> None:
    source = Source()
    clock = kind(source)
    source.now += GREATEST_GAP
    assert clock() == 1000.0 + GREATEST_GAP
    source.now += 3600
    assert clock() == 1000.0 + GREATEST_GAP
    assert clock.slept == Seconds(3600)
    source.now += 1
    assert clock() == 1001.0 + GREATEST_GAP


@both_twins
def test_on_its_own_it_is_the_monotonic_clock(kind: type[SteadyClock]) -> None:
    before = time.monotonic()
    now = kind()()
    assert before - 1e-6 <= now <= time.monotonic() + 1e-6
