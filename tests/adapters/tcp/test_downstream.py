"""The listener's edge: what it tells the relay, and what it keeps from it."""

import asyncio
import contextlib
import errno
import gc
import os
import resource
import select
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace
from unittest.mock import patch

import trustme
from typing_extensions import override

from proxy.adapters.simulated.changes import Changes
from proxy.adapters.tcp import backlog
from proxy.adapters.tcp.backlog import ENDS, QUANTUM
from proxy.adapters.tcp.downstream import MinerProtocol, listen
from proxy.adapters.tcp.halves import AT_ONCE
from proxy.adapters.tcp.listener import AT_ONCE as ACCEPTED_AT_ONCE
from proxy.adapters.tcp.listener import REFUSED_AT_ONCE, Gate, ListenerSettings
from proxy.adapters.tcp.wire import SocketSettings
from proxy.config.limits import StratumLimits
from proxy.ports import Wire
from proxy.units import Seconds
from tests.adapters.loops import both_loops

PATIENCE = 10.0

PER_SECOND = 20.0
"""Connections let in beyond the burst."""


@dataclass
class Miners:
    """Stands for the relay: notes what the listener tells."""

    told: list[tuple[object, ...]] = field(default_factory=list)
    wires: dict[int, Wire] = field(default_factory=dict)
    cost: float = 0.0
    """Seconds of work for whatever one sends."""
    fails: set[int] = field(default_factory=set)
    """Keys of those with whom something goes wrong."""

    def __post_init__(self) -> None:
        self.changes = Changes("miners", lambda: [(*words[:2], str(words[2:])[:50]) for words in self.told])

    def opened(self, listener: str, wire: Wire, now: Seconds) -> int:
        key = len(self.wires) + 1
        self.wires[key] = wire
        self._tell("opened", key, listener, wire.peer)
        return key

    def feed(self, key: int, data: bytes, now: Seconds) -> None:
        self._tell("fed", key, data)
        until = time.perf_counter() + self.cost
        while time.perf_counter() < until:
            pass
        if key in self.fails:
            raise ArithmeticError(key)

    def closed(self, key: int, cause: str, now: Seconds) -> None:
        self._tell("closed", key, cause)

    def _tell(self, *words: object) -> None:
        self.told.append(words)
        self.changes.happened()

    def of(self, kind: str) -> list[tuple[object, ...]]:
        return [words for words in self.told if words[0] == kind]

    async def until(self, kind: str, count: int = 1) -> None:
        await self.changes.wait_for(lambda: len(self.of(kind)) >= count, PATIENCE)


@dataclass
class Keeper(Gate):
    """Lets in everybody, or nobody, and notes what it is asked and told."""

    room: bool = True
    asked: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.changes = Changes("keeper", lambda: (self.asked, self.failures, self.gone))

    @override
    def admits(self, host: str) -> bool:
        self.asked.append(host)
        self.changes.happened()
        return self.room

    @override
    def left(self, host: str) -> None:
        self.gone.append(host)
        self.changes.happened()

    @override
    def failed(self, host: str, error: Exception) -> None:
        self.failures.append(error)
        self.changes.happened()

    @override
    def exhausted(self, error: OSError) -> None:
        self.failures.append(error)
        self.changes.happened()


@asynccontextmanager
async def listening(
    miners: Miners,
    sockets: SocketSettings,
    *,
    gate: Gate | None = None,
    tls: ssl.SSLContext | None = None,
    burst: int = 1000,
    handshake: float = 0.2,
) -> AsyncIterator[int]:
    settings = ListenerSettings(
        sockets=sockets,
        tls_handshake=handshake,
        accepts_per_turn=2,
        accepts_burst=burst,
        accepts_per_second=PER_SECOND,
    )
    listener = await listen(
        miners, "door", "127.0.0.1", 0, tls=tls, gate=gate or Keeper(), settings=lambda: settings
    )
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()


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
    async with listening(miners, SocketSettings(), gate=Keeper(room=False)) as port:
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
async def test_who_does_not_take_the_last_of_it_is_gone_after_a_while() -> None:
    """Though less waits than would begin a stall: nothing else would ever end it."""
    miners = Miners()
    sockets = SocketSettings(write_limit=1 << 22, send_buffer=4096, write_stall=0.05)
    async with listening(miners, sockets) as port:
        with await deaf(port):
            await miners.until("opened")
            miners.wires[1].write(b"x" * (1 << 19))
            miners.wires[1].close()
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


