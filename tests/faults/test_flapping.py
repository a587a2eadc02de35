"""N04: a link that is up for ten seconds and down for ten, for an hour."""

from random import Random

import pytest

from proxy.events import WorkMoved
from proxy.relay.settings import Timers
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import Site

HOUR = 3600.0
HALF = 10.0
STEP = 0.25


def chances() -> list[float]:
    chance = Random(4)
    return [chance.random() for _ in range(1009)]


class Listening:
    """Counts a miner's notifies, five seconds at a time."""

    def __init__(self, miner: FakeMiner) -> None:
        self._miner = miner
        miner.lines.clear()
        self.times: list[float] = []

    def look(self) -> None:
        count = self._miner.methods().count("mining.notify")
        self.times += [float(self._miner.site.now)] * count
        self._miner.lines.clear()

    def most_in(self, seconds: float) -> int:
        return max(
            (sum(first <= at < first + seconds for at in self.times) for first in self.times), default=0
        )


def flap(site: Site, flapping: dict[FakePool, float], miners: list[FakeMiner]) -> list[Listening]:
    """Let an hour pass; each pool flaps with its own phase. Jobs for one block only."""
    ears = [Listening(miner) for miner in miners]
    for step in range(round(HOUR / STEP)):
        for pool, phase in flapping.items():
            up = (step * STEP + phase) % (2 * HALF) < HALF
            if pool.up and not up:
                pool.die()
            pool.up = up
        site.pass_time(STEP, STEP)
        for ear in ears:
            ear.look()
    return ears


def dials_to(site: Site, pool: FakePool) -> int:
    return sum(dial.host == pool.host for dial in site.dialler.dials)


def test_an_only_pool_that_flaps_is_dialled_within_the_backoff_and_no_miner_is_dropped() -> None:
    """N04: full jitter below 15 s in the dark: 7.5 s on average; a notify in 5 s at most."""
    pool = FakePool("flapping")
    site = Site(pool, randomness=chances()).start()
    miners = [site.miner(f"acme.rig{n}") for n in range(3)]
    ears = flap(site, {pool: 0.0}, miners)
    assert dials_to(site, pool) <= 1.25 * HOUR / (float(Timers().backoff_cap_dark) / 2)
    # Most of the time it serves it is used: the link is no worse for our backoff.
    assert len(pool.sides) >= HOUR / (2 * HALF) * 0.6
    assert all(ear.most_in(5.0) == 1 for ear in ears)
    assert site.resets() == []
    pool.up = True
    site.pass_time(float(Timers().backoff_cap_dark) + 1)
    assert miners[0].mine() == "accepted"
    assert pool.faults == []


def test_a_first_pool_that_flaps_does_not_take_the_miners_with_it() -> None:
    """N04: the failback's hold is the damping: one move for the hour."""
    first, second = FakePool("flapping"), FakePool("steady", host="other", extranonce1_size=7)
    site = Site(first, second, randomness=chances()).start()
    miners = [site.miner(f"acme.rig{n}") for n in range(3)]
    ears = flap(site, {first: 0.0}, miners)
    assert dials_to(site, second) == 2, "one to learn of it, one for the failover"
    assert dials_to(site, first) <= 1.25 * HOUR / (float(Timers().backoff_cap) / 2) + 10
    assert sum(len(ear.times) for ear in ears) <= 2 * len(miners)
    assert site.resets() == []
    assert miners[0].mine() == "accepted"
    assert second.faults == []


@pytest.mark.parametrize("phase", [0.0, HALF / 2, HALF])
def test_two_pools_that_flap_give_each_miner_one_job_for_each_move(phase: float) -> None:
    """N04: behind one link (no phase) that is one in five seconds; on two bad links one for each loss."""
    first, second = FakePool("one"), FakePool("two", host="other", extranonce1_size=7)
    site = Site(first, second, randomness=chances()).start()
    miners = [site.miner(f"acme.rig{n}") for n in range(3)]
    ears = flap(site, {first: 0.0, second: phase}, miners)
    dials = dials_to(site, first) + dials_to(site, second)
    assert dials <= 2 * 1.25 * HOUR / (float(Timers().backoff_cap_dark) / 2)
    moves = site.seen(WorkMoved)[1:]
    assert all(len(ear.times) <= len(moves) for ear in ears)
    assert all(ear.most_in(5.0) <= (1 if phase == 0 else 2) for ear in ears)
    assert len(moves) <= 2 * HOUR / (2 * HALF)
    assert site.resets() == []
    first.up = second.up = True
    site.pass_time(float(Timers().backoff_cap_dark) + 1)
    assert miners[0].mine() == "accepted"
    assert first.faults == second.faults == []
