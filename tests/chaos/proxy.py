"""A TCP proxy that does to connections what networks do: before Pumpjack, or between it and a pool."""

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from types import TracebackType
from typing import Self

from proxy.adapters.simulated.changes import Changes
from tests.chaos.packets import deafen, undeafen
from tests.chaos.pipe import LimitReached, Pipe, together
from tests.chaos.toxics import PATIENCE, Toxics

BACKLOG = 4096
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: closing sends RST instead of FIN."""


class Link:
    """One connection through the proxy. ``run`` ends with it; cancelling it closes both sides."""

    def __init__(self, owner: "ChaosProxy", client: socket.socket, number: int) -> None:
        self._owner = owner
        self._number = number
        self.sockets = [client]
        self._client = client
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        try:
            await self._owner.heard(lambda: not self._owner.blackhole)
            await self._joined()
        except (OSError, LimitReached) as ended:
            if isinstance(ended, OSError):
                self.reset_at_close()  # what one side did to us, the other shall see
        finally:
            for sock in self.sockets:
                sock.close()

    async def _joined(self) -> None:
        loop, owner = asyncio.get_running_loop(), self._owner
        target = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        target.setblocking(False)
        self.sockets.append(target)
        await loop.sock_connect(target, owner.target)
        for sock in self.sockets:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if owner.is_cut:
            self.cut()
        chance = Random(f"{owner.seed}/{self._number}")
        await together(
            Pipe(self._client, target, owner.up, Random(chance.random())).run(),
            Pipe(target, self._client, owner.down, Random(chance.random())).run(),
        )

    def reset_at_close(self) -> None:
        """Let both sides see a reset, and not an orderly end."""
        for sock in self.sockets:
            with contextlib.suppress(OSError):  # closed by now
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)

    def cut(self) -> None:
        for sock in self.sockets:
            deafen(sock)

    def mend(self) -> None:
        for sock in self.sockets:
            undeafen(sock)


class ChaosProxy:
    """Listens on a free port of the loopback interface and joins each connection to one to ``target``.

    ::

        async with ChaosProxy(("127.0.0.1", pool.port)) as chaos:
            chaos.down.latency = 0.6        # from the target to whoever connected
            chaos.up.slice = 1              # towards the target, byte by byte
            await chaos.reset()             # RST to everybody
            chaos.cut()                     # as a pulled cable: no packet is acknowledged
            chaos.mend()

    One seed makes one run: jitter, losses and turned bits are drawn for each connection as it comes.
    """

    def __init__(self, target: tuple[str, int] | int, seed: int = 0) -> None:
        self.target = ("127.0.0.1", target) if isinstance(target, int) else target
        self.seed = seed
        self.up = Toxics()
        """Towards the target."""
        self.down = Toxics()
        """From the target."""
        self.is_cut = False
        self.accepted = 0
        """Connections since the start."""
        self._blackhole = False
        self._refusing = False
        self._links: dict[Link, None] = {}
        self._changes = Changes("chaos", lambda: (self.accepted, len(self._links)))
        self._listener = _bound()
        self._exits = AsyncExitStack()

    # --- life --------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._listener.listen(BACKLOG)
        self._group = await self._exits.enter_async_context(asyncio.TaskGroup())
        self._accepting = self._group.create_task(self._accept())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._accepting.cancel()
        await self.reset()
        await self._exits.aclose()
        self._listener.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        number: int = self._listener.getsockname()[1]
        return number

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._links)

    async def wait_for(self, connections: int, timeout: float = 10.0) -> None:
        """Wait until so many connections are open."""
        await self._changes.wait_for(lambda: len(self._links) == connections, timeout)

    async def heard(self, condition: Callable[[], bool]) -> None:
        """Wait until a switch of the proxy is turned so."""
        await self._changes.wait_for(condition, PATIENCE)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self.heard(lambda: not self._refusing)
            try:
                client, _ = await loop.sock_accept(self._listener)
            except OSError:
                if self._refusing:
                    continue
                raise
            client.setblocking(False)
            self.accepted += 1
            link = Link(self, client, self.accepted)
            self._links[link] = None
            link.task = self._group.create_task(link.run())
            link.task.add_done_callback(lambda _, link=link: self._left(link))  # type: ignore[misc]
            self._changes.happened()

    def _left(self, link: Link) -> None:
        self._links.pop(link, None)
        self._changes.happened()

    # --- switches ----------------------------------------------------------------------------------

    @property
    def blackhole(self) -> bool:
        """Connections are taken and never answered; those there are go silent, and nobody sees an end."""
        return self._blackhole

    @blackhole.setter
    def blackhole(self, on: bool) -> None:
        self._blackhole = self.up.dropped = self.down.dropped = on
        self._changes.happened()

    @property
    def refusing(self) -> bool:
        """New connections are refused, as where nobody listens; the port stays ours."""
        return self._refusing

    @refusing.setter
    def refusing(self, on: bool) -> None:
        if on == self._refusing:
            return
        self._refusing = on
        if on:
            self._listener.shutdown(socket.SHUT_RD)  # Linux: no longer listening, still bound
        else:
            self._listener.listen(BACKLOG)
        self._changes.happened()

    def cut(self) -> None:
        """Pull the cable: no packet arrives, on connections nor on the listener. Nobody hears an end."""
        self.is_cut = True
        deafen(self._listener)
        for link in self._links:
            link.cut()

    def mend(self) -> None:
        """Put the cable back: what the peers still send anew arrives."""
        self.is_cut = False
        undeafen(self._listener)
        for link in self._links:
            link.mend()

    async def reset(self) -> None:
        """End every connection with RST, on both sides."""
        tasks = []
        for link in self._links:
            link.reset_at_close()
            if link.task is not None:
                link.task.cancel()
                tasks.append(link.task)
        if tasks:
            await asyncio.wait(tasks)

    @asynccontextmanager
    async def flapping(self, schedule: Iterable[tuple[float, float]]) -> AsyncIterator[None]:
        """Be up and down beside the body, for the seconds that each pair says; down is a reset. Then up."""
        flapping = asyncio.create_task(self._flap(schedule))
        try:
            yield
        finally:
            flapping.cancel()
            await asyncio.wait([flapping])
            self.refusing = False
        if not flapping.cancelled():
            flapping.result()

    async def _flap(self, schedule: Iterable[tuple[float, float]]) -> None:
        for up, down in schedule:
            self.refusing = False
            await asyncio.sleep(up)
            self.refusing = True
            await self.reset()
            await asyncio.sleep(down)
        self.refusing = False


def _bound() -> socket.socket:
    """Return a socket on a free port that keeps it while it does not listen.

    A port that the system chose at ``bind`` is given up then; one that was asked for is not.
    """
    while True:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = free.getsockname()
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # listens again beside its connections
        try:
            bound.bind(address)
        except OSError as error:
            bound.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return bound
