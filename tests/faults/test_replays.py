"""The same share once more: elsewhere, later, under another name. It is credited once, ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from proxy.mining.vardiff import VardiffSettings
from proxy.units import Difficulty
from tests.fakes.miner import FakeMiner, Found
from tests.fakes.pool import FakePool
from tests.fakes.site import Site
from tests.faults.ways import RARE, both_ways, credited, rare_pool, records, site_of

MOVES = VardiffSettings(start=RARE, minimum=Difficulty(RARE / 64), maximum=RARE)
"""A miner may make itself be given its job anew, by a hint."""

Replay = Callable[[Site, FakePool, FakeMiner, Found], str]
"""Does what a cheat does and returns what it was answered."""


def under(found: Found, job_id: str) -> Found:
    """Return the same header, submitted under another job's id."""
    return replace(found, job=replace(found.job, params=[job_id, *found.job.params[1:]]))


def again(site: Site, pool: FakePool, miner: FakeMiner, found: Found) -> str:
    return miner.submit(found)


def as_another_worker(site: Site, pool: FakePool, miner: FakeMiner, found: Found) -> str:
    assert miner.authorize("acme.other")["result"] is True
    return miner.submit(found, "acme.other")


def as_a_worker_that_is_not_here(site: Site, pool: FakePool, miner: FakeMiner, found: Found) -> str:
    return miner.submit(found, "acme.nobody")


def in_another_session(site: Site, pool: FakePool, miner: FakeMiner, found: Found) -> str:
    """Its extranonce1 makes another header of the same words."""
    return site.miner("acme.rig2").submit(found)


def under_another_id(site: Site, pool: FakePool, miner: FakeMiner, found: Found) -> str:
    miner.call("mining.suggest_difficulty", [RARE / 16])
    assert miner.job.id != found.job.id
    # Its ntime is too early for nobody: the window begins with the pool's job and not with the issue.
    return miner.submit(under(found, miner.job.id))


def on_a_twin_of_the_job(site: Site, pool: FakePool, miner: FakeMiner, found: Found) -> str:
    """Pools send a job again under another id; with the same branches it makes the same headers."""
    pool.job_number -= 1
    twin = pool.job(clean=False)
    pool.side.say(pool.side.notify(["twin", *twin[1:]]))
    site.pump()
    assert miner.job.id != found.job.id
    return miner.submit(under(found, miner.job.id))


def on_a_clean_twin_of_the_job(site: Site, pool: FakePool, miner: FakeMiner, found: Found) -> str:
    pool.job_number -= 1
    pool.side.say(pool.side.notify(["twin", *pool.job(clean=True)[1:]]))
    site.pump()
    return miner.submit(under(found, miner.job.id))


def after_a_clean_job(site: Site, pool: FakePool, miner: FakeMiner, found: Found) -> str:
    pool.new_job(clean=True)
    site.pump()
    return miner.submit(found)


def back_with_its_session_under_the_old_id(site: Site, pool: FakePool, miner: FakeMiner, found: Found) -> str:
    return _come_back(site, miner).submit(found)


def back_with_its_session_under_the_new_id(site: Site, pool: FakePool, miner: FakeMiner, found: Found) -> str:
    back = _come_back(site, miner)
    return back.submit(under(found, back.job.id))


def _come_back(site: Site, miner: FakeMiner) -> FakeMiner:
    miner.leave()
    back = site.miner(session=miner.session_id)
    assert back.extranonce1 == miner.extranonce1
    return back


def after_subscribing_again(site: Site, pool: FakePool, miner: FakeMiner, found: Found) -> str:
    miner.subscribe()
    return miner.submit(under(found, miner.job.id))


def on_a_connection_that_resumed(site: Site, pool: FakePool, miner: FakeMiner, found: Found) -> str:
    """The pool gives the new connection the old extranonce1 and the old job."""
    pool.resumes = True
    pool.side.cut()
    pool.job_number -= 1
    site.pass_time(20)
    assert miner.job.id != found.job.id
    return miner.submit(under(found, miner.job.id))


REPLAYS: dict[Replay, str] = {
    again: "22",
    as_another_worker: "22",
    as_a_worker_that_is_not_here: "24",
    in_another_session: "23",
    under_another_id: "22",
    on_a_twin_of_the_job: "22",
    on_a_clean_twin_of_the_job: "22",
    after_a_clean_job: "21",
    back_with_its_session_under_the_old_id: "21",
    back_with_its_session_under_the_new_id: "22",
    after_subscribing_again: "22",
    on_a_connection_that_resumed: "22",
}


@both_ways
@pytest.mark.parametrize("replay", REPLAYS, ids=lambda replay: replay.__name__)
def test_a_share_that_comes_once_more_earns_nothing(lanes: bool, replay: Replay) -> None:
    pool = rare_pool()
    site = site_of(pool, lanes=lanes, vardiff=MOVES)
    miner = site.miner()
    found = miner.find()
    assert miner.submit(found) == "accepted"
    assert replay(site, pool, miner, found) == REPLAYS[replay]
    assert credited(site) == (1, RARE)
    assert len(records(site)) == 1
    assert len(pool.headers) == 1
    assert "duplicate" not in pool.faults, "the pool is not asked a second time"


@both_ways
def test_what_was_refused_as_too_late_is_not_credited_on_a_twin_of_its_job(lanes: bool) -> None:
    """A refusal leaves no trace: the share counts where it is still worth something, and once."""
    pool = rare_pool()
    site = site_of(pool, lanes=lanes)
    miner = site.miner()
    found = miner.find()
    assert as_a_worker_that_is_not_here(site, pool, miner, found) == "24"
    assert on_a_twin_of_the_job(site, pool, miner, found) == "accepted"
    assert miner.submit(found) == "22"
    assert credited(site) == (1, RARE)
