"""The dialler's edge: every dial ends in exactly one report, and nothing is said to an unverified pool."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trustme

from proxy.adapters.simulated.changes import Changes
from proxy.adapters.tcp.upstream import DialSettings, TcpDialler, TlsTransport
from proxy.ports import Wire
from proxy.units import Seconds
from tests.adapters.loops import both_loops

PATIENCE = 10.0


@dataclass
class Pools:
    """Stands for the relay: notes what the dialler tells."""

    told: list[tuple[object, ...]] = field(default_factory=list)
    wires: dict[int, Wire] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.changes = Changes("pools", lambda: self.told)

    def dialled(self, key: int, wire: Wire, now: Seconds) -> None:
        self.wires[key] = wire
        self._tell("dialled", key)

    def upstream_received(self, key: int, data: bytes, now: Seconds) -> None:
        self._tell("received", key, data)

    def upstream_closed(self, key: int, cause: str, now: Seconds) -> None:
        self._tell("closed", key, cause)

    def _tell(self, *words: object) -> None:
        self.told.append(words)
        self.changes.happened()

    async def until(self, count: int) -> None:
        await self.changes.wait_for(lambda: len(self.told) >= count, PATIENCE)


def dialler(pools: Pools, transports: dict[str, TlsTransport] | None = None) -> TcpDialler:
    made = TcpDialler(transports or {}, DialSettings)
    made.serve(pools)
    return made


Greeting = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None]


@asynccontextmanager
async def pool(greet: Greeting, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def echo_once(heard: list[bytes]) -> Greeting:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(line := await reader.readline())
        writer.write(line)
        writer.close()

    return greet


@both_loops
async def test_a_connection_is_reported_from_its_opening_to_its_end() -> None:
    pools, heard = Pools(), list[bytes]()
    async with pool(echo_once(heard)) as port:
        dialler(pools).dial(7, "127.0.0.1", port, "")
        await pools.until(1)
        pools.wires[7].write(b"hello\n")
        await pools.until(3)
    assert heard == [b"hello\n"]
    assert pools.told == [("dialled", 7), ("received", 7, b"hello\n"), ("closed", 7, "closed by the pool")]


@both_loops
async def test_a_refused_or_unknown_address_is_reported() -> None:
    pools = Pools()
    async with pool(echo_once([])) as port:
        pass
    calls = dialler(pools)
    calls.dial(1, "127.0.0.1", port, "")
    await pools.until(1)
    calls.dial(2, "no-such-host.invalid", 1, "")
    await pools.until(2)
    assert [words[:2] for words in pools.told] == [("closed", 1), ("closed", 2)]
    assert all(str(words[2]).startswith("cannot connect") for words in pools.told)


@both_loops
async def test_a_handshake_without_end_is_abandoned_or_closed_and_reports_nothing() -> None:
    pools = Pools()
    transports = {"t": TlsTransport(ssl.create_default_context())}
    quiet: list[asyncio.StreamWriter] = []
    reached = asyncio.Semaphore(0)

    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        quiet.append(writer)
        reached.release()

    async with pool(greet) as port:
        calls = dialler(pools, transports)
        for key in (1, 2):
            calls.dial(key, "127.0.0.1", port, "t")
            await reached.acquire()
        calls.abandon(1)
        calls.abandon(99)
        await calls.close()
        for writer in quiet:
            writer.transport.abort()
    assert pools.told == []


def certificate(authority: trustme.CA, name: str) -> tuple[ssl.SSLContext, str]:
    issued = authority.issue_cert(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    return context, hashlib.sha256(der).hexdigest()


@both_loops
async def test_a_verified_and_pinned_pool_is_spoken_to() -> None:
    authority = trustme.CA()
    server, pin = certificate(authority, "127.0.0.1")
    client = ssl.create_default_context()
    authority.configure_trust(client)
    pools, heard = Pools(), list[bytes]()
    async with pool(echo_once(heard), server) as port:
        dialler(pools, {"t": TlsTransport(client, pin.upper())}).dial(1, "127.0.0.1", port, "t")
        await pools.until(1)
        pools.wires[1].write(b"hello\n")
        await pools.until(3)
    assert heard == [b"hello\n"]


@pytest.mark.parametrize("fault", ["pin", "name", "authority"])
async def test_a_pool_that_is_not_who_it_should_be_hears_nothing(fault: str) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    server, _ = certificate(authority, "pool.example" if fault == "name" else "127.0.0.1")
    client = ssl.create_default_context()
    (stranger if fault == "authority" else authority).configure_trust(client)
    pools, heard = Pools(), list[bytes]()
    async with pool(echo_once(heard), server) as port:
        pin = "00" * 32 if fault == "pin" else None
        dialler(pools, {"t": TlsTransport(client, pin)}).dial(1, "127.0.0.1", port, "t")
        await pools.until(1)
    ((kind, key, cause),) = pools.told
    assert (kind, key) == ("closed", 1)
    assert ("tls_pin" if fault == "pin" else "not trusted") in str(cause)
    assert heard in ([], [b""])
