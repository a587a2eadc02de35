"""What the whole program is doing, ready for JSON."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from proxy import __version__, hotpath
from proxy.adapters.stores.ledger.journal import LedgerJournal
from proxy.adapters.stores.memory import MemoryJournal
from proxy.app.memory import MemoryWatch
from proxy.relay.engine import Relay
from proxy.relay.snapshot import snapshot, snapshot_in_parts
from proxy.units import Seconds


@dataclass(frozen=True, slots=True)
class Bound:
    """An address that is being listened on."""

    host: str
    port: int
    tls: bool
    tenant: str | None


@dataclass(frozen=True, slots=True)
class ProgramView:
    """Looks at the parts of a program, and changes nothing."""

    site: str
    relay: Relay
    journal: LedgerJournal | MemoryJournal
    memory: MemoryWatch
    bound: list[Bound]
    power: Callable[[], dict[str, Any] | None]
    clock: Callable[[], Seconds]

    def state(self) -> dict[str, Any]:
        """Return what the program is doing."""
        return self._parts() | snapshot(self.relay, self.clock())

    async def state_in_parts(self, sessions: bool = False) -> dict[str, Any]:
        """Return the same, with every session if asked for, and let shares be answered in between."""
        # A list of every session is megabytes: not while memory is short.
        sessions = sessions and not self.memory.sheds_telemetry
        parts = snapshot_in_parts(self.relay, self.clock(), sessions=sessions)
        while True:
            try:
                next(parts)
            except StopIteration as done:
                told: dict[str, Any] = self._parts() | done.value
                return told
            await asyncio.sleep(0)

    def _parts(self) -> dict[str, Any]:
        return {
            "version": __version__,
            "hot_path": hotpath.implementation(),
            "site": self.site,
            "ledger": self.journal.state,
            "memory_use": round(self.memory.use, 4),
            "pid": os.getpid(),
            "listeners": [
                {"host": b.host, "port": b.port, "tls": b.tls, "tenant": b.tenant} for b in self.bound
            ],
            "power": self.power(),
        }