@both_loops
async def test_what_is_accepted_has_the_options_of_the_settings() -> None:
    miners = Miners()
    sockets = SocketSettings(user_timeout=2.5, send_buffer=20_000, receive_buffer=10_000, keepalive_idle=11)
    async with listening(miners, sockets) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await miners.until("opened")
        fd: int = miners.wires[1].fd  # type: ignore[attr-defined]
        with socket.socket(fileno=os.dup(fd)) as sock:
            tcp = socket.IPPROTO_TCP
            assert sock.getsockopt(tcp, socket.TCP_NODELAY)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert sock.getsockopt(tcp, socket.TCP_KEEPIDLE) == 11
            assert sock.getsockopt(tcp, socket.TCP_USER_TIMEOUT) == 2500
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 40_000  # Linux doubles it
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 20_000
        writer.close()
        await miners.until("closed")


@both_loops
async def test_r03_who_does_not_read_holds_128_kib_at_most_with_the_kernels_part() -> None:
    miners, sockets = Miners(), SocketSettings()
    assert sockets.send_buffer == StratumLimits().send_buffer
    assert sockets.write_limit == StratumLimits().write_buffer
    async with listening(miners, sockets) as port:
        with await deaf(port):
            await miners.until("opened")
            fd: int = miners.wires[1].fd  # type: ignore[attr-defined]
            with socket.socket(fileno=os.dup(fd)) as sock:
                kernels = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            assert kernels + sockets.write_limit <= 128 * 1024


@both_loops
async def test_a_paused_miner_is_not_read_until_the_pause_is_over() -> None:
    miners = Miners()
    async with listening(miners, SocketSettings()) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await miners.until("opened")
        began = asyncio.get_running_loop().time()
        miners.wires[1].pause(0.01)
        miners.wires[1].pause(0.2)
        miners.wires[1].pause(0.01)
        writer.write(b"hello")
        await miners.until("fed")
        assert asyncio.get_running_loop().time() - began >= 0.19  # loops count milliseconds
        miners.wires[1].pause(0.01)
        writer.close()
        await miners.until("closed")
        miners.wires[1].pause(60.0)  # nothing is left to be paused


@both_loops
async def test_a_caller_that_shakes_no_hands_is_told_of_and_the_relay_not_troubled() -> None:
    miners, keeper = Miners(), Keeper()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    async with listening(miners, SocketSettings(), gate=keeper, tls=tls) as port:
        silent = await asyncio.open_connection("127.0.0.1", port)
        rude = await asyncio.open_connection("127.0.0.1", port)
        rude[1].write(b"GET / HTTP/1.1\r\n\r\n")
        await keeper.changes.wait_for(lambda: len(keeper.failures) == 2, PATIENCE)
        for _, writer in (silent, rude):
            writer.transport.abort()
    assert miners.told == []
    assert keeper.asked == ["127.0.0.1", "127.0.0.1"]


@both_loops
async def test_without_descriptors_the_door_rests_a_second_and_opens_again() -> None:
    miners, keeper = Miners(), Keeper()
    gc.collect()  # or what another test left gives a descriptor back just now
    async with listening(miners, SocketSettings(), gate=keeper) as port:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        caller = socket.socket()
        caller.setblocking(False)
        spare = os.dup(caller.fileno())
        os.close(spare)  # the least descriptor that is free
        resource.setrlimit(resource.RLIMIT_NOFILE, (spare, hard))
        try:
            await asyncio.get_running_loop().sock_connect(caller, ("127.0.0.1", port))
            await keeper.changes.wait_for(lambda: bool(keeper.failures), PATIENCE)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await miners.until("opened")
        assert len(keeper.failures) == 1, "one attempt a second, not one a turn"
        caller.close()
        await miners.until("closed")


