"""What those sent who may wait: worked on a little in each turn of the loop, so that nobody waits for it.

A loop hands over all that was received, in any order, before it looks again: where hundreds of peers flood,
an honest share would stand behind all of it. Here it stands behind less than a millisecond.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.adapters.tcp.halves import Connection

QUANTUM = 1024
"""Bytes of one peer that are worked on before it is the next one's turn: a login, or a few lines."""
SLICE = 0.0005
"""Seconds of work in a turn of the loop, and a quantum more."""


class Backlog:
    """Serves its peers in turn. One of whom something waits is not read.

    That bounds what waits, and more: a peer causes an event for the loop as often as it is served.
    """

    def __init__(self) -> None:
        self._waiting: deque[Connection] = deque()
        self._loop = asyncio.get_running_loop()

    def add(self, peer: Connection) -> None:
        """Work on what this one has ``pending`` when there is time."""
        if not self._waiting:
            self._loop.call_soon(self._work)
        self._waiting.append(peer)

    def _work(self) -> None:
        until = time.perf_counter() + SLICE
        try:
            while self._waiting and time.perf_counter() < until:
                peer = self._waiting.popleft()
                try:
                    peer.work(QUANTUM)
                finally:  # a mistake of ours with one peer's line must not keep the others waiting for ever
                    if peer.pending is not None:
                        self._waiting.append(peer)
        finally:
            if self._waiting:
                self._loop.call_soon(self._work)
