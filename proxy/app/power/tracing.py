"""Keeps the governor's trace whole: it begins with all that is known, and again where something is lost."""

from __future__ import annotations

from typing import Any

from proxy import __version__
from proxy.adapters.stores.trace_file import TraceFile
from proxy.governor import replay
from proxy.governor.devices import Devices
from proxy.governor.engine import Governor
from proxy.governor.plan import Plan
from proxy.governor.readings import Readings

REST = 60
"""Ticks that are left out after one was lost: a disk that is full is so for a while, and heads are large."""


class Tracing:
    """Writes a governor's ticks. Called by whoever steps it, in the order of its steps."""

    def __init__(self, file: TraceFile, most_bytes: float) -> None:
        """Begin with nothing written.

        Args:
            file: Where it goes.
            most_bytes: Of the file and the one before together.

        """
        self._file = file
        self._most_bytes = most_bytes / 2
        self._joined: list[Devices] = []
        self._asked = 0
        """Files that were asked for."""
        self._lost = 0
        """Entries that were lost before the last head."""
        self._rest = 0

    def joined(self, devices: Devices) -> None:
        """Note who came, before the next step."""
        self._joined.append(devices)

    def step(self, governor: Governor, now: float, readings: Readings) -> Plan:
        """Return the governor's plan, and write down how it came about."""
        writes = self._before(governor)
        plan = governor.step(now, readings)
        if writes:
            self._file.put(replay.ticked(now, readings, plan))
        return plan

    def _before(self, governor: Governor) -> bool:
        """Write what a tick needs before it; return whether it is to be written."""
        file, joined, self._joined = self._file, self._joined, []
        if self._rest == 0 and file.lost > self._lost:
            self._rest = REST
        if self._rest > 0:
            self._rest -= 1
            if self._rest > 0:
                file.lose()
                return False
        lost = file.lost > self._lost
        # Until a new file is there its size is that of the one before.
        full = file.begun >= self._asked and self._size() > self._most_bytes
        if lost or full or self._asked == 0:
            self._lost = file.lost
            self._asked = file.begun + (1 if full or self._asked == 0 else 0)
            file.put(replay.head(governor, __version__), first=True, anew=self._asked > file.begun)
            return True
        for devices in joined:
            file.put(replay.join(devices))
        return True

    def _size(self) -> float:
        try:
            return float(self._file.path.stat().st_size)
        except OSError:
            return 0.0

    def close(self) -> None:
        """Write what waits."""
        self._file.close()

    def state(self) -> dict[str, Any]:
        """Return where it is and what is missing, for JSON."""
        return {"file": str(self._file.path), "bytes": int(self._size()), "lost": self._file.lost}
