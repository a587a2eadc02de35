"""The socket of a simulated miner."""

import asyncio
from collections.abc import Callable
from typing import cast

from typing_extensions import override

from proxy.adapters.simulated.miner.session import MinerSession
from proxy.adapters.simulated.wire import MOST_LINE, Traffic
from proxy.stratum.framing import LineBuffer
from proxy.units import Seconds

_MOST_UNSENT = 1 << 20


class MinerConnection(asyncio.Protocol):
    """Carries one session's bytes.

    Args:
        session: Takes the lines.
        number: Of the connection, for the record.
        traffic: The record.
        changed: Called after whatever came in was taken.

    """

    def __init__(
        self, session: MinerSession, number: int, traffic: Traffic, changed: Callable[[], None]
    ) -> None:
        self.session = session
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = loop.create_future()
        """Done once the connection has ended."""
        self.heard = Seconds(loop.time())
        """When bytes last came in."""
        self._number = number
        self._traffic = traffic
        self._changed = changed
        self._lines = LineBuffer(MOST_LINE)
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Only stream transports come here; uvloop's are no subclass of asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)
        self.send(self.session.opening())

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self.closed.done():
            self.closed.set_result(None)

    @override
    def data_received(self, data: bytes) -> None:
        self.heard = self._now()
        for line in self._lines.feed(data):
            self._traffic.record(self.heard, self._number, "in", line)
            self.send(self.session.receive(line))
            if self.session.leaving is not None:
                break
        if self._lines.overflowed or self.session.leaving is not None:
            self.close()
        self._changed()

    @property
    def writable(self) -> bool:
        """A share may be sent: the connection lives, and the other side reads."""
        transport = self._transport
        return (
            transport is not None
            and not transport.is_closing()
            and transport.get_write_buffer_size() < _MOST_UNSENT
        )

    def send(self, data: bytes) -> None:
        """Write lines; nothing happens on a connection that has ended."""
        if data and self._transport is not None and not self._transport.is_closing():
            self._traffic.record(self._now(), self._number, "out", data)
            self._transport.write(data)

    def close(self) -> None:
        """Close after what is written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _now(self) -> Seconds:
        return Seconds(asyncio.get_running_loop().time())
