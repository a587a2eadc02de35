"""Folds a ledger while it is written: what has become durable since the last look, and no more."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from proxy.adapters.stores.ledger.catching_up import fold_behind
from proxy.adapters.stores.ledger.days import Day, days, rows
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.folding import Folding


class Following:
    """Looks at the file that is written; at all of them where there are others than the last time."""

    def __init__(self, folder: Folder, connection: sqlite3.Connection) -> None:
        """Go on behind the index's watermark.

        Raises:
            sqlite3.Error: the index cannot be read.

        """
        self._folder = folder
        self._connection = connection
        self.folding = Folding(connection)
        self._names: set[str] = set()
        """Files that stand in an order that is known."""
        self._last: Day | None = None

    def look(self, until: int) -> bool:
        """Fold the proven batches up to ``until``; returns whether there were any.

        A batch behind it may stand in a file and still not count: what a disk did not confirm is written
        again in the next file.

        Raises:
            LedgerUnusable, sqlite3.Error: begin anew.

        """
        before = self.folding.seq
        if before < until:
            fold_behind(self._folder, self._ordered(), self.folding, until)
        return self.folding.seq > before

    def _ordered(self) -> list[Day]:
        names = set(self._folder.names())
        last = self._last
        if last is not None and names == self._names and self.folding.seq + 1 >= (last.first or 0):
            return [replace(last, last=None)]  # which is its last one by now nobody has looked
        ordered = days(self._folder, rows(self._connection))
        self._last = ordered[-1] if ordered and ordered[-1].is_there else None
        # A file in which nothing counts yet is in no order: it may be the next one.
        self._names = names if names <= {day.name for day in ordered} else set()
        return ordered
