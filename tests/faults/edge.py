"""The relay behind its real edges, with a journal that keeps every record: to compare runs byte by byte."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from typing_extensions import override

from proxy.adapters.tcp.downstream import listen
from proxy.adapters.tcp.listener import Gate
from proxy.adapters.tcp.upstream import DialSettings, TcpDialler
from proxy.app.wiring import listener_settings, relay_settings
from proxy.config.load import settings_from
from proxy.relay.engine import Relay
from proxy.units import Seconds
from tests.fakes.ports import FakeJournal
from tests.system.site import Table

TICK = 0.05


@dataclass(eq=False)
class Edge:
    """A relay on this loop."""

    relay: Relay
    journal: FakeJournal
    port: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    @property
    def records(self) -> bytes:
        """Every record so far, one behind the other: how they were cut into batches is of no account."""
        return b"".join(batch for _, batch in self.journal.batches)

    async def ticking(self) -> None:
        """Let time pass, and every window be durable at once."""
        while True:
            now = Seconds(self._loop.time())
            self.relay.tick(now)
            if self.journal.is_open:
                self.relay.committed(self.journal.close_window(), now)
            await asyncio.sleep(TICK)


class OpenGate(Gate):
    """Lets everybody in."""

    @override
    def admits(self, host: str) -> bool:
        return True

    @override
    def left(self, host: str) -> None:
        pass

    @override
    def failed(self, host: str, error: Exception) -> None:
        raise error

    @override
    def exhausted(self, error: OSError) -> None:
        raise error


@asynccontextmanager
async def edge(folder: Path, content: Table) -> AsyncIterator[Edge]:
    """Run a relay with one listener; two runs of one configuration give out the same ids."""
    settings = settings_from(content, base=folder)
    told = relay_settings(settings)
    journal, dialler = FakeJournal(), TcpDialler({}, DialSettings)
    now = Seconds(asyncio.get_running_loop().time())
    relay = Relay(told, dialler, journal, Random(7), lambda event: None, now)
    dialler.serve(relay)
    journal.draw = relay.draw
    made = Edge(relay, journal)
    (name,) = told.listeners
    server = await listen(
        relay,
        name,
        "127.0.0.1",
        0,
        tls=None,
        gate=OpenGate(),
        settings=lambda: listener_settings(settings),
    )
    made.port = server.sockets[0].getsockname()[1]
    ticking = asyncio.create_task(made.ticking())
    try:
        yield made
    finally:
        ticking.cancel()
        server.close()
        relay.stop(Seconds(asyncio.get_running_loop().time()))
        await dialler.close()
        await asyncio.sleep(TICK)  # the transports close in the loop's next rounds
