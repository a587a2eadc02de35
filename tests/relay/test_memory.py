"""Memory of sessions: what tells duplicates is given back when jobs are stale; a name more costs little."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterable
from dataclasses import replace

from proxy import hotpath
from proxy.hotpath import Assignment, Job
from proxy.mining.vardiff import VardiffSettings
from proxy.relay.settings import Limits, PoolSettings, Prices, TenantSettings
from proxy.stratum.upstream import Bounds
from proxy.units import Difficulty
from tests.conftest import Require
from tests.fakes.heap import heap_bytes, is_countable
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import Site, pool_settings

ANY = Difficulty(2.0**-32)
"""All hashes but one in 65,536 meet it: shares need no search."""
STILL = VardiffSettings(start=ANY, minimum=ANY, maximum=ANY)
SESSIONS, SHARES_EACH, AT_ONCE = 20, 2_000, 25
A_KEY = 8
"""Bytes that tell one credited share from all others, at least."""
NAMES = 3_000
FREE = Limits(
    prices=Prices(soft=1e18, hard=1e18, ban_shares=1 << 60),
    workers_per_session=NAMES,
    pool_messages=Bounds(difficulty_least=ANY),
)
"""Nobody is dropped for what it says."""
A_NAME = 1024
"""Bytes, A11's bar."""


def crew() -> tuple[FakePool, Site, list[FakeMiner]]:
    """Return a pool that is sent next to nothing, and miners at work."""
    pool = FakePool("one", difficulty=1.0)
    site = Site(pool, limits=FREE, vardiff=STILL).start()
    return pool, site, [site.miner("acme.rig", rolls=False) for _ in range(SESSIONS)]


def forgetful(site: Site) -> None:
    """Let the fakes keep nothing of what they were told."""
    site.journal.batches.clear()
    site.journal.notes.clear()
    site.events.clear()
    for miner in site.miners:
        miner.wire.writes.clear()
        miner.lines.clear()
        miner.replies.clear()
        miner.order.clear()


def submits(miner: FakeMiner, first: int, count: int = AT_ONCE, worker: str = "acme.rig") -> bytes:
    """Return shares of its last job, each another one."""
    job = miner.job
    digits = 2 * miner.extranonce2_size
    line = '{"id":1,"method":"mining.submit","params":["%s","%s","%0*x","%s","00000000"]}\n'
    return "".join(
        line % (worker, job.id, digits, first + number, job.params[7]) for number in range(count)
    ).encode()


def filled(site: Site, miners: Iterable[FakeMiner]) -> int:
    """Have every miner send its shares; return how many were credited."""
    tally = site.relay.routes["acme"].tally
    before = tally.accepted
    for miner in miners:
        deliver, miner.wire.deliver = miner.wire.deliver, None
        for first in range(0, SHARES_EACH, AT_ONCE):
            miner.raw(submits(miner, first))
            forgetful(site)
        miner.wire.deliver = deliver
    return tally.accepted - before


def alive(kind: type) -> int:
    """Return how many objects of a kind there are."""
    gc.collect()
    return sum(isinstance(each, kind) for each in gc.get_objects())


def test_what_tells_duplicates_is_given_back_when_the_jobs_are_stale(require: Require) -> None:
    """A credited share costs some bytes for as long as it could be sent again, and none after that."""
    require("the compiled core", hotpath.COMPILED)
    require("a C library that counts", is_countable())
    pool, site, miners = crew()
    jobs, assignments = alive(Job), alive(Assignment)

    for _ in range(2):  # once more: what was given back is used again
        before = heap_bytes()
        credited = filled(site, miners)
        assert credited > 0.99 * SESSIONS * SHARES_EACH
        held = heap_bytes() - before
        assert A_KEY * credited <= held <= 2 * A_KEY * credited
        # Their block was found, and another: no share of theirs can come in time any more.
        for _ in range(2):
            pool.new_job(clean=True)
            site.pass_time(1)
            forgetful(site)
        assert heap_bytes() - before <= held / 10
        assert alive(Job) <= jobs + 1
        assert alive(Assignment) <= assignments + 1


def test_jobs_that_no_block_ends_are_given_back_in_their_time(require: Require) -> None:
    """A pool that finds no block for long only ever adds jobs: retention ends them."""
    require("the compiled core", hotpath.COMPILED)
    require("a C library that counts", is_countable())
    pool, site, miners = crew()
    before = heap_bytes()
    credited = filled(site, miners)
    held = heap_bytes() - before
    assert held >= A_KEY * credited
    pool.new_job()
    site.pass_time(site.settings.timers.job_retention + 20, 1.0)
    pool.new_job()
    site.pass_time(1)
    forgetful(site)
    assert heap_bytes() - before <= held / 10


def test_thousands_of_names_on_one_connection_cost_less_than_a_kilobyte_each() -> None:
    """A11: an aggregator's, each with a share that goes up under its own name: the dearest there is."""
    pool = FakePool("one", difficulty=ANY)
    settings: PoolSettings = replace(pool_settings(pool), user="acct.{worker}", fallback_user="acct.all")
    site = Site(pool, limits=FREE, tenants=[TenantSettings("acme", (settings,), vardiff=STILL)]).start()
    miner = site.miner("acme.w0", rolls=False)
    miner.wire.deliver = None
    tracemalloc.start()
    try:
        for number in range(1, NAMES + 100):
            miner.raw(miner.line("mining.authorize", [f"acme.w{number}", "x"], 1)[0])
            miner.raw(submits(miner, number, 1, f"acme.w{number}"))
            pool.side.calls.clear()
            pool.side.wire.writes.clear()
            pool.received.clear()
            forgetful(site)
        gc.collect()
        ours = tracemalloc.Filter(inclusive=True, filename_pattern="*/proxy/*")
        traces = tracemalloc.take_snapshot().filter_traces([ours]).traces
    finally:
        tracemalloc.stop()
    assert len(site.session(miner).workers) == NAMES
    assert len(pool.side.authorized) > 0.99 * NAMES
    held = sum(trace.size for trace in traces)
    assert 50 * NAMES < held < A_NAME * NAMES
