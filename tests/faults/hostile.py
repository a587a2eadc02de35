"""Peers that mean no good, and one that does: what the fault tests share."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from proxy.adapters.simulated.pool import SimulatedPool
from tests.adapters.simulated.raw import RawClient, mined
from tests.fakes.header import target_at
from tests.system.crowd import IP_BIND_ADDRESS_NO_PORT
from tests.system.mine import EASY, POOL
from tests.system.pumpjack import PATIENCE, Pumpjack, running
from tests.system.site import Table, site, tenant, upstream, written


@asynccontextmanager
async def attacked(
    folder: Path, stratum: Table | None = None, above: Table | None = None
) -> AsyncIterator[tuple[Pumpjack, SimulatedPool]]:
    """Run a pumpjack with a pool; at the end it must have ended well, with nothing strange in its log."""
    async with SimulatedPool(POOL) as simulated:
        only = tenant(upstream(simulated), user_match="acme.*")
        content = site(only, stratum=stratum or {}, upstream=above or {})
        async with running(["-c", str(written(folder, content))], folder / "data") as pumpjack:
            yield pumpjack, simulated


class Peer:
    """A socket from an address of our choice; it sends what it is told and reads unless it is told not to."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.heard = bytearray()
        self.ended = asyncio.Event()
        """Set when the other side has closed."""
        self.lived = 0.0
        """Seconds from the connection to its end."""
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def connect(
        cls, port: int, address: str = "127.0.0.1", *, reads: bool = True, room: int = 0
    ) -> "Peer":
        """Connect from ``address``; ``room`` is the receive buffer of one that does not read."""
        sock = socket.socket()
        sock.setblocking(False)
        if room:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((address, 0))
        peer = cls(sock)
        await peer._loop.sock_connect(sock, ("127.0.0.1", port))
        if reads:
            peer._reading = asyncio.create_task(peer._read())
        return peer

    async def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._loop.sock_recv(self.sock, 1 << 16):
                self.heard += data
        self.lived = self._loop.time() - self._since
        self.ended.set()

    async def send(self, data: bytes) -> None:
        """Send as much as the other side takes before it closes."""
        with contextlib.suppress(OSError):
            await self._loop.sock_sendall(self.sock, data)

    async def flood(self, data: bytes) -> None:
        """Send the same again and again until the other side closes."""
        sending = asyncio.create_task(self._send_for_ever(data))
        await self.ended.wait()
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending

    async def _send_for_ever(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            while True:
                await self._loop.sock_sendall(self.sock, data)

    async def gone(self, timeout: float = PATIENCE) -> None:
        """Wait until the other side has closed."""
        async with asyncio.timeout(timeout):
            await self.ended.wait()

    async def leave(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        self.sock.close()


@asynccontextmanager
async def peers(port: int, addresses: list[str]) -> AsyncIterator[list[Peer]]:
    """Connect one peer from each address (it may stand there often), and close them all at the end."""
    made: list[Peer] = []
    try:
        for address in addresses:
            made += [await Peer.connect(port, address)]
        yield made
    finally:
        for peer in made:
            await peer.leave()


class Honest:
    """A miner that mines, one share after the other, and counts what it is answered."""

    def __init__(self, client: RawClient) -> None:
        self._client = client
        self._number = 0
        self.accepted = 0
        self.delays: list[float] = []

    async def begin(self, worker: str = "acme.honest") -> None:
        _, self._extranonce1, self._size = await self._client.shake_hands(worker, "00000000")
        self._job = await self._client.notification("mining.notify")

    async def once_more(self) -> None:
        """Wait until another share has been accepted."""
        enough = self.accepted + 1
        await until(lambda: self.accepted >= enough)

    async def mine(self) -> None:
        """Find a share, submit it, and take the answer: it must be yes."""
        for message in self._client.told:
            if message.get("method") == "mining.notify":
                self._job = message["params"]
        self._client.told.clear()
        self._number += 1
        extranonce2 = self._number.to_bytes(self._size, "big").hex()
        share = mined(self._job, self._extranonce1, extranonce2, target_at(EASY))
        loop = asyncio.get_running_loop()
        began = loop.time()
        answer: dict[str, Any] = await self._client.ask("mining.submit", "acme.honest", *share[:4])
        assert answer["result"] is True, answer
        self.delays.append(loop.time() - began)
        self.accepted += 1


@asynccontextmanager
async def honest(port: int) -> AsyncIterator[Honest]:
    """Let an honest miner mine beside the body, which must not disturb it: every share must be accepted."""
    async with RawClient(port) as client:
        miner = Honest(client)
        await miner.begin()
        await miner.mine()
        stop = asyncio.Event()

        async def work() -> None:
            while not stop.is_set():
                await miner.mine()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 0.02)

        async with asyncio.TaskGroup() as group:
            group.create_task(work())
            yield miner
            before = miner.accepted
            await until(lambda: miner.accepted >= before + 3)
            stop.set()


async def until(condition: Callable[[], object], timeout: float = PATIENCE) -> None:
    """Wait for something that peers in this process count."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - counted by sockets of ours, read in the same loop
            await asyncio.sleep(0.01)


async def logged_in(port: int, address: str, worker: str = "acme.bad") -> tuple[Peer, str]:
    """Return a peer that has logged in and has work, and the id of its job."""
    peer = await Peer.connect(port, address)
    await peer.send(
        b'{"id":1,"method":"mining.subscribe","params":["bad/1"]}\n'
        b'{"id":2,"method":"mining.authorize","params":["%b","x"]}\n' % worker.encode()
    )
    await until(lambda: b'mining.notify","params' in peer.heard or peer.ended.is_set())
    assert not peer.ended.is_set(), bytes(peer.heard)
    job = bytes(peer.heard).split(b'"mining.notify","params":["')[1].split(b'"')[0]
    return peer, job.decode()
