"""The listener's edge: what it tells the relay, and what it keeps from it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from proxy.adapters.simulated.changes import Changes
from proxy.adapters.tcp.downstream import ListenerSettings, listen
from proxy.adapters.tcp.wire import SocketSettings
from proxy.ports import Wire
from proxy.units import Seconds
from tests.adapters.loops import both_loops

PATIENCE = 10.0


@dataclass
class Miners:
    """Stands for the relay: notes what the listener tells."""

    told: list[tuple[object, ...]] = field(default_factory=list)
    wires: dict[int, Wire] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.changes = Changes("miners", lambda: self.told)

    def opened(self, listener: str, wire: Wire, peer: str, now: Seconds) -> int:
        key = len(self.wires) + 1
        self.wires[key] = wire
        self._tell("opened", key, listener, peer)
        return key

    def feed(self, key: int, data: bytes, now: Seconds) -> None:
        self._tell("fed", key, data)

    def closed(self, key: int, cause: str, now: Seconds) -> None:
        self._tell("closed", key, cause)

    def _tell(self, *words: object) -> None:
        self.told.append(words)
        self.changes.happened()

    def of(self, kind: str) -> list[tuple[object, ...]]:
        return [words for words in self.told if words[0] == kind]

    async def until(self, kind: str, count: int = 1) -> None:
        await self.changes.wait_for(lambda: len(self.of(kind)) >= count, PATIENCE)


@asynccontextmanager
async def listening(miners: Miners, sockets: SocketSettings, *, room: bool = True) -> AsyncIterator[int]:
    settings = ListenerSettings(sockets=sockets)
    server = await listen(
        miners, "door", "127.0.0.1", 0, tls=None, has_room=lambda: room, settings=lambda: settings
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def deaf(port: int) -> socket.socket:
    """Return a connection whose end takes little and never reads."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return sock


@both_loops
async def test_the_relay_hears_of_a_miner_from_its_first_byte_to_its_end() -> None:
    miners = Miners()
    async with listening(miners, SocketSettings()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await miners.until("opened")
        here = writer.get_extra_info("sockname")
        writer.write(b"hello")
        await miners.until("fed")
        miners.wires[1].write(b"answer")
        assert await reader.readexactly(6) == b"answer"
        writer.close()
        await miners.until("closed")
    assert miners.told == [
        ("opened", 1, "door", f"127.0.0.1:{here[1]}"),
        ("fed", 1, b"hello"),
        ("closed", 1, "closed"),
    ]


@both_loops
async def test_what_is_queued_is_sent_before_a_close() -> None:
    miners = Miners()
    async with listening(miners, SocketSettings()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await miners.until("opened")
        miners.wires[1].write(b"x" * 50_000)
        miners.wires[1].close()
        miners.wires[1].write(b"too late")
        assert await reader.read() == b"x" * 50_000
        writer.close()
        await miners.until("closed")


@both_loops
async def test_without_room_the_door_is_shut_and_the_relay_not_troubled() -> None:
    miners = Miners()
    async with listening(miners, SocketSettings(), room=False) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        # The two loops close differently, and both are a closed door.
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.transport.abort()
    assert miners.told == []


@both_loops
async def test_a_miner_that_lets_too_much_wait_is_cut_off() -> None:
    miners = Miners()
    async with listening(miners, SocketSettings(write_limit=8192, send_buffer=4096)) as port:
        with await deaf(port):
            await miners.until("opened")
            while not miners.of("closed"):
                miners.wires[1].write(b"x" * 4096)
                await asyncio.sleep(0)
    assert miners.of("closed") == [("closed", 1, "did not read")]


@both_loops
async def test_a_miner_that_takes_nothing_for_too_long_is_cut_off() -> None:
    miners = Miners()
    sockets = SocketSettings(write_limit=1 << 20, send_buffer=4096, write_stall=0.05)
    async with listening(miners, sockets) as port:
        with await deaf(port):
            await miners.until("opened")
            miners.wires[1].write(b"x" * 900_000)  # below the limit, above what the kernel takes
            await miners.until("closed")
    assert miners.of("closed") == [("closed", 1, "did not read")]


@both_loops
async def test_a_miner_that_reads_late_but_reads_is_kept() -> None:
    miners = Miners()
    sockets = SocketSettings(write_limit=1 << 20, send_buffer=4096, write_stall=PATIENCE)
    async with listening(miners, sockets) as port:
        with await deaf(port) as sock:
            await miners.until("opened")
            miners.wires[1].write(b"x" * 500_000)
            loop, taken = asyncio.get_running_loop(), 0
            while taken < 500_000:
                taken += len(await loop.sock_recv(sock, 65536))
            await loop.sock_sendall(sock, b"still here")
            await miners.until("fed")
    assert not miners.of("closed")
