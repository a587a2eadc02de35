"""Folds what lies behind the index's watermark, and makes a lost index anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from proxy.adapters.stores.ledger import database, day_file, days, index
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.folding import Folding
from proxy.adapters.stores.ledger.walking import UNREADABLE, Bad, Proven, Walk
from proxy.ledger.chain import Batch

FLUSH_EVERY = 5000
"""Batches folded in one transaction."""


class Target(Protocol):
    """Who folds batches: an index, or a reader for himself."""

    seq: int
    hash: bytes
    """Of the last batch that he knows."""

    def take(self, batch: Batch, day: str) -> object:
        """Fold a proven batch of the file ``day``."""

    def skip(self, day: str, last: int, digest: bytes, problem: str) -> None:
        """Pass over the batches up to ``last``; ``digest`` is what stands for their hash."""

    def flush(self) -> None:
        """Write what was folded, if it is written anywhere."""


def catch_up(folder: Folder, connection: sqlite3.Connection) -> Folding:
    """Fold the proven batches behind the watermark, across files in the order of seq; the rest are damages.

    Raises:
        sqlite3.Error: the index takes nothing.

    """
    folding = Folding(connection)
    fold_behind(folder, connection, folding)
    folding.flush()
    return folding


def fold_behind(folder: Folder, connection: sqlite3.Connection, folding: Target) -> None:
    """Let somebody fold the proven batches behind those that he knows, and pass over the rest.

    Raises:
        sqlite3.Error: the index cannot be read, or takes nothing.

    """
    walk = Walk(folding.hash, folding.seq + 1)
    ordered = days.days(folder, days.rows(connection))
    for day, following in pairwise([*ordered, None]):
        assert day is not None, "None is the last of them"
        end = None if following is None else following.first
        if day.is_pruned or (end is not None and end <= walk.expected):
            continue
        walk = _into(day, walk, folding)
        try:
            opened = day_file.open_to_read(folder.day(day.name))
        except UNREADABLE as error:
            if end is not None:  # else how much there was of it nobody knows before the next batch
                folding.skip(day.name, end - 1, b"", f"its file cannot be read: {error}")
                walk.expected, walk.possible = end, []
            continue
        with closing(opened):
            if end is not None and not _goes_on(opened, end):
                end = None
            _fold(walk.through(opened, day.name, end=end), day.name, walk, folding)


def _into(day: days.Day, walk: Walk, folding: Target) -> Walk:
    """Return the walk as it goes on in a day's file, behind what its origin says."""
    if day.previous is None or day.first is None:
        return walk  # opening it will say why
    if day.first > walk.expected:
        if folding.seq:
            folding.skip(day.name, day.first - 1, day.previous, "in no file")
        # Else the days before were pruned, and the index lost that knew of them.
        return Walk(day.previous, day.first)
    if day.first == walk.expected and day.previous not in walk.possible:
        walk.possible.append(day.previous)
    return walk


def _goes_on(connection: sqlite3.Connection, seq: int) -> bool:
    """Return whether a file may hold a batch from ``seq`` on, where the next one begins.

    A batch that the disk did not confirm is written again there; here it is void.
    """
    try:
        found = connection.execute("SELECT 1 FROM batches WHERE seq >= ? LIMIT 1", (seq,)).fetchone()
    except sqlite3.Error:
        return True
    return found is not None


def _fold(steps: Iterator[Proven | Bad], day: str, walk: Walk, folding: Target) -> None:
    for number, step in enumerate(steps, 1):
        if isinstance(step, Proven):
            folding.take(step.batch, day)
        else:
            # Where nobody knows what the next batch must follow, it is such that none does.
            folding.skip(day, step.last, walk.possible[0] if walk.possible else b"", step.problem)
        if number % FLUSH_EVERY == 0:
            folding.flush()


def rebuild(folder: Folder, path: Path) -> sqlite3.Connection:
    """Make an index anew at ``path``, in place of whatever lies there, and return it open for writing.

    Raises:
        sqlite3.Error, OSError: it cannot be written.

    """
    for file in database.files_of(path):
        file.unlink(missing_ok=True)
    connection = index.open_to_write(path)
    try:
        catch_up(folder, connection)
    except BaseException:
        connection.close()
        raise
    return connection
