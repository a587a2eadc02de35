"""What the pool says to a client that a test plays by hand."""

import asyncio
import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from proxy.adapters.simulated.pool import (
    Configure,
    PoolSettings,
    Refusals,
    SimulatedPool,
    SubscribeShape,
    personality,
)
from proxy.mining.difficulty import target_of, target_of_nbits
from proxy.units import Difficulty, Seconds
from tests.adapters.simulated.raw import RawClient, mined

EASY = Difficulty(2.0**-26)
SETTINGS = PoolSettings(difficulty=EASY, record_lines=100)


async def test_handshake_difficulty_and_first_job_come_in_order() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        _, extranonce1, size = await client.shake_hands()
        assert re.fullmatch("[0-9a-f]{8}", extranonce1)
        assert size == 8
        difficulty, notify = await client.message(), await client.message()
        assert difficulty == {"id": None, "method": "mining.set_difficulty", "params": [EASY]}
        assert notify["method"] == "mining.notify"
        assert len(notify["params"]) == 9
        assert notify["params"][8] is True


async def test_every_connection_has_its_own_extranonce() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as one, RawClient(pool.port) as other:
        assert (await one.shake_hands())[1] != (await other.shake_hands())[1]


@pytest.mark.parametrize("resume", [True, False])
async def test_a_session_id_brings_its_extranonce_back_where_the_pool_resumes(resume: bool) -> None:
    async with SimulatedPool(replace(SETTINGS, resume=resume)) as pool:
        async with RawClient(pool.port) as client:
            subscription = await client.shake_hands()
        await pool.wait_for(lambda pool: pool.connections == 0)
        async with RawClient(pool.port) as client:
            answer = await client.ask("mining.subscribe", "raw", subscription[0][1][1])
            assert (answer["result"][1] == subscription[1]) == resume


@pytest.mark.parametrize("resume", [True, False])
async def test_a_session_that_comes_back_may_submit_for_its_old_jobs(resume: bool) -> None:
    async with SimulatedPool(replace(SETTINGS, resume=resume)) as pool:
        async with RawClient(pool.port) as client:
            subscription = await client.shake_hands()
            job = await client.notification("mining.notify")
        await pool.wait_for(lambda pool: pool.connections == 0)
        share = mined(job, subscription[1], "00" * subscription[2], target_of(SETTINGS.difficulty))
        async with RawClient(pool.port) as client:
            await client.ask("mining.subscribe", "raw", subscription[0][1][1])
            await client.ask("mining.authorize", "t.w", "x")
            answer = await client.ask("mining.submit", "t.w", *share[:4])
            assert answer["result"] is (True if resume else None)
            if resume:
                assert (await client.ask("mining.submit", "t.w", *share[:4]))["error"][0] == 22


async def test_a_second_subscribe_on_the_same_socket_changes_nothing() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        subscription = await client.shake_hands()
        assert (await client.ask("mining.subscribe", "raw"))["result"] == subscription


@pytest.mark.parametrize(
    ("shape", "is_shape"),
    [
        (SubscribeShape.PAIRS, lambda it: it[1][0] == "mining.notify"),
        (SubscribeShape.FLAT, lambda it: it[0] == "mining.notify"),
        (SubscribeShape.EMPTY, lambda it: it == []),
        (SubscribeShape.NULL, lambda it: it is None),
    ],
)
async def test_the_subscribe_result_has_the_shape_of_the_personality(
    shape: SubscribeShape, is_shape: Any
) -> None:
    settings = replace(SETTINGS, subscribe_shape=shape)
    async with SimulatedPool(settings) as pool, RawClient(pool.port) as client:
        assert is_shape((await client.shake_hands())[0])


ROLLING = {"version-rolling.mask": "00c0e000", "version-rolling.min-bit-count": 2}


async def configured(settings: PoolSettings, *params: object) -> dict[str, Any]:
    async with SimulatedPool(settings) as pool, RawClient(pool.port) as client:
        return await client.ask("mining.configure", *params)


async def test_configure_grants_what_both_allow_and_answers_every_key() -> None:
    names = ["version-rolling", "minimum-difficulty", "subscribe-extranonce", "info", "new"]
    answer = await configured(SETTINGS, names, ROLLING)
    assert answer["result"] == {
        "version-rolling": True,
        "version-rolling.mask": "00c0e000",
        "minimum-difficulty": False,
        "subscribe-extranonce": True,
        "info": True,
        "new": False,
    }


async def test_too_few_common_bits_are_not_granted() -> None:
    options = {"version-rolling.mask": "00002001", "version-rolling.min-bit-count": 2}
    answer = await configured(SETTINGS, ["version-rolling"], options)
    assert answer["result"] == {"version-rolling": False}


async def test_a_foreign_mask_is_granted_whatever_was_asked() -> None:
    answer = await configured(personality("foreign_mask"), ["version-rolling"], ROLLING)
    assert answer["result"]["version-rolling.mask"] == "5fffe000"


