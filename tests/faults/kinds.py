"""Miners that mean harm, all kinds at once: ``python -m tests.faults.kinds PORT COUNT SECONDS``.

Each peer does what its kind does, is cut off or not, and begins again until the time is up. Prints JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.fakes.header import hash_of, header_of, target_at
from tests.fakes.miner import Found, Told
from tests.faults.mutations import Mutator
from tests.faults.names import NAMES, lines_of

TURN = 0.02
"""Seconds that a peer gives to the others of this process between two of its turns."""
BOMBS = [
    b"[" * 900 + b"]" * 900,
    b'{"id":1,"method":"mining.submit","params":' + b"[" * 400 + b"]" * 400 + b"}",
    b'{"id":' + b"9" * 400 + b"}",
    b'{"id":1,"method":"mining.submit","params":[' + b"9" * 700 + b"]}",
    b'{"id":1,"params":[NaN,Infinity,1e400],"method":"mining.submit"}',
    b'{"id":1,"id":2,"method":"mining.ping","method":"mining.submit","params":[]}',
    b'{"id":1,"method":"mining.ping","params":[' + b"1," * 450 + b"1]}",
    b"\xff\xfe{\x00}\x00",
    b"GET / HTTP/1.1",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"",
]


class Peer:
    """One open connection of a hostile peer."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counts: Counter[str]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._counts = counts

    async def say(self, *lines: bytes) -> None:
        """Send lines and let the others have a turn.

        Raises:
            ConnectionError: we were cut off.

        """
        self._counts["lines"] += len(lines)
        await self.send(b"".join(line + b"\n" for line in lines))

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        if self._writer.is_closing() or self._reader.at_eof():
            raise ConnectionResetError
        self._writer.write(data)
        await self._writer.drain()
        await asyncio.sleep(TURN)

    async def swallow(self) -> None:
        """Read what there is and forget it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.001):
                if not await self._reader.read(1 << 20):
                    raise ConnectionResetError

    async def log_in(self, worker: str) -> Told:
        """Log in as a miner does, and return the first job."""
        await self.say(
            b'{"id":1,"method":"mining.subscribe","params":["cgminer/4.12"]}',
            b'{"id":2,"method":"mining.authorize","params":["%b","x"]}' % worker.encode(),
        )
        extranonce1, size, difficulty = "", 0, 1.0
        while True:
            line = await self._reader.readline()
            if not line:
                raise ConnectionResetError
            message = json.loads(line)
            match message.get("method"):
                case "mining.set_difficulty":
                    (difficulty,) = message["params"]
                case "mining.notify":
                    return Told(message["params"], difficulty, extranonce1, size, 0)
                case None if isinstance(message["result"], list):
                    _, extranonce1, size = message["result"]

    def reset(self) -> None:
        """Go without a goodbye."""
        sock: socket.socket | None = self._writer.get_extra_info("socket")
        if sock is None:
            return  # the other side was faster
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def found(job: Told, chance: random.Random) -> Found:
    """Return a share of a job: some hundred hashes."""
    extranonce2 = chance.randbytes(job.extranonce2_size).hex()
    for nonce in range(1 << 20):
        header = header_of(job.params, job.extranonce1, extranonce2, job.ntime, nonce, job.version)
        if hash_of(header) <= target_at(job.difficulty):
            return Found(job, extranonce2, job.ntime, nonce, None, header)
    raise AssertionError("the difficulty is too high for this test")


def submit(worker: str, job: str, extranonce2: str, ntime: int, nonce: int) -> bytes:
    params = [worker, job, extranonce2, f"{ntime & 0xFFFFFFFF:08x}", f"{nonce:08x}"]
    return json.dumps({"id": 9, "method": "mining.submit", "params": params}).encode()


class Hostile:
    """All of them."""

    def __init__(self, port: int, seconds: float) -> None:
        self._port = port
        self._until = asyncio.get_running_loop().time() + seconds
        self.counts: Counter[str] = Counter()
        self.kinds: list[Callable[[int, random.Random], Awaitable[None]]] = [
            self.endless_line,
            self.slow_line,
            self.churn,
            self.bombs,
            self.poison,
            self.spellings,
            self.replays,
            self.garbage_shares,
            self.unknown_jobs,
            self.bad_times,
            self.logins,
            self.spoof,
            self.deaf,
            self.half_and_reset,
        ]

    @property
    def goes_on(self) -> bool:
        """Whether there is time left."""
        return asyncio.get_running_loop().time() < self._until

    @asynccontextmanager
    async def peer(self, number: int) -> AsyncIterator[Peer]:
        """Connect from an address of its own."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1",
            self._port,
            local_addr=(f"127.66.{number // 250}.{1 + number % 250}", 0),
            limit=1 << 22,
        )
        self.counts["connections"] += 1
        try:
            yield Peer(reader, writer, self.counts)
        finally:
            writer.transport.abort()

    async def live(self, number: int) -> None:
        """Do one peer's harm until the time is up."""
        kind = self.kinds[number % len(self.kinds)]
        chance = random.Random(number)
        while self.goes_on:
            try:
                async with asyncio.timeout_at(self._until):
                    await kind(number, chance)
                    self.counts[kind.__name__] += 1
            except TimeoutError:
                return
            except (OSError, EOFError):
                self.counts["cut off"] += 1
                await asyncio.sleep(TURN)

    # --- the kinds --------------------------------------------------------------------------------------

    async def endless_line(self, number: int, chance: random.Random) -> None:
        async with self.peer(number) as peer:
            while True:
                await peer.send(b"x" * 65536)

    async def slow_line(self, number: int, chance: random.Random) -> None:
        async with self.peer(number) as peer:
            for byte in b'{"id":1,"method":"mining.subscribe","params":[]}':
                await peer.send(bytes([byte]))
                await asyncio.sleep(10 * TURN)

    async def churn(self, number: int, chance: random.Random) -> None:
        async with self.peer(number):
            await asyncio.sleep(TURN)

    async def bombs(self, number: int, chance: random.Random) -> None:
        async with self.peer(number) as peer:
            while True:
                await peer.say(chance.choice(BOMBS))
                await peer.swallow()

    async def poison(self, number: int, chance: random.Random) -> None:
        async with self.peer(number) as peer:
            await peer.send(b"".join(lines_of(chance.choice(NAMES))))
            await peer.swallow()

    async def spellings(self, number: int, chance: random.Random) -> None:
        worker = f"acme.x{number}"
        async with self.peer(number) as peer:
            mutator = Mutator(found(await peer.log_in(worker), chance), worker, number)
            while True:
                await peer.say(*[mutator.draw()[0] for _ in range(16)])
                await peer.swallow()

    async def replays(self, number: int, chance: random.Random) -> None:
        worker = f"acme.x{number}"
        async with self.peer(number) as peer:
            job = await peer.log_in(worker)
            share = found(job, chance)
            line = submit(worker, job.id, share.extranonce2, share.ntime, share.nonce)
            while True:
                await peer.say(*[line] * 32)
                await peer.swallow()

    async def garbage_shares(self, number: int, chance: random.Random) -> None:
        worker = f"acme.x{number}"
        async with self.peer(number) as peer:
            job = await peer.log_in(worker)
            while True:
                extranonce2 = chance.randbytes(job.extranonce2_size).hex()
                await peer.say(
                    *[
                        submit(worker, job.id, extranonce2, job.ntime, chance.getrandbits(32))
                        for _ in range(32)
                    ]
                )
                await peer.swallow()

    async def unknown_jobs(self, number: int, chance: random.Random) -> None:
        worker = f"acme.x{number}"
        async with self.peer(number) as peer:
            await peer.log_in(worker)
            while True:
                await peer.say(
                    *[submit(worker, f"{chance.getrandbits(40):x}", "00000000", 1, 1) for _ in range(32)]
                )
                await peer.swallow()

    async def bad_times(self, number: int, chance: random.Random) -> None:
        worker = f"acme.x{number}"
        async with self.peer(number) as peer:
            job = await peer.log_in(worker)
            while True:
                off = chance.choice([-1, -7000, 7001, 1 << 31])
                extranonce2 = chance.randbytes(job.extranonce2_size).hex()
                await peer.say(submit(worker, job.id, extranonce2, job.ntime + off, chance.getrandbits(32)))
                await peer.swallow()

    async def logins(self, number: int, chance: random.Random) -> None:
        async with self.peer(number) as peer:
            for each in range(200):
                name = b'{"id":2,"method":"mining.authorize","params":["acme.%d-%d","d=%d"]}' % (
                    number,
                    each,
                    each,
                )
                hint = b'{"id":3,"method":"mining.suggest_difficulty","params":[%d]}' % (1 << each % 60)
                await peer.say(b'{"id":1,"method":"mining.subscribe","params":["x"]}', name, hint)
                await peer.swallow()

    async def spoof(self, number: int, chance: random.Random) -> None:
        async with self.peer(number) as peer:
            job = await peer.log_in(f"acme.x{number}")
            while True:
                share = found(job, chance)
                names = [f"acme.honest{each}" for each in range(8)]
                await peer.say(
                    *[submit(name, job.id, share.extranonce2, share.ntime, share.nonce) for name in names]
                )
                await peer.swallow()

    async def deaf(self, number: int, chance: random.Random) -> None:
        async with self.peer(number) as peer:
            await peer.log_in(f"acme.x{number}")
            while True:
                await peer.say(*[b'{"id":1,"method":"mining.ping","params":[]}'] * 64)

    async def half_and_reset(self, number: int, chance: random.Random) -> None:
        async with self.peer(number) as peer:
            await peer.send(b'{"id":1,"method":"mining.sub')
            peer.reset()


async def _main(port: int, count: int, seconds: float) -> dict[str, Any]:
    hostile = Hostile(port, seconds)
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(hostile.live(number))
    return dict(hostile.counts)


if __name__ == "__main__":
    counts = asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps(counts))  # noqa: T201
