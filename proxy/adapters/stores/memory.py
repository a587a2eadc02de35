"""A share journal in memory: windows of a settable length, and no durability at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from proxy.ledger.records import Note
from proxy.ports import Drawn

TOLD = 1.0
"""Seconds after which notes are drawn for which nobody waits."""


class MemoryJournal:
    """Implements ``ports.ShareJournal``: the place that the durable ledger will take.

    Every window stays open for ``delay`` seconds after its first record and is then reported. What it
    held is dropped: only counts remain.
    """

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.committed_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._only_told = False
        self._draw: Callable[[], Drawn] | None = None
        self._report: Callable[[int], None] | None = None

    def serve(
        self,
        draw: Callable[[], Drawn],
        report: Callable[[int], None],
        restated: Callable[[], Sequence[Note]] = tuple,
    ) -> None:
        """Draw windows with ``draw``, and call ``report`` with the number of each that is committed.

        No file begins here, so ``restated`` is not asked for anything.
        """
        self._draw, self._report = draw, report

    def expect(self) -> None:
        """The open window has its first share."""
        if self._timer is not None and self._only_told:
            self._timer.cancel()
            self._timer = None
        self._begin(self.delay, told=False)

    def told(self) -> None:
        """The open window has notes."""
        self._begin(TOLD, told=True)

    def _begin(self, delay: float, *, told: bool) -> None:
        if self._timer is None:
            self._only_told = told
            self._timer = asyncio.get_running_loop().call_later(delay, self.commit)

    def commit(self) -> None:
        """Close the open window now, if anything is in it."""
        if self._timer is None or self._draw is None or self._report is None:
            return
        self._timer.cancel()
        self._timer = None
        drawn = self._draw()
        self.committed_bytes += len(drawn.shares)
        self._report(drawn.window)

    async def close(self) -> None:
        """Forget everything."""
        self.commit()

    @property
    def state(self) -> dict[str, Any]:
        """What is to be said of it."""
        return {"state": "memory", "window_ms": round(self.delay * 1000, 1)}
