"""Rules of people and markets: each holds when it says, and never otherwise."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.energy.orders import Order, PriceRule, Window, calendar, curtailment, price

DAY_S = 86_400.0
MONDAY = 4 * DAY_S
"""The 5th of January 1970."""
watts = st.floats(0, 1e9)


def test_a_window_holds_on_its_days_between_its_hours() -> None:
    peak = Window("peak", frozenset({0}), 16 * 3600.0, 20 * 3600.0, 40_000.0)
    for hour, holds in ((15.99, False), (16, True), (19.99, True), (20, False)):
        assert peak.holds(MONDAY + hour * 3600, 0.0) is holds
        assert peak.holds(MONDAY + hour * 3600 + 7 * 3600, -7 * 3600.0) is holds, "seven hours behind UTC"
        assert not peak.holds(MONDAY + DAY_S + hour * 3600, 0.0)
    (term,) = calendar([peak], MONDAY + 17 * 3600, 0.0)
    assert (term.watts, term.sentence) == (40_000.0, "calendar: peak, Monday 16:00 to 20:00")


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    night = Window("night", frozenset({0}), 22 * 3600.0, 6 * 3600.0, 0.0)
    held = [hour for hour in range(72) if night.holds(MONDAY - DAY_S + hour * 3600, 0.0)]
    assert held == list(range(24 + 22, 24 + 30))


@settings(max_examples=15)
@given(
    st.sets(st.integers(0, 6), min_size=1), st.integers(0, 1439), st.integers(0, 1440), st.floats(-9e8, 4e9)
)
def test_a_week_of_a_window_is_as_long_as_it_says(
    days: set[int], start: int, end: int, wall_s: float
) -> None:
    window = Window("x", frozenset(days), start * 60.0, end * 60.0, 0.0)
    first = math.floor(wall_s / 60) * 60.0
    minutes = sum(window.holds(first + 60.0 * each, 0.0) for each in range(7 * 1440))
    assert minutes == len(days) * (end - start if start < end else 1440 - start + end)


@given(watts, st.floats(1, 1e5), st.floats(0, 1000), st.floats(0, 5000))
def test_an_order_is_approached_evenly_and_met_before_it_begins(
    cap_w: float, unload_w_s: float, lead_s: float, ahead_s: float
) -> None:
    order = Order("x", 10_000.0, 20_000.0, cap_w)
    (term,) = curtailment([order], 10_000.0 - ahead_s, unload_w_s, lead_s)
    assert term.watts == pytest.approx(cap_w + unload_w_s * max(0.0, ahead_s - lead_s), rel=1e-9, abs=1e-3)


def test_an_order_without_a_way_down_holds_from_its_lead_to_its_end() -> None:
    order = Order("x", 100.0, 200.0, 5.0)
    held = [second for second in range(0, 300, 10) if list(curtailment([order], second, lead_s=30.0))]
    assert held == list(range(70, 200, 10))


@given(st.lists(st.builds(PriceRule, st.floats(-500, 5000), watts), max_size=5), st.floats(-500, 5000))
def test_rules_hold_at_their_price_and_an_unknown_one_is_the_worst(
    rules: list[PriceRule], per_mwh: float
) -> None:
    held = [term.watts for term in price(rules, per_mwh)]
    assert held == [rule.cap_w for rule in rules if per_mwh >= rule.per_mwh]
    unknown = [term.watts for term in price(rules, math.nan)]
    assert unknown == ([min(rule.cap_w for rule in rules)] if rules else [])
    assert all(least <= watt for watt in held for least in unknown)
