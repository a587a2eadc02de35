"""A ledger's files, read by a few lines of the tests' own."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgpack


@dataclass(frozen=True)
class Row:
    """A batch as it stands in a file."""

    seq: int
    run: bytes
    at: int
    count: int
    notes: list[Any]
    shares: list[Any]


def files(data: Path) -> list[Path]:
    """Return the days' files of a data directory, in the order of their batches."""
    found = []
    for path in (data / "ledger" / "days").glob("*.db"):
        with closing(sqlite3.connect(path)) as connection:
            (first,) = connection.execute("SELECT min(seq) FROM batches").fetchone()
        if first is not None:
            found.append((first, len(path.stem), path))
    return [path for _, _, path in sorted(found)]


def batches(data: Path) -> list[Row]:
    """Return every valid batch of a ledger, after the chain has been walked from its beginning."""
    rows: list[Row] = []
    hashes = {0: bytes(32)}
    for path in files(data):
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute("SELECT * FROM batches ORDER BY seq").fetchall()
        del rows[found[0][0] - 1 :]  # what an earlier file has of these is void
        for seq, run, at, count, notes, shares, digest in found:
            head = seq.to_bytes(8, "big") + at.to_bytes(8, "big")
            head += len(notes).to_bytes(4, "big") + len(shares).to_bytes(4, "big")
            assert digest == sha256(hashes[seq - 1] + head + run + notes + shares).digest(), f"batch {seq}"
            hashes[seq] = digest
            rows.append(Row(seq, run, at, count, msgpack.unpackb(notes), msgpack.unpackb(shares)))
            assert rows[-1].count == len(rows[-1].shares)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    return rows