@both_loops
async def test_a_flood_of_callers_keeps_nobody_waiting() -> None:
    """Between two turns of accepting, those who are connected are read."""
    miners = Miners()
    async with listening(miners, SocketSettings()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await miners.until("opened")
        callers = []
        for _ in range(200):
            caller = socket.socket()
            caller.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                caller.connect(("127.0.0.1", port))
            callers.append(caller)
        writer.write(b"first")
        await miners.until("opened", 201)
        kinds = [words[0] for words in miners.told]
        assert kinds.index("fed") < 100
        writer.close()
        for caller in callers:
            caller.close()
        await miners.until("closed", 201)
    assert not reader.exception()


@both_loops
async def test_beyond_the_burst_callers_wait_for_their_turn_and_who_left_meanwhile_is_forgotten() -> None:
    miners, keeper = Miners(), Keeper()
    async with listening(miners, SocketSettings(), gate=keeper, burst=3) as port:
        began = asyncio.get_running_loop().time()
        callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
        await miners.until("opened", 3)
        await keeper.changes.wait_for(lambda: len(keeper.asked) == 8, PATIENCE)
        callers[3].close()
        callers[5].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        callers[5].close()
        await miners.until("opened", 6)
        assert asyncio.get_running_loop().time() - began >= 3 / PER_SECOND - 0.01
        assert keeper.gone == ["127.0.0.1"] * 2
        opened = [words[3] for words in miners.told if words[0] == "opened"]
        assert opened == [f"127.0.0.1:{callers[n].getsockname()[1]}" for n in (0, 1, 2, 4, 6, 7)]
        for caller in callers:
            caller.close()
        await miners.until("closed", 6)


@both_loops
async def test_a_long_queue_of_callers_is_taken_by_more_and_more_and_a_short_one_by_few() -> None:
    miners, keeper = Miners(), Keeper()
    async with listening(miners, SocketSettings(), gate=keeper) as port:
        taken: list[list[int]] = []
        for _ in range(2):
            callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(5 * ACCEPTED_AT_ONCE)]
            begin, turns = len(keeper.asked), []
            while len(keeper.asked) < begin + len(callers):
                before = len(keeper.asked)
                await asyncio.sleep(0)
                turns.append(len(keeper.asked) - before)
            taken.append([count for count in turns if count])
            for caller in callers:
                caller.close()
    once = ACCEPTED_AT_ONCE
    assert taken == [[once, 2 * once, 2 * once]] * 2


@both_loops
async def test_a_flood_of_refused_callers_is_refused_a_few_at_a_time() -> None:
    miners, keeper = Miners(), Keeper(room=False)
    async with listening(miners, SocketSettings(), gate=keeper) as port:
        callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(3 * REFUSED_AT_ONCE)]
        turns: list[int] = []
        while len(keeper.asked) < len(callers):
            before = len(keeper.asked)
            await asyncio.sleep(0)
            turns.append(len(keeper.asked) - before)
        assert max(turns) <= REFUSED_AT_ONCE
        for caller in callers:
            assert caller.recv(1) == b""
            caller.close()
    assert miners.told == []


@both_loops
async def test_who_may_wait_is_served_a_little_at_a_time_in_turn_and_to_the_end() -> None:
    miners = Miners()
    async with listening(miners, SocketSettings()) as port:
        callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
        await miners.until("opened", 2)
        said = [bytes([first]) * (20 * QUANTUM + 7) for first in b"ab"]
        for caller, data in zip(callers, said, strict=True):
            caller.sendall(data)
            caller.close()
        await miners.until("closed", 2)
    for key, data in enumerate(said, 1):
        pieces = [words[2] for words in miners.told if words[:2] == ("fed", key)]
        assert b"".join(pieces) == data  # type: ignore[arg-type]  # of bytes
        assert max(map(len, pieces)) <= QUANTUM  # type: ignore[arg-type]
        assert [words[0] for words in miners.told if words[1] == key][-1] == "closed"
    order = [words[1] for words in miners.told if words[0] == "fed"]
    assert any(one != other for one, other in pairwise(order[:20])), "they take turns"


