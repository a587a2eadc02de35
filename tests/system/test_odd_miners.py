"""Miners with odd JSON, and callers that are no miners: an answer or the door, and nobody else notices."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from proxy.adapters.simulated.pool import SimulatedPool
from proxy.mining.difficulty import target_of
from tests.adapters.simulated.raw import RawClient, mined
from tests.system.conftest import Launch
from tests.system.mine import EASY, HARD, POOL, miner, more, undisturbed
from tests.system.pumpjack import PATIENCE, Pumpjack
from tests.system.site import site, tenant, upstream

ODD = (
    b'{"method":"mining.configure","id":"c","params":[["version-rolling","info","odd"],{}]}',
    b'  { "params" : [ ] , "id" : 0 , "method" : "mining.subscribe" }  \r',
    b'{"id":-7,"method":"mining.authorize","params":["acme.odd","x",null,{"more":[1]}]}',
    b'{"id":18446744073709551615,"method":"mining.ping"}',
    b'{"id":1.5,"method":"mining.ping","params":null}',
    b'{"id":"\\u00e9\\"x","method":"mining.ping","params":{}}',
    b'{"id":true,"method":"mining.ping"}',
    b'{"id":[1,{"a":2}],"method":"mining.ping"}',
    b'{"id":7,"method":"mining.get_transactions","params":["1"]}',
    b'{"id":7,"method":"eth_submitWork","params":[]}',
    b'{"id":7,"method":"mining.suggest_difficulty","params":[NaN]}',
    b'{"id":8,"method":"mining.suggest_difficulty","params":["many"]}',
    b'{"id":9,"method":"mining.suggest_target","params":["zz"]}',
    b'{"id":10,"method":"mining.suggest_difficulty(1)","params":[]}',
    b'{"id":11,"method":"mining.multi_version","params":[1]}',
    b'{"id":12,"method":"client.get_version"}',
    b'{"id":13,"method":"mining.submit","params":["acme.odd"]}',
    b'{"id":14,"method":"mining.submit","params":["acme.odd","1","00","0000 0000","-1","0x"]}',
    b'{"id":15,"method":"mining.submit","params":["acme.odd","nope","00000000","00000000","00000000"]}',
    b'{"id":16,"method":"mining.extranonce.subscribe","params":[]}',
    b'{"id":17,"method":"mining.authorize","params":[]}',
    b'{"id":18,"method":17}',
    b'{"id":19}',
    b"[]",
    b"null",
    b'"\xff\xfe"',
    b"[" * 900,
    b'{"id":20,"method":"mining.ping","method":"mining.ping"}',
    b'{"id":"last","method":"mining.ping"}',
)


async def answers(client: RawClient) -> list[dict[str, Any]]:
    """Return the answers up to that of ``last``, without what is another for each session."""
    found: list[dict[str, Any]] = []
    while True:
        line = await client.line()
        assert line, "it hung up"
        message = json.loads(line)
        if "method" in message:
            continue
        if message["id"] == 0:
            message["result"] = message["result"][2]
        found.append(message)
        if message["id"] == "last":
            return found


@asynccontextmanager
async def served(launch: Launch) -> AsyncIterator[tuple[Pumpjack, SimulatedPool]]:
    async with SimulatedPool(POOL) as pool:
        yield await launch(site(tenant(upstream(pool)))), pool


def cuts(script: bytes) -> Iterator[tuple[str, list[bytes]]]:
    yield "one segment", [script]
    yield "byte by byte", [script[at : at + 1] for at in range(len(script))]
    yield "sevens", [script[at : at + 7] for at in range(0, len(script), 7)]
    yield "rubbish behind", [script + b'{"id":99,"method":"mining.pi']


async def test_odd_json_is_answered_alike_however_it_is_cut(launch: Launch) -> None:
    script = b"".join(line + b"\n" for line in ODD)
    async with served(launch) as (pumpjack, _):
        told: dict[str, list[dict[str, Any]]] = {}
        for name, parts in cuts(script):
            async with RawClient(pumpjack.port) as client:
                for part in parts:
                    client.write(part)
                    await asyncio.sleep(0)  # one segment each, as far as the loop and the kernel like
                told[name] = await answers(client)
        whole = told["one segment"]
        assert all(each == whole for each in told.values())
        by_id = {json.dumps(message["id"]): message for message in whole}
        assert all("error" in message and "result" in message for message in whole)
        assert by_id['"c"']["result"] == {
            "version-rolling": True,
            "version-rolling.mask": "1fffe000",
            "info": True,
            "odd": False,
        }
        assert by_id["-7"]["result"] is True
        for identity in ("18446744073709551615", "1.5", '"\\u00e9\\"x"'):
            assert by_id[identity]["result"] == "pong", identity
        assert sum(message["id"] is None for message in whole) >= 1, "true is no id"
        assert [message["error"][0] for message in whole if message["id"] == 7] == [-3, -3]
        assert by_id["15"]["error"][0] == 21
        assert by_id["13"]["error"][0] == by_id["14"]["error"][0] == by_id["8"]["error"][0] == 20


@pytest.mark.parametrize("bytewise", [False, True])
async def test_a_share_counts_however_its_line_is_cut(launch: Launch, bytewise: bool) -> None:
    async with served(launch) as (pumpjack, pool), RawClient(pumpjack.port) as client:
        _, extranonce1, size = await client.shake_hands("acme.raw", "00000000")
        job = await client.notification("mining.notify")
        outcomes = []
        for number in range(3):
            extranonce2 = f"{number:0{2 * size}x}".upper()
            share = mined(job, extranonce1, extranonce2, target_of(EASY))[:4]
            request = {"params": ["acme.raw", *share], "method": "mining.submit", "id": f"s{number}"}
            line = json.dumps(request).encode() + b"\n" + b"no json\n" * (number == 1)
            for part in [line[at : at + 1] for at in range(len(line))] if bytewise else [line]:
                client.write(part)
                await asyncio.sleep(0)
            outcomes.append(await answer_to(client, f"s{number}"))
        again = mined(job, extranonce1, "00" * size, target_of(EASY))[:4]
        outcomes.append((await client.ask("mining.submit", "acme.raw", *again))["error"][0])
        low = mined(job, extranonce1, "77" * size, target_of(EASY), above=True)[:4]
        outcomes.append((await client.ask("mining.submit", "acme.raw", *low))["error"][0])
        assert outcomes == [True, True, True, 22, 23]
        await pool.wait_for(lambda it: it.accepted == 3, PATIENCE)
        assert pool.rejected == 0


async def answer_to(client: RawClient, identity: str) -> object:
    while True:
        message = await client.message()
        if message.get("id") == identity:
            return message["result"]


SCANNERS = {
    "http": b"GET / HTTP/1.1\r\nHost: example.net\r\nUser-Agent: zgrab\r\nAccept: */*\r\n\r\n",
    "http post": b"POST /api HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    "tls": bytes.fromhex("160301009d010000990303") + bytes(range(146)),
    "rdp": bytes.fromhex("0300002c27e00000000000") + b"Cookie: mstshash=hello\r\n\x01\x00\x08\x00",
    "ssh": b"SSH-2.0-Go\r\n",
    "many lines": b"\n" * 20_000 + b"HELP\r\n" * 5_000,
    "no newline": b"A" * 1_000_000,
    "numbers": b'{"id":' + b"9" * 900 + b"}\n",
    "deep": b"[" * 1_000_000 + b"\n",
    "nothing": b"",
    "half a line": b'{"id":1,"method":"mining.sub',
}


async def scan(port: int, data: bytes, *, reset: bool) -> None:
    """Say ``data`` and go, whatever is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        await writer.drain()
        if reset:
            sock: socket.socket = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes.fromhex("0100000000000000"))
        else:
            writer.write_eof()
            await reader.read()
    except OSError:
        pass  # it was shown the door before it had said all
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("reset", [False, True], ids=["closing", "resetting"])
async def test_scanners_leave_miners_and_the_log_alone(launch: Launch, reset: bool) -> None:
    async with served(launch) as (pumpjack, _), miner(pumpjack.port, "cgminer") as client:
        await more([client], 3)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(
                *(scan(pumpjack.port, data, reset=reset) for data in SCANNERS.values() for _ in range(3))
            )
        await more([client], 10)
        state = await pumpjack.status_when(lambda state: state["connections"] == 1)
        assert (state["sessions"], state["shares"]["rejected"]) == (1, 0)
        undisturbed([client])


