"""``ledger prune``: days' files are given up whole; what they proved stays in the index, signed.

First a day's root is signed and its row says that it is pruned, durably; only then its file goes. Whoever
is killed between leaves a file that counts as pruned, and the next run removes it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

from proxy.adapters.stores.ledger import damages, database, day_file, standing
from proxy.adapters.stores.ledger.days import Day, days, rows
from proxy.adapters.stores.ledger.folder import Folder, flush_folder, order_of
from proxy.adapters.stores.ledger.signing import close_day, size_of
from proxy.ledger.retention import Age, Kept, to_prune


def choose(
    folder: Folder, index: sqlite3.Connection, *, too_old: Age | None = None, most_bytes: int | None = None
) -> list[Kept]:
    """Return the days that would be given up; see ``to_prune``.

    Raises:
        LedgerUnusable, OSError, sqlite3.Error: files or index cannot be read.

    """
    open_damages = [damage for damage in damages.known(index) if damage.signed_by is None]
    ordered = [day for day in days(folder, rows(index)) if not day.is_pruned]
    if any(day.problem is not None or day.last is None for day in ordered):
        # Nothing goes before that is looked at.
        return []
    there = [_kept(folder, day, open_damages) for day in ordered]
    return to_prune(there, standing.watermark(index)[0], too_old=too_old, most_bytes=most_bytes)


def prune(folder: Folder, index: sqlite3.Connection, day: Kept, at: int) -> None:
    """Give one day up; ``at`` is in seconds since 1970. The older ones must be gone before.

    Raises:
        LedgerDamaged: the day cannot be proven; its file stays.
        LedgerUnusable, OSError, sqlite3.Error: files, key or index cannot be used.

    """
    if not any(row.name == day.name and row.signature is not None for row in rows(index)):
        close_day(index, folder, day.name)
    index.execute("PRAGMA synchronous = FULL")  # the file must not be gone before its row is there
    with database.transaction(index):
        index.execute("UPDATE days SET pruned_at = ? WHERE name = ?", (at, day.name))
    _unlink(folder, day.name)


def finish(folder: Folder, index: sqlite3.Connection) -> list[str]:
    """Remove what an earlier run was killed over, and return the days' names.

    Raises:
        OSError, sqlite3.Error: that is not possible.

    """
    left = [
        row.name
        for row in rows(index)
        if row.pruned_at is not None
        and any(path.exists() for path in database.files_of(folder.day(row.name)))
    ]
    for name in left:
        _unlink(folder, name)
    return left


def _unlink(folder: Folder, name: str) -> None:
    for path in database.files_of(folder.day(name)):
        path.unlink(missing_ok=True)
    flush_folder(folder.days)


def _kept(folder: Folder, day: Day, open_damages: list[damages.Damage]) -> Kept:
    assert day.first is not None and day.last is not None, "it can be read"
    with closing(day_file.open_to_read(folder.day(day.name))) as connection:
        found = connection.execute("SELECT at FROM batches WHERE seq = ?", (day.last,)).fetchone()
    waits = found is None or any(
        damage.first <= day.last and damage.last >= day.first for damage in open_damages
    )
    at = 0 if found is None else found[0]
    return Kept(
        day.name, order_of(day.name)[0], day.last, at, size_of(folder.day(day.name)), is_signed_off=not waits
    )
