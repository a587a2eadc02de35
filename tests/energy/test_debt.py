import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.debt import Debts, advance, settlement_w

powers = st.lists(st.floats(0, 1e6), min_size=3, max_size=3).map(np.array)


def test_what_was_guaranteed_and_not_offered_is_owed_by_month() -> None:
    debts = Debts()
    entitled, offered = np.array([100e3, 50e3]), np.array([60e3, 80e3])
    debts = advance(debts, "2026-11", entitled, offered, 3600.0)
    debts = advance(debts, "2026-12", entitled, np.array([np.nan, 50e3]), 1800.0)
    assert debts.by_month["2026-11"] == pytest.approx([40.0, 0.0])
    assert debts.by_month["2026-12"] == pytest.approx([50.0, 0.0])
    assert debts.total_kwh(2) == pytest.approx([90.0, 0.0])


def test_the_oldest_month_is_paid_first_and_nothing_below_zero() -> None:
    debts = Debts({"2026-10": np.array([30.0]), "2026-11": np.array([10.0])})
    full = np.array([1e3])
    once = advance(debts, "2026-11", full, full, 3600.0, settled_w=np.array([35e3]))
    assert [float(once.by_month[month][0]) for month in ("2026-10", "2026-11")] == pytest.approx([0.0, 5.0])
    more = advance(once, "2026-11", full, full, 3600.0, settled_w=np.array([35e3]))
    assert more.total_kwh(1) == pytest.approx([0.0])
    assert debts.by_month["2026-10"] == pytest.approx([30.0])


@given(st.lists(st.tuples(powers, powers, st.floats(-100, 3600)), max_size=10))
def test_debt_is_the_integral_of_what_lacked(steps: list[tuple[np.ndarray, np.ndarray, float]]) -> None:
    debts, owed = Debts(), np.zeros(3)
    for index, (entitled, offered, seconds) in enumerate(steps):
        debts = advance(debts, f"2026-{index % 3 + 1:02d}", entitled, offered, seconds)
        owed += np.clip(entitled - offered, 0, None) * max(0.0, seconds) / 3.6e6
    assert debts.total_kwh(3) == pytest.approx(owed)


@given(
    st.lists(st.floats(0, 1e4), min_size=1, max_size=5).map(np.array), st.floats(-1e6, 1e6), st.floats(0, 1)
)
def test_debt_is_paid_from_a_part_of_the_surplus_only(owed: np.ndarray, surplus: float, part: float) -> None:
    paid = settlement_w(owed, surplus, part=part)
    assert (paid >= 0).all()
    assert paid.sum() <= part * max(0.0, surplus) * (1 + 1e-9) + 1e-300  # denormals are rounded coarsely
    assert not paid[owed == 0].any()
    assert (paid <= owed * 1000.0 * (1 + 1e-9)).all()  # no faster than in an hour
