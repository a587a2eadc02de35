"""Hours of a week in which a calendar leaves less than what is guaranteed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.energy.orders import Window
from proxy.energy.promises import WEEK, short_minutes, strict

MONDAY_S = 4 * 86_400.0
"""5 January 1970 was a Monday."""
windows = st.builds(
    Window,
    st.just("x"),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439).map(lambda minute: 60.0 * minute),
    st.integers(0, 1440).map(lambda minute: 60.0 * minute),
    st.sampled_from([0.0, 99.0, 100.0]),
)


@settings(max_examples=20, deadline=None)
@given(st.lists(windows, max_size=3))
def test_minutes_are_those_in_which_a_window_holds(some: list[Window]) -> None:
    held = sum(
        any(window.holds(MONDAY_S + 60.0 * minute, 0.0) for window in strict(some, 100.0))
        for minute in range(WEEK)
    )
    assert short_minutes(some, 100.0) == held


def test_a_window_that_leaves_as_much_as_is_guaranteed_is_no_want() -> None:
    always = Window("x", frozenset(range(7)), 0.0, 86_400.0, 100.0)
    assert (short_minutes([always], 100.0), short_minutes([always], 100.1)) == (0, WEEK)
