"""The halves of a miner's connection that run once for each of its shares, compiled where they can be.

What stands here is the specification; ``_compiled``, built from ``ext/tcp.pyx``, does the same without a
Python frame for each. ``proxy.hotpath`` decides for both which twin serves.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from proxy import hotpath
from proxy.units import Seconds

AT_ONCE = 2048
"""Bytes that a miner may send and be served as they come: ten shares and more; one that works sends one."""


class PlainSender:
    """Writes to a transport, and to its socket at once where nothing waits before it.

    A loop's transport queues for the end of its turn what the socket would have taken now.
    """

    __slots__ = ("error", "fd", "limit", "prompt", "resuming", "stalled", "transport")

    transport: asyncio.Transport
    limit: int
    """Bytes that may wait; a peer that lets more wait is cut off."""

    def __init__(self, fd: int) -> None:
        # Told and not asked for: a transport that was asked for its socket keeps one more object for good.
        self.fd = fd
        """Where bytes may come and go past the transport; -1 where they are encrypted."""
        self.prompt = False
        """Whether what the peer sends is worked on at once: set by whoever has this wire."""
        self.stalled = False
        """True once the peer was cut off for not reading."""
        self.error: Exception | None = None
        """What ended the connection, if that was noticed here, or by whoever works on what it sent."""
        self.resuming: asyncio.TimerHandle | None = None
        """Set while reading is paused."""

    def attach(self, transport: asyncio.Transport, limit: int) -> None:
        """Write to ``transport`` from now on."""
        self.transport = transport
        self.limit = limit
        if transport.get_extra_info("sslcontext") is not None:
            self.fd = -1

    def write(self, data: bytes) -> None:
        """Send or queue bytes; cut the peer off where too many wait already."""
        # A transport that closes may have given its descriptor back: somebody else's connection has it then.
        if self.transport.is_closing():
            return
        if self.fd >= 0 and not self.transport.get_write_buffer_size():
            try:
                sent = os.write(self.fd, data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                # The socket tells it once: the transport would only hear of a broken pipe.
                self.error = error
                self.transport.abort()
                return
            if sent == len(data):
                return
            data = data[sent:]
        self.transport.write(data)
        if self.transport.get_write_buffer_size() > self.limit:
            self.cut()

    def cut(self) -> None:
        """Drop a peer that does not read, and what waits for it."""
        self.stalled = True
        self.transport.abort()


class PlainConnection(PlainSender):
    """Hands on what it brings, too, with the time: at once, or a little whenever it is told to."""

    __slots__ = ("_clock", "_feed", "key", "pending")

    def __init__(
        self, fd: int, feed: Callable[[int, bytes, Seconds], None], clock: Callable[[], Seconds]
    ) -> None:
        super().__init__(fd)
        self._feed = feed
        self._clock = clock
        self.key: int | None = None
        """What ``feed`` knows the connection by; None while it is not to be told anything."""
        self.pending: bytes | None = None
        """What was received and not yet handed on."""

    def data_received(self, data: bytes) -> None:
        """Take bytes from the loop."""
        if self.key is None:
            return
        if self.pending is not None:  # a loop may bring what it had read before it was told to stop
            self.pending += data
        elif self.prompt and len(data) <= AT_ONCE:
            self._feed(self.key, data, self._clock())
        else:
            self.pending = data
            self.hold()

    def work(self, most: int) -> None:
        """Hand on up to so many bytes of what is pending."""
        data = self.pending
        if self.key is None or data is None:
            return
        self.pending = data[most:] or None
        try:
            self._feed(self.key, data[:most], self._clock())
        except Exception:
            self.pending = None  # whoever called ends the connection
            raise
        finally:
            if self.pending is None:
                self.emptied()

    def read(self, most: int, at_once: int) -> bool:
        """Take up to ``most`` bytes past the transport, which does not read meanwhile.

        They are handed on if they are no more than ``at_once``, else they are pending. Returns False when the
        peer has ended.
        """
        if self.key is None or self.transport.is_closing():
            return False
        try:
            data = os.read(self.fd, most)
        except BlockingIOError:
            return True
        except OSError as error:
            self.error = error
            self.transport.abort()
            return False
        if not data:
            self.transport.close()
            return False
        if len(data) <= at_once:
            self._feed(self.key, data, self._clock())
        else:
            self.pending = data
            self.hold()
        return True

    def hold(self) -> None:
        """Something is pending: for subclasses."""

    def emptied(self) -> None:
        """Nothing is pending any more: for subclasses."""


if TYPE_CHECKING:
    Sender = PlainSender
    Connection = PlainConnection
elif hotpath.COMPILED:
    _compiled = import_module("proxy.adapters.tcp._compiled")
    Sender, Connection = _compiled.Sender, _compiled.Connection
else:
    Sender, Connection = PlainSender, PlainConnection