@both_loops
async def test_who_is_prompt_does_not_wait_for_those_who_may() -> None:
    miners = Miners()
    async with listening(miners, SocketSettings()) as port:
        callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
        await miners.until("opened", 2)
        slow, quick = callers
        miners.wires[2].prompt = True
        quick.sendall(b"a share")  # as it comes that is
        await miners.until("fed")
        miners.told.clear()
        miners.cost = 0.002  # more than a turn's worth for each piece
        slow.sendall(b"s" * (40 * QUANTUM))
        await miners.until("fed")
        quick.sendall(b"q" * (2 * QUANTUM))
        await miners.until("fed", 41)
        fed = [words[1:] for words in miners.told if words[0] == "fed"]
        assert (2, b"q" * (2 * QUANTUM)) in fed[:10], "whole, and between two pieces of the other"
        for caller in callers:
            caller.close()
        await miners.until("closed", 2)


@both_loops
async def test_a_mistake_of_ours_ends_its_connection_and_keeps_no_other_waiting() -> None:
    """Whichever way its bytes have come: at once, past the transport, or a little at a time."""
    failures: list[Exception] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    for prompt in (False, True):
        for size in (5, 3 * QUANTUM, AT_ONCE + 1):
            miners = Miners()
            async with listening(miners, SocketSettings()) as port:
                callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
                await miners.until("opened", 2)
                miners.fails = {1}
                miners.wires[1].prompt = prompt
                if prompt:  # from its next bytes on it is served at once
                    miners.fails = set()
                    callers[0].sendall(b"a")
                    await miners.until("fed")
                    miners.told.clear()
                    miners.fails = {1}
                for caller in callers:
                    caller.sendall(b"x" * size)
                await miners.until("closed")
                assert miners.of("closed")[0][1] == 1
                await miners.until("fed", 1 + -(-size // QUANTUM))
                assert [words[1] for words in miners.of("fed")].count(1) == 1, "nothing after the mistake"
                callers[1].close()
                await miners.until("closed", 2)
                callers[0].close()
            assert [type(failure) for failure in failures] == [ArithmeticError]
            failures.clear()


@both_loops
async def test_whom_the_system_will_not_watch_is_closed_and_told_of() -> None:
    """An epoll may be full: ENOSPC."""
    miners = Miners()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: None)

    class Full:
        def __init__(self) -> None:
            self.real = epoll()

        def register(self, fd: int, events: int) -> None:
            raise OSError(errno.ENOSPC, "no space left")

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

    epoll = select.epoll
    with patch.object(backlog, "select", SimpleNamespace(epoll=Full, EPOLLIN=select.EPOLLIN)):
        async with listening(miners, SocketSettings()) as port:
            with socket.create_connection(("127.0.0.1", port)):
                await miners.until("closed")
    assert [words[0] for words in miners.told] == ["opened", "closed"]


@both_loops
async def test_what_is_encrypted_is_worked_on_a_little_at_a_time_too() -> None:
    authority, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    miners = Miners()
    async with listening(miners, SocketSettings(), tls=server, handshake=PATIENCE) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        await miners.until("opened")
        said = bytes(range(256)) * (20 * QUANTUM // 256)
        for _ in range(2):
            writer.write(said)
            await writer.drain()
        writer.close()
        await miners.until("closed")
    pieces = [words[2] for words in miners.of("fed")]
    assert b"".join(pieces) == said * 2  # type: ignore[arg-type]  # of bytes
    assert max(map(len, pieces)) <= QUANTUM  # type: ignore[arg-type]


@both_loops
async def test_who_has_become_prompt_is_read_by_its_transport_again_and_the_other_way_round() -> None:
    miners = Miners()
    async with listening(miners, SocketSettings()) as port:
        caller = socket.create_connection(("127.0.0.1", port))
        await miners.until("opened")
        for number, (prompt, size) in enumerate([(True, 1), (False, 3 * QUANTUM), (True, 3 * QUANTUM)] * 3):
            caller.sendall(b"-")  # what comes first is served as the one before it was
            await miners.until("fed")
            miners.wires[1].prompt = prompt
            caller.sendall(b"-")
            await miners.until("fed", 2)
            miners.told.clear()
            caller.sendall(bytes([number]) * size)
            pieces = [size] if prompt else [QUANTUM] * (size // QUANTUM)
            await miners.until("fed", len(pieces))
            assert [len(words[2]) for words in miners.of("fed")] == pieces  # type: ignore[arg-type]
            miners.told.clear()
        caller.close()
        await miners.until("closed")


@both_loops
async def test_what_is_more_than_a_miner_that_works_sends_waits_though_it_is_prompt() -> None:
    miners = Miners()
    async with listening(miners, SocketSettings()) as port:
        caller = socket.create_connection(("127.0.0.1", port))
        await miners.until("opened")
        miners.wires[1].prompt = True
        caller.sendall(b"x" * (AT_ONCE + 1))
        await miners.until("fed", -(-(AT_ONCE + 1) // QUANTUM))
        assert max(len(words[2]) for words in miners.of("fed")) == QUANTUM  # type: ignore[arg-type]
        caller.close()
        await miners.until("closed")


@both_loops
async def test_the_end_of_one_that_may_wait_is_told_with_its_cause() -> None:
    miners = Miners()
    async with listening(miners, SocketSettings()) as port:
        callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        await miners.until("opened", 3)
        for caller in callers:
            caller.sendall(b"x")
        await miners.until("fed", 3)
        callers[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        callers[0].close()
        callers[1].close()
        miners.wires[3].close()
        await miners.until("closed", 3)
        assert callers[2].recv(1) == b""
        callers[2].close()
    causes = {words[1]: str(words[2]) for words in miners.of("closed")}
    assert "reset by peer" in causes[1]
    assert (causes[2], causes[3]) == ("closed", "closed")


async def _end_together(word: bytes) -> None:
    """Have many end at once who have said this much."""
    miners, ended = Miners(), [0]
    lost = MinerProtocol.connection_lost

    def ends(protocol: MinerProtocol, exc: Exception | None) -> None:
        ended[0] += 1
        lost(protocol, exc)

    with patch.object(MinerProtocol, "connection_lost", ends):
        async with listening(miners, SocketSettings()) as port:
            callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(10 * ENDS)]
            await miners.until("opened", len(callers))
            for caller in callers:
                caller.sendall(word)
            if word:
                await miners.until("fed", len(callers))
            for caller in callers:
                caller.close()
            turns: list[int] = []
            async with asyncio.timeout(PATIENCE):
                while len(miners.of("closed")) < len(callers):
                    before = ended[0]
                    await asyncio.sleep(0)
                    turns.append(ended[0] - before)
            assert max(turns) <= ENDS
            assert sum(turns) == len(callers)


@both_loops
async def test_many_that_end_together_end_a_few_at_a_time() -> None:
    await _end_together(b"x")


@both_loops
async def test_many_that_end_together_and_never_said_anything_do_so_too() -> None:
    await _end_together(b"")


@both_loops
async def test_a_pause_holds_one_that_may_wait_and_one_that_became_prompt_meanwhile() -> None:
    miners = Miners()
    async with listening(miners, SocketSettings()) as port:
        caller = socket.create_connection(("127.0.0.1", port))
        await miners.until("opened")
        caller.sendall(b"x")
        await miners.until("fed")
        loop = asyncio.get_running_loop()
        for prompt in (False, True):
            began, count = loop.time(), len(miners.of("fed"))
            miners.wires[1].pause(0.1)
            miners.wires[1].prompt = prompt
            caller.sendall(b"y")
            await miners.until("fed", count + 1)
            assert loop.time() - began >= 0.09
        caller.close()
        await miners.until("closed")
