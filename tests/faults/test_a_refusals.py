"""A08: what refused shares cost us, and how many of them a peer may send: the bar for any machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import count

import pytest

from proxy import hotpath
from proxy.hotpath import Reason
from proxy.mining.vardiff import VardiffSettings
from proxy.relay.conduct import CHEAP
from proxy.relay.settings import Limits, Prices
from proxy.units import Difficulty
from tests.conftest import Require
from tests.fakes.miner import FakeMiner, Told
from tests.fakes.pool import FakePool
from tests.fakes.site import Site
from tests.faults.ways import PATIENT

AT_ONCE, ROUNDS = 300, 15
ANY = Difficulty(2.0**-32)
"""All hashes but one in 65,536 meet it."""
Line = Callable[[Told, int], bytes]


def line(job: Told, number: int, **changes: str) -> bytes:
    """Return one submit; ``changes`` name what is wrong with it."""
    fields = {
        "worker": "acme.rig",
        "id": job.id,
        "extranonce2": f"{number:0{2 * job.extranonce2_size}x}",
        "ntime": job.params[7],
        "nonce": "00000000",
    } | changes
    return b'{"id":5,"method":"mining.submit","params":["%s"]}\n' % '","'.join(fields.values()).encode()


KINDS: dict[str, tuple[Line, Reason]] = {
    "low": (line, Reason.LOW_DIFFICULTY),
    "unknown job": (lambda job, n: line(job, n, id=f"{n:x}"), Reason.STALE),
    "unknown name": (lambda job, n: line(job, n, worker="acme.rigx"), Reason.UNAUTHORIZED),
    "ntime": (lambda job, n: line(job, n, ntime="00000001"), Reason.NTIME),
    "short": (lambda job, n: line(job, n, extranonce2="00"), Reason.SHAPE),
    "no hex": (lambda job, n: line(job, n, nonce="zzzzzzzz"), Reason.SHAPE),
}
LEFT_BY_THE_LANE = {"no hex"}
"""Read by the strict parser, as every odd line is; the others are refused where they stand in the buffer."""


def miner_at(difficulty: Difficulty, limits: Limits) -> FakeMiner:
    """Return a miner at work of whose answers nothing is kept."""
    still = VardiffSettings(start=difficulty, minimum=difficulty, maximum=difficulty)
    site = Site(FakePool("one", difficulty=1.0), limits=limits, vardiff=still).start()
    miner = site.miner("acme.rig", rolls=False)
    miner.wire.deliver = None
    return miner


def spent(miner: FakeMiner, kind: Line, numbers: count[int]) -> float:
    """Return the processor's seconds for some hundred lines."""
    data = b"".join(kind(miner.job, next(numbers)) for _ in range(AT_ONCE))
    site = miner.site
    began = time.thread_time()
    site.relay.feed(miner.key, data, site.now)
    taken = time.thread_time() - began
    site.pump()
    site.journal.batches.clear()
    miner.wire.writes.clear()
    return taken


@pytest.mark.parametrize("name", KINDS)
def test_a08_a_refused_share_costs_no_more_than_a_good_one(name: str, require: Require) -> None:
    """Rounds of both in turn, so that a busy machine slows both. Where a hash is needed it is one hash."""
    require("the compiled core", hotpath.COMPILED)
    kind, reason = KINDS[name]
    free = Prices(soft=1e18, hard=1e18, ban_shares=1 << 60)
    honest, bad = miner_at(ANY, Limits(prices=free)), miner_at(Difficulty(1.0), PATIENT)
    numbers = count(1)
    rounds = [(spent(bad, kind, numbers), spent(honest, line, numbers)) for _ in range(ROUNDS)]
    assert honest.site.session(honest).tally.accepted > 0.99 * ROUNDS * AT_ONCE
    assert bad.site.session(bad).tally.rejected == {reason: ROUNDS * AT_ONCE}
    ratio = statistics.median(refused / good for refused, good in rounds)
    # What the lane leaves is some twenty microseconds' work; its number is bounded, as the next test says.
    assert ratio < (20 if name in LEFT_BY_THE_LANE else 1)


@pytest.mark.parametrize("name", KINDS)
def test_a08_two_windows_of_refused_shares_are_the_end_however_fast_they_come(name: str) -> None:
    """Fifty are answered with a fresh job, fifty more with the door; its name is refused from then on."""
    kind, _ = KINDS[name]
    miner = miner_at(Difficulty(1.0), Limits())
    most = 2 * Prices().ban_shares
    for number in range(2 * most):
        miner.raw(kind(miner.job, number))
    site = miner.site
    assert miner.wire.closed
    assert sum(site.relay.routes["acme"].tally.rejected.values()) <= most
    again = site.connect(worker="acme.rig")
    again.subscribe()
    assert again.authorize()["error"][0] == 24


@pytest.mark.parametrize("name", KINDS)
def test_a08_whose_refusals_are_never_most_of_its_shares_is_slowed_and_then_dropped(name: str) -> None:
    """Without the ratio cost alone is the end: 500 of those that were looked at, 2,000 of the others."""
    kind, reason = KINDS[name]
    prices = Prices(ban_shares=1 << 60)
    miner = miner_at(Difficulty(1.0), Limits(prices=prices))
    price = prices.cheap_reject if reason in CHEAP else prices.bad_share
    most = int(prices.hard / price)
    for number in range(2 * most):
        miner.raw(kind(miner.job, number))
    assert miner.wire.closed
    assert sum(miner.site.relay.routes["acme"].tally.rejected.values()) <= most
    # From the soft cost on it is read no faster than it may spend.
    spent_slowly = prices.hard - prices.soft - price
    assert sum(miner.wire.pauses) >= 0.9 * spent_slowly / prices.spending
