"""A transport of our own keeps what a loop's promises: both twins, on both event loops."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from proxy import hotpath
from proxy.adapters.tcp import halves
from proxy.adapters.tcp import transport as specified
from tests.adapters.loops import LOOPS

TWINS: dict[str, Any] = {"reference": (specified.PlainPoller, specified.PlainTransport)}
if hotpath.COMPILED:
    _compiled = import_module("proxy.adapters.tcp._compiled")
    TWINS["compiled"] = (_compiled.Poller, _compiled.Transport)
SENDERS: dict[str, Any] = {"reference": halves.PlainSender, "compiled": halves.Sender}

HIGH = 20_000
MOST = 1 << 22
TURNS = 8
"""Of the loop, within which everything has happened that will: a local socket keeps nobody waiting."""


@dataclass
class Owner(specified.Owner):
    """Notes what it is told."""

    heard: bytearray = field(default_factory=bytearray)
    full: list[bool] = field(default_factory=list)
    ends: list[Exception | None] = field(default_factory=list)
    fails: bool = False
    was_open: bool = False
    """Whether its descriptor was open when it was told of the end."""
    transport: Any = None

    @override
    def data_received(self, data: bytes) -> None:
        self.heard += data
        if self.fails:
            raise ArithmeticError

    @override
    def pause_writing(self) -> None:
        self.full.append(True)

    @override
    def resume_writing(self) -> None:
        self.full.append(False)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.ends.append(exc)
        os.fstat(self.transport.fd)
        self.was_open = True


@dataclass
class Pair:
    """A transport, who owns it, and the socket at its other end."""

    transport: Any
    owner: Owner
    peer: socket.socket

    def taken(self) -> bytes:
        """Return what the peer can read; it reads to the end."""
        taken = b""
        while True:
            try:
                data = self.peer.recv(MOST)
            except (BlockingIOError, ConnectionResetError):
                return taken
            if not data:
                return taken
            taken += data


async def settled() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


def pair(poller: Any, make: Any) -> Pair:
    here, there = socket.socketpair()
    for end in (here, there):
        end.setblocking(False)
    owner = Owner()
    owner.transport = make(poller, here.detach(), owner, "10.0.0.7", 4711)
    owner.transport.set_write_buffer_limits(high=HIGH)
    return Pair(owner.transport, owner, there)


@asynccontextmanager
async def pairs(twin: str, count: int = 1) -> AsyncIterator[list[Pair]]:
    poller, make = TWINS[twin]
    common = poller()
    made = [pair(common, make) for _ in range(count)]
    fds = [each.transport.fd for each in made]
    try:
        yield made
    finally:
        for each in made:
            each.transport.abort()
        await settled()
        assert [len(each.owner.ends) for each in made] == [1] * count
        assert all(each.owner.was_open and each.transport.fd == -1 for each in made)
        for fd in fds:
            with pytest.raises(OSError, match="Bad file"):
                os.fstat(fd)
        for each in made:
            each.peer.close()


def each_twin(scene: Callable[[str], Coroutine[None, None, None]]) -> Callable[[str, str], None]:
    """Make a test of a coroutine function that takes a twin, run for each twin on each loop."""

    def test(loop: str, twin: str) -> None:
        mistakes: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.get_loop().set_exception_handler(lambda _, context: mistakes.append(context))
            runner.run(scene(twin))
        assert not mistakes

    test.__name__, test.__doc__, test.__module__ = scene.__name__, scene.__doc__, scene.__module__
    return pytest.mark.parametrize("loop", LOOPS)(pytest.mark.parametrize("twin", TWINS)(test))


@each_twin
async def test_it_reads_when_it_is_told_to_and_not_before(twin: str) -> None:
    async with pairs(twin) as (one,):
        one.peer.send(b"early")
        await settled()
        assert not one.owner.heard
        one.transport.resume_reading()
        await settled()
        one.transport.pause_reading()
        one.peer.send(b"late")
        await settled()
        assert one.owner.heard == b"early"
        one.transport.resume_reading()
        await settled()
        assert one.owner.heard == b"earlylate"
        assert one.transport.get_extra_info("peername") == ("10.0.0.7", 4711)
        assert one.transport.get_extra_info("sslcontext") is None


@each_twin
async def test_what_one_sends_at_once_comes_in_pieces_and_in_order(twin: str) -> None:
    said = os.urandom(10 * specified.READ + 7)
    async with pairs(twin) as (one,):
        pieces: list[int] = []

        def heard(self: Owner, data: bytes) -> None:
            pieces.append(len(data))
            self.heard.extend(data)

        with patch.object(Owner, "data_received", heard):
            one.transport.resume_reading()
            one.peer.send(said)
            for _ in range(4):
                await settled()
        assert one.owner.heard == said
        assert max(pieces) <= specified.READ


@each_twin
async def test_an_end_of_the_peer_closes_behind_what_waits(twin: str) -> None:
    async with pairs(twin) as (one,):
        one.transport.resume_reading()
        one.transport.write(b"x" * 1_000_000)
        one.peer.shutdown(socket.SHUT_WR)
        await settled()
        assert one.transport.is_closing()
        assert not one.owner.ends
        taken = b""
        while len(taken) < 1_000_000:
            taken += one.taken()
            await settled()
        assert one.owner.ends == [None]


@each_twin
async def test_who_does_not_read_is_told_of_and_again_when_it_does(twin: str) -> None:
    async with pairs(twin) as (one,):
        one.transport.write(b"x" * 1_000_000)
        one.transport.write(b"x")
        assert one.owner.full == [True]
        while one.transport.get_write_buffer_size() > HIGH // 4:
            assert one.owner.full == [True]
            one.taken()
            await settled()
        assert one.owner.full == [True, False]


@each_twin
async def test_a_reset_is_told_with_its_cause_to_whoever_reads_or_sends(twin: str) -> None:
    async with pairs(twin, 2) as (reads, sends):
        for one in (reads, sends):  # what a peer has not read when it closes makes it a reset
            one.transport.write(b"unread")
            await settled()
        reads.transport.resume_reading()
        sends.transport.write(b"x" * 1_000_000)
        for one in (reads, sends):
            one.peer.close()
        await settled()
        assert [type(one.owner.ends[0]) for one in (reads, sends)] == [ConnectionResetError, BrokenPipeError]


@each_twin
async def test_a_mistake_with_one_ends_it_and_no_other(twin: str) -> None:
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    async with pairs(twin, 3) as made:
        made[1].owner.fails = True
        for one in made:
            one.transport.resume_reading()
            one.peer.send(b"hello")
        await settled()
        assert [bytes(one.owner.heard) for one in made] == [b"hello"] * 3
        assert [len(one.owner.ends) for one in made] == [0, 1, 0]
        assert isinstance(made[1].owner.ends[0], ArithmeticError)
    assert [type(context["exception"]) for context in failures] == [ArithmeticError]


@each_twin
async def test_one_that_another_ends_in_the_same_turn_hears_nothing_more(twin: str) -> None:
    async with pairs(twin, 2) as made:

        def ends(self: Owner, data: bytes) -> None:
            self.heard.extend(data)
            for one in made:
                one.transport.abort()

        with patch.object(Owner, "data_received", ends):
            for one in made:
                one.transport.resume_reading()
                one.peer.send(b"hello")
            await settled()
        assert sorted(len(one.owner.heard) for one in made) == [0, 5]


class _Counting:
    """A loop that counts how often it calls a reader."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.calls = 0
        self.readers = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def add_reader(self, fd: int, callback: Callable[[], None]) -> None:
        def counted() -> None:
            self.calls += 1
            callback()

        self.readers += 1
        self._loop.add_reader(fd, counted)

    def remove_reader(self, fd: int) -> None:
        self.readers -= 1
        self._loop.remove_reader(fd)


