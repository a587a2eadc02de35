"""The transport of a miner's plain connection: one that the loop does not know.

What a loop's own transport does for every connection costs more than the session behind it: uvloop's takes
1.3 KiB, and a task and a tenth of a millisecond to open. Here all sockets stand in an epoll of ours nested in
the loop's, which sees one descriptor; a transport is a descriptor, its protocol and what waits to be sent.

What stands here is the specification; ``_compiled``, built from ``ext/tcp.pyx``, does the same. Connections
that are encrypted have the loop's own transports.
"""

from __future__ import annotations

import asyncio
import os
import select
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from proxy import hotpath

AT_ONCE = 64
"""Sockets that are served in a turn of the loop, before all else has its turn."""
READ = 4096
"""Bytes of one peer that are read at once: more than a miner that works sends, and what waits is bounded."""

_FAILED = select.EPOLLERR | select.EPOLLHUP


class Owner(Protocol):
    """What a transport tells: an ``asyncio.Protocol``."""

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""

    def pause_writing(self) -> None:
        """More waits than the limit."""

    def resume_writing(self) -> None:
        """A quarter of the limit waits, or less."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended; its descriptor is still open."""


class PlainPoller:
    """Watches the sockets of its transports, and serves those that are ready."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._watched: list[PlainTransport | None] = []
        """By descriptor: eight bytes for each, where a dictionary would need a hundred."""
        self._count = 0

    def change(self, transport: PlainTransport, before: int, events: int) -> None:
        """Watch a transport for other events than before, 0 being none.

        Without events it is not in the epoll at all: the system tells of an error whether one asks or not,
        again and again, until somebody reads.
        """
        fd = transport.fd
        if events and before:
            self._epoll.modify(fd, events)
        elif events:
            if fd >= len(self._watched):
                self._watched.extend([None] * (fd + 1 - len(self._watched)))
            self._epoll.register(fd, events)
            self._watched[fd] = transport
            self._count += 1
            if self._count == 1:
                self.loop.add_reader(self._epoll.fileno(), self.serve)
        else:
            self._watched[fd] = None
            self._epoll.unregister(fd)
            self._count -= 1
            # With the last only: the kernel walks all that stand in a nested epoll each time it is added.
            if self._count == 0:
                self.loop.remove_reader(self._epoll.fileno())

    def serve(self) -> None:
        """Serve some of those that are ready; who is not has its turn before these have their next."""
        for fd, happened in self._epoll.poll(0, AT_ONCE):
            transport = self._watched[fd]
            if transport is not None:  # else one before it has ended or paused it
                transport.happened(happened)


class PlainTransport:
    """What ``asyncio.Transport`` promises, as far as miners need it. It owns its descriptor.

    It does not read until it is told to. Its protocol is told of the end in a later turn of the loop, never
    from within a call.
    """

    __slots__ = (
        "_events",
        "_has_ended",
        "_high",
        "_host",
        "_is_closing",
        "_is_full",
        "_owner",
        "_poller",
        "_port",
        "_queue",
        "fd",
    )

    def __init__(self, poller: PlainPoller, fd: int, owner: Owner, host: str, port: int) -> None:
        self.fd = fd
        self._poller = poller
        self._owner: Owner | None = owner
        self._host = host
        self._port = port
        self._high = 1 << 16
        self._events = 0
        self._queue: bytearray | None = None
        self._is_full = False
        """Whether the protocol was told that too much waits."""
        self._is_closing = False
        self._has_ended = False

    # --- as asyncio has it ----------------------------------------------------------------------------

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Return ``peername``; there is nothing else."""
        return (self._host, self._port) if name == "peername" else default

    def is_closing(self) -> bool:
        """Return whether it is closed, or will be."""
        return self._is_closing

    def set_write_buffer_limits(self, high: int) -> None:
        """Say from how many bytes on the protocol is told to pause."""
        self._high = high

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be sent."""
        return len(self._queue) if self._queue else 0

    def write(self, data: bytes) -> None:
        """Queue bytes. Whoever writes has offered them to the socket: see ``halves.Sender``."""
        if self._is_closing or not data:
            return
        if self._queue is None:
            self._queue = bytearray()
        self._queue += data
        self._watch(self._events | select.EPOLLOUT)
        if len(self._queue) > self._high and not self._is_full:
            self._is_full = True
            assert self._owner is not None
            self._owner.pause_writing()

    def pause_reading(self) -> None:
        """Take nothing more from the peer."""
        self._watch(self._events & ~select.EPOLLIN)

    def resume_reading(self) -> None:
        """Take what the peer sends."""
        if not self._is_closing:
            self._watch(self._events | select.EPOLLIN)

    def close(self) -> None:
        """Send what is queued, then close; nothing is read any more."""
        if not self._is_closing:
            self._is_closing = True
            self.pause_reading()
            if not self._queue:
                self._end(None)

    def abort(self) -> None:
        """Close at once; what is queued is lost."""
        self._end(None)

    # --- what the poller tells ------------------------------------------------------------------------

    def happened(self, events: int) -> None:
        """Read, or send, or both. A mistake of the protocol's ends its connection and no other."""
        try:
            if self._events & select.EPOLLIN and events & (select.EPOLLIN | _FAILED):
                self._receive()
            if self._events & select.EPOLLOUT and events & (select.EPOLLOUT | _FAILED):
                self._flush()
        except Exception as error:  # told to the loop, as its own transports do
            context = {"message": "a miner's connection failed", "exception": error, "transport": self}
            self._poller.loop.call_exception_handler(context)
            self._end(error)

    def _receive(self) -> None:
        try:
            data = os.read(self.fd, READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        if not data:
            self.close()
            return
        assert self._owner is not None
        self._owner.data_received(data)

    def _flush(self) -> None:
        queue = self._queue
        assert queue, "it is watched for sending because something waits"
        try:
            sent = os.write(self.fd, queue)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        del queue[:sent]
        if self._is_full and len(queue) <= self._high // 4:
            self._is_full = False
            assert self._owner is not None
            self._owner.resume_writing()
        if not queue:
            self._queue = None
            self._watch(self._events & ~select.EPOLLOUT)
            if self._is_closing:
                self._end(None)

    def _watch(self, events: int) -> None:
        if events != self._events:
            self._poller.change(self, self._events, events)
            self._events = events

    def _end(self, error: Exception | None) -> None:
        if not self._has_ended:
            self._has_ended = self._is_closing = True
            self._queue = None
            self._poller.loop.call_soon(self._lost, error)
            self._watch(0)

    def _lost(self, error: Exception | None) -> None:
        owner, self._owner = self._owner, None
        try:
            if owner is not None:
                owner.connection_lost(error)
        finally:
            fd, self.fd = self.fd, -1
            os.close(fd)


if TYPE_CHECKING:
    Poller, Transport = PlainPoller, PlainTransport
elif hotpath.COMPILED:
    _compiled = import_module("proxy.adapters.tcp._compiled")
    Poller, Transport = _compiled.Poller, _compiled.Transport
else:
    Poller, Transport = PlainPoller, PlainTransport
