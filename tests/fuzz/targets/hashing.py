"""Hashing of the compiled core, share by share and in bulk, in each implementation, equals the reference."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from proxy.hotpath import reference
from tests.fuzz.faults import Fault
from tests.fuzz.source import Source
from tests.fuzz.twins import compiled

MOST_JOBS: Final = 4

Job = tuple[bytes, bytes, int, list[bytes], int, bytes, int]
Share = tuple[bytes, int, int, int]


def run(data: bytes) -> None:
    """Build a job and a share of ``data``, and compare whatever can be computed of them; then of many."""
    twin = compiled()
    source = Source(data)
    words = [source.word() for _ in range(5)]
    width, branches = source.below(33), source.below(5)
    coinb1, coinb2, seed = source.text(), source.text(), source.take(32).ljust(32, b"\0")
    extranonce = source.take(width).ljust(width, b"\0")
    job = (coinb1, coinb2, width, [seed[n:] + seed[:n] for n in range(branches)], words[0], seed, words[1])
    share = (extranonce, words[2], words[3], words[4])
    expected = _computed(reference, job, share, data)
    for name in getattr(twin, "_implementations", tuple)():
        twin._select(name)
        found = _computed(twin, job, share, data)
        twin._select(None)
        if found != expected:
            raise Fault(f"{name}: {found}, reference: {expected}")
    _check_bulk(source, twin, [job], share)


def _check_bulk(source: Source, twin: ModuleType, jobs: list[Job], share: Share) -> None:
    """Let many shares of jobs of several shapes be hashed together."""
    extranonce, ntime, nonce, version = share
    shares = []
    for number in range(source.below(100)):
        if source.flag(4) and len(jobs) < MOST_JOBS:
            coinb1, coinb2, width, branches, of_version, prevhash, nbits = jobs[0]
            longer, more = source.byte(), source.below(3)
            branches = branches + [bytes(32)] * more
            jobs.append((coinb1, coinb2 + bytes(longer), width, branches, of_version, prevhash, nbits))
        shares.append((source.below(len(jobs)), extranonce, ntime, nonce ^ number, version ^ source.byte()))
    expected = _bulk(reference, jobs, shares)
    for name in getattr(twin, "_bulk_implementations", tuple)():
        twin._bulk_select(name)
        found = _bulk(twin, jobs, shares)
        twin._bulk_select(None)
        if found != expected:
            raise Fault(
                f"{name}: {len(shares)} shares of {len(jobs)} jobs have other hashes than the reference"
            )


def _bulk(twin: ModuleType, jobs: list[Job], shares: list[tuple[int, bytes, int, int, int]]) -> object:
    prepared = [twin.PreparedJob(*job) for job in jobs]
    return twin.share_hashes([(prepared[which], *share) for which, *share in shares])


def _computed(
    twin: ModuleType,
    job: Job,
    share: Share,
    data: bytes,
) -> list[object]:
    prepared = twin.PreparedJob(*job)
    digest = prepared.share_hash(*share)
    extranonce, ntime, _, version = share
    near = int.from_bytes(digest, "little")
    targets = [twin.Target(value) for value in (near, max(0, near - 1), near ^ 1 << 224, near ^ 1 << 32)]
    return [
        digest,
        prepared.coinbase(extranonce),
        prepared.merkle_root(extranonce),
        prepared.header(*share),
        [each.met_by(digest) for each in targets],
        prepared.search(extranonce, ntime, version, 0, 8, twin.Target((1 << 256) - 1 >> 2)),
        twin.sha256d(data),
        twin.achieved_difficulty(digest),
    ]