def counted(twin: str, count: int) -> tuple[_Counting, list[Pair]]:
    """Return pairs, and the loop that counts how often it serves them."""
    counting = _Counting(asyncio.get_running_loop())
    with patch.object(asyncio, "get_running_loop", lambda: counting):
        poller, make = TWINS[twin]
        common = poller()
    return counting, [pair(common, make) for _ in range(count)]


@each_twin
async def test_who_is_gone_while_it_is_not_read_costs_nothing(twin: str) -> None:
    counting, made = counted(twin, 2)
    gone, other = made
    for one in made:
        one.transport.resume_reading()
    gone.transport.pause_reading()
    gone.peer.close()
    await settled()
    assert counting.calls == 0
    other.peer.send(b"x")
    await settled()
    assert counting.calls == 1
    for one in made:
        one.transport.abort()
    await settled()
    other.peer.close()


@each_twin
async def test_more_than_a_turn_serves_are_served_in_the_next(twin: str) -> None:
    counting, made = counted(twin, 2 * specified.AT_ONCE + 1)
    for one in made:
        one.transport.resume_reading()
        one.peer.send(b"x")
    await settled()
    assert all(one.owner.heard == b"x" for one in made)
    assert counting.calls == 3
    for one in made:
        one.peer.close()
    await settled()
    assert all(one.owner.ends == [None] for one in made)
    assert counting.readers == 0


