"""Both ways of a submit, and what hostile tests need of the fakes: answers counted, not kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgpack
import pytest

from proxy.mining.vardiff import VardiffSettings
from proxy.relay.settings import Limits, Prices, TenantSettings
from proxy.units import Difficulty
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import Site

both_ways = pytest.mark.parametrize("lanes", [True, False], ids=["lane", "long-way"])
"""A verdict must not depend on who gives it: the session's lane, or the way of every other line."""

RARE = Difficulty(2.0**-18)
"""16,384 hashes: another header than the one that was searched does not meet it by chance."""
STILL = VardiffSettings(start=RARE, minimum=RARE, maximum=RARE)
PATIENT = Limits(malformed_lines=1 << 30, prices=Prices(soft=1e18, hard=1e18, ban_shares=1 << 60))
"""For tests of verdicts alone: nobody is dropped for what it says."""


def site_of(
    pool: FakePool,
    *,
    lanes: bool,
    vardiff: VardiffSettings = STILL,
    limits: Limits = PATIENT,
    tenants: Sequence[TenantSettings] | None = None,
    listeners: dict[str, tuple[str, ...]] | None = None,
    owned: frozenset[str] = frozenset(),
    others: Sequence[FakePool] = (),
) -> Site:
    """Return a site that has started and judges plain submits in its lanes, or never."""
    site = Site(
        pool, *others, vardiff=vardiff, limits=limits, tenants=tenants, listeners=listeners, owned=owned
    )
    site.relay.uses_lanes = lanes
    return site.start()


def rare_pool(**settings: Any) -> FakePool:
    """Return a pool that pays shares of ``RARE``, or as it is told."""
    return FakePool("one", **{"difficulty": RARE} | settings)


class Answers:
    """What a miner is told from now on: counted, so that a million answers fill no memory."""

    def __init__(self, miner: FakeMiner) -> None:
        self._miner = miner
        self._partial = b""
        self.codes: dict[Any, str] = {}
        """By id, as ``FakeMiner.outcome`` has it; answers under ids that are no number are only counted."""
        self.counts: Counter[str] = Counter()
        miner.wire.deliver = self._heard

    def _heard(self, data: bytes) -> None:
        self._miner.wire.writes.clear()
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._line(json.loads(line))

    def _line(self, message: dict[str, Any]) -> None:
        if "method" in message:
            return
        code = "accepted" if message["result"] is True else str(message["error"][0])
        self.counts[code] += 1
        if type(message["id"]) is int and message["id"] > 0:
            assert message["id"] not in self.codes, "two answers to one call"
            self.codes[message["id"]] = code


@contextmanager
def heard_by(miner: FakeMiner) -> Iterator[Answers]:
    """Count what a miner is told in the body."""
    before = miner.wire.deliver
    yield Answers(miner)
    miner.wire.deliver = before


def records(site: Site) -> list[tuple[Any, ...]]:
    """Return every record that the journal was given, in order."""
    found: list[tuple[Any, ...]] = []
    for _, batch in site.journal.batches:
        unpacker = msgpack.Unpacker(use_list=False)
        unpacker.feed(batch)
        found += unpacker
    return found


def credited(site: Site, tenant: str = "acme") -> tuple[int, float]:
    """Return how many shares a tenant was credited and their difficulty; the journal must say so too."""
    tally = site.relay.routes[tenant].tally
    return tally.accepted, tally.accepted_difficulty
