"""Keeps the index up to date, in a thread of its own: no commit waits for it, and shares need it not."""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable

from typing_extensions import override

from proxy.adapters.stores.ledger import index, standing
from proxy.adapters.stores.ledger.catching_up import catch_up
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.housekeeping import Retention, keep_house
from proxy.errors import LedgerDamaged, LedgerUnusable
from proxy.ledger.chain import Batch

LOOK = 1.0
"""Seconds without a batch after which what was folded is written."""
ROLL = 60.0
"""Seconds between two looks at hours that are over and rows that are too old."""
TIDY = 3600.0
"""Seconds between two looks at days that are over or too old, in a second without shares if there is one."""
AGAIN = 60.0
"""Seconds until an index that could not be written is tried again."""
MOST_WAITING = 2000
"""Batches that wait to be folded, half a minute's: more, and they are read from their file later."""


class Indexing(threading.Thread):
    """Folds batches as they become durable; whatever it misses it reads from the days' files."""

    def __init__(
        self, folder: Folder, ledger: bytes, retention: Retention, problem: Callable[[str], None]
    ) -> None:
        """``ledger`` is its id; ``problem`` hears, in this thread, what keeps it from its work."""
        super().__init__(name="pumpjack-index")
        self._folder = folder
        self._ledger = ledger
        self._retention = retention
        self._problem = problem
        self._told: set[str] = set()
        """Problems that were told: they are found again each hour."""
        self._batches: queue.SimpleQueue[tuple[str, Batch] | None] = queue.SimpleQueue()
        self._missed = False
        """Whether batches were left out."""
        self._ends = threading.Event()

    def take(self, name: str, batch: Batch) -> None:
        """A batch is durable in the file of this name. Never waits."""
        if self._batches.qsize() < MOST_WAITING:
            self._batches.put((name, batch))
        else:
            self._missed = True

    def stop(self) -> None:
        """Fold what is there, write it, and end."""
        self._ends.set()
        self._batches.put(None)
        self.join()

    @override
    def run(self) -> None:
        """Fold until told to end; what goes wrong is told, and tried again."""
        while True:
            try:
                with contextlib.closing(index.open_to_write(self._folder.index)) as connection:
                    # What it holds can be folded again: it need not be flushed at each commit.
                    connection.execute("PRAGMA synchronous = NORMAL")
                    self._keep(connection)
                return
            except (sqlite3.Error, OSError, LedgerUnusable, LedgerDamaged) as error:
                self._problem(f"the index cannot be written, and will be caught up later: {error}")
            if self._ends.wait(AGAIN):
                return

    def _keep(self, connection: sqlite3.Connection) -> None:
        """Fold until told to end.

        Raises:
            sqlite3.Error, LedgerUnusable, LedgerDamaged: begin anew.

        """
        standing.put(connection, "ledger", self._ledger)
        folding = catch_up(self._folder, connection, beside_loop=True)
        rolled_at, tidied_at = time.monotonic(), float("-inf")
        while True:
            taken: tuple[str, Batch] | None = None
            with contextlib.suppress(queue.Empty):
                taken = self._batches.get(timeout=LOOK)
                if taken is None:
                    break
                name, batch = taken
                self._missed = not folding.take(batch, name) or self._missed
            if taken is None or folding.is_due(int(time.time() * 1000)):
                folding.flush()
            if self._missed and self._batches.empty():
                self._missed = False
                folding = catch_up(self._folder, connection, beside_loop=True)
            if time.monotonic() - rolled_at >= ROLL:
                rolled_at = time.monotonic()
                folding.roll(int(time.time()))
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if taken is None and time.monotonic() - tidied_at >= TIDY:
                tidied_at = time.monotonic()
                folding.flush()
                self._tidy(connection)
        folding.flush()

    def _tidy(self, connection: sqlite3.Connection) -> None:
        for problem in keep_house(self._folder, connection, self._retention, int(time.time() * 1000)):
            if problem not in self._told:
                self._told.add(problem)
                self._problem(problem)
