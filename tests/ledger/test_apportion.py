"""Units shared out: exact, deterministic, and as near to the proportion as whole units can be."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.ledger.apportion import apportion, in_micro

weights = st.dictionaries(
    st.text(max_size=3),
    st.floats(0, 2.0**200, allow_nan=False) | st.integers(0, 3).map(float),
    max_size=12,
)
some = weights.filter(lambda given: any(given.values()))
totals = st.integers(-(10**18), 10**18) | st.integers(-5, 5)


@given(total=totals, given=some)
def test_no_unit_is_created_or_lost(total: int, given: dict[str, float]) -> None:
    assert sum(apportion(total, given).values()) == total


@given(total=totals, given=some)
def test_each_gets_what_is_due_rounded_up_or_down(total: int, given: dict[str, float]) -> None:
    whole = sum(Fraction(weight) for weight in given.values())
    for key, share in apportion(total, given).items():
        assert abs(share - total * Fraction(given[key]) / whole) < 1


equal = st.dictionaries(st.text(max_size=2), st.sampled_from([1.0, 1.0, 2.0]), min_size=2, max_size=6)


@given(total=st.integers(0, 20) | totals, given=equal | some, data=st.data())
def test_the_order_of_the_mapping_changes_nothing(
    total: int, given: dict[str, float], data: st.DataObject
) -> None:
    shuffled = dict(data.draw(st.permutations(list(given.items()))))
    assert apportion(total, shuffled) == apportion(total, given)


@given(total=st.integers(0, 10**9), given=some)
def test_more_work_never_earns_less(total: int, given: dict[str, float]) -> None:
    shares = apportion(total, given)
    by_weight = sorted(given, key=lambda key: (given[key], shares[key]))
    assert [shares[key] for key in by_weight] == sorted(shares.values())


@given(total=totals, given=some)
def test_a_correction_takes_back_what_was_given(total: int, given: dict[str, float]) -> None:
    assert apportion(-total, given) == {key: -share for key, share in apportion(total, given).items()}


def test_what_is_left_over_goes_to_the_largest_remainders() -> None:
    assert apportion(10, {"a": 1.0, "b": 1.0, "c": 1.0}) == {"a": 4, "b": 3, "c": 3}
    assert apportion(10, {"a": 5.4, "b": 3.3, "c": 1.3}) == {"a": 6, "b": 3, "c": 1}


def test_nothing_is_shared_out_among_nobody() -> None:
    assert apportion(0, {}) == {}
    assert apportion(0, {"a": 0.0}) == {"a": 0}
    with pytest.raises(ValueError, match="whose"):
        apportion(1, {"a": 0.0})


@pytest.mark.parametrize("weight", [-1.0, math.inf, math.nan])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        apportion(1, {"a": 1.0, "b": weight})


@given(units=st.integers(0, 10**9))
def test_whole_difficulties_are_whole_micro_units(units: int) -> None:
    assert in_micro(float(units)) == units * 1_000_000
