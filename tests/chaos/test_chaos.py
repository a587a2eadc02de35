"""The chaos proxy does what it says, and nothing else: what is built on it can be believed."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from random import Random

import pytest

from tests.chaos.proxy import ChaosProxy

PATIENCE = 10.0
BYTES = Random(1).randbytes(20_000)


class End:
    """One end of a connection, with a patient reader."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @property
    def socket(self) -> socket.socket:
        sock: socket.socket = self.writer.get_extra_info("socket")
        return sock

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def read(self, size: int) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self._reader.readexactly(size)

    async def some(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self._reader.read(1 << 20)

    async def rest(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self._reader.read()

    async def hears_nothing(self, seconds: float = 0.2) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._reader.readexactly(1)


class Pair:
    """A proxy, and clients joined to the ends that its target sees."""

    def __init__(self, chaos: ChaosProxy, came: "asyncio.Queue[End]") -> None:
        self.chaos = chaos
        self.nears: list[End] = []
        self._came = came

    async def near(self) -> End:
        async with asyncio.timeout(PATIENCE):
            end = End(*await asyncio.open_connection("127.0.0.1", self.chaos.port))
        self.nears.append(end)
        return end

    async def far(self) -> End:
        async with asyncio.timeout(PATIENCE):
            return await self._came.get()

    async def both(self) -> tuple[End, End]:
        return await self.near(), await self.far()


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with made(seed=1) as pair:
        yield pair


@asynccontextmanager
async def made(seed: int) -> AsyncIterator[Pair]:
    came: asyncio.Queue[End] = asyncio.Queue()
    ends: list[End] = []

    def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(End(reader, writer))
        came.put_nowait(ends[-1])

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    try:
        async with ChaosProxy(server.sockets[0].getsockname()[1], seed) as chaos:
            pair = Pair(chaos, came)
            try:
                yield pair
            finally:
                for end in pair.nears:
                    end.writer.transport.abort()
    finally:
        server.close()
        for end in ends:
            end.writer.transport.abort()
        await asyncio.sleep(0)  # they close in the loop's next round


async def elapsed(what: Awaitable[object]) -> float:
    begun = asyncio.get_running_loop().time()
    await what
    return asyncio.get_running_loop().time() - begun


async def test_without_toxics_bytes_and_ends_pass_both_ways(pair: Pair) -> None:
    near, far = await pair.both()
    near.say(BYTES)
    far.say(BYTES[::-1])
    assert await far.read(len(BYTES)) == BYTES
    assert await near.read(len(BYTES)) == BYTES[::-1]
    near.writer.write_eof()
    assert await far.rest() == b""
    far.say(b"last words")
    far.writer.close()
    assert await near.rest() == b"last words"
    await pair.chaos.wait_for(0)
    assert (pair.chaos.up.passed, pair.chaos.accepted) == (len(BYTES), 1)


async def test_latency_and_jitter_delay_one_direction_and_keep_the_order(pair: Pair) -> None:
    near, far = await pair.both()
    pair.chaos.down.latency, pair.chaos.down.jitter = 0.2, 0.1
    near.say(b"quick")
    assert await elapsed(far.read(5)) < 0.2
    begun = asyncio.get_running_loop().time()
    for at in range(0, 1000, 100):
        far.say(BYTES[at : at + 100])
        await asyncio.sleep(0.005)
    assert await near.read(1000) == BYTES[:1000]
    assert asyncio.get_running_loop().time() - begun >= 0.2


async def test_a_lost_segment_comes_late_and_what_follows_waits(pair: Pair) -> None:
    near, far = await pair.both()
    pair.chaos.up.loss, pair.chaos.up.retransmit = 1.0, 0.3
    near.say(b"lost")
    await asyncio.sleep(0.05)
    pair.chaos.up.loss = 0.0
    near.say(b"next")
    assert await elapsed(far.read(4)) >= 0.2
    assert await far.read(4) == b"next"


async def test_bandwidth_is_kept_over_any_longer_time(pair: Pair) -> None:
    near, far = await pair.both()
    pair.chaos.up.bandwidth = 20_000
    near.say(BYTES[:10_000])
    assert await elapsed(far.read(10_000)) >= 0.5 - 0.1 - 0.01


async def test_slices_arrive_one_by_one_and_whole(pair: Pair) -> None:
    near, far = await pair.both()
    pair.chaos.up.slice = 1
    near.say(BYTES[:200])
    pieces: list[bytes] = []
    while sum(map(len, pieces)) < 200:
        pieces.append(await far.some())
    assert b"".join(pieces) == BYTES[:200]
    assert pair.chaos.up.segments == 200
    assert len(pieces) > 20  # a busy reader finds several at once


async def test_small_writes_are_gathered_into_one_segment(pair: Pair) -> None:
    near, far = await pair.both()
    pair.chaos.up.coalesce, pair.chaos.up.coalesce_time = 1000, 5.0
    for at in range(0, 1000, 100):
        near.say(BYTES[at : at + 100])
        await asyncio.sleep(0.01)
    assert await far.some() == BYTES[:1000]
    assert pair.chaos.up.segments == 1
    pair.chaos.up.coalesce_time = 0.1
    near.say(b"few")
    assert await far.some() == b"few"


async def test_a_stopped_direction_fills_up_and_goes_on_when_healed(pair: Pair) -> None:
    near, far = await pair.both()
    pair.chaos.up.stopped = True
    near.say(b"held")
    near.writer.write_eof()
    await far.hears_nothing()
    far.say(b"the other way is open")
    assert await near.read(21) == b"the other way is open"
    pair.chaos.up.stopped = False
    assert await far.rest() == b"held"


async def test_a_dropped_direction_loses_everything_and_hides_the_end(pair: Pair) -> None:
    near, far = await pair.both()
    pair.chaos.up.dropped = True
    near.say(b"gone")
    await far.hears_nothing()
    pair.chaos.up.dropped = False
    near.say(b"heard")
    assert await far.read(5) == b"heard"
    pair.chaos.up.dropped = True
    near.writer.write_eof()
    await far.hears_nothing()


async def test_a_blackhole_takes_connections_and_never_answers(pair: Pair) -> None:
    near, far = await pair.both()
    pair.chaos.blackhole = True
    near.say(b"anybody?")
    far.say(b"anybody?")
    await near.hears_nothing()
    late = await pair.near()
    late.say(b"hello")
    await late.hears_nothing()
    assert pair.chaos.connections == 2
    pair.chaos.blackhole = False
    assert await (await pair.far()).read(5) == b"hello"


async def test_a_reset_is_seen_as_one_at_both_ends(pair: Pair) -> None:
    near, far = await pair.both()
    await pair.chaos.reset()
    for end in (near, far):
        with pytest.raises(ConnectionResetError):
            await end.rest()
    assert pair.chaos.connections == 0


async def test_a_peers_reset_is_passed_on(pair: Pair) -> None:
    near, far = await pair.both()
    near.writer.transport.abort()  # with bytes unread, or after linger: the kernel says RST or FIN
    assert await far.rest() == b""
    again, far = await pair.both()
    far.say(b"unread")
    await again.read(1)
    again.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    again.writer.transport.abort()
    with pytest.raises(ConnectionResetError):
        await far.rest()


async def test_connections_are_refused_and_taken_again_on_the_same_port(pair: Pair) -> None:
    near, far = await pair.both()
    port = pair.chaos.port
    for _ in range(3):
        pair.chaos.refusing = True
        with pytest.raises(ConnectionRefusedError):
            await pair.near()
        pair.chaos.refusing = False
        late, other = await pair.both()
        late.say(b"in")
        assert await other.read(2) == b"in"
        assert pair.chaos.port == port
    near.say(b"still here")
    assert await far.read(10) == b"still here"


async def test_a_cut_cable_acknowledges_nothing_and_mends(pair: Pair) -> None:
    near, far = await pair.both()
    pair.chaos.cut()
    near.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 500)
    near.say(b"into the void")
    with pytest.raises(TimeoutError, match="110"):
        await near.rest()  # ETIMEDOUT: no end was ever heard
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await asyncio.open_connection("127.0.0.1", pair.chaos.port)
    far.say(b"sent anew by the kernel")
    pair.chaos.mend()
    late, other = await pair.both()
    late.say(b"back")
    assert await other.read(4) == b"back"


async def test_what_was_sent_into_a_cut_cable_arrives_when_it_is_mended(pair: Pair) -> None:
    near, far = await pair.both()
    pair.chaos.cut()
    far.say(b"patience")
    await near.hears_nothing()
    pair.chaos.mend()
    assert await near.read(8) == b"patience"


async def test_a_limit_closes_the_connection_after_so_many_bytes(pair: Pair) -> None:
    near, far = await pair.both()
    pair.chaos.up.limit = 150
    near.say(BYTES[:100])
    near.say(BYTES[100:200])
    assert await far.rest() == BYTES[:150]
    assert await near.rest() == b""


async def test_corruption_turns_bits_and_duplication_repeats(pair: Pair) -> None:
    near, far = await pair.both()
    pair.chaos.up.corrupt = 0.01
    near.say(BYTES)
    heard = await far.read(len(BYTES))
    turned = sum(before != after for before, after in zip(BYTES, heard, strict=True))
    assert 100 < turned < 350
    pair.chaos.up.corrupt, pair.chaos.up.duplicate = 0.0, 1.0
    near.say(b"twice")
    assert await far.read(10) == b"twicetwice"


async def test_a_flapping_link_goes_down_and_comes_up_by_its_schedule(pair: Pair) -> None:
    near, _ = await pair.both()
    async with pair.chaos.flapping([(0.05, 0.3), (0.05, 0.3)]):
        with pytest.raises(ConnectionResetError):
            await near.rest()
        with pytest.raises(ConnectionRefusedError):
            await pair.near()
    late, other = await pair.both()
    late.say(b"up")
    assert await other.read(2) == b"up"


async def test_a_target_that_is_not_there_is_a_reset(pair: Pair) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with ChaosProxy(nobody.getsockname()[1]) as chaos:
            near = End(*await asyncio.open_connection("127.0.0.1", chaos.port))
            with pytest.raises(ConnectionResetError):
                await near.rest()
            near.writer.transport.abort()


async def test_one_seed_makes_one_run() -> None:
    async def run(seed: int) -> bytes:
        async with made(seed) as pair:
            pair.chaos.up.corrupt = 0.05
            near, far = await pair.both()
            near.say(BYTES[:1000])
            return await far.read(1000)

    assert await run(3) == await run(3)
    assert await run(3) != await run(4)
