"""The simulated pool as a server on a socket, with the controls that tests and the demo turn."""

import asyncio
import errno
import socket
import ssl as tls
import time
from collections.abc import Callable
from random import Random
from types import TracebackType
from typing import Self

from proxy.adapters.simulated.pool.connection import PoolConnection
from proxy.adapters.simulated.pool.desk import Desk
from proxy.adapters.simulated.pool.settings import PoolSettings
from proxy.adapters.simulated.pool.truth import Truth
from proxy.adapters.simulated.wire import Line
from proxy.units import Difficulty, Seconds

_BACKLOG = 4096
"""asyncio's 100 makes thousands of returning clients wait for their SYN to be sent again."""
_BIND_TRIES = 100
_BIND_PAUSE = Seconds(0.02)
_TICK = Seconds(1.0)
_CLOSE_WITHIN = Seconds(5.0)
"""Far more than an aborted transport needs to say that it is gone."""


class SimulatedPool:
    """A Stratum V1 pool server. Several may live in one process.

    Use it as ``async with SimulatedPool(settings, seed) as pool`` on a free port of the loopback
    interface, or with ``start`` and ``stop``.

    Args:
        settings: Its personality.
        seed: Two pools of one seed and one clock make the same work.
        clock: Unix time, which becomes ntime.

    """

    def __init__(
        self, settings: PoolSettings | None = None, seed: int = 0, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings if settings is not None else PoolSettings()
        self._random = Random(f"{seed}/times")
        self._desk = Desk(self.settings, seed, clock, _monotonic, self._block_found)
        self._connections: dict[PoolConnection, None] = {}
        self._server: asyncio.Server | None = None
        self._placeholder: socket.socket | None = None
        self._ssl: tls.SSLContext | None = None
        self._address = ("127.0.0.1", 0)
        self._timers: dict[str, asyncio.TimerHandle] = {}

    # --- what it has seen --------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port it listens on, also while cut."""
        return self._address[1]

    @property
    def truth(self) -> Truth:
        """The books."""
        return self._desk.truth

    @property
    def accepted(self) -> int:
        """Shares found good."""
        return self._desk.truth.accepted

    @property
    def rejected(self) -> int:
        """Shares found bad."""
        return self._desk.truth.rejected.total()

    @property
    def height(self) -> int:
        """Of the block under construction."""
        return self._desk.chain.height

    @property
    def connections(self) -> int:
        """Open connections."""
        return len(self._connections)

    @property
    def connected(self) -> int:
        """Connections since the start."""
        return self._desk.connected

    @property
    def workers(self) -> set[str]:
        """Names that open connections are authorized for."""
        return {name for connection in self._connections for name in connection.seat.authorized}

    @property
    def difficulties(self) -> list[Difficulty]:
        """Difficulty of each open connection, oldest connection first."""
        return [connection.seat.difficulty for connection in self._connections]

    @property
    def rubbish(self) -> int:
        """Lines from clients that were no JSON object."""
        return self._desk.rubbish

    @property
    def methods(self) -> dict[str, int]:
        """Requests by method since the start; unknown methods together under ``""``."""
        return dict(self._desk.methods)

    @property
    def lines(self) -> list[Line]:
        """The last lines in and out, if the settings record them."""
        return list(self._desk.traffic.lines)

    def summary(self) -> dict[str, object]:
        """Return the counters as JSON can hold them."""
        return self.truth.summary() | {"connections": self.connections, "connected": self.connected}

    async def wait_for(self, condition: Callable[["SimulatedPool"], bool], timeout: float = 10.0) -> None:
        """Return as soon as ``condition(self)`` holds; it is looked at after each change.

        Raises:
            TimeoutError: It did not within ``timeout`` seconds.

        """
        await self._desk.changes.wait_for(lambda: condition(self), timeout)

    # --- life --------------------------------------------------------------------------------------

    async def start(self, host: str = "127.0.0.1", port: int = 0, ssl: tls.SSLContext | None = None) -> None:
        """Listen, and begin to make blocks.

        Raises:
            OSError: The address cannot be had.

        """
        self._address, self._ssl = (host, port), ssl
        await self.open()
        self._every("tick", _TICK, self._tick)
        if self.settings.notify_interval is not None:
            self._every("notify", self.settings.notify_interval, self.new_job)
        self._await_block()

    async def stop(self) -> None:
        """Close everything; may be called twice."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        await self._close()
        if self._placeholder is not None:
            self._placeholder.close()
            self._placeholder = None

    async def __aenter__(self) -> Self:
        """Start on a free port of the loopback interface."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        await self.stop()

    def _every(self, name: str, interval: Seconds, act: Callable[[], object]) -> None:
        """Call ``act`` each ``interval`` seconds, but not while hung: a hung pool makes no work either."""

        def due() -> None:
            self._timers[name] = loop.call_later(interval, due)
            if not self._desk.hung:
                act()

        loop = asyncio.get_running_loop()
        self._timers[name] = loop.call_later(interval, due)

    def _await_block(self) -> None:
        """Set the time of the next block from elsewhere."""
        interval = self.settings.block_interval
        if interval is None:
            return
        wait = self._random.expovariate(1 / interval) if self.settings.poisson_blocks else interval

        def due() -> None:
            if not self._desk.hung:
                self.new_block()
            self._await_block()

        self._timers["block"] = asyncio.get_running_loop().call_later(wait, due)

    def _tick(self) -> None:
        for connection in list(self._connections):
            connection.adapt()

    def _accept(self) -> PoolConnection:
        return PoolConnection(self._desk, self._came, self._left)

    def _came(self, connection: PoolConnection) -> None:
        # A TLS handshake may end after a cut.
        if self._server is None or len(self._connections) >= self.settings.most_connections:
            connection.abort()
        else:
            self._connections[connection] = None

    def _left(self, connection: PoolConnection) -> None:
        self._connections.pop(connection, None)

    # --- controls ----------------------------------------------------------------------------------

    def new_job(self, clean: bool = False) -> None:
        """Send a new template on the same block to everyone."""
        self._desk.template = self._desk.chain.template()
        job_id = self._desk.next_job_id()
        for connection in list(self._connections):
            connection.notify(job_id, self._desk.template, clean)
        self._desk.changes.happened()

    def new_block(self) -> None:
        """Let a block be found elsewhere: all jobs so far are stale."""
        self._desk.chain.advance()
        self.new_job(clean=True)

    def _block_found(self, digest: bytes) -> None:
        self._desk.chain.advance(digest)
        self.new_job(clean=True)

    def set_difficulty(self, difficulty: Difficulty) -> None:
        """Change the difficulty of all open connections."""
        for connection in list(self._connections):
            connection.set_difficulty(difficulty)

    def set_extranonce(self, extranonce2_size: int | None = None) -> None:
        """Give all connections that subscribed to it another extranonce."""
        for connection in list(self._connections):
            connection.set_extranonce(extranonce2_size)

    def set_version_mask(self, mask: int) -> None:
        """Tell all open connections another mask."""
        for connection in list(self._connections):
            connection.set_version_mask(mask)

    def send_raw(self, data: bytes) -> None:
        """Write ``data`` to all open connections as it is."""
        for connection in list(self._connections):
            connection.send(data)

    def hang(self) -> None:
        """Stop reading, writing and making work, and keep the sockets, as a frozen process does."""
        self._desk.hung = True
        for connection in list(self._connections):
            connection.pause()

    def unhang(self) -> None:
        """Go on where ``hang`` stopped."""
        self._desk.hung = False
        for connection in list(self._connections):
            connection.resume()

    async def cut(self) -> None:
        """Close all connections at once and refuse new ones until ``open``; the port stays ours."""
        if self._server is not None:
            await self._close()
            # Bound but not listening: connects are refused, and nobody else can be given the port.
            self._placeholder = await self._bound()

    async def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for connection in list(self._connections):
            connection.abort()
        await self.wait_for(lambda pool: not pool.connections, _CLOSE_WITHIN)

    async def open(self) -> None:
        """Listen, for the first time or after a cut; nothing happens if it listens already."""
        if self._server is not None:
            return
        bound, self._placeholder = self._placeholder, None
        if bound is None:
            bound = await self._bound()
        self._address = (self._address[0], bound.getsockname()[1])
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, sock=bound, ssl=self._ssl, backlog=_BACKLOG)

    async def _bound(self) -> socket.socket:
        """Return a socket bound to our address; waits a little for the one just closed to let go."""
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        for attempt in range(_BIND_TRIES):
            bound = socket.socket(family, socket.SOCK_STREAM)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                bound.bind(self._address)
            except OSError as error:
                bound.close()
                if error.errno != errno.EADDRINUSE or attempt + 1 == _BIND_TRIES:
                    raise
            else:
                bound.setblocking(False)
                return bound
            await asyncio.sleep(_BIND_PAUSE)
        raise AssertionError("the last attempt raises")


def _monotonic() -> Seconds:
    return Seconds(time.monotonic())
