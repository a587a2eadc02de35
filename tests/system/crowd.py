"""Thousands of quiet miners: each connects, shakes hands, waits for a job and stays."""

import asyncio
import os
import resource
import socket
import time
from asyncio.trsock import TransportSocket
from pathlib import Path
from typing import cast

from typing_extensions import override

from proxy.adapters.simulated.changes import Changes
from proxy.units import Seconds

HELLO = (
    b'{"id":1,"method":"mining.configure","params":[["version-rolling"],'
    b'{"version-rolling.mask":"1fffe000"}]}\n'
    b'{"id":2,"method":"mining.subscribe","params":["crowd/1.0"]}\n'
    b'{"id":3,"method":"mining.authorize","params":["acme.%d","x"]}\n'
)
IP_BIND_ADDRESS_NO_PORT = 24
"""Of linux/in.h; Python has no name for it."""
AT_ONCE = 500
"""Connections under way at a time, so that the backlog of a small machine holds them."""
SPARE = 500
"""Open files of the tests themselves."""


def may_open(count: int) -> bool:
    """Raise our own limit of open files and say if ``count`` connections fit into it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + SPARE <= hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count + SPARE, hard))
        soft = count + SPARE
    return soft >= count + SPARE


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used, in itself and for it in the kernel."""
    # Behind the name, which may hold anything: the fields of proc(5) from the third on.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Quiet(asyncio.Protocol):
    """One of the crowd."""

    def __init__(self, crowd: "Crowd", number: int) -> None:
        self._crowd = crowd
        self._number = number
        self._tail = b""
        self.has_work = False
        self.waited = 0.0
        """Seconds from its connection to its first job."""
        self.extranonce1 = b""
        self._came = time.monotonic()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(HELLO % self._number)

    @override
    def data_received(self, data: bytes) -> None:
        if self.has_work:
            return
        *lines, self._tail = (self._tail + data).split(b"\n")
        for line in lines:
            if b'"id":2,' in line:
                self.extranonce1 = line.split(b"]],")[1].split(b'"')[1]
            elif b"mining.notify" in line and b'"method"' in line:
                self.has_work = True
                self.waited = time.monotonic() - self._came
                self._tail = b""
                self._crowd.working += 1
                self._crowd.changes.happened()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.lost += 1
        self._crowd.changes.happened()

    @property
    def socket(self) -> TransportSocket:
        found: TransportSocket = self._transport.get_extra_info("socket")
        return found

    def leave(self) -> None:
        self._transport.abort()


class Crowd:
    """All of them."""

    def __init__(self) -> None:
        self.members: list[Quiet] = []
        self.working = 0
        self.lost = 0
        self.changes = Changes("crowd", lambda: (len(self.members), self.working, self.lost), Seconds(0.05))

    async def come(self, port: int, count: int, hosts: int = 8) -> None:
        """Connect ``count`` of them, from ``hosts`` addresses."""
        gate = asyncio.Semaphore(AT_ONCE)
        loop = asyncio.get_running_loop()

        async def one(number: int) -> None:
            async with gate:
                sock = socket.socket()
                sock.setblocking(False)
                # The port is chosen at the connect: a bind that has to find one is slow among ten thousand.
                sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                sock.bind((f"127.0.0.{2 + number % hosts}", 0))
                await loop.sock_connect(sock, ("127.0.0.1", port))
                _, member = await loop.create_connection(lambda: Quiet(self, number), sock=sock)
                self.members.append(member)

        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(one(number))

    async def all_work(self, timeout: float) -> None:
        """Wait until each has a job."""
        await self.changes.wait_for(lambda: self.working == len(self.members), timeout)

    def leave(self) -> None:
        """Cut every connection, as a power failure does."""
        for member in self.members:
            member.leave()
