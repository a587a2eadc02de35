"""One day's batches: a file that is only ever appended to, and unlinked whole when its time is over."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from proxy.adapters.stores.ledger import database
from proxy.ledger.chain import Batch

APPLICATION = 0x504A4441
"""SQLite's application_id: "PJDA"."""
MIGRATIONS = (
    """
    CREATE TABLE origin (
        ledger BLOB NOT NULL,     -- id of the ledger, 16 bytes
        previous BLOB NOT NULL    -- hash of the batch before the first one here
    ) STRICT;
    CREATE TABLE batches (
        seq INTEGER PRIMARY KEY,
        run BLOB NOT NULL,
        at INTEGER NOT NULL,      -- milliseconds since 1970
        count INTEGER NOT NULL,   -- of shares
        notes BLOB NOT NULL,
        shares BLOB NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    """,
)
INSERT = "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?)"
"""One statement is a transaction of its own, and a third cheaper than one between BEGIN and COMMIT."""
COLUMNS = "seq, run, at, notes, shares, hash"
"""Of a row that is a ``Batch``."""
Row = tuple[int, bytes, int, int, bytes, bytes, bytes]
CHUNK = 256
"""Batches read in one short transaction: a reader must not keep the write-ahead log from being emptied."""


def create(path: Path, ledger: bytes, previous: bytes) -> sqlite3.Connection:
    """Begin a day's file behind the batch whose hash is ``previous``; one that is there is opened.

    Raises:
        OSError, sqlite3.Error: the disk does not take it.

    """
    if not path.exists():
        origin = "INSERT INTO origin VALUES (?, ?)"
        database.create(path, APPLICATION, MIGRATIONS, lambda file: file.execute(origin, (ledger, previous)))
    return open_to_write(path)


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open a day's file that is there already.

    Raises:
        LedgerUnusable, sqlite3.Error: it cannot be used.

    """
    return database.write(path, APPLICATION, MIGRATIONS)


def append(connection: sqlite3.Connection, batch: Batch, count: int) -> None:
    """Make a batch durable: when this returns it survives a power cut.

    Raises:
        sqlite3.Error: it is not durable, or nobody knows; never try again with this connection.

    """
    connection.execute(INSERT, row(batch, count))


def row(batch: Batch, count: int) -> Row:
    """Return a batch of ``count`` shares as ``INSERT`` takes it."""
    return batch.seq, batch.run, batch.at, count, batch.notes, batch.shares, batch.hash


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a day's file that somebody may be writing.

    Raises:
        LedgerUnusable, sqlite3.Error: it cannot be read.

    """
    return database.read(path, APPLICATION, len(MIGRATIONS))


def origin(connection: sqlite3.Connection) -> tuple[bytes, bytes]:
    """Return the ledger's id and the hash before the first batch."""
    ledger, previous = connection.execute("SELECT ledger, previous FROM origin").fetchone()
    return ledger, previous


def batches(connection: sqlite3.Connection, after: int = 0) -> Iterator[Batch]:
    """Yield the batches behind ``after`` in their order, in short transactions; nothing is checked.

    Raises:
        sqlite3.DatabaseError: the file is damaged here.

    """
    while True:
        with closing(
            connection.execute(
                f"SELECT {COLUMNS} FROM batches WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, CHUNK),
            )
        ) as cursor:
            rows = cursor.fetchall()
        for row in rows:
            yield Batch(*row)
        if len(rows) < CHUNK:
            return
        after = rows[-1][0]


def ends(connection: sqlite3.Connection) -> tuple[Batch, Batch] | None:
    """Return the first and the last batch, or None where there is none."""
    found = [
        connection.execute(f"SELECT {COLUMNS} FROM batches ORDER BY seq {order} LIMIT 1").fetchone()
        for order in ("ASC", "DESC")
    ]
    return None if found[0] is None else (Batch(*found[0]), Batch(*found[1]))
