"""A client that sends what a test says and nothing else."""

import asyncio
import hashlib
from types import TracebackType
from typing import Any, Self

import msgspec

Message = dict[str, Any]


class RawClient:
    """A plain socket to a pool, JSON at both ends of it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._identity = 0
        self.told: list[Message] = []
        """Notifications that came while answers were awaited."""

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._writer is not None
        self._writer.transport.abort()

    def write(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    async def line(self) -> bytes:
        """Return the next line; empty at the end of the connection."""
        assert self._reader is not None
        try:
            async with asyncio.timeout(10):
                return await self._reader.readline()
        except ConnectionError:
            return b""

    async def message(self) -> Message:
        line = await self.line()
        assert line, "the pool closed"
        decoded: Message = msgspec.json.decode(line)
        return decoded

    async def ask(self, method: str, *params: object) -> Message:
        """Send a request and return its answer; what comes before it goes to ``told``."""
        self._identity += 1
        request = {"id": self._identity, "method": method, "params": params}
        self.write(msgspec.json.encode(request) + b"\n")
        while (message := await self.message()).get("id") != self._identity or "method" in message:
            self.told.append(message)
        return message

    async def notification(self, method: str) -> list[Any]:
        """Return the params of the next notification of that method that was not returned before."""
        while True:
            for message in self.told:
                if message.get("method") == method:
                    self.told.remove(message)
                    params: list[Any] = message["params"]
                    return params
            self.told.append(await self.message())

    async def shake_hands(self, worker: str = "t.w", mask: str = "1fffe000") -> list[Any]:
        """Configure, subscribe, authorize; return the subscribe result."""
        options = {"version-rolling.mask": mask, "version-rolling.min-bit-count": 2}
        await self.ask("mining.configure", ["version-rolling"], options)
        subscription: list[Any] = (await self.ask("mining.subscribe", "raw"))["result"]
        await self.ask("mining.authorize", worker, "x")
        return subscription


def hash_of(notify: list[Any], extranonce: str, ntime: str, nonce: int, version: int) -> int:
    """Return the hash that a share claims, from the words of the wire alone: the third reckoning."""

    def twice(data: bytes) -> bytes:
        return hashlib.sha256(hashlib.sha256(data).digest()).digest()

    root = twice(bytes.fromhex(notify[2] + extranonce + notify[3]))
    for branch in notify[4]:
        root = twice(root + bytes.fromhex(branch))
    words = [notify[1][at : at + 8] for at in range(0, 64, 8)]
    previous = b"".join(bytes.fromhex(word)[::-1] for word in words)
    header = version.to_bytes(4, "little") + previous + root + bytes.fromhex(ntime)[::-1]
    header += bytes.fromhex(notify[6])[::-1] + nonce.to_bytes(4, "little")
    return int.from_bytes(twice(header), "little")


def mined(
    notify: list[Any], extranonce1: str, extranonce2: str, target: int, bits: int = 0, *, above: bool = False
) -> list[Any]:
    """Return submit params behind the worker's name: a share at most at ``target``, or above it."""
    version = int(notify[5], 16) | bits
    nonce = 0
    while (hash_of(notify, extranonce1 + extranonce2, notify[7], nonce, version) <= target) == above:
        nonce += 1
    return [notify[0], extranonce2, notify[7], f"{nonce:08x}", f"{bits:08x}"]
