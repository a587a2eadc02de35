"""A ledger of real shares on disk, batch by batch, as the writer leaves it; and ways to spoil one."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from proxy.adapters.stores.ledger import day_file, index
from proxy.adapters.stores.ledger.folder import Folder, day_of
from proxy.hotpath import PreparedJob, Target, achieved_difficulty
from proxy.ledger.chain import GENESIS, Batch, chained
from proxy.ledger.records import (
    AnyNote,
    Flags,
    JobIssued,
    RunBegan,
    SessionBegan,
    Share,
    SharesRefused,
    TenantKnown,
    WorkReceived,
    message,
)
from proxy.mining.difficulty import target_of, target_of_nbits
from proxy.units import Difficulty

DAY = 86_400_000
START = 1_764_115_200_000
"""2025-11-26, 00:00 UTC, in milliseconds."""
CREDIT = 2.0**-26
"""64 hashes a share, so that the slow core finds some, too."""
POOL = 2.0**-25
RUN = b"run-one!"
LEDGER = b"ledger of a test"


def noise(seed: int, size: int) -> bytes:
    return hashlib.shake_256(b"%d" % seed).digest(size)


def work_of(number: int, tenant: str = "acme", block: int | None = None) -> WorkReceived:
    """Return a work; those of one ``block`` have the previous block's hash in common."""
    return WorkReceived(
        work=number,
        tenant=tenant,
        upstream="pool",
        connection=1,
        version=0x20000000,
        prevhash=noise(1000 + (number if block is None else block), 32),
        coinb1=noise(number, 50),
        coinb2=noise(number + 500, 70),
        extranonce_size=6,
        branches=tuple(noise(number + 900 + i, 32) for i in range(3)),
        nbits=0x1D00FFFF,
        ntime=1_764_000_000,
        difficulty=POOL,
    )


def prepared(work: WorkReceived) -> PreparedJob:
    return PreparedJob(
        work.coinb1,
        work.coinb2,
        work.extranonce_size,
        work.branches,
        work.version,
        work.prevhash,
        work.nbits,
    )


def mined(
    work: WorkReceived,
    counter: int,
    *,
    job_id: str = "",
    session: int = 1,
    extranonce1: bytes = b"\x00\x01",
    credit: float = CREDIT,
    worker: str = "rig1",
) -> Share:
    """Return a share that was really searched, the same one for the same arguments."""
    job = prepared(work)
    extranonce = extranonce1 + counter.to_bytes(work.extranonce_size - len(extranonce1), "big")
    target = Target(target_of(Difficulty(credit)))
    nonce = job.search(extranonce, work.ntime + 5, work.version, 0, 1 << 22, target)
    assert nonce is not None
    digest = job.share_hash(extranonce, work.ntime + 5, nonce, work.version)
    value = int.from_bytes(digest, "little")
    is_block = value <= target_of_nbits(work.nbits)
    goes_up = is_block or value <= target_of(Difficulty(work.difficulty))
    return Share(
        number=counter if goes_up else 0,
        session=session,
        worker=worker,
        job_id=job_id or f"job{work.work}",
        extranonce=extranonce,
        ntime=work.ntime + 5,
        nonce=nonce,
        version=work.version,
        credit=credit,
        achieved=achieved_difficulty(digest),
        flags=int((Flags.FORWARDED if goes_up else 0) | (Flags.BLOCK if is_block else 0)),
    )


def beginning(works: Sequence[WorkReceived], tenants: Sequence[str] = ("acme",)) -> list[AnyNote]:
    """Return what stands at a file's beginning: a session 1, 2, ... for each tenant."""
    notes: list[AnyNote] = [RunBegan("1", "site", "python")]
    notes += [TenantKnown(tenant, tenant.title(), "local") for tenant in tenants]
    for work in works:
        notes += [work, JobIssued(f"job{work.work}", work.work)]
    notes += [
        SessionBegan(number, tenant, f"rig{number}", "cgminer", "10.0.0.1", number.to_bytes(2, "big"))
        for number, tenant in enumerate(tenants, 1)
    ]
    return notes


@dataclass
class MinedLedger:
    """Appends batches, each into the file of its day, and notes what an index would be folded to."""

    folder: Folder
    previous: bytes = GENESIS
    seq: int = 0
    shares: list[Share] = field(default_factory=list)
    """All credited ones."""
    files: list[str] = field(default_factory=list)

    @classmethod
    def under(cls, data: Path) -> MinedLedger:
        folder = Folder.of(data)
        folder.make()
        return cls(folder)

    def batch(
        self, notes: Sequence[AnyNote], shares: Sequence[Share], at: int = START, name: str | None = None
    ) -> Batch:
        """Write a batch."""
        self.seq += 1
        packed = message(notes), message(shares)
        digest = chained(self.previous, self.seq, RUN, at, *packed)
        batch = Batch(self.seq, RUN, at, *packed, digest)
        name = name or day_of(at)
        with closing(day_file.create(self.folder.day(name), LEDGER, self.previous)) as connection:
            day_file.append(connection, batch, len(shares))
        self.previous = digest
        self.shares += shares
        if name not in self.files:
            self.files.append(name)
        return batch

    def days(self, count: int = 2, batches: int = 4, each: int = 3) -> None:
        """Write days of honest work: refusals are counted in every batch."""
        for day in range(count):
            works = [work_of(1 + 2 * day + i) for i in range(2)]
            for number in range(batches):
                notes: list[AnyNote] = beginning(works) if number == 0 else []
                notes.append(SharesRefused(1, "acme", "rig1", "pool", "stale", 2, CREDIT))
                counter = 100 * number
                shares = [mined(works[i % 2], counter + i) for i in range(each)]
                self.batch(notes, shares, START + day * DAY + 1000 * number)

    def fold(self) -> None:
        """Make an index as folding would: the watermark, and roll-ups of the credited shares."""
        with closing(index.open_to_write(self.folder.index)) as connection:
            connection.execute("DELETE FROM meta")
            connection.execute("DELETE FROM minute")
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                [("ledger", LEDGER), ("seq", self.seq.to_bytes(8, "big")), ("hash", self.previous)],
            )
            for name in self.files:
                with closing(day_file.open_to_read(self.folder.day(name))) as day:
                    found = day.execute("SELECT at, sum(count) FROM batches GROUP BY at / 60000").fetchall()
                for at, count in found:
                    connection.execute(
                        "INSERT INTO minute VALUES (?, 1, 1, 0, ?, ?, 0.0, 0.0, ?, 0.0, 0)",
                        (at // 60_000 * 60, count, count * CREDIT, at),
                    )

    @property
    def credited(self) -> float:
        return sum(share.credit for share in self.shares)


def spoil(path: Path, statement: str, *values: object) -> None:
    """Change a file as SQL can."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement, values)
        connection.commit()


def flattened(path: Path) -> bytes:
    """Return a database's bytes, with nothing left in its write-ahead log."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()


def with_flip(data: bytes, bit: int) -> bytes:
    """Return the bytes with one bit turned over."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def changed(share: Share, **fields: object) -> Share:
    """Return a share with other fields."""
    return msgspec.structs.replace(share, **fields)
