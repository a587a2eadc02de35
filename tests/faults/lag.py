"""How long the program's loop is away, as a miner sees it: the time of a line that waits for nothing else."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PING = b'{"id":1,"method":"mining.ping","params":[]}\n'
REST = 0.004
"""Seconds between two looks."""


@dataclass(eq=False)
class Lags:
    """What was seen, from a thread of its own: this process's loop has miners to move."""

    port: int
    seen: list[tuple[float, float]] = field(default_factory=list)
    """When each ping was sent, by the monotonic clock, and the seconds until its answer."""
    stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Ping until told to stop."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self.stop.is_set():
                began = time.monotonic()
                sock.sendall(PING)
                heard = b""
                while not heard.endswith(b"\n"):
                    data = sock.recv(4096)
                    assert data, "the program closed"
                    heard += data
                self.seen.append((began, time.monotonic() - began))
                self.stop.wait(REST)

    def between(self, since: float, until: float) -> list[float]:
        """Return the lags of the pings sent in a time, shortest first."""
        return sorted(lag for at, lag in self.seen if since <= at < until)


@asynccontextmanager
async def watched(port: int) -> AsyncIterator[Lags]:
    """Watch a program's loop beside the body, as a peer that has not logged in and does not have to yet."""
    lags = Lags(port)
    watching = asyncio.create_task(asyncio.to_thread(lags.watch))
    try:
        yield lags
    finally:
        lags.stop.set()
        await watching