async def test_an_old_pool_refuses_configure() -> None:
    answer = await configured(personality("no_configure"), ["version-rolling"], ROLLING)
    assert answer["error"][0] == -3


async def test_an_older_pool_closes_at_configure() -> None:
    settings = replace(SETTINGS, configure=Configure.DISCONNECT)
    async with SimulatedPool(settings) as pool, RawClient(pool.port) as client:
        client.write(b'{"id":1,"method":"mining.configure","params":[["version-rolling"],{}]}\n')
        assert await client.line() == b""


async def test_titan_sends_its_mask_once_more() -> None:
    async with SimulatedPool(personality("titan")) as pool, RawClient(pool.port) as client:
        await client.shake_hands()
        assert await client.notification("mining.set_version_mask") == ["1fffe000"]


async def test_names_and_passwords_may_be_refused() -> None:
    settings = replace(SETTINGS, refused_names="^bad", password="secret")
    async with SimulatedPool(settings) as pool, RawClient(pool.port) as client:
        await client.ask("mining.subscribe", "raw")
        for name, password in (("bad.1", "secret"), ("good.1", "guess")):
            answer = await client.ask("mining.authorize", name, password)
            assert answer["result"] is False
            assert answer["error"][0] == 24
        assert (await client.ask("mining.authorize", "good.1", "secret"))["result"] is True
        assert (await client.ask("mining.authorize", "good.2", "secret"))["result"] is True
        assert pool.workers == {"good.1", "good.2"}


async def test_a_suggested_difficulty_is_honoured_or_not() -> None:
    for honour in (True, False):
        settings = replace(SETTINGS, honour_suggestion=honour)
        async with SimulatedPool(settings) as pool, RawClient(pool.port) as client:
            await client.shake_hands()
            assert (await client.ask("mining.suggest_difficulty", 2.0**-20))["result"] is True
            assert pool.difficulties == [2.0**-20 if honour else EASY]


async def test_a_suggested_target_is_a_suggested_difficulty() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        await client.shake_hands()
        await client.ask("mining.suggest_target", f"{target_of(Difficulty(2.0**-20)):064x}")
        assert pool.difficulties == [2.0**-20]


REFUSED: dict[Refusals, dict[str, Any]] = {
    Refusals.LIST: {"result": None, "error": [21, "Job not found", None]},
    Refusals.FALSE_LIST: {"result": False, "error": [21, "Job not found", None]},
    Refusals.STRING: {"result": None, "error": "Stale"},
    Refusals.REASON: {"result": False, "error": None, "reject-reason": "Stale"},
    Refusals.OBJECT: {"result": None, "error": {"code": 21, "message": "Job not found"}},
}


@pytest.mark.parametrize("style", REFUSED)
async def test_a_refusal_is_written_in_the_manner_of_the_personality(style: Refusals) -> None:
    async with SimulatedPool(replace(SETTINGS, refusals=style)) as pool, RawClient(pool.port) as client:
        await client.shake_hands()
        params = ("t.w", "no such job", "00" * 8, "00000000", "00000000")
        answer = await client.ask("mining.submit", *params)
        del answer["id"]
        assert answer == REFUSED[style]
        assert pool.truth.rejected == {21: 1}


async def test_shares_made_by_hand_are_judged_and_booked() -> None:
    async with SimulatedPool(SETTINGS, seed=4) as pool, RawClient(pool.port) as client:
        _, extranonce1, _ = await client.shake_hands()
        notify = await client.notification("mining.notify")
        good = mined(notify, extranonce1, "00" * 8, target_of(EASY), 0x00092000)
        assert (await client.ask("mining.submit", "t.w", *good))["result"] is True
        assert (await client.ask("mining.submit", "t.w", *good))["error"][0] == 22
        bad = mined(notify, extranonce1, "01" * 8, target_of(EASY), above=True)
        assert (await client.ask("mining.submit", "t.w", *bad))["error"][0] == 23
        assert (await client.ask("mining.submit", "t.x", *good))["error"][0] == 24
        assert (await client.ask("mining.submit", "t.w", *good[:2], "zz", *good[3:]))["error"][0] == 20
        pool.new_block()
        assert (await client.ask("mining.submit", "t.w", *good))["error"][0] == 21
        truth = pool.truth
        assert (truth.submits, truth.accepted, truth.duplicates, truth.credited) == (6, 1, 1, EASY)
        assert truth.rejected == {20: 1, 21: 1, 22: 1, 23: 1, 24: 1}
        assert (truth.answered_true, truth.answered_false) == (1, 5)
        assert truth.workers == {"t.w": 1}


async def test_submit_before_subscribe_is_error_25() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        answer = await client.ask("mining.submit", "t.w", "1", "00" * 8, "00000000", "00000000")
        assert answer["error"][0] == 25


