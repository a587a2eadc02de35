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
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from proxy.adapters.tcp.transport import Owner, Poller, Transport
from proxy.adapters.tcp.wire import SocketSettings, prepare_socket
from proxy.throttle import Throttle
from proxy.units import Seconds

REST = 1.0
"""Seconds without accepting after the system had no descriptor or memory for a connection."""
AT_ONCE, MOST_AT_ONCE = 8, 64
"""Connections taken off the system's queue in one turn: a sixth of a millisecond. While a turn leaves some
behind, the next takes twice as many: a storm comes faster than that, and the queue's end is lost callers."""
REFUSED_AT_ONCE, REFUSAL_REST = 8, 0.001
"""After so many refusals in a turn nobody is accepted for so many seconds: a flood of refused callers costs
at most a sixth of a core, and those who mine already do not wait for it."""
TURN_REST = 0.001
"""Seconds between two turns of letting in, for what those who were let in say at once."""
GONE = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR, errno.ECONNABORTED, errno.EPROTO}
"""The peer has gone while it waited, or nobody waits."""


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """How miners are listened for."""

    backlog: int = 4096
    """With asyncio's default of 100 the return of 5,000 miners takes half a minute."""
    accepts_per_turn: int = 8
    """Connections let in before those who are connected already are served again."""
    accepts_burst: int = 25_000
    """Connections let in as fast as that goes."""
    accepts_per_second: float = 500.0
    """Connections let in in the long run; more wait, in the order of their arrival."""
    tls_handshake: float = 10.0
    sockets: SocketSettings = field(default_factory=SocketSettings)


class Guest(Owner, Protocol):
    """What a listener makes for a connection: an ``asyncio.Protocol``."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""

    def let_in(self) -> None:
        """Begin to read."""


class Gate(Protocol):
    """Decides who is let in, and hears of trouble at the door."""

    def admits(self, host: str) -> bool:
        """Return whether a connection from ``host`` is taken; else it is closed unread."""

    def left(self, host: str) -> None:
        """A connection was gone before it was let in."""

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
        make: Callable[[int], Guest],
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
        self._poller = Poller()
        self._waiting: deque[tuple[socket.socket, str, int]] = deque()
        """Accepted, and let in a few a turn."""
        self._turn: asyncio.TimerHandle | None = None
        """The next turn of letting in, if somebody waits."""
        self._pace = Throttle()
        self._at_once = AT_ONCE
        self._opening: set[asyncio.Task[None]] = set()
        self._resting: dict[socket.socket, asyncio.TimerHandle] = {}
        for sock in self.sockets:
            self._loop.add_reader(sock.fileno(), self._accept, sock)

    @property
    def opening(self) -> int:
        """Connections accepted that nobody else counts yet."""
        return len(self._waiting) + len(self._opening)

    def close(self) -> None:
        """Let nobody in any more."""
        for sock in self.sockets:
            if sock in self._resting:
                self._resting.pop(sock).cancel()
            elif sock.fileno() >= 0:
                self._loop.remove_reader(sock.fileno())
            sock.close()
        if self._turn is not None:
            self._turn.cancel()
        while self._waiting:
            self._waiting.popleft()[0].close()
        for task in self._opening:
            task.cancel()

    def _accept(self, sock: socket.socket) -> None:
        refused, at_once, self._at_once = 0, self._at_once, AT_ONCE
        for _ in range(at_once):
            try:
                connection, (host, port, *_) = sock.accept()
            except OSError as error:
                if error.errno not in GONE:
                    self._gate.exhausted(error)
                    self._look_away(sock, REST)
                return
            if self._gate.admits(host):
                connection.setblocking(False)
                self._waiting.append((connection, sys.intern(host), port))  # thousands stand behind one NAT
                if self._turn is None:
                    self._turn = self._loop.call_later(0, self._let_in)
                continue
            connection.close()
            refused += 1
            if refused == REFUSED_AT_ONCE:
                self._look_away(sock, REFUSAL_REST)
                return
        self._at_once = min(MOST_AT_ONCE, 2 * at_once)

    def _let_in(self) -> None:
        settings, now = self._settings(), Seconds(self._loop.time())
        interval = Seconds(1.0 / settings.accepts_per_second)
        rest = TURN_REST
        try:
            for _ in range(min(len(self._waiting), settings.accepts_per_turn)):
                connection, host, port = self._waiting[0]
                if has_left(connection):
                    self._waiting.popleft()
                    connection.close()
                    self._gate.left(host)
                    continue
                if not self._pace.admits(now, interval, settings.accepts_burst):
                    rest = max(rest, settings.accepts_per_turn / 2 * interval)
                    break
                self._waiting.popleft()
                if self._tls is None:
                    self._open(connection, host, port)
                    continue
                task = self._loop.create_task(self._shake_hands(connection, host, self._tls))
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)
        finally:  # a mistake of ours with one caller must not keep the others waiting for ever
            self._turn = self._loop.call_later(rest, self._let_in) if self._waiting else None

    def _open(self, connection: socket.socket, host: str, port: int) -> None:
        guest = self._make(connection.fileno())
        transport = Transport(self._poller, connection.detach(), guest, host, port)
        try:
            guest.connection_made(cast(asyncio.BaseTransport, transport))
            guest.let_in()
        except BaseException:
            transport.abort()
            raise

    async def _shake_hands(self, connection: socket.socket, host: str, tls: ssl.SSLContext) -> None:
        guest = self._make(connection.fileno())
        try:
            await self._loop.connect_accepted_socket(
                cast(Callable[[], asyncio.Protocol], lambda: guest),
                connection,
                ssl=tls,
                ssl_handshake_timeout=self._settings().tls_handshake,
            )
        except (OSError, ssl.SSLError) as error:  # TimeoutError is an OSError
            with contextlib.suppress(OSError):
                connection.close()
            self._gate.failed(host, error)
        else:
            guest.let_in()

    def _look_away(self, sock: socket.socket, seconds: float) -> None:
        """Accept nobody: the socket stays readable, and the loop would come back at once and for ever."""
        self._loop.remove_reader(sock.fileno())
        self._resting[sock] = self._loop.call_later(seconds, self._resume, sock)

    def _resume(self, sock: socket.socket) -> None:
        del self._resting[sock]
        self._loop.add_reader(sock.fileno(), self._accept, sock)


def has_left(connection: socket.socket) -> bool:
    """Return whether the peer has closed, and said nothing before: who waited in vain costs no more."""
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
