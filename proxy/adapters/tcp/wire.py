"""The sending half of an asyncio transport, bounded, and the socket options of a connection."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.adapters.tcp.halves import Sender


@dataclass(frozen=True, slots=True)
class SocketSettings:
    """How one side's connections are held. Durations in seconds."""

    write_limit: int = 64 * 1024
    """Bytes queued for a peer that does not read; more, and it is cut off."""
    write_stall: float = 30.0
    """Longest time that a peer may take none of what waits for it."""
    send_buffer: int | None = 32 * 1024
    """SO_SNDBUF: the kernel's default queues 4 MB for a stuck peer."""
    receive_buffer: int | None = None
    """SO_RCVBUF: bounds what one read can bring."""
    keepalive_idle: float = 45.0
    keepalive_interval: float = 15.0
    keepalive_probes: int = 3
    user_timeout: float = 45.0
    """TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged."""


if TYPE_CHECKING:
    _Half = Sender
else:
    _Half = object  # a class can extend but one that is compiled


class Pausing(_Half):
    """What a wire does beside sending: mixed into either half."""

    __slots__ = ()

    @property
    def peer(self) -> str:
        """Address and port of the other end."""
        host, port, *_ = self.transport.get_extra_info("peername") or ("?", 0)
        return f"{host}:{port}"

    @property
    def is_held(self) -> bool:
        """Whether it is not read for another reason than a pause."""
        return False

    def pause(self, seconds: float) -> None:
        """Stop reading for so long; a longer pause goes on."""
        if self.transport.is_closing():
            return
        loop = asyncio.get_running_loop()
        if self.resuming is None:
            if not self.is_held:
                self.stop_reading()
        elif self.resuming.when() >= loop.time() + seconds:
            return
        else:
            self.resuming.cancel()
        self.resuming = loop.call_later(seconds, self._read_again)

    def _read_again(self) -> None:
        self.resuming = None
        if not self.is_held and not self.transport.is_closing():
            self.start_reading()

    def start_reading(self) -> None:
        """Take what the peer sends."""
        self.transport.resume_reading()

    def stop_reading(self) -> None:
        """Take nothing more from the peer."""
        self.transport.pause_reading()

    def ended(self) -> None:
        """The connection is lost: nothing is waited for any more."""
        if self.resuming is not None:
            self.resuming.cancel()
            self.resuming = None

    def close(self) -> None:
        """Send what is queued, then close."""
        self.transport.close()


class TransportWire(Pausing, Sender):
    """Implements ``ports.Wire``. A peer that lets its queue grow past the limit is cut off."""

    __slots__ = ()


def prepare(transport: asyncio.BaseTransport, settings: SocketSettings) -> None:
    """Set a TCP socket's options, so that the kernel notices a peer that is gone."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        prepare_socket(sock, settings)


def prepare_socket(sock: socket.socket, settings: SocketSettings) -> None:
    """The same before there is a transport. What a listening socket accepts has that one's options."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, max(1, round(settings.keepalive_idle)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, round(settings.keepalive_interval)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, settings.keepalive_probes)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(settings.user_timeout * 1000))
    if settings.send_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, settings.send_buffer)
    if settings.receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, settings.receive_buffer)
