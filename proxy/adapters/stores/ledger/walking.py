"""Every batch in its order, proven by the hash of the one before, or named as bad; nothing is repaired.

A batch counts only where it is proven. Behind a hole the first batch has nothing that it could be held
against, so it belongs to the bad range; the second one is held against the first one's hash, and the chain
goes on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy.adapters.stores.ledger.day_file import CHUNK
from proxy.errors import LedgerDamaged, LedgerUnusable
from proxy.ledger.audit import credited
from proxy.ledger.chain import GENESIS, Batch, chained
from proxy.ledger.records import SharesRefused, notes_of

_COLUMNS = "seq, run, at, count, notes, shares, hash"
_LEAST_ROW = 48
"""Bytes that no row is smaller than: how many a file can hold at most."""
_GREATEST = (1 << 63) - 1
RUN_SIZE, HASH_SIZE = 8, 32
UNREADABLE = (LedgerUnusable, sqlite3.Error, UnicodeError)
"""What reading a damaged file raises; the last where SQLite's own message holds bytes of it."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A batch that is what was written."""

    batch: Batch
    shares: int
    credit: float
    """Sum of its shares' credits, added in their order."""
    refused: int
    """Shares that its notes count as refused by us."""
    size: int
    """Bytes read."""


@dataclass(frozen=True, slots=True)
class Bad:
    """Batches of which nobody can say that they are what was written."""

    day: str
    first: int
    last: int
    problem: str


@dataclass(frozen=True, slots=True)
class _Hole:
    first: int
    last: int
    problem: str


@dataclass(frozen=True, slots=True)
class _Row:
    batch: Batch
    count: int


class Walk:
    """Goes through the files in their order, and knows what the next batch must follow."""

    def __init__(self, previous: bytes = GENESIS, expected: int = 1) -> None:
        """Begin before the batch ``expected``, behind the hash ``previous``."""
        self.possible = [previous]
        """Hashes that the next batch may follow, the likeliest first; none where nobody knows."""
        self.expected = expected

    def through(
        self, connection: sqlite3.Connection, day: str, *, end: int | None = None, must_reach: int = 0
    ) -> Iterator[Proven | Bad]:
        """Yield what a file holds from ``expected`` on, up to the batch before ``end``.

        That it ends before ``must_reach`` is a hole. SQLite's own damage is a hole, too: never an error.
        """
        bad: Bad | None = None
        for item in rows(connection, self.expected, end, must_reach):
            step = _step(item, day, self.possible)
            if isinstance(item, _Hole):
                self.possible, self.expected = [], item.last + 1
            else:
                self.possible, self.expected = _hashes(item.batch, step, self.possible), item.batch.seq + 1
            if isinstance(step, Bad):
                bad = step if bad is None else Bad(day, bad.first, step.last, bad.problem)
                continue
            if bad is not None:
                yield bad
                bad = None
            yield step
        if bad is not None:
            yield bad


def _hashes(batch: Batch, step: Proven | Bad, possible: list[bytes]) -> list[bytes]:
    """Return what the next batch may follow: of a bad one its hash as it stands, or that of what it holds."""
    if isinstance(step, Proven):
        return [batch.hash]
    made = [chained(each, batch.seq, batch.run, batch.at, batch.notes, batch.shares) for each in possible[:1]]
    return [batch.hash, *made]


def _step(item: _Row | _Hole, day: str, possible: list[bytes]) -> Proven | Bad:
    if isinstance(item, _Hole):
        return Bad(day, item.first, item.last, item.problem)
    batch = item.batch
    if not any(batch.follows(each) for each in possible):
        return Bad(day, batch.seq, batch.seq, "its hash is not that of what it holds and follows")
    try:
        shares, credit = credited(batch.shares)
        notes = notes_of(batch.notes)
    except LedgerDamaged as error:
        return Bad(day, batch.seq, batch.seq, str(error))
    if shares != item.count:
        return Bad(day, batch.seq, batch.seq, f"it counts {item.count} shares and holds {shares}")
    refused = sum(note.count for note in notes if isinstance(note, SharesRefused))
    return Proven(batch, shares, credit, refused, len(batch.notes) + len(batch.shares))


