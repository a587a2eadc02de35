"""Dials pools, over TCP or verified TLS."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from typing_extensions import override

from proxy.adapters.tcp.wire import SocketSettings, TransportWire, prepare
from proxy.ports import Wire
from proxy.units import Seconds

WRITE_LIMIT = 4 << 20
"""Bytes queued towards a pool that does not read: ten minutes of shares of a large site."""


@dataclass(frozen=True, slots=True)
class DialSettings:
    """Durations in seconds."""

    user_timeout: float = 25.0
    keepalive_idle: float = 10.0
    """Of silence, before TCP probes; and again each half of it, so that an idle link that was cut is noticed
    when ``user_timeout`` has passed and not by the idle timer."""

    @property
    def sockets(self) -> SocketSettings:
        """How a connection to a pool is held."""
        return SocketSettings(
            write_limit=WRITE_LIMIT,
            send_buffer=None,
            keepalive_idle=self.keepalive_idle,
            keepalive_interval=self.keepalive_idle / 2,
            user_timeout=self.user_timeout,
        )


class PoolSide(Protocol):
    """What the relay offers to a dialler."""

    def dialled(self, key: int, wire: Wire, now: Seconds) -> None:
        """A connection is open."""

    def upstream_received(self, key: int, data: bytes, now: Seconds) -> None:
        """Bytes have come."""

    def upstream_closed(self, key: int, cause: str, now: Seconds) -> None:
        """A connection has ended, or could not be made."""


@dataclass(frozen=True, slots=True)
class TlsTransport:
    """How a pool is verified: certificate authorities in the context, and a pin beside them."""

    context: ssl.SSLContext
    pin: str | None = None
    """SHA-256 of the server's certificate (DER), hex."""


class PoolProtocol(asyncio.Protocol):
    """One connection to a pool."""

    def __init__(
        self, side: PoolSide, key: int, pin: str | None, clock: Callable[[], float], sockets: SocketSettings
    ) -> None:
        self._side = side
        self._key = key
        self._pin = pin
        self._clock = clock
        self._wire: TransportWire | None = None
        self._sockets = sockets
        self._refusal: str | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Check the pin before a byte is said."""
        transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        if self._pin is not None:
            connected: ssl.SSLObject = transport.get_extra_info("ssl_object")
            certificate = connected.getpeercert(binary_form=True) or b""
            if not hmac.compare_digest(hashlib.sha256(certificate).hexdigest(), self._pin.lower()):
                self._refusal = "the certificate does not match tls_pin"
                transport.abort()
                return
        prepare(transport, self._sockets)
        self._wire = TransportWire(transport.get_extra_info("socket").fileno())
        self._wire.attach(transport, WRITE_LIMIT)
        self._side.dialled(self._key, self._wire, Seconds(self._clock()))

    @override
    def data_received(self, data: bytes) -> None:
        """Hand bytes to the relay."""
        if self._wire is not None:
            self._side.upstream_received(self._key, data, Seconds(self._clock()))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the relay why."""
        error = (self._wire and self._wire.error) or exc
        cause = self._refusal or (f"connection lost: {error}" if error else "closed by the pool")
        self._side.upstream_closed(self._key, cause, Seconds(self._clock()))


class TcpDialler:
    """Implements ``ports.Dialler`` on the running loop, which tells the time unless ``clock`` does."""

    def __init__(
        self,
        transports: dict[str, TlsTransport],
        settings: Callable[[], DialSettings],
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.transports = transports
        """TLS settings by name; may be replaced when the configuration is read again."""
        self._settings = settings
        self._clock = clock or asyncio.get_running_loop().time
        self._side: PoolSide | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def serve(self, side: PoolSide) -> None:
        """Report to ``side`` from now on."""
        self._side = side

    def dial(self, connection: int, host: str, port: int, transport: str) -> None:
        """Start connecting in a task of its own."""
        tls = self.transports[transport] if transport else None
        task = asyncio.get_running_loop().create_task(self._dial(connection, host, port, tls))
        self._tasks[connection] = task
        task.add_done_callback(lambda _: self._tasks.pop(connection, None))

    def abandon(self, connection: int) -> None:
        """Stop connecting."""
        task = self._tasks.pop(connection, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Stop every dial under way and wait until it has stopped."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _dial(self, key: int, host: str, port: int, tls: TlsTransport | None) -> None:
        side = self._side
        assert side is not None, "serve() comes first"
        loop = asyncio.get_running_loop()
        settings = self._settings()
        try:
            # No deadline here: the relay abandons what takes too long, by a clock that leaves out our pauses.
            await loop.create_connection(
                lambda: PoolProtocol(side, key, tls.pin if tls else None, self._clock, settings.sockets),
                host,
                port,
                ssl=tls.context if tls else None,
                server_hostname=host if tls else None,
            )
        except ssl.SSLCertVerificationError as error:
            side.upstream_closed(
                key, f"certificate not trusted: {error.verify_message}", Seconds(self._clock())
            )
        except (OSError, ssl.SSLError) as error:
            side.upstream_closed(key, f"cannot connect: {error}", Seconds(self._clock()))
