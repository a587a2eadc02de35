"""Folds what lies behind the index's watermark, and makes a lost index anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from proxy.adapters.stores.ledger import database, index, standing
from proxy.adapters.stores.ledger.days import Day, days, ledger_of, rows, steps
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.folding import Folding
from proxy.adapters.stores.ledger.walking import Bad, Proven, Walk
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
    fold_behind(folder, days(folder, rows(connection)), folding)
    folding.flush()
    return folding


def fold_behind(folder: Folder, ordered: Sequence[Day], folding: Target, until: int | None = None) -> None:
    """Let somebody fold the proven batches behind those that he knows, and pass over the rest.

    Batches behind ``until`` are left alone.

    Raises:
        sqlite3.Error: the index takes nothing.

    """
    walk = Walk(folding.hash, folding.seq + 1)
    for day in ordered:
        if until is not None and day.first is not None and day.first > until:
            return
        if day.is_pruned or (day.last is not None and day.last < walk.expected):
            continue
        if day.problem is not None and day.last is None:
            continue  # how much there was of it nobody knows before the next batch
        walk = _into(day, walk, folding)
        for number, step in enumerate(steps(folder, day, walk), 1):
            if until is not None and _first(step) > until:
                return
            if isinstance(step, Proven):
                folding.take(step.batch, day.name)
            else:
                # Where nobody knows what the next batch must follow, it is such that none does.
                folding.skip(day.name, step.last, walk.possible[0] if walk.possible else b"", step.problem)
            if number % FLUSH_EVERY == 0:
                folding.flush()


def _first(step: Proven | Bad) -> int:
    return step.batch.seq if isinstance(step, Proven) else step.first


def _into(day: Day, walk: Walk, folding: Target) -> Walk:
    """Return the walk as it goes on in a day's file, behind what its origin says."""
    if day.previous is None or day.first is None:
        return walk  # it cannot be read, and its steps say so
    if day.first > walk.expected:
        if folding.seq:
            folding.skip(day.name, day.first - 1, day.previous, "in no file")
        # Else the days before were pruned, and the index lost that knew of them.
        return Walk(day.previous, day.first)
    if day.first == walk.expected and day.previous not in walk.possible:
        walk.possible.append(day.previous)
    return walk


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
        ledger = ledger_of(days(folder, rows(connection)))
        if ledger is not None:
            standing.put(connection, "ledger", ledger)
    except BaseException:
        connection.close()
        raise
    return connection
