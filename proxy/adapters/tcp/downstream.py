"""Towards miners: one protocol object for each connection, and listeners that make them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

from typing_extensions import override

from proxy.adapters.tcp.backlog import Backlog
from proxy.adapters.tcp.halves import Connection
from proxy.adapters.tcp.listener import Gate, Listener, ListenerSettings, bind
from proxy.adapters.tcp.wire import Pausing
from proxy.ports import Wire
from proxy.units import Seconds


class MinerSide(Protocol):
    """What the relay offers to a listener."""

    def opened(self, listener: str, wire: Wire, now: Seconds) -> int:
        """A miner has connected."""

    def feed(self, key: int, data: bytes, now: Seconds) -> None:
        """Bytes have come."""

    def closed(self, key: int, cause: str, now: Seconds) -> None:
        """The connection has ended."""


@dataclass(frozen=True, slots=True)
class Door:
    """What the connections of one listener have in common."""

    name: str
    side: MinerSide
    feed: Callable[[int, bytes, Seconds], None]
    """The one of ``side``: bound once, and not for each."""
    backlog: Backlog
    settings: Callable[[], ListenerSettings]
    clock: Callable[[], Seconds]


class MinerProtocol(Pausing, Connection, asyncio.Protocol):
    """One miner's connection, and its ``ports.Wire``; what is known of the miner is the relay's."""

    __slots__ = ("_door", "_end", "_stall", "_stalled_at")

    def __init__(self, door: Door, fd: int) -> None:
        super().__init__(fd, door.feed, door.clock)
        self._door = door
        self._stall: asyncio.TimerHandle | None = None
        self._stalled_at = 0.0
        self._end = ""
        """Why the connection has ended, until that is told."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register with the relay. The socket has its options from the one that accepted it."""
        transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        door, now = self._door, self._door.clock()
        sockets = door.settings().sockets
        # Told of a queue long before the limit, so that a stall has a beginning.
        transport.set_write_buffer_limits(high=sockets.write_limit // 4)
        self.attach(transport, sockets.write_limit)
        self.key = door.side.opened(door.name, self, now)

    def let_in(self) -> None:
        """Read past the transport from now on: those who say nothing may end by hundreds, too."""
        waits = self.pending is not None or self.resuming is not None or self._door.backlog.watches(self)
        if (
            self.key is not None
            and self.fd >= 0
            and not (waits or self.prompt or self.transport.is_closing())
        ):
            self.transport.pause_reading()
            self.start_reading()

    @override
    def pause_writing(self) -> None:
        """The peer does not read: it has ``write_stall`` seconds to begin."""
        if self._stall is None:
            self._stalled_at = self._door.clock()
            self._look_again()

    def _look_again(self) -> None:
        """Cut a peer off whose time is over; unlike the clock, the loop's timers count a pause of ours."""
        left = self._stalled_at + self._door.settings().sockets.write_stall - self._door.clock()
        if left > 0:
            self._stall = asyncio.get_running_loop().call_later(left, self._look_again)
        else:
            self.cut()

    @override
    def resume_writing(self) -> None:
        """The peer reads again."""
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the relay, with the cause."""
        self._door.backlog.forget(self)
        self.resume_writing()
        if self.key is None:
            return
        self.ended()
        error = self.error or exc
        self._end = "did not read" if self.stalled else (f"{error}" if error else "closed")
        if self.pending is None:
            if self.prompt:
                self.emptied()
            else:
                self._door.backlog.part(self)

    @property
    @override
    def is_held(self) -> bool:
        """Whether something waits in the backlog."""
        return self.pending is not None

    @override
    def hold(self) -> None:
        """Read nothing more until this is handed on."""
        if self.resuming is None and not self.transport.is_closing():
            self.stop_reading()
        self._door.backlog.add(self)

    @override
    def emptied(self) -> None:
        """All is handed on; the end comes after what was sent before it."""
        if self._end:
            if self.key is not None:
                self._door.side.closed(self.key, self._end, self._door.clock())
        elif self.resuming is None and not self.transport.is_closing():
            self.start_reading()

    @override
    def start_reading(self) -> None:
        """By the transport as it comes, or past it when there is time."""
        if self.prompt or self.fd < 0:
            self.transport.resume_reading()
        else:
            self._door.backlog.watch(self)

    @override
    def stop_reading(self) -> None:
        """Take nothing more from the peer."""
        if not self._door.backlog.forget(self):
            self.transport.pause_reading()

    @override
    def close(self) -> None:
        """Send what is queued, then close; what still comes is not looked at."""
        self._door.backlog.forget(self)
        super().close()
        if self.transport.get_write_buffer_size():
            self.pause_writing()  # a place for a session is not held by who does not take the last of it


async def listen(
    side: MinerSide,
    name: str,
    host: str,
    port: int,
    *,
    tls: ssl.SSLContext | None,
    gate: Gate,
    settings: Callable[[], ListenerSettings],
    clock: Callable[[], float] | None = None,
) -> Listener:
    """Return a listener that is accepting miners. ``settings`` is asked again for each connection.

    The running loop tells the time unless ``clock`` does.

    Raises:
        OSError: the address cannot be listened on.

    """
    time = cast(Callable[[], Seconds], clock or asyncio.get_running_loop().time)
    door = Door(name, side, side.feed, Backlog(), settings, time)
    sockets = await bind(host, port, settings())
    return Listener(sockets, partial(MinerProtocol, door), tls=tls, gate=gate, settings=settings)
