"""Empties the write-ahead log of the open day's file, in a thread of its own: no commit waits for that."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from typing_extensions import override

from proxy.adapters.stores.ledger import day_file

EACH = 4 << 20
"""Bytes of batches between two checkpoints."""
FRAME = 4 << 10
"""What a commit writes besides, at least: whole pages."""


class Checkpoints(threading.Thread):
    """``PASSIVE`` checkpoints: they wait for nobody and nobody waits for them."""

    def __init__(self) -> None:
        super().__init__(name="pumpjack-checkpoints", daemon=True)
        self._wake = threading.Condition()
        self._path: Path | None = None
        self._pending = 0
        self._is_due = self._ends = False
        self.failure = ""
        """What the last one failed with, or nothing."""

    def follow(self, path: Path | None) -> None:
        """Look after another file; the one before is emptied by its last connection."""
        with self._wake:
            self._path, self._pending = path, 0

    def written(self, size: int) -> None:
        """So many bytes were committed."""
        self._pending += size + FRAME
        if self._pending >= EACH:
            with self._wake:
                self._pending, self._is_due = 0, True
                self._wake.notify()

    def stop(self) -> None:
        """End, when the one at hand is done."""
        with self._wake:
            self._ends = True
            self._wake.notify()
        self.join()

    @override
    def run(self) -> None:
        """Make checkpoints when told to."""
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._is_due or self._ends)
                if self._ends:
                    return
                self._is_due = False
                path = self._path
            if path is not None:
                self._checkpoint(path)

    def _checkpoint(self, path: Path) -> None:
        try:
            with closing(day_file.open_to_write(path)) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self.failure = ""
        except sqlite3.Error as error:
            # The log grows meanwhile, and the next one empties more; the status shows what is wrong.
            self.failure = f"{error}"
