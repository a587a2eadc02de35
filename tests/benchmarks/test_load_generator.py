"""The load generator believes no server: whatever lies planted in one must show in its counts."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from benchmarks.programs import Broken
from benchmarks.servers import demand_honest
from proxy.hotpath.reference import PreparedJob, Target
from proxy.mining.difficulty import target_of
from proxy.stratum.tell import NotifyTemplate, set_difficulty
from proxy.units import Difficulty
from tests.benchmarks.conftest import Start

pytestmark = pytest.mark.checkout

Json = dict[str, Any]
BRANCHES = [bytes([number]) * 32 for number in range(12)]
TEMPLATE = NotifyTemplate(b"\x05" * 32, b"\x01" * 110, b"\x02" * 180, BRANCHES, 0x20000000, 0x17034219)
JOB = PreparedJob(b"\x01" * 110, b"\x02" * 180, 8, tuple(BRANCHES), 0x20000000, b"\x05" * 32, 0x17034219)
NTIME = 0x65F00000
EASIEST, HALF, HARD = Difficulty(2.0**-32), Difficulty(2.0**-31), Difficulty(2.0**20)


class Server:
    """Judges every share by the reference, and then does to its answers what a test wants."""

    def __init__(self, difficulty: Difficulty, plant: Callable[[list[bytes]], list[bytes]]) -> None:
        self.difficulty = difficulty
        self.plant = plant
        self.lines: list[bytes] = []
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "Server":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *trouble: object) -> None:
        for writer in self._writers:
            writer.close()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        extranonce1 = len(self._writers).to_bytes(4, "big")
        answers: list[bytes] = []
        while line := await reader.readline():
            message = json.loads(line)
            match message["method"]:
                case "mining.subscribe":
                    writer.write(answer(message, [[["mining.notify", "1"]], extranonce1.hex(), 4]))
                case "mining.authorize":
                    writer.write(answer(message, True) + set_difficulty(self.difficulty))
                    writer.write(TEMPLATE.line("j1", NTIME, clean=True))
                case _:
                    self.lines.append(line)
                    answers.append(self._judged(message, extranonce1))
                    if len(answers) == 2:
                        for each in self.plant(answers):
                            writer.write(each)
                        answers = []

    def _judged(self, message: Json, extranonce1: bytes) -> bytes:
        _, job, extranonce2, ntime, nonce = message["params"]
        assert job == "j1"
        digest = JOB.share_hash(
            extranonce1 + bytes.fromhex(extranonce2), int(ntime, 16), int(nonce, 16), 0x20000000
        )
        met = Target(target_of(self.difficulty)).met_by(digest)
        return answer(message, True) if met else refusal(message["id"], 23)

    def news(self) -> None:
        for writer in self._writers:
            writer.write(TEMPLATE.line("j2", NTIME, clean=True))


def answer(message: Json, result: object) -> bytes:
    compact = json.dumps({"id": message["id"], "result": result, "error": None}, separators=(",", ":"))
    return compact.encode() + b"\n"


def refusal(identity: int, code: int) -> bytes:
    return b'{"id":%d,"result":null,"error":[%d,"No",null]}\n' % (identity, code)


def honest(answers: list[bytes]) -> list[bytes]:
    return answers


async def counted(
    start: Start,
    plant: Callable[[list[bytes]], list[bytes]],
    *,
    difficulty: Difficulty = EASIEST,
    connections: int = 3,
    verify: int = 1,
    run: str = "run 5 20 2 2 0",
) -> tuple[Json, Server]:
    """Return what the load generator counts at such a server, 20 shares from each connection."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Server(difficulty, plant))
        load = start(
            "load",
            *("--port", server.port, "--connections", connections, "--verify", verify),
            *("--per-address", 2, "--patience", 0.3),
        )
        assert (await asyncio.to_thread(load.heard))["ready"] == connections
        load.tell(run)
        counts = await asyncio.to_thread(load.heard)
        load.kill()
        return counts, server


async def test_an_honest_server_is_believed(start: Start) -> None:
    counts, _ = await counted(start, honest)
    demand_honest(counts)
    assert counts["sent"] == 60 == counts["accepted"] + counts["low_right"]
    assert counts["accepted_checked"] == counts["accepted"]


