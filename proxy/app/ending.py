"""How a program ends: miners are let go one after another, then what is pending is answered and settled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from proxy.adapters.stores.ledger.journal import LedgerJournal
from proxy.adapters.stores.memory import MemoryJournal
from proxy.config.limits import StratumTimers
from proxy.relay.engine import Relay
from proxy.units import Seconds

LOOK = 0.02
"""Seconds between two looks at what is waited for: a tick of the relay."""


class Ending:
    """The steps of an end, and those who ask for it."""

    def __init__(
        self,
        relay: Relay,
        journal: LedgerJournal | MemoryJournal,
        watts: Callable[[], Mapping[int, float]],
        timers: Callable[[], StratumTimers],
        clock: Callable[[], Seconds],
    ) -> None:
        """Prepare.

        Args:
            relay: Whose miners are let go.
            journal: Of their shares.
            watts: Says what miners draw, by session, of those of whom it is known; asked once, as it begins.
            timers: The settings now in force.
            clock: The program's.

        """
        self.asked = asyncio.Event()
        self._relay = relay
        self._journal = journal
        self._watts = watts
        self._timers = timers
        self._clock = clock
        self._spreads = False
        """Whether there is a drain that another word can end."""

    def ask(self, *, serves: bool) -> bool:
        """Ask for the end; asked again, for an end of the drain. Returns whether that changes anything.

        ``serves``: miners have been let in, so that there may be somebody to let go.
        """
        if self.asked.is_set():
            changes, self._spreads = self._spreads, False
            return changes
        self.asked.set()
        self._spreads = serves and self._timers().drain > 0
        return True

    async def drain(self, ticking: asyncio.Task[None]) -> None:
        """Let miners go one after another: no engine takes it well if a whole load is gone in one step.

        Whatever ends ``ticking`` is raised.
        """
        if not self._spreads:
            return
        self._relay.let_go(self._watts(), self._timers().drain, self._clock())
        while not self._has_drained():
            if ticking.done():
                await ticking
            await asyncio.sleep(LOOK)
        self._spreads = False

    def _has_drained(self) -> bool:
        drain = self._relay.drain
        return not self._spreads or drain is None or drain.is_over

    async def settle(self) -> None:
        """Commit and answer what is pending; wait a little for the pools' answers."""
        self._relay.is_ending = True
        self._journal.commit()
        deadline = self._clock() + self._timers().settle
        while (self._relay.unsettled or self._relay.unanswered) and self._clock() < deadline:
            self._journal.commit()
            await asyncio.sleep(LOOK)
