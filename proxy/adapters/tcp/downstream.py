"""Towards miners: one protocol object for each connection, and listeners that make them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol, cast

from typing_extensions import override

from proxy.adapters.tcp.backlog import Backlog
from proxy.adapters.tcp.halves import Receiver
from proxy.adapters.tcp.listener import Gate, Listener, ListenerSettings, bind
from proxy.adapters.tcp.wire import TransportWire
from proxy.ports import Wire
from proxy.units import Seconds


class MinerSide(Protocol):
    """What the relay offers to a listener."""

    def opened(self, listener: str, wire: Wire, peer: str, now: Seconds) -> int:
        """A miner has connected."""

    def feed(self, key: int, data: bytes, now: Seconds) -> None:
        """Bytes have come."""

    def closed(self, key: int, cause: str, now: Seconds) -> None:
        """The connection has ended."""


class MinerProtocol(Receiver, asyncio.Protocol):
    """One miner's connection: bytes in; what is known of the miner is the relay's."""

    __slots__ = ("_end", "_listener", "_settings", "_side", "_stall", "_stalled_at", "_time")

    def __init__(
        self,
        side: MinerSide,
        listener: str,
        settings: Callable[[], ListenerSettings],
        clock: Callable[[], float],
        backlog: Backlog,
    ) -> None:
        self._side = side
        self._listener = listener
        self._settings = settings
        self._time = clock
        super().__init__(side.feed, cast(Callable[[], Seconds], clock), backlog)
        self.wire: TransportWire | None = None
        self._end = ""
        """Why the connection has ended, until that is told."""
        self._stall: asyncio.TimerHandle | None = None
        self._stalled_at = 0.0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register with the relay. The socket has its options from the one that accepted it."""
        transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        sockets = self._settings().sockets
        # Told of a queue long before the limit, so that a stall has a beginning.
        transport.set_write_buffer_limits(high=sockets.write_limit // 4)
        host, port, *_ = transport.get_extra_info("peername") or ("?", 0)
        self.wire = TransportWire(transport, sockets.write_limit)
        self.key = self._side.opened(self._listener, self.wire, f"{host}:{port}", Seconds(self._time()))

    @override
    def pause_writing(self) -> None:
        """The peer does not read: it has ``write_stall`` seconds to begin."""
        if self.wire is not None and self._stall is None:
            self._stalled_at = self._time()
            self._look_again()

    def _look_again(self) -> None:
        """Cut a peer off whose time is over; unlike the clock, the loop's timers count a pause of ours."""
        left = self._stalled_at + self._settings().sockets.write_stall - self._time()
        if left > 0:
            self._stall = asyncio.get_running_loop().call_later(left, self._look_again)
        elif self.wire is not None:
            self.wire.cut()

    @override
    def resume_writing(self) -> None:
        """The peer reads again."""
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the relay, with the cause."""
        self.resume_writing()
        if self.key is None or self.wire is None:
            return
        self.wire.ended()
        error = self.wire.error or exc
        cause = "did not read" if self.wire.stalled else (f"{error}" if error else "closed")
        self._end = cause
        if self.pending is None:
            self.emptied()

    @override
    def hold(self) -> None:
        """Read nothing more until it is handed on."""
        if self.wire is not None:
            self.wire.hold()

    @override
    def emptied(self) -> None:
        """All is handed on; the end comes after what was sent before it."""
        if self.wire is not None:
            self.wire.release()
        if self._end and self.key is not None:
            self._side.closed(self.key, self._end, Seconds(self._time()))


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
    time = clock or asyncio.get_running_loop().time
    sockets = await bind(host, port, settings())
    backlog = Backlog()
    return Listener(
        sockets,
        lambda: MinerProtocol(side, name, settings, time, backlog),
        tls=tls,
        gate=gate,
        settings=settings,
    )
