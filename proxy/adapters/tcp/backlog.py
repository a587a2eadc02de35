"""What those sent who may wait: worked on a little in each turn of the loop, so that nobody waits for it.

A loop hands over all that was received, in any order, before it looks again: where hundreds of peers flood,
an honest share would stand behind all of it. Here it stands behind less than a millisecond.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.adapters.tcp.halves import Connection

QUANTUM = 512
"""Bytes of one peer that are worked on before it is the next one's turn: a login, or a few lines."""
READ = 4096
"""Bytes of one peer that are read at once: what is read is judged, even if the peer is paused for it."""
SLICE = 0.00025
"""Seconds of work in a turn of the loop for each kind of waiting, and a quantum more."""
ENDS = 8
"""Peers that may end in a turn: what that costs follows in the next one, where it is not measured."""


class Backlog:
    """Serves its peers in turn. One of whom something waits is not read.

    That bounds what waits, and more: a peer causes an event for the loop as often as it is served. Who has
    waited once is read past its transport, from an epoll of our own: the loop sees one descriptor, however
    many send, and what waits stays in the system. Bytes that are encrypted have no such way; they wait here.
    """

    def __init__(self) -> None:
        self._waiting: deque[Connection] = deque()
        self._parted: deque[Connection] = deque()
        self._loop = asyncio.get_running_loop()
        self._sending = select.epoll()
        self._watched: list[Connection | None] = []
        """By descriptor: eight bytes for each, where a dictionary would need a hundred."""
        self._count = 0

    def add(self, peer: Connection) -> None:
        """Work on what this one has ``pending`` when there is time."""
        self._begin()
        self._waiting.append(peer)

    def part(self, peer: Connection) -> None:
        """Tell of this one's end when there is time: hundreds may go at once."""
        self._begin()
        self._parted.append(peer)

    def _begin(self) -> None:
        if not (self._waiting or self._parted):
            self._loop.call_soon(self._work)

    def watch(self, peer: Connection) -> None:
        """Read this one when there is time, until it is to be forgotten or served promptly."""
        self._sending.register(peer.fd, select.EPOLLIN)  # first: it may be refused
        if not self._count:
            self._loop.add_reader(self._sending.fileno(), self._receive)
        self._count += 1
        if peer.fd >= len(self._watched):
            self._watched.extend([None] * (peer.fd + 1 - len(self._watched)))
        self._watched[peer.fd] = peer

    def watches(self, peer: Connection) -> bool:
        """Return whether this one is read here."""
        return 0 <= peer.fd < len(self._watched) and self._watched[peer.fd] is peer

    def forget(self, peer: Connection) -> bool:
        """Do not read this one; returns whether it was watched. Its descriptor must still be open."""
        if not self.watches(peer):
            return False
        self._watched[peer.fd] = None
        self._sending.unregister(peer.fd)
        self._count -= 1
        if not self._count:
            self._loop.remove_reader(self._sending.fileno())
        return True

    def _receive(self) -> None:
        until, ends = time.perf_counter() + SLICE, 0
        while ends < ENDS and time.perf_counter() < until:
            ready = self._sending.poll(0, 1)  # whoever was read stands behind the others the next time
            if not ready:
                break
            peer = self._watched[ready[0][0]]
            assert peer is not None, "who is not watched is not in the epoll"
            try:
                goes_on = peer.read(READ, QUANTUM)
            except Exception as error:  # told to the loop
                self._fail(peer, error)
                goes_on = False
            if not goes_on:
                ends += 1
                self.forget(peer)
            elif peer.prompt and self.forget(peer):
                peer.transport.resume_reading()

    def _work(self) -> None:
        until = time.perf_counter() + SLICE
        try:
            while (self._waiting or self._parted) and time.perf_counter() < until:
                if self._parted:
                    self._parted.popleft().emptied()
                if not self._waiting:
                    continue
                peer = self._waiting.popleft()
                try:
                    peer.work(QUANTUM)
                except Exception as error:  # told to the loop
                    self._fail(peer, error)
                if peer.pending is not None:
                    self._waiting.append(peer)
        finally:
            if self._waiting or self._parted:
                self._loop.call_soon(self._work)

    def _fail(self, peer: Connection, error: Exception) -> None:
        """End the connection with which a mistake of ours happened, and no other."""
        context = {"message": "a miner's connection failed", "exception": error, "transport": peer.transport}
        self._loop.call_exception_handler(context)
        peer.error = error
        peer.transport.abort()
