"""The days of a ledger in their order: files that are there, and pruned ones whose root is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from proxy.adapters.stores.ledger import day_file
from proxy.adapters.stores.ledger.folder import Folder, order_of
from proxy.adapters.stores.ledger.walking import UNREADABLE


@dataclass(frozen=True, slots=True)
class DayRow:
    """What the index says of a day; fields as its table has them."""

    name: str
    first: int
    last: int
    first_at: int
    last_at: int
    shares: int
    difficulty: float
    size: int
    """Bytes of its file when it was closed."""
    previous: bytes
    root: bytes
    signature: bytes | None
    pruned_at: int | None


@dataclass(frozen=True, slots=True)
class Day:
    """A file of batches, there or pruned."""

    name: str
    first: int | None
    """Seq of its first batch, as far as anybody can tell."""
    row: DayRow | None
    ledger: bytes | None
    """Id of the ledger, by its file; None where that cannot be read or was pruned."""
    previous: bytes | None
    """Hash before the first batch, by its file."""
    problem: str | None = None
    """Why its file cannot be read."""

    @property
    def is_pruned(self) -> bool:
        """Whether its file was given up."""
        return self.row is not None and self.row.pruned_at is not None


def rows(index: sqlite3.Connection) -> list[DayRow]:
    """Return what the index says of days, in the order of their batches.

    Raises:
        sqlite3.Error: it cannot be read.

    """
    found = index.execute(
        "SELECT name, first, last, first_at, last_at, shares, difficulty, bytes, previous, root, signature,"
        " pruned_at FROM days ORDER BY first, name"
    )
    return [DayRow(*row) for row in found]


def days(folder: Folder, known: Sequence[DayRow]) -> list[Day]:
    """Return all days in the order of their batches; a file without any is none.

    A file that cannot be read stands where the index says, or else where its name does.
    """
    row_of = {row.name: row for row in known}
    found = [_pruned(row) for row in known if row.pruned_at is not None]
    for name in sorted({*folder.names(), *row_of} - {day.name for day in found}, key=order_of):
        day = _read(folder, name, row_of.get(name))
        if day is not None:
            found.append(day)
    # Sorting keeps the order of equals: one of which nothing is known stays before the next by name.
    following = None
    ordered: list[tuple[int, Day]] = []
    for day in sorted(found, key=lambda day: order_of(day.name), reverse=True):
        following = day.first if day.first is not None else following
        ordered.append((1 << 62 if following is None else following, day))
    ordered.reverse()
    return [day for _, day in sorted(ordered, key=lambda item: item[0])]


def _pruned(row: DayRow) -> Day:
    return Day(row.name, row.first, row, None, None)


def _read(folder: Folder, name: str, row: DayRow | None) -> Day | None:
    known = None if row is None else row.first
    path = folder.day(name)
    if not path.exists():
        return Day(name, known, row, None, None, "its file is not there")
    try:
        with closing(day_file.open_to_read(path)) as connection:
            origin = connection.execute("SELECT ledger, previous FROM origin").fetchall()
            first = connection.execute("SELECT min(seq) FROM batches").fetchone()[0]
    except UNREADABLE as error:
        return Day(name, known, row, None, None, f"its file cannot be read: {error}")
    if first is None and row is None:
        return None
    if len(origin) != 1 or not all(isinstance(each, bytes) for each in origin[0]):
        return Day(name, known, row, None, None, "its file does not say what it follows")
    return Day(name, known if known is not None else first, row, *origin[0])


def superseded_from(connection: sqlite3.Connection, following: Day | None) -> int | None:
    """Return the first seq that the next file tells again, if it follows what stands before that here.

    A batch that a disk did not confirm is written again at the beginning of the next file.
    """
    if following is None or following.first is None or following.previous is None:
        return None
    found = connection.execute("SELECT hash FROM batches WHERE seq = ?", (following.first - 1,)).fetchone()
    return following.first if found == (following.previous,) else None
