"""Batches for tests: a chain of them, made of records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proxy.ledger.chain import GENESIS, Batch, chained
from proxy.ledger.network import network_difficulty
from proxy.ledger.records import (
    JobIssued,
    Note,
    RunBegan,
    SessionBegan,
    SessionEnded,
    Share,
    ShareSettled,
    SharesRefused,
    TenantKnown,
    WorkReceived,
    message,
)

RUN, NEXT_RUN = b"run-0001", b"run-0002"
NBITS = 0x17034219
"""Of all works: that of height 840,000."""
NETWORK = network_difficulty(NBITS)
MIDNIGHT = 1_795_651_200_000
"""2026-11-26, in milliseconds."""


def tenant(name: str) -> TenantKnown:
    return TenantKnown(name, name.title(), "local")


def work(number: int, of: str = "acme", upstream: str = "pool", difficulty: float = 65536.0) -> WorkReceived:
    return WorkReceived(
        number,
        of,
        upstream,
        1,
        0x20000000,
        bytes(32),
        b"\1",
        b"\2",
        8,
        (bytes(32),),
        NBITS,
        1,
        difficulty,
    )


def job(job_id: str, of: int) -> JobIssued:
    return JobIssued(job_id, of)


def session(number: int, of: str = "acme", worker: str = "rig") -> SessionBegan:
    return SessionBegan(number, of, worker, "cgminer", "10.0.0.1", b"\0\0\0\1")


def ended(number: int) -> SessionEnded:
    return SessionEnded(number, "closed")


def share(
    of: int = 1,
    worker: str = "rig",
    job_id: str = "j1",
    *,
    number: int = 0,
    credit: float = 1024.0,
    achieved: float = 2048.0,
    block: bool = False,
) -> Share:
    flags = (1 if number else 0) | (2 if block else 0)
    achieved = 2 * NETWORK if block else achieved
    return Share(number, of, worker, job_id, bytes(8), 1, 2, 3, credit, achieved, flags)


def settled(
    number: int,
    outcome: str = "accepted",
    reason: str = "",
    *,
    of: int = 1,
    worker: str = "rig",
    on: int = 1,
    difficulty: float = 65536.0,
) -> ShareSettled:
    return ShareSettled(number, of, worker, on, outcome, reason, difficulty)


def refused(
    reason: str,
    count: int,
    difficulty: float,
    *,
    of: int = 1,
    tenant: str = "acme",
    worker: str = "rig",
    upstream: str = "pool",
) -> SharesRefused:
    return SharesRefused(of, tenant, worker, upstream, reason, count, difficulty)


BEGINNING: tuple[Note, ...] = (
    RunBegan("1.0", "site", "python"),
    tenant("acme"),
    work(1),
    job("j1", 1),
    session(1),
)
"""What a run tells first, so that the shares above have a job and a session."""


class Chain:
    """Makes one batch behind the other."""

    def __init__(self, run: bytes = RUN, at: int = MIDNIGHT) -> None:
        self.run = run
        self.at = at
        self.seq = 0
        self.hash = GENESIS
        self.batches: list[Batch] = []

    def batch(self, notes: Iterable[Note] = (), shares: Sequence[Share] = (), *, later: int = 20) -> Batch:
        """Return the next batch, drawn ``later`` milliseconds after the last one."""
        self.seq, self.at = self.seq + 1, self.at + later
        packed = message(notes), message(shares)
        self.hash = chained(self.hash, self.seq, self.run, self.at, *packed)
        made = Batch(self.seq, self.run, self.at, *packed, self.hash)
        self.batches.append(made)
        return made
