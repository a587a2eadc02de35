"""Listening sockets whose accepting is in our hands: paced, refusable before anything is made for a peer.

uvloop's own server accepts one connection a turn, asyncio's the whole backlog, and both make a transport for
each before anybody can refuse it. Here a turn takes what waits off the system's queue, which would overflow
in a storm, refuses at the price of an accept and a close, and lets in a bounded number: what follows an
accept is what costs, and those who mine already are served in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from proxy.adapters.tcp.wire import SocketSettings, prepare_socket

REST = 1.0
"""Seconds without accepting after the system had no descriptor or memory for a connection."""
AT_ONCE = 512
"""Connections taken off the system's queue in one turn: some five milliseconds."""
GONE = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR, errno.ECONNABORTED, errno.EPROTO}
"""The peer has gone while it waited, or nobody waits."""


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """How miners are listened for."""

    backlog: int = 4096
    """With asyncio's default of 100 the return of 5,000 miners takes half a minute."""
    accepts_per_turn: int = 32
    """Connections let in before those who are connected already are served again."""
    tls_handshake: float = 10.0
    sockets: SocketSettings = field(default_factory=SocketSettings)


class Gate(Protocol):
    """Decides who is let in, and hears of trouble at the door."""

    def admits(self, host: str) -> bool:
        """Return whether a connection from ``host`` is taken; else it is closed unread."""

    def failed(self, host: str, error: Exception) -> None:
        """A connection ended before it was open: in its TLS handshake."""

    def exhausted(self, error: OSError) -> None:
        """The system has nothing left for another connection: nothing is accepted for a second."""


async def bind(host: str, port: int, settings: ListenerSettings) -> list[socket.socket]:
    """Return a listening socket for each address that ``host`` means.

    Raises:
        OSError: one of them cannot be listened on.

    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            sock = socket.socket(family, kind, protocol)
            sockets.append(sock)
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            prepare_socket(sock, settings.sockets)
            sock.bind(address)
            sock.listen(settings.backlog)
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


class Listener:
    """Accepts on its sockets until it is closed; what it has accepted lives on."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        make: Callable[[int], asyncio.Protocol],
        *,
        tls: ssl.SSLContext | None,
        gate: Gate,
        settings: Callable[[], ListenerSettings],
    ) -> None:
        self.sockets = tuple(sockets)
        self._make = make
        self._tls = tls
        self._gate = gate
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[socket.socket, str]] = deque()
        """Accepted, and let in a few a turn."""
        self._opening: set[asyncio.Task[None]] = set()
        self._resting: dict[socket.socket, asyncio.TimerHandle] = {}
        for sock in self.sockets:
            self._loop.add_reader(sock.fileno(), self._accept, sock)

    @property
    def opening(self) -> int:
        """Connections accepted that nobody else counts yet; a plain one let in is known within a turn."""
        return len(self._waiting) + (len(self._opening) if self._tls else 0)

    def close(self) -> None:
        """Let nobody in any more."""
        for sock in self.sockets:
            if sock in self._resting:
                self._resting.pop(sock).cancel()
            elif sock.fileno() >= 0:
                self._loop.remove_reader(sock.fileno())
            sock.close()
        while self._waiting:
            self._waiting.popleft()[0].close()
        for task in self._opening:
            task.cancel()

    def _accept(self, sock: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, (host, *_) = sock.accept()
            except OSError as error:
                if error.errno not in GONE:
                    self._rest(sock, error)
                return
            if not self._gate.admits(host):
                connection.close()
                continue
            connection.setblocking(False)
            if not self._waiting:
                self._loop.call_soon(self._let_in)
            self._waiting.append((connection, host))

    def _let_in(self) -> None:
        for _ in range(min(len(self._waiting), self._settings().accepts_per_turn)):
            connection, host = self._waiting.popleft()
            task = self._loop.create_task(self._open(connection, host))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        if self._waiting:
            self._loop.call_soon(self._let_in)

    async def _open(self, connection: socket.socket, host: str) -> None:
        try:
            await self._loop.connect_accepted_socket(
                partial(self._make, connection.fileno()),
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=self._settings().tls_handshake if self._tls else None,
            )
        except (OSError, ssl.SSLError) as error:  # TimeoutError is an OSError
            with contextlib.suppress(OSError):
                connection.close()
            self._gate.failed(host, error)

    def _rest(self, sock: socket.socket, error: OSError) -> None:
        """Look away: the socket stays readable, and the loop would come back at once and for ever."""
        self._loop.remove_reader(sock.fileno())
        self._resting[sock] = self._loop.call_later(REST, self._resume, sock)
        self._gate.exhausted(error)

    def _resume(self, sock: socket.socket) -> None:
        del self._resting[sock]
        self._loop.add_reader(sock.fileno(), self._accept, sock)