async def test_a_share_that_is_a_block_makes_the_next_one() -> None:
    settings = replace(SETTINGS, network_difficulty=Difficulty(2.0**-16))
    async with SimulatedPool(settings) as pool, RawClient(pool.port) as client:
        _, extranonce1, _ = await client.shake_hands()
        notify = await client.notification("mining.notify")
        height = pool.height
        block = mined(notify, extranonce1, "00" * 8, target_of_nbits(int(notify[6], 16)))
        assert (await client.ask("mining.submit", "t.w", *block))["result"] is True
        following = await client.notification("mining.notify")
        assert following[8] is True
        assert pool.height == height + 1
        [found] = pool.truth.blocks
        words = [following[1][at : at + 8] for at in range(0, 64, 8)]
        assert b"".join(bytes.fromhex(word)[::-1] for word in words) == found.digest


async def test_a_handshake_byte_by_byte_is_a_handshake() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        requests = (
            b'{"id": 1, "method": "mining.subscribe", "params": []}\r\n\n'
            b'{"params": ["t.w", "x"], "id": "two", "method": "mining.authorize"}\n'
        )
        for at in range(len(requests)):
            client.write(requests[at : at + 1])
            await asyncio.sleep(0)
        assert (await client.message())["id"] == 1
        assert (await client.message())["id"] == "two"


@pytest.mark.parametrize("identity", [0, -5, "text", "", None, 1.5, True, 2**62, [1, "x"], {"a": 1}])
async def test_ids_are_echoed_as_they_came(identity: object) -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        client.write(msgspec.json.encode({"id": identity, "method": "mining.ping", "params": []}) + b"\n")
        assert await client.message() == {"id": identity, "result": "pong", "error": None}


async def test_an_unknown_method_is_answered_and_the_connection_lives() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        assert (await client.ask("eth_submitWork", 1))["error"][0] == -3
        assert (await client.ask("mining.ping"))["result"] == "pong"
        assert pool.methods == {"": 1, "mining.ping": 1}


@pytest.mark.parametrize("params", [b"null", b'"text"', b"5", b"{}", b"[null]", b"[[]]", b'[{"a":1},[],5]'])
@pytest.mark.parametrize(
    "method",
    [
        "configure",
        "subscribe",
        "authorize",
        "submit",
        "suggest_difficulty",
        "suggest_target",
        "extranonce.subscribe",
    ],
)
async def test_odd_params_are_answered_and_nothing_breaks(method: str, params: bytes) -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        client.write(b'{"id":1,"method":"mining.' + method.encode() + b'","params":' + params + b"}\n")
        assert (await client.message())["id"] == 1
        assert (await client.ask("mining.ping"))["result"] == "pong"


async def test_rubbish_is_refused_counted_and_in_the_end_thrown_out() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        client.write(b"GET / HTTP/1.1\n" + b"[" * 8000 + b"\n" + b"\xff\xfe\n")
        for _ in range(3):
            assert (await client.message())["error"][0] == 20
        client.write(b"x\n" * 20)
        for _ in range(7):
            await client.message()
        assert await client.line() == b""
        assert pool.rubbish == 10


async def test_a_line_without_end_is_thrown_out() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        client.write(b"a" * (SETTINGS.most_line + 1))
        assert await client.line() == b""
        await pool.wait_for(lambda pool: pool.connections == 0)


async def test_lines_are_recorded_when_asked() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        await client.ask("mining.ping")
        assert [(line.direction, line.data) for line in pool.lines] == [
            ("in", b'{"id":1,"method":"mining.ping","params":[]}'),
            ("out", b'{"id":1,"result":"pong","error":null}'),
        ]


async def test_set_difficulty_and_its_job_are_one_write() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        await client.shake_hands()
        first = await client.notification("mining.notify")
        await client.notification("mining.set_difficulty")
        pool.set_difficulty(Difficulty(2.0**-20))
        assert (await client.message())["params"] == [2.0**-20]
        again = (await client.message())["params"]
        assert again[0] != first[0]
        assert again[1:8] == first[1:8]


async def test_ckpool_sends_a_difficulty_without_a_job() -> None:
    settings = replace(SETTINGS, difficulty_alone=True)
    async with SimulatedPool(settings) as pool, RawClient(pool.port) as client:
        await client.shake_hands()
        await client.notification("mining.notify")
        pool.set_difficulty(Difficulty(2.0**-20))
        assert (await client.ask("mining.ping"))["result"] == "pong"
        assert [message["method"] for message in client.told] == ["mining.set_difficulty"] * 2


async def test_blocks_and_jobs_come_by_themselves_when_asked() -> None:
    settings = replace(
        SETTINGS, block_interval=Seconds(0.05), poisson_blocks=False, notify_interval=Seconds(0.02)
    )
    async with SimulatedPool(settings) as pool, RawClient(pool.port) as client:
        await client.shake_hands()
        height = pool.height
        await pool.wait_for(lambda pool: pool.height >= height + 2)
        flags = [(await client.notification("mining.notify"))[8] for _ in range(5)]
        assert True in flags
        assert False in flags