def rows(
    connection: sqlite3.Connection, first: int, end: int | None, must_reach: int
) -> Iterator[_Row | _Hole]:
    """Yield the rows from ``first`` on in short transactions; what cannot be read or is not there is a hole.

    Each is asked for by the number that must come next, so that a damaged number leads nowhere.
    """
    expected, must_end = first, must_reach + 1 if end is None else end
    while end is None or expected < end:
        taken, problem = _chunk(connection, expected, end)
        for row in taken:
            yield row
            expected += 1
        if problem is None and len(taken) == CHUNK:
            continue
        if end is not None and expected >= end:
            return
        claimed = _claimed(connection, expected)
        if problem is None and expected >= must_end and claimed is not None and claimed < expected:
            return
        found = _next_readable(connection, expected, end, must_end)
        if found == expected:
            continue  # it was the chunk that could not be read, or somebody has just written it
        last = found - 1 if found is not None else max(expected, must_end - 1, claimed or 0)
        yield _Hole(expected, last, problem or "missing")
        if found is None:
            return
        expected = found


def _chunk(connection: sqlite3.Connection, expected: int, end: int | None) -> tuple[list[_Row], str | None]:
    """Return the rows from ``expected`` on as far as none is missing, and what is wrong behind them."""
    taken: list[_Row] = []
    try:
        found = connection.execute(
            f"SELECT {_COLUMNS} FROM batches WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?",
            (expected, _GREATEST if end is None else end, CHUNK),
        ).fetchall()
    except UNREADABLE as error:
        one = _one(connection, expected)
        return ([] if one is None else [one]), f"SQLite: {error}"
    for values in found:
        row = _row(values)
        if row is None or row.batch.seq != expected + len(taken):
            return taken, "it is not a batch" if row is None else "missing"
        taken.append(row)
    return taken, None


def _one(connection: sqlite3.Connection, seq: int) -> _Row | None:
    """Return the row of a number, or None where there is none that can be read."""
    try:
        values = connection.execute(f"SELECT {_COLUMNS} FROM batches WHERE seq = ?", (seq,)).fetchone()
    except UNREADABLE:
        return None  # its neighbours tell why
    row = None if values is None else _row(values)
    return row if row is not None and row.batch.seq == seq else None


def _row(values: tuple[Any, ...]) -> _Row | None:
    """Return what was read, or None if it is not even of the right kinds: a damaged file holds anything."""
    seq, run, at, count, notes, shares, digest = values
    numbers = all(isinstance(each, int) and 0 <= each < 1 << 63 for each in (seq, at, count))
    texts = all(isinstance(each, bytes) for each in (run, notes, shares, digest))
    if not (numbers and texts and len(run) == RUN_SIZE and len(digest) == HASH_SIZE):
        return None
    return _Row(Batch(seq, run, at, notes, shares, digest), count)


def _claimed(connection: sqlite3.Connection, expected: int) -> int | None:
    """Return the last number in the file, or None where that cannot be read or be true."""
    try:
        (last,) = connection.execute("SELECT max(seq) FROM batches").fetchone()
    except UNREADABLE:
        return None
    if last is None:
        return 0
    return last if isinstance(last, int) and last < expected + _most_rows(connection) else None


def _most_rows(connection: sqlite3.Connection) -> int:
    try:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    except UNREADABLE:
        return 0
    return int(pages) * int(size) // _LEAST_ROW + 1


def _next_readable(
    connection: sqlite3.Connection, expected: int, end: int | None, must_end: int
) -> int | None:
    """Return the number of the first row from ``expected`` on that can be read, or None."""
    claimed = _claimed(connection, expected)
    if end is None:
        end = must_end if claimed is None else max(must_end, claimed + 1)
        if claimed is None:
            end = max(end, expected + _most_rows(connection))
    for seq in range(expected, end):
        if _one(connection, seq) is not None:
            return seq
    return None