STEPS = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 3 * HIGH)),
    st.tuples(st.just("say"), st.integers(1, 3 * specified.READ)),
    st.tuples(st.sampled_from(["take", "pause", "resume", "turn"]), st.just(0)),
)
ENDS = st.sampled_from(["close", "abort", "leave", "shutdown"])


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("twin", TWINS)
@settings(max_examples=60)
@given(steps=st.lists(STEPS, max_size=15), end=ENDS)
def test_whatever_is_done_bytes_arrive_whole_and_in_order(
    loop: str, twin: str, steps: list[tuple[str, int]], end: str
) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(_scene(twin, steps, end))


async def _scene(twin: str, steps: list[tuple[str, int]], end: str) -> None:
    async with pairs(twin) as (one,):
        written, said, taken = bytearray(), bytearray(), bytearray()
        reads = False
        for number, (step, size) in enumerate(steps):
            heard = len(one.owner.heard)
            if step == "write":
                data = bytes([number]) * size
                one.transport.write(data)
                written += data
            elif step == "say":
                said += bytes([number]) * one.peer.send(bytes([number]) * size)
            elif step == "take":
                taken += one.taken()
            elif step == "turn":
                await settled()
                assert reads or len(one.owner.heard) == heard
            else:
                (one.transport.resume_reading if step == "resume" else one.transport.pause_reading)()
                reads = step == "resume"
            assert one.owner.full == [number % 2 == 0 for number in range(len(one.owner.full))]
            assert written.startswith(taken)
            assert said.startswith(one.owner.heard)
        await _ended(one, end, written, said, taken, reads=reads)


async def _ended(
    one: Pair, end: str, written: bytearray, said: bytearray, taken: bytearray, *, reads: bool
) -> None:
    if end == "close":
        one.transport.close()
        one.transport.write(b"too late")
    elif end == "abort":
        one.transport.abort()
    elif end == "shutdown":
        one.peer.shutdown(socket.SHUT_WR)
    else:
        one.peer.close()
    assert not one.owner.ends, "of an end it is told in a later turn"
    await settled()
    if end in ("close", "shutdown"):
        for _ in range(len(written) // 1000 + 2):
            taken += one.taken()
            await settled()
        assert taken == written
        assert bool(one.owner.ends) == (end == "close" or reads)
    if end == "shutdown" and reads:
        assert one.owner.heard == said
    if end == "abort":
        assert one.owner.ends == [None]
        assert not one.transport.get_write_buffer_size()
    assert one.transport.is_closing() == bool(one.owner.ends)


@each_twin
async def test_bytes_stay_in_order_behind_a_write_that_went_wrong(twin: str) -> None:
    async with pairs(twin) as [one]:
        sender = SENDERS[twin](one.transport.fd)
        sender.attach(one.transport, MOST)
        first, second = b"1" * (MOST - 1), b"2" * 100
        with (
            patch.object(Owner, "pause_writing", side_effect=ArithmeticError),
            pytest.raises(ArithmeticError),
        ):
            sender.write(first)
        taken = one.taken()
        sender.write(second)
        while len(taken) < len(first) + len(second):
            await settled()
            taken += one.taken()
        assert taken == first + second
