"""``ledger check --rebuild-index``: an index made anew beside the old one, which is kept.

What is the index's own cannot be made from days: the rows of pruned days with their signatures, what
operators signed off, the sums of days whose batches are gone. So the days' rows and the damages are taken
over, as far as the old index can be read, and the old file stays for whoever needs those sums.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from proxy.adapters.stores.ledger import database, index
from proxy.adapters.stores.ledger.catching_up import rebuild
from proxy.adapters.stores.ledger.database import SUFFIXES
from proxy.adapters.stores.ledger.folder import Folder, flush_folder
from proxy.adapters.stores.ledger.walking import UNREADABLE

TAKEN_OVER = {
    "days": "name, first, last, first_at, last_at, shares, difficulty, bytes, previous, root, signature, "
    "pruned_at",
    "damages": "day, first, last, found_at, problem, signed_by, signed_at, remark",
}


def rebuilt(folder: Folder) -> Path | None:
    """Make the index anew, and return where the old one is kept; None if there was none.

    No program may have the index open.

    Raises:
        LedgerDamaged, LedgerUnusable, OSError, sqlite3.Error: the old one is where it was.

    """
    anew = folder.index.with_name("index.new.db")
    with closing(rebuild(folder, anew)) as connection:
        with database.transaction(connection):
            _take_over(folder.index, connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    kept = _set_aside(folder.index)
    for suffix in reversed(SUFFIXES):
        part = anew.with_name(anew.name + suffix)
        if part.exists():
            part.rename(folder.index.with_name(folder.index.name + suffix))
    flush_folder(folder.root)
    return kept


def _take_over(old: Path, connection: sqlite3.Connection) -> None:
    for table, columns in TAKEN_OVER.items():
        rows: list[tuple[object, ...]] = []
        try:
            with closing(index.open_to_read(old)) as reading:
                rows = reading.execute(f"SELECT {columns} FROM {table}").fetchall()
        except UNREADABLE:
            continue  # it cannot be read: that is why it is made anew
        marks = ", ".join("?" * len(columns.split(", ")))
        connection.execute(f"DELETE FROM {table}")
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


def _set_aside(path: Path) -> Path | None:
    if not path.exists():
        return None
    number = 1
    while (kept := path.with_name(f"index.old{number}.db")).exists():
        number += 1
    for suffix in reversed(SUFFIXES):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(kept.with_name(kept.name + suffix))
    return kept
