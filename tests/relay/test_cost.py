"""Cost: what is charged decays, what is earned back never goes below zero."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.relay.cost import LONGEST_PAUSE, LONGEST_QUEUE, Cost, Ration
from proxy.relay.settings import Prices
from proxy.units import Seconds

PRICES = Prices()
steps = st.lists(st.tuples(st.floats(-500, 500), st.floats(0, 600)), max_size=30)


def test_a_full_cost_is_gone_in_an_hour_and_half_of_it_in_half() -> None:
    cost = Cost(Seconds(5.0))
    cost.charge(PRICES.hard, PRICES, Seconds(5.0))
    assert cost.amount(PRICES, Seconds(1805.0)) == pytest.approx(PRICES.hard / 2)
    assert cost.amount(PRICES, Seconds(3605.0)) == 0.0


@given(steps=steps)
def test_cost_is_never_below_zero_and_never_above_what_was_charged(steps: list[tuple[float, float]]) -> None:
    now, charged, cost = 0.0, 0.0, Cost(Seconds(0.0))
    for price, wait in steps:
        now += wait
        charged += max(0.0, price)
        amount = cost.charge(price, PRICES, Seconds(now))
        assert 0.0 <= amount <= charged + 1e-6
        assert amount == pytest.approx(cost.amount(PRICES, Seconds(now)))


@given(steps=steps, looks=st.lists(st.floats(0, 600), max_size=8))
def test_looking_changes_nothing(steps: list[tuple[float, float]], looks: list[float]) -> None:
    seen, unseen, now = Cost(Seconds(0.0)), Cost(Seconds(0.0)), 0.0
    for price, wait in steps:
        for look in sorted(looks):
            seen.amount(PRICES, Seconds(now + min(look, wait)))
        now += wait
        assert seen.charge(price, PRICES, Seconds(now)) == unseen.charge(price, PRICES, Seconds(now))


@given(price=st.floats(0, 5000), first=st.floats(0, 4000), second=st.floats(0, 4000))
def test_it_decays_alike_in_one_wait_and_in_two(price: float, first: float, second: float) -> None:
    one, two = Cost(Seconds(0.0)), Cost(Seconds(0.0))
    one.charge(price, PRICES, Seconds(0.0))
    two.charge(price, PRICES, Seconds(0.0))
    two.charge(0.0, PRICES, Seconds(first))
    end = Seconds(first + second)
    assert one.amount(PRICES, end) == pytest.approx(two.amount(PRICES, end), abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0.1, 500)), min_size=1, max_size=60))
def test_in_small_pieces_one_waits_as_long_as_in_large_ones(spent: list[tuple[float, float]]) -> None:
    cost, now, paid_at = Cost(Seconds(0.0)), 0.0, 0.0
    for step, price in spent:
        now += step
        paid_at = min(max(paid_at, now) + price / PRICES.spending, now + LONGEST_PAUSE)
        assert cost.wait(price, PRICES, Seconds(now)) == pytest.approx(paid_at - now)


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 30), st.floats(0.1, 500)), min_size=1, max_size=60))
def test_together_they_spend_no_more_than_the_ration(spent: list[tuple[int, float, float]]) -> None:
    ration, now, free_at = Ration(), 0.0, dict.fromkeys(range(10), 0.0)
    for peer, step, price in spent:
        now = max(now + step, free_at[peer])  # who pauses spends nothing
        free_at[peer] = now + ration.wait(price, PRICES, Seconds(now))
    # The last of all has paid when all has been paid for: nobody overtook anybody.
    total = sum(price for _, _, price in spent)
    assert max(free_at.values()) >= total / PRICES.spending_together - 1e-6


def test_a_crowd_waits_as_long_as_one_that_spends_as_much() -> None:
    ration = Ration()
    waits = [ration.wait(100.0, PRICES, Seconds(0.0)) for _ in range(1000)]
    assert waits[-1] == pytest.approx(100_000.0 / PRICES.spending_together)
    assert waits == sorted(waits)
    assert ration.wait(1e9, PRICES, Seconds(0.0)) == LONGEST_QUEUE
