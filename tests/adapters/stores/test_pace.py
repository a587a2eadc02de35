"""How long a window is open: answers are to take no longer than its time."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.adapters.stores.ledger.pace import EACH, Pace, WindowBounds
from proxy.units import Seconds


def bounds() -> WindowBounds:
    return WindowBounds(Seconds(0.01), Seconds(0.1))


def over(late: Sequence[tuple[float, int]], length: float, window: float = 0.01) -> float:
    """Return which part of all shares takes longer than a window; they come evenly while it is open."""
    beyond = sum(n * min(1.0, max(0.0, seconds + length - window) / length) for seconds, n in late)
    return beyond / sum(n for _, n in late)


def test_a_window_is_closed_early_enough_for_what_comes_after_it() -> None:
    pace = Pace(bounds())
    assert pace.open_for == 0.01
    pace.took(0.002, late=0.003, shares=5)
    assert pace.window == 0.01
    assert pace.open_for == pytest.approx(0.006875)
    early = Pace(bounds())
    early.took(0.0001, late=-0.0004, shares=5)
    assert early.window == 0.01
    assert early.open_for == pytest.approx(0.01)
    slow = Pace(bounds())
    slow.took(3.0, late=3.0, shares=5)
    assert (slow.window, slow.open_for) == (0.1, 0.025)
    nobody = Pace(bounds())
    nobody.took(3.0, late=3.0, shares=0)  # notes alone: no answer was late
    assert nobody.open_for == nobody.window
    none = Pace(WindowBounds(Seconds(0.0), Seconds(0.1)))
    none.took(0.0, late=0.5, shares=5)
    assert none.open_for == 0.0


@given(st.lists(st.tuples(st.floats(0.0, 0.05), st.integers(1, 100)), min_size=1, max_size=400))
def test_of_a_hundred_answers_no_more_than_one_takes_longer_than_a_window_where_that_can_be(
    late: list[tuple[float, int]],
) -> None:
    pace = Pace(bounds())
    for seconds, shares in late:
        pace.took(0.001, seconds, shares)
    known = late[: 1 + (len(late) - 1) // EACH * EACH]  # at the last look
    assert pace.window / 4 <= pace.open_for <= pace.window
    if pace.open_for > pace.window / 4 * 1.01:
        assert over(known, pace.open_for) <= 0.01 + 1e-9
    if pace.open_for < pace.window * 0.99:
        assert over(known, pace.open_for + pace.window / 16) > 0.01 - 1e-9
