"""Who goes down when seconds count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.plunge import DELAY_S, HORIZON_S, NEAR_PANIC, excess_ws, plunge

seeds = st.integers(0, 2**32 - 1)
MINERS = 40


def asleep(
    excess: float, deficit: float, limit_s: float, sleep_s: float | np.ndarray, sleeps: float = 1.0
) -> np.ndarray:
    can_sleep = np.arange(MINERS) < sleeps * MINERS
    return plunge(
        excess,
        deficit,
        limit_drop_w=np.full(MINERS, 2000.0),
        limit_s=np.full(MINERS, limit_s),
        sleep_drop_w=np.where(can_sleep, 2900.0, 0.0),
        sleep_s=np.full(MINERS, sleep_s) if isinstance(sleep_s, float) else sleep_s,
        can_sleep=can_sleep,
    )


def test_limits_are_enough_where_they_are_as_fast_and_reach_as_far() -> None:
    assert not asleep(5e3, 5e3, limit_s=2.0, sleep_s=10.0).any()


def test_where_limits_are_slow_miners_sleep() -> None:
    assert asleep(60e3, 60e3, limit_s=30.0, sleep_s=2.0).sum() == 30


def test_where_limits_do_not_reach_as_many_sleep_as_do() -> None:
    found = asleep(80e3, 100e3, limit_s=1.0, sleep_s=20.0)
    assert found.sum() == 30
    assert not asleep(80e3, 79e3, limit_s=1.0, sleep_s=20.0).any()


def test_the_quickest_sleepers_sleep_first() -> None:
    lag = np.linspace(30.0, 10.0, MINERS)
    found = asleep(80e3, 85e3, limit_s=1.0, sleep_s=lag)
    assert 0 < found.sum() < MINERS
    assert lag[found].max() <= lag[~found].min()


def test_nobody_is_put_to_sleep_that_cannot() -> None:
    found = asleep(1e6, 1e6, limit_s=30.0, sleep_s=2.0, sleeps=0.5)
    assert found[:20].all()
    assert not found[20:].any()


@given(seeds)
def test_excess_stays_near_that_of_everything_going_down_or_everything_goes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    can_sleep = rng.random(MINERS) < 0.7
    limit, sleep = rng.uniform(0, 2000, MINERS), np.where(can_sleep, 2900.0, 0.0)
    limit_s, sleep_s = rng.uniform(1, 60, MINERS), rng.uniform(1, 60, MINERS)
    excess = float(rng.uniform(0, 120e3))
    found = plunge(
        excess,
        excess,
        limit_drop_w=limit,
        limit_s=limit_s,
        sleep_drop_w=sleep,
        sleep_s=sleep_s,
        can_sleep=can_sleep,
    )
    assert not (found & ~can_sleep).any()
    if not found[can_sleep].all():
        drop = np.where(found, sleep, limit)
        down = excess_ws(excess, [(drop, np.where(found, sleep_s, limit_s))])
        panic = excess_ws(excess, [(sleep, sleep_s), (np.where(can_sleep, 0.0, limit), limit_s)])
        assert down <= NEAR_PANIC * panic * (1 + 1e-9)
        assert drop.sum() >= excess * (1 - 1e-9)


def test_an_excess_that_nothing_ends_lasts() -> None:
    none = np.zeros(1)
    assert excess_ws(1e3, [(none, none)]) == pytest.approx(1e3 * (HORIZON_S + DELAY_S))
    assert excess_ws(1e3, [(np.array([1e6]), np.array([0.1]))]) == pytest.approx(1e3 * (1.0 + DELAY_S))
