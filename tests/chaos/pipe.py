"""One direction of one connection: reads, does what the toxics say, writes."""

import asyncio
import socket
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from random import Random

from proxy.adapters.simulated.changes import Changes
from tests.chaos.toxics import PATIENCE, Toxics

READ = 1 << 16
MOST_WAITING = 1 << 20
"""Bytes under way in the pipe: more, and it reads no further, as a full router does."""
BUCKET = 0.1
"""Seconds of bandwidth that may be sent at once."""


async def together(*halves: Coroutine[None, None, None]) -> None:
    """Run all to their ends; the first failure ends the others and is raised as it is."""
    tasks = [asyncio.ensure_future(half) for half in halves]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class LimitReached(Exception):
    """``Toxics.limit`` bytes have passed: close the connection."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes and when they are due; no bytes at the end of the connection."""

    data: bytes
    due: float


class Pipe:
    """From ``source`` to ``target``. ``run`` returns when the end of the stream has been passed on.

    Raises what the sockets raise, and ``LimitReached``.
    """

    def __init__(self, source: socket.socket, target: socket.socket, toxics: Toxics, chance: Random) -> None:
        self._source = source
        self._target = target
        self._toxics = toxics
        self._chance = chance
        self._loop = asyncio.get_running_loop()
        self._segments: deque[Segment] = deque()
        self._changes = Changes("pipe", lambda: len(self._segments))
        self._waiting = 0
        self._last_due = 0.0
        self._taken = 0
        self._free_at = 0.0
        """When the token bucket will be full again."""

    async def run(self) -> None:
        """Pass bytes on until the end."""
        await together(self._read(), self._write())

    # --- in ----------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            await self._toxics.until(lambda toxics: not toxics.stopped)
            await self._changes.wait_for(lambda: self._waiting < MOST_WAITING, PATIENCE)
            data = await self._loop.sock_recv(self._source, READ)
            # A switch that was turned while we waited holds for what has just come.
            await self._toxics.until(lambda toxics: not toxics.stopped)
            if not self._toxics.dropped:
                self._take(data)
            if not data:
                return

    def _take(self, data: bytes) -> None:
        toxics, chance = self._toxics, self._chance
        if data and toxics.limit is not None:
            data = data[: max(0, toxics.limit - self._taken)]
        self._taken += len(data)
        if toxics.corrupt:
            data = bytes(_turned(byte, chance) if chance.random() < toxics.corrupt else byte for byte in data)
        if toxics.duplicate and chance.random() < toxics.duplicate:
            data += data
        delay = toxics.latency + chance.random() * toxics.jitter
        if toxics.loss and chance.random() < toxics.loss:
            delay += toxics.retransmit
        self._last_due = max(self._last_due, self._loop.time() + delay)
        self._segments.append(Segment(data, self._last_due))
        self._waiting += len(data)
        self._changes.happened()

    # --- out ---------------------------------------------------------------------------------------

    async def _write(self) -> None:
        while True:
            data = await self._next()
            if data:
                await self._send(data)
            else:
                self._target.shutdown(socket.SHUT_WR)
                return
            if self._toxics.limit is not None and self._taken >= self._toxics.limit and not self._segments:
                raise LimitReached

    async def _next(self) -> bytes:
        """Return what is due next: a segment, or several where they are to be gathered."""
        first = await self._due()
        data, toxics = bytearray(first), self._toxics
        if first and toxics.coalesce:
            until = self._loop.time() + toxics.coalesce_time
            while len(data) < toxics.coalesce:
                try:
                    async with asyncio.timeout_at(until):
                        await self._changes.wait_for(lambda: bool(self._segments), PATIENCE)
                except TimeoutError:
                    break
                if not self._segments[0].data:
                    break
                data += await self._due()
        return bytes(data)

    async def _due(self) -> bytes:
        await self._changes.wait_for(lambda: bool(self._segments), PATIENCE)
        segment = self._segments[0]
        wait = segment.due - self._loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        self._segments.popleft()
        self._waiting -= len(segment.data)
        self._changes.happened()
        return segment.data

    async def _send(self, data: bytes) -> None:
        toxics = self._toxics
        at = 0
        while at < len(data):
            size = toxics.slice or len(data)
            if toxics.bandwidth is not None:
                size = min(size, max(1, round(toxics.bandwidth * BUCKET)))
            piece = data[at : at + size]
            at += size
            await self._pace(len(piece))
            await self._loop.sock_sendall(self._target, piece)
            toxics.passed += len(piece)
            toxics.segments += 1
            if toxics.slice:
                await asyncio.sleep(0)  # so that the reader sees each by itself

    async def _pace(self, size: int) -> None:
        if self._toxics.bandwidth is None:
            return
        now = self._loop.time()
        self._free_at = max(self._free_at, now) + size / self._toxics.bandwidth
        wait = self._free_at - BUCKET - now
        if wait > 0:
            await asyncio.sleep(wait)


def _turned(byte: int, chance: Random) -> int:
    return byte ^ (1 << chance.randrange(8))
