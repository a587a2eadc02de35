"""The days of a ledger in their order: files that are there, and pruned ones whose root is kept.

Which file is valid up to where, and what stands in it, is answered here and nowhere else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from proxy.adapters.stores.ledger import day_file
from proxy.adapters.stores.ledger import index as index_file
from proxy.adapters.stores.ledger.folder import Folder, order_of
from proxy.adapters.stores.ledger.walking import UNREADABLE, Bad, Proven, Walk


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
    last: int | None
    """Seq of its last batch that counts; likewise."""
    row: DayRow | None
    ledger: bytes | None
    """Id of the ledger, by its file; None where that cannot be read or was pruned."""
    previous: bytes | None
    """Hash before the first batch, by its file."""
    problem: str | None = None
    """Why its file cannot be read."""
    end: int | None = None
    """Seq from which on the next file tells again what stands here: that is void."""

    @property
    def is_pruned(self) -> bool:
        """Whether its file was given up."""
        return self.row is not None and self.row.pruned_at is not None

    @property
    def is_there(self) -> bool:
        """Whether its file can be read."""
        return self.problem is None and not self.is_pruned


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


def known_rows(folder: Folder) -> list[DayRow]:
    """Return what the index says of days; nothing where it cannot be read, which a check names."""
    try:
        with closing(index_file.open_to_read(folder.index)) as connection:
            return rows(connection)
    except UNREADABLE:
        return []


def days(folder: Folder, known: Sequence[DayRow]) -> list[Day]:
    """Return all days in the order of their batches; a file without any that counts is none.

    A file that cannot be read stands where the index says, or else where its name does. A batch that a disk
    did not confirm is written again at the beginning of the next file: should it stand in the earlier one
    after all, it is void there.
    """
    row_of = {row.name: row for row in known}
    found = [_pruned(row) for row in known if row.pruned_at is not None]
    for name in sorted({*folder.names(), *row_of} - {day.name for day in found}, key=order_of):
        day = _read(folder, name, row_of.get(name))
        if day is not None:
            found.append(day)
    ordered: list[Day] = []
    following = None
    for day in reversed(_in_order(found)):
        ended = _ended(folder, day, following)
        if ended.last is None or ended.first is None or ended.last >= ended.first:
            ordered.append(ended)
            following = ended if ended.previous is not None else following
    ordered.reverse()
    for place in range(1, len(ordered)):
        day, before = ordered[place], ordered[place - 1].last
        if day.first is None and before is not None:
            ordered[place] = replace(day, first=before + 1)
    return ordered


def ledger_of(ordered: Sequence[Day]) -> bytes | None:
    """Return the ledger's id, as the last file tells it that can be read."""
    return next((day.ledger for day in reversed(ordered) if day.ledger is not None), None)


def steps(
    folder: Folder, day: Day, walk: Walk | None = None, *, must_reach: int = 0
) -> Iterator[Proven | Bad]:
    """Yield what a day's file holds that counts, and what does not; that it cannot be read is no error.

    ``walk`` goes on in it, or else one that begins with it; see ``Walk.through`` for ``must_reach``.
    """
    walk = walk or Walk(day.previous or b"", day.first or 1)
    problem = day.problem
    if problem is None:
        try:
            with closing(day_file.open_to_read(folder.day(day.name))) as connection:
                yield from walk.through(connection, day.name, end=day.end, must_reach=must_reach)
            return
        except UNREADABLE as error:
            problem = f"its file cannot be read: {error}"
    if day.last is None or day.last >= walk.expected:
        first, last = walk.expected, day.last or walk.expected
        walk.expected, walk.possible = last + 1, []
        yield Bad(day.name, first, last, problem)


def _in_order(found: list[Day]) -> list[Day]:
    # Sorting keeps the order of equals: one of which nothing is known stays before the next by name.
    following = None
    ordered: list[tuple[int, Day]] = []
    for day in sorted(found, key=lambda day: order_of(day.name), reverse=True):
        following = day.first if day.first is not None else following
        ordered.append((1 << 62 if following is None else following, day))
    ordered.reverse()
    return [day for _, day in sorted(ordered, key=lambda item: item[0])]


def _pruned(row: DayRow) -> Day:
    return Day(row.name, row.first, row.last, row, None, None)


def _read(folder: Folder, name: str, row: DayRow | None) -> Day | None:
    first, last = (None, None) if row is None else (row.first, row.last)
    path = folder.day(name)
    if not path.exists():
        # Without a row it has just gone: nothing that counts ever stood there.
        return None if row is None else Day(name, first, last, row, None, None, "its file is not there")
    try:
        with closing(day_file.open_to_read(path)) as connection:
            origin = connection.execute("SELECT ledger, previous FROM origin").fetchall()
            found = connection.execute("SELECT min(seq) FROM batches").fetchone()[0]
            end = _last(connection)
    except UNREADABLE as error:
        return Day(name, first, last, row, None, None, f"its file cannot be read: {error}")
    if found is None and row is None:
        return None
    if len(origin) != 1 or not all(isinstance(each, bytes) for each in origin[0]):
        return Day(name, first, last, row, None, None, "its file does not say what it follows")
    return Day(name, found if first is None else first, end or last, row, *origin[0])


def _last(connection: sqlite3.Connection) -> int | None:
    try:
        (last,) = connection.execute("SELECT max(seq) FROM batches").fetchone()
    except UNREADABLE:
        return None  # what stands before it may be good
    return None if last is None else int(last)


def _ended(folder: Folder, day: Day, following: Day | None) -> Day:
    """Return a day with its end, before that which the file behind it begins with."""
    if following is None or following.first is None or day.is_pruned:
        return day
    before = following.first - 1
    if day.problem is not None:
        return day if day.last is not None else replace(day, last=before)
    if day.last is not None and day.last <= before:
        return day
    if following.first == day.first:
        is_told_again = following.previous == day.previous
    else:
        is_told_again = following.previous == _hash_of(folder, day.name, before)
    # Else it is a fork: both claim to go on here, and a check says so.
    return replace(day, last=before, end=following.first) if is_told_again else day


def _hash_of(folder: Folder, name: str, seq: int) -> bytes | None:
    try:
        with closing(day_file.open_to_read(folder.day(name))) as connection:
            found = connection.execute("SELECT hash FROM batches WHERE seq = ?", (seq,)).fetchone()
    except UNREADABLE:
        return None
    return None if found is None else found[0]
