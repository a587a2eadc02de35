"""The index: what is asked for often, folded from the batches up to a watermark. Lost, it is made anew.

Only three things are the index's own: the roots of days that were pruned, what operators signed off, and the
watermark itself.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from proxy.adapters.stores.ledger import database

APPLICATION = 0x504A4958
"""SQLite's application_id: "PJIX"."""
_ROLL_UP = """
    CREATE TABLE {name} (
        at INTEGER NOT NULL,          -- beginning of the {name}, seconds since 1970
        worker INTEGER NOT NULL,      -- workers.id
        upstream INTEGER NOT NULL,    -- upstreams.id
        outcome INTEGER NOT NULL,     -- proxy.ledger.outcomes.Outcome
        count INTEGER NOT NULL,
        difficulty REAL NOT NULL,     -- sum: credited of accepted shares, the pool's of settled ones
        square REAL NOT NULL,         -- sum of squares
        best REAL NOT NULL,           -- greatest achieved difficulty
        last INTEGER NOT NULL,        -- milliseconds since 1970 of the last one
        PRIMARY KEY (at, worker, upstream, outcome)
    ) STRICT, WITHOUT ROWID;
"""
ROLL_UPS = ("minute", "hour", "day")
WITH_LUCK = 2
"""Version from which on blocks are counted. An older index is read as it is until the program writes it."""
MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB) STRICT;
    -- ledger: id, 16 bytes; seq, hash: the watermark, up to which batches are folded; run, at: of its batch;
    -- hours, days: seconds since 1970 up to which hours and days are rolled up. Numbers: 8 bytes, big endian
    CREATE TABLE days (
        name TEXT PRIMARY KEY,        -- of the file
        first INTEGER NOT NULL,       -- seq
        last INTEGER NOT NULL,
        first_at INTEGER NOT NULL,    -- milliseconds since 1970
        last_at INTEGER NOT NULL,
        shares INTEGER NOT NULL,
        difficulty REAL NOT NULL,     -- credited
        bytes INTEGER NOT NULL,
        previous BLOB NOT NULL,       -- hash before the first batch
        root BLOB NOT NULL,           -- hash of the last batch
        signature BLOB,               -- Ed25519 over the day's line (docs/ledger.md), once it is closed
        pruned_at INTEGER             -- seconds since 1970, if its file was given up
    ) STRICT;
    CREATE TABLE tenants (id TEXT PRIMARY KEY, name TEXT NOT NULL, accounting TEXT NOT NULL) STRICT;
    CREATE TABLE workers (
        id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (tenant, name)
    ) STRICT;
    CREATE TABLE upstreams (
        id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (tenant, name)
    ) STRICT;
    CREATE TABLE works (
        run BLOB NOT NULL, work INTEGER NOT NULL, at INTEGER NOT NULL, note BLOB NOT NULL,
        PRIMARY KEY (run, work)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE jobs (
        run BLOB NOT NULL, id TEXT NOT NULL, work INTEGER NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (run, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE sessions (
        run BLOB NOT NULL, session INTEGER NOT NULL,
        tenant TEXT NOT NULL, worker TEXT NOT NULL, user_agent TEXT NOT NULL, address TEXT NOT NULL,
        extranonce1 BLOB NOT NULL, began INTEGER NOT NULL, ended INTEGER, cause TEXT,
        PRIMARY KEY (run, session)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE settlements (
        id INTEGER PRIMARY KEY,       -- their order
        run BLOB NOT NULL, number INTEGER NOT NULL,
        seq INTEGER, place INTEGER,   -- the share's id; null where its batch is not known
        outcome INTEGER NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
        hash BLOB NOT NULL            -- SHA-256 over the one before it and this row (docs/ledger.md)
    ) STRICT;
    CREATE INDEX settlement_of ON settlements (seq, place);
    CREATE TABLE unsettled (          -- shares of the last run that went to a pool and wait for its answer
        number INTEGER PRIMARY KEY, seq INTEGER NOT NULL, place INTEGER NOT NULL,
        session INTEGER NOT NULL, worker TEXT NOT NULL, job TEXT NOT NULL
    ) STRICT;
    CREATE TABLE samples (
        seq INTEGER NOT NULL, place INTEGER NOT NULL, at INTEGER NOT NULL,
        tenant TEXT NOT NULL, worker TEXT NOT NULL, sent BLOB NOT NULL,
        PRIMARY KEY (seq, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE gaps (
        seq INTEGER NOT NULL, place INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,
        shares INTEGER NOT NULL, difficulty REAL NOT NULL, cause TEXT NOT NULL,
        PRIMARY KEY (seq, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE damages (
        id INTEGER PRIMARY KEY, day TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        found_at INTEGER NOT NULL, problem TEXT NOT NULL,
        signed_by TEXT, signed_at INTEGER, remark TEXT
    ) STRICT;
    """
    + "".join(_ROLL_UP.format(name=name) for name in ROLL_UPS),
    """
    -- What was folded before knows nothing of blocks: luck is told from here on, milliseconds since 1970.
    INSERT INTO meta SELECT 'luck', value FROM meta WHERE key = 'at';
    """
    + "".join(
        f"""
        -- blocks that the shares were worth, and those among them
        ALTER TABLE {name} ADD COLUMN expected REAL NOT NULL DEFAULT 0.0;
        ALTER TABLE {name} ADD COLUMN blocks INTEGER NOT NULL DEFAULT 0;
        """
        for name in ROLL_UPS
    ),
)


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open the index, make it if it is not there.

    Raises:
        LedgerUnusable, OSError, sqlite3.Error: it cannot be used.

    """
    if not path.exists():
        database.create(path, APPLICATION, MIGRATIONS)
    return database.write(path, APPLICATION, MIGRATIONS)


def in_memory() -> sqlite3.Connection:
    """Return an index that holds nothing and is nowhere."""
    return database.write(Path(":memory:"), APPLICATION, MIGRATIONS)


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open the index while somebody may be writing it.

    Raises:
        LedgerUnusable, sqlite3.Error: it cannot be read.

    """
    return database.read(path, APPLICATION, len(MIGRATIONS))