async def test_no_two_submits_are_equal_and_all_look_like_those_of_cgminer(start: Start) -> None:
    _, server = await counted(start, honest)
    claims = {tuple(json.loads(line)["params"]) for line in server.lines}
    assert len(claims) == len(server.lines) == 60
    first = json.loads(server.lines[0])
    assert list(first) == ["params", "id", "method"]
    assert server.lines[0] == json.dumps(first).encode() + b"\n"
    assert {json.loads(line)["id"] for line in server.lines} == set(range(4, 24))


async def test_half_of_the_shares_are_refused_where_half_are_low_and_that_is_right(start: Start) -> None:
    counts, _ = await counted(start, honest, difficulty=HALF, connections=10)
    assert counts["refused"] == {"23": counts["low_right"]}
    assert 40 < counts["low_right"] < 160
    demand_honest(counts)


def dropping(answers: list[bytes]) -> list[bytes]:
    return answers[1:]


def doubling(answers: list[bytes]) -> list[bytes]:
    return [answers[0], answers[0], answers[1]]


def swapping(answers: list[bytes]) -> list[bytes]:
    return answers[::-1]


def refusing(answers: list[bytes]) -> list[bytes]:
    return [refusal(json.loads(each)["id"], 23) for each in answers]


def stale(answers: list[bytes]) -> list[bytes]:
    return [answers[0], refusal(json.loads(answers[1])["id"], 21)]


def denying(answers: list[bytes]) -> list[bytes]:
    return [each.replace(b"true", b"false") for each in answers]


def inventing(answers: list[bytes]) -> list[bytes]:
    return [*answers, b'{"id":999999,"result":true,"error":null}\n']


def babbling(answers: list[bytes]) -> list[bytes]:
    return [*answers, b"hello\n"]


@pytest.mark.parametrize(
    ("plant", "flaw"),
    [
        (dropping, "lost"),
        (doubling, "unasked"),
        (swapping, "out_of_order"),
        (refusing, "wrong"),
        (inventing, "unasked"),
        (babbling, "garbage"),
    ],
)
async def test_a_server_that_lies_is_found_out(
    start: Start, plant: Callable[[list[bytes]], list[bytes]], flaw: str
) -> None:
    counts, _ = await counted(start, plant, run="run 0.5 20 2 2 0")
    assert counts[flaw] > 0
    with pytest.raises(Broken, match=flaw):
        demand_honest(counts)


async def test_a_server_that_takes_low_shares_is_found_out(start: Start) -> None:
    def yes(answers: list[bytes]) -> list[bytes]:
        return [answer(json.loads(each), True) for each in answers]

    counts, _ = await counted(start, yes, difficulty=HARD)
    assert counts["accepted"] == counts["wrong"] == 60


async def test_refusals_are_counted_by_code_and_none_but_low_ones_are_excused(start: Start) -> None:
    counts, _ = await counted(start, stale)
    assert counts["refused"]["21"] == 30
    with pytest.raises(Broken, match="code 21"):
        demand_honest(counts)
    counts, _ = await counted(start, denying)
    assert counts["refused"] == {"0": 60}


async def test_an_open_loop_sends_at_its_rate_and_no_faster(start: Start) -> None:
    counts, _ = await counted(start, honest, run="run 0.5 0 1 16 400")
    assert 0 < counts["sent"] <= 201
    counts, _ = await counted(start, honest, run="run 20 40 1 16 4000")
    assert counts["sent"] == 120


async def test_latency_is_told_in_order_of_rank(start: Start) -> None:
    counts, _ = await counted(start, honest)
    latency = counts["latency_us"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["p999"] <= latency["most"]


async def test_it_follows_a_new_job_and_says_who_has_heard_of_it(start: Start) -> None:
    async with Server(EASIEST, honest) as server:
        load = start("load", "--port", server.port, "--connections", 3)
        await asyncio.to_thread(load.heard)
        load.tell("watch 10")
        assert await asyncio.to_thread(load.heard) == {"watching": 3}
        server.news()
        heard = await asyncio.to_thread(load.heard)
        assert heard["heard"] == 3
        assert heard["bytes"] == 3 * len(TEMPLATE.line("j2", NTIME, clean=True))
        assert 0 < heard["first_ns"] <= heard["last_ns"]
        load.kill()
