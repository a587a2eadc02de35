"""The ledger read by somebody else: a few lines of sqlite3, msgpack and hashlib, and nothing of the proxy's.

docs/ledger.md is all that was known when this was written.
"""

import hashlib
import sqlite3
import struct
from contextlib import closing
from dataclasses import astuple, dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgpack


class Broken(Exception):
    """The ledger is not what it says."""


@dataclass(frozen=True)
class Row:
    """One batch as it stands in its file."""

    seq: int
    run: bytes
    at: int
    count: int
    notes: bytes
    shares: bytes
    hash: bytes
    file: str = field(default="", compare=False)


def rows(days: Path, *, trusting: bool = False) -> list[Row]:
    """Return all batches of a ledger, in their order, once the chain holds; ``trusting`` does not look at it.

    Raises:
        Broken: a hash is wrong, a number is missing, a file cannot be read.

    """
    files = []
    for path in sorted(days.glob("*.db"), key=_order):
        try:
            files += _rows_of(path)
        except sqlite3.DatabaseError as error:
            raise Broken(f"{path.name}: {error}") from error
    files.sort(key=lambda file: file[1][0].seq)
    before, found = bytes(32), list[Row]()
    for (previous, content), following in zip_longest(files, files[1:]):
        if following is not None:
            # What the disk did not confirm is written again at the beginning of the next file, and void here.
            content = [row for row in content if row.seq < following[1][0].seq]
        if content and previous != before and not trusting:
            raise Broken(f"the file of {content[0].seq} does not follow the one before")
        for row in content:
            head = struct.pack(">QQII", row.seq, row.at, len(row.notes), len(row.shares))
            own = hashlib.sha256(before + head + row.run + row.notes + row.shares).digest()
            if not trusting and (own != row.hash or row.seq != len(found) + 1):
                raise Broken(f"batch {row.seq} does not follow batch {len(found)}")
            before = row.hash
            found.append(row)
    return found


def _order(path: Path) -> tuple[str, int]:
    day, _, number = path.stem.partition(".")
    return day, int(number or 1)


def _rows_of(path: Path) -> list[tuple[bytes, list[Row]]]:
    """Return the hash before a file, and its batches; nothing where it has none."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")  # who only looks need not wait for the disk
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        if not {"origin", "batches"} <= tables:
            return []  # the power went while it was being made
        content = [
            replace(Row(*row), file=path.name)
            for row in connection.execute(
                "SELECT seq, run, at, count, notes, shares, hash FROM batches ORDER BY seq"
            )
        ]
        if not content:
            return []
        for row in content:
            kinds = [type(value) for value in astuple(row)]
            if kinds != [int, bytes, int, int, bytes, bytes, bytes, str]:
                raise Broken(f"{path.name}: what is in batch {row.seq} is not what belongs there")
        origin = connection.execute("SELECT previous FROM origin").fetchall()
        if len(origin) != 1:
            raise Broken(f"{path.name}: it does not say what it follows")
        return [(origin[0][0], content)]


def _twice(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


@dataclass(frozen=True)
class Credited:
    """A share as the ledger proves it."""

    header: bytes
    """Its hash, from the words of the wire that the ledger kept."""
    worker: str
    credit: float


def gaps(batches: list[Row]) -> int:
    """Return how many shares the ledger says it could not keep."""
    return sum(note[3] for row in batches for note in msgpack.unpackb(row.notes) if note[0] == 10)


def credited(batches: list[Row]) -> list[Credited]:
    """Return all credited shares, each hashed again from what the batches hold.

    Raises:
        Broken: a share's job or session was not told in its file before, its hash misses, a count is wrong.

    """
    works: dict[tuple[bytes, int], list[Any]] = {}
    jobs: dict[tuple[bytes, str], int] = {}
    sessions: set[tuple[bytes, int]] = set()
    found, file = [], ""
    for row in batches:
        if row.file != file:
            # Each file can be read without the others.
            works, jobs, sessions, file = {}, {}, set(), row.file
        for note in msgpack.unpackb(row.notes, strict_map_key=False):
            if note[0] == 3:
                works[row.run, note[1]] = note
            elif note[0] == 4:
                jobs[row.run, note[1]] = note[2]
            elif note[0] == 5:
                sessions.add((row.run, note[1]))
        shares = msgpack.unpackb(row.shares)
        if len(shares) != row.count:
            raise Broken(f"batch {row.seq} has {len(shares)} shares and says {row.count}")
        for share in shares:
            _, session, worker, job, extranonce, ntime, nonce, version, credit, *_ = share
            try:
                work = works[row.run, jobs[row.run, job]]
            except KeyError:
                raise Broken(f"batch {row.seq}: job {job} was not told in {file}") from None
            if (row.run, session) not in sessions:
                raise Broken(f"batch {row.seq}: session {session} was not told in {file}")
            header = _header_hash(work, extranonce, ntime, nonce, version)
            if int.from_bytes(header, "little") * credit > (0xFFFF << 208) * 1.000001:
                raise Broken(f"batch {row.seq}: a share of {worker} misses its difficulty")
            found.append(Credited(header, worker, credit))
    return found


def _header_hash(work: list[Any], extranonce: bytes, ntime: int, nonce: int, version: int) -> bytes:
    prevhash, coinb1, coinb2, branches, nbits = work[6], work[7], work[8], work[10], work[11]
    root = _twice(coinb1 + extranonce + coinb2)
    for branch in branches:
        root = _twice(root + branch)
    tail = struct.pack("<III", ntime, nbits, nonce)
    return _twice(struct.pack("<I", version) + prevhash + root + tail[:4] + tail[4:])