async def test_who_never_ends_a_line_or_never_makes_sense_is_disconnected(launch: Launch) -> None:
    async with served(launch) as (pumpjack, _):
        for data in (b"A" * 5_000, b"nonsense\n" * 40):
            async with RawClient(pumpjack.port) as client:
                client.write(data)
                while await client.line():
                    pass
        await pumpjack.logged("SessionRefused", count=2)
        causes = [entry["cause"] for entry in pumpjack.entries("SessionRefused")]
        assert causes == ["line longer than 1024 bytes", "too many malformed lines"]


@pytest.mark.slow  # the least time to subscribe is a second, to authorise another, and rounds take two
async def test_who_says_nothing_is_disconnected_in_time(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        timers = {"timers": {"subscribe": 1, "authorize": 1}}
        pumpjack = await launch(site(tenant(upstream(pool)), stratum=timers))
        async with RawClient(pumpjack.port) as silent, RawClient(pumpjack.port) as nameless:
            await nameless.ask("mining.subscribe")
            assert await silent.line() == b""
            assert await nameless.line() == b""
        await pumpjack.logged("SessionRefused", count=2)
        causes = [entry["cause"] for entry in pumpjack.entries("SessionRefused")]
        assert sorted("subscribed" in cause for cause in causes) == [False, True]
        assert all(cause.endswith("in time") for cause in causes)


async def test_a_miner_that_does_not_read_costs_itself_only(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        limits = {"limits": {"write_buffer": 8192, "send_buffer": 4096}}
        pumpjack = await launch(site(tenant(upstream(pool)), stratum=limits))
        loop = asyncio.get_running_loop()
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            await loop.sock_connect(deaf, ("127.0.0.1", pumpjack.port))
            hello = b'{"id":1,"method":"mining.subscribe"}\n'
            hello += b'{"id":2,"method":"mining.authorize","params":["acme.deaf","x"]}\n'
            await loop.sock_sendall(deaf, hello)
            async with miner(pumpjack.port, "cgminer") as client:
                await pumpjack.logged("SessionOpened", worker="deaf")
                while not (closed := pumpjack.entries("SessionClosed", worker="deaf")):
                    for _ in range(50):
                        pool.new_job()
                    await more([client], 1)
                assert closed[0]["cause"] == "did not read"
                undisturbed([client])


async def test_several_workers_on_one_connection_and_a_second_subscribe(launch: Launch) -> None:
    async with served(launch) as (pumpjack, pool), RawClient(pumpjack.port) as client:
        first = await client.shake_hands("acme.one", "00000000")
        assert (await client.ask("mining.authorize", "acme.two", "x"))["result"] is True
        assert (await client.ask("mining.subscribe", "again"))["result"] == first
        job = await client.notification("mining.notify")
        for worker in ("acme.one", "acme.two", "acme.three"):
            extranonce2 = worker.encode().hex()[-2 * first[2] :]
            share = mined(job, first[1], extranonce2, target_of(EASY))[:4]
            answer = await client.ask("mining.submit", worker, *share)
            assert (answer["result"] is True) == (worker != "acme.three")
            assert answer["error"] is None or answer["error"][0] == 24
        await pool.wait_for(lambda it: it.accepted == 2, PATIENCE)
        pool.set_difficulty(HARD)
