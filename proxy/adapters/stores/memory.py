"""A share journal in memory: windows of a settable length, and no durability at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class MemoryJournal:
    """Implements ``ports.ShareJournal``: the place that the durable ledger will take.

    Every window stays open for ``delay`` seconds after its first record and is then reported. What it
    held is dropped: only counts remain.
    """

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.window = 1
        self.committed_bytes = 0
        self._open_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._report: Callable[[int], None] | None = None

    def serve(self, report: Callable[[int], None]) -> None:
        """Call ``report`` with the number of each window that is committed."""
        self._report = report

    def append(self, records: bytes) -> int:
        """Take records into the open window."""
        self._open_bytes += len(records)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.delay, self.commit)
        return self.window

    def commit(self) -> None:
        """Close the open window now, if anything is in it."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        window, self.window = self.window, self.window + 1
        self.committed_bytes += self._open_bytes
        self._open_bytes = 0
        if self._report is not None:
            self._report(window)
