"""What a miner is charged from one command to the next, until evidence or time says otherwise."""

import numpy as np
import pytest

from proxy.energy.arrays import Floats
from proxy.governor.accounts import ASLEEP, RUNNING, WITHHELD, Accounts

LAG_S = 4.0
"""Of the feeder's meter."""
RISES_S, FALLS_S = 30.0, 5.0
MINER = np.zeros(1, dtype=np.int64)


def tell(accounts: Accounts, now: float, watts: float, t95_s: float) -> None:
    accounts.told(now, MINER, RUNNING, np.full(1, watts), np.full(1, t95_s))


def latent_w(accounts: Accounts, now: float) -> float:
    return accounts.latent_w(now, LAG_S, 1.0)[0]


@pytest.fixture(name="running")
def _running() -> Accounts:
    """One miner that was raised from 500 to 3000 W ten seconds ago, and nobody has seen it move."""
    accounts = Accounts.begin(1)
    tell(accounts, 0.0, 500.0, FALLS_S)
    assert latent_w(accounts, 100.0) == 0.0
    accounts.prove(MINER)
    tell(accounts, 100.0, 3000.0, RISES_S)
    assert latent_w(accounts, 110.0) == 2500.0
    return accounts


def test_a_raise_that_is_taken_back_stays_charged_until_its_own_time_is_over(running: Accounts) -> None:
    tell(running, 110.0, 500.0, FALLS_S)
    running.prove(MINER)  # its own figure is as low as before: it may have heard neither, or the first alone
    for now in (110.0, 140.0, 100.0 + 2.0 * RISES_S + LAG_S):
        assert latent_w(running, now) == 2500.0, now
        assert running.charge_w.tolist() == [3000.0]
    assert latent_w(running, 100.0 + 2.0 * RISES_S + LAG_S + 0.1) == 0.0
    assert running.charge_w.tolist() == [500.0]


def test_one_that_is_taken_back_in_part_does_too_and_twice_is_no_more(running: Accounts) -> None:
    tell(running, 110.0, 2000.0, FALLS_S)
    assert latent_w(running, 111.0) == 2500.0
    tell(running, 111.0, 3000.0, RISES_S)
    tell(running, 112.0, 25.0, FALLS_S)
    assert latent_w(running, 113.0) == 2500.0
    assert latent_w(running, 111.0 + 2.0 * RISES_S + LAG_S) == 2500.0
    assert latent_w(running, 111.0 + 2.0 * RISES_S + LAG_S + 0.1) == 0.0


def test_a_slow_raise_that_was_taken_back_outlasts_a_quick_one(running: Accounts) -> None:
    tell(running, 110.0, 500.0, FALLS_S)
    tell(running, 111.0, 1000.0, 5.0)
    tell(running, 112.0, 500.0, FALLS_S)
    assert latent_w(running, 100.0 + 2.0 * RISES_S + LAG_S) == 2500.0


def test_a_reduction_that_nothing_has_proven_stays_charged_beyond_that(running: Accounts) -> None:
    tell(running, 110.0, 500.0, FALLS_S)
    assert latent_w(running, 1000.0) == 0.0, "what it draws is on the feeder by now"
    assert running.charge_w.tolist() == [3000.0]
    running.prove(MINER)
    assert running.charge_w.tolist() == [500.0]


def test_what_has_arrived_is_taken_back_as_any_other_reduction(running: Accounts) -> None:
    seen: Floats = np.full(1, 2990.0)
    running.seen_w, running.seen_s = seen, np.full(1, 120.0)
    assert latent_w(running, 126.0) == 0.0
    tell(running, 126.0, 500.0, FALLS_S)
    assert running.undone_w.tolist() == [0.0]


def test_proof_that_a_miner_without_work_idles_ends_it(running: Accounts) -> None:
    running.told(110.0, MINER, WITHHELD, np.full(1, 200.0), np.full(1, FALLS_S))
    assert latent_w(running, 120.0) == 2500.0
    running.prove(MINER)
    assert latent_w(running, 120.0) == 0.0
    assert running.charge_w.tolist() == [200.0]


def test_it_is_charged_through_a_sleep_too(running: Accounts) -> None:
    running.told(110.0, MINER, ASLEEP, np.full(1, 25.0), np.full(1, FALLS_S))
    running.prove(MINER)
    assert latent_w(running, 120.0) == 2500.0
    assert running.appended(1).undone_w.tolist() == [2500.0, 0.0]
