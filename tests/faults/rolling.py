"""Shares whose ntime or version bits are not what was granted, and what they are answered: a table.

As a program it prints the answers as JSON, so that they can be had from the pure core too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy import hotpath
from proxy.hotpath import NTIME_WINDOW
from proxy.mining.vardiff import VardiffSettings
from proxy.units import Difficulty
from tests.fakes.miner import FakeMiner, Found
from tests.faults.ways import credited, rare_pool, site_of

POOL_MASK = 0x1FFFE000
NARROW = 0x00FFE000
"""What the miner asks for in some rows: less than the pool would grant."""
YEARS = 10 * 365 * 24 * 3600
SELDOM = Difficulty(2.0**-22)
"""A thousand hashes: three hundred rows are quickly searched, and hardly one is right by luck."""

NTIME = "20 ntime out of range"
BITS = "20 Version bits outside the mask"


@dataclass(frozen=True)
class Row:
    """One abuse: what is hashed and submitted, so that only the rule in question stands against it."""

    name: str
    answer: str
    offset: int = 0
    """Seconds of ntime beyond the job's."""
    bits: int | None = 0
    reads: Callable[[int, int, int], int] = field(default=lambda version, mask, bits: version)
    """The header's version, of job version, mask and bits: how this firmware applies them."""
    asked: int | None = 0xFFFFFFFF
    """The mask that the miner asks for; None where it never does."""
    pool_mask: int | None = POOL_MASK


def replaced(version: int, mask: int, bits: int) -> int:
    return version & ~mask | bits & mask


def ored(version: int, mask: int, bits: int) -> int:
    return version | bits


def xored(version: int, mask: int, bits: int) -> int:
    return version ^ bits


def wholly_replaced(version: int, mask: int, bits: int) -> int:
    return bits


NTIMES = [
    Row("as told", "accepted"),
    Row("the last second of the window", "accepted", offset=NTIME_WINDOW),
    Row("a second early", NTIME, offset=-1),
    Row("an hour early", NTIME, offset=-3600),
    Row("ten years early", NTIME, offset=-YEARS),
    Row("zero", NTIME, offset=-0x65000000),
    Row("a second late", NTIME, offset=NTIME_WINDOW + 1),
    Row("two hours late", NTIME, offset=7200),
    Row("ten years late", NTIME, offset=YEARS),
    Row("the end of time", NTIME, offset=0xFFFFFFFF - 0x65000000),
    # 2**31 ahead: negative where somebody computes in signed words.
    Row("half of all time late", NTIME, offset=1 << 31),
]
GRANTED = [
    Row(f"granted, {reads.__name__}", "accepted", bits=0x00ABC000, reads=reads)
    for reads in (replaced, ored, xored)
]
OUTSIDE = [
    Row(f"bit {bit}, {reads.__name__}", BITS, bits=1 << bit, reads=reads)
    for bit in (*range(13), 30, 31)
    for reads in (replaced, ored, xored, wholly_replaced)
]
MIXED = [
    Row(f"granted bits and {bits:08x}, {reads.__name__}", BITS, bits=bits | 0x00ABC000, reads=reads)
    for bits in (0x1, 0x1FFF, 0x40000000, 0xE0001FFF)
    for reads in (replaced, ored, xored)
] + [
    Row(f"every bit, {reads.__name__}", BITS, bits=0xFFFFFFFF, reads=reads)
    for reads in (replaced, ored, xored)
]
NARROWED = [
    Row("inside what was asked", "accepted", bits=0x00802000, reads=replaced, asked=NARROW),
    *[
        Row(
            f"the pool's, but never asked, {reads.__name__}", BITS, bits=0x01000000, reads=reads, asked=NARROW
        )
        for reads in (replaced, ored, xored)
    ],
]
NEVER = [
    Row("nobody asked, no bits", "accepted", bits=None, asked=None),
    Row("nobody asked, bits of zero", "accepted", asked=None),
    *[
        Row(f"nobody asked, {reads.__name__}", BITS, bits=0x2000, reads=reads, asked=None)
        for reads in (replaced, ored, xored)
    ],
    Row("a pool that grants none", BITS, bits=0x2000, reads=ored, pool_mask=None),
]
BOTH = [Row("both", NTIME, offset=-1, bits=1, reads=ored)]
ROWS: Sequence[Row] = [*NTIMES, *GRANTED, *OUTSIDE, *MIXED, *NARROWED, *NEVER, *BOTH]


def answer_to(row: Row, *, lanes: bool) -> str:
    """Return what the share of a row is answered: "accepted", or code and text."""
    pool = rare_pool(mask=row.pool_mask, difficulty=SELDOM)
    site = site_of(pool, lanes=lanes, vardiff=VardiffSettings(start=SELDOM, minimum=SELDOM, maximum=SELDOM))
    miner = site.connect()
    if row.asked is not None:
        miner.configure(row.asked)
    miner.subscribe()
    miner.authorize()
    site.pass_time(0.5)
    reply = miner.call("mining.submit", _share(miner, row).params(miner.worker))
    if reply["result"] is True:
        assert len(pool.received) == credited(site)[0] == 1
        assert pool.faults == []
        return "accepted"
    assert credited(site) == (0, 0.0)
    assert not pool.received
    return f"{reply['error'][0]} {reply['error'][1]}"


def _share(miner: FakeMiner, row: Row) -> Found:
    job = miner.job
    mask = job.mask if row.asked is not None else 0
    version = row.reads(job.version, mask, row.bits or 0)
    ntime = job.ntime + row.offset
    assert 0 <= ntime < 1 << 32
    miner.rolls = False
    found = miner.find(job, version=version, ntime=ntime)
    return Found(job, found.extranonce2, ntime, found.nonce, row.bits, found.header)


def answers(*, lanes: bool) -> dict[str, str]:
    """Return the whole table, by name of the row."""
    assert len({row.name for row in ROWS}) == len(ROWS)
    return {row.name: answer_to(row, lanes=lanes) for row in ROWS}


def _main() -> None:
    said: dict[str, Any] = {"core": hotpath.implementation(), "answers": answers(lanes=True)}
    print(json.dumps(said))  # noqa: T201


if __name__ == "__main__":
    _main()
