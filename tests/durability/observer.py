"""Miners who keep their own book: what they sent, and what they were told of it. Raw sockets, real hashes."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from proxy.adapters.simulated.changes import Changes
from tests.fakes.header import header_of, search, sha256d, target_at
from tests.system.pumpjack import PATIENCE

UNDER_WAY = 12
"""Shares of one miner that wait for their answer at a time."""


@dataclass(eq=False)
class Book:
    """By the hash of the header, each time: what happened to a share."""

    sent: dict[bytes, float] = field(default_factory=dict)
    """With its difficulty, noted before the first byte left."""
    accepted: dict[bytes, int] = field(default_factory=dict)
    """With how much the disk had been told by then (``Observer.moment``)."""
    refused: dict[bytes, object] = field(default_factory=dict)
    """With the reason given."""


class Lost(Exception):
    """The connection is gone."""


class _Connection:
    """One connection of one miner, from handshake to its end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, worker: str) -> None:
        self._reader, self._writer, self._worker = reader, writer, worker
        self._identity = 0
        self._nonce = random.Random(worker).getrandbits(16)
        self.extranonce1, self.extranonce2_size = "", 0
        self.difficulty = 1.0
        self.job: list[Any] = []
        self._job_difficulty = 1.0

    def _say(self, method: str, *params: object) -> int:
        self._identity += 1
        self._writer.write(
            json.dumps({"id": self._identity, "method": method, "params": params}).encode() + b"\n"
        )
        return self._identity

    async def heard(self) -> dict[str, Any] | None:
        """Take the next message; return it if it is an answer.

        Raises:
            Lost: there will be none.

        """
        try:
            line = await self._reader.readline()
        except ConnectionError:
            raise Lost from None
        if not line.endswith(b"\n"):
            raise Lost
        message: dict[str, Any] = json.loads(line)
        match message.get("method"):
            case "mining.set_difficulty":
                self.difficulty = message["params"][0]
            case "mining.set_extranonce":
                self.extranonce1, self.extranonce2_size = message["params"]
            case "mining.notify":
                self.job, self._job_difficulty = message["params"], self.difficulty
            case None:
                return message
        return None

    async def _ask(self, method: str, *params: object) -> Any:
        identity = self._say(method, *params)
        while (message := await self.heard()) is None:
            pass
        assert message["id"] == identity, message
        return message["result"]

    async def shake_hands(self) -> None:
        """Log in."""
        _, self.extranonce1, self.extranonce2_size = await self._ask("mining.subscribe", "observer/1")
        assert await self._ask("mining.authorize", self._worker, "x") is True

    def submit(self, number: int, book: Book) -> tuple[int, bytes]:
        """Find a share that nobody has sent, and send it; return the call's id and the header's hash."""
        job, difficulty = self.job, self._job_difficulty
        extranonce2 = number.to_bytes(self.extranonce2_size, "big").hex()
        ntime, version = int(job[7], 16), int(job[5], 16)
        blank = header_of(job, self.extranonce1, extranonce2, ntime, 0, version)
        nonce = search(blank, target_at(difficulty), self._nonce)
        digest = sha256d(blank[:76] + nonce.to_bytes(4, "little"))
        assert digest not in book.sent
        book.sent[digest] = difficulty
        return self._say("mining.submit", self._worker, job[0], extranonce2, job[7], f"{nonce:08x}"), digest


class Observer:
    """Several miners that submit without a pause, through every end of every connection, until it is left.

    Whoever finds nobody at ``port`` waits until ``opened`` says that it is worth another try.
    """

    def __init__(self, port: int, miners: int = 4) -> None:
        self.book = Book()
        self.connected = self.lost = 0
        """Handshakes that were done, and connections that ended afterwards."""
        self.moment: Callable[[], int] = int
        """Asked at every answer; nothing by itself."""
        self._port, self._miners = port, miners
        self._number = 0
        self._opening = asyncio.Event()
        self._changes = Changes("observer", lambda: f"{len(self.book.accepted)} accepted, {self.lost} lost")
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._mine(f"acme.m{n}")) for n in range(self._miners)]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result

    def opened(self) -> None:
        """The proxy listens again."""
        opening, self._opening = self._opening, asyncio.Event()
        opening.set()

    async def until(self, condition: Callable[[], bool], timeout: float = PATIENCE) -> None:
        """Wait until the book says so."""
        gone = [task for task in self._tasks if task.done()]
        assert not gone, gone
        await self._changes.wait_for(condition, timeout)

    async def more(self, accepted: int) -> None:
        """Wait for so many further shares that were answered true."""
        enough = len(self.book.accepted) + accepted
        await self.until(lambda: len(self.book.accepted) >= enough)

    async def _mine(self, worker: str) -> None:
        while True:
            opening = self._opening
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
            except ConnectionError:
                await opening.wait()
                continue
            try:
                with suppress(Lost, ConnectionError):
                    await self._mine_at(_Connection(reader, writer, worker))
            finally:
                writer.transport.abort()

    async def _mine_at(self, connection: _Connection) -> None:
        await connection.shake_hands()
        self.connected += 1
        waiting: dict[int, bytes] = {}
        try:
            while True:
                while connection.job and len(waiting) < UNDER_WAY:
                    self._number += 1
                    identity, digest = connection.submit(self._number, self.book)
                    waiting[identity] = digest
                answer = await connection.heard()
                if answer is None:
                    continue
                digest = waiting.pop(answer["id"])
                if answer["result"] is True:
                    self.book.accepted[digest] = self.moment()
                else:
                    self.book.refused[digest] = answer["error"]
                self._changes.happened()
        finally:
            self.lost += 1
            self._changes.happened()
