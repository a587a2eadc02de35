"""A04, A05, A11: lines that are bombs, names that are poison, logins without end."""

import asyncio
import json
from pathlib import Path

from tests.adapters.simulated.raw import RawClient
from tests.faults.hostile import Peer, attacked, honest, logged_in, until
from tests.system.pumpjack import Pumpjack

PING = b'{"id":7,"method":"mining.ping","params":%b}'
BOMBS = [
    b"[" * 1000,
    b'{"a":' * 200,
    PING % (b"[" * 300 + b"]" * 300),
    PING % (b"[" + b"1" * 900 + b"]"),
    PING % (b"[" + b"1," * 450 + b"1]"),
    PING % (b'["' + b"\\n" * 450 + b'"]'),
    PING % b"[1e400]",
    PING % b"[NaN]",
    PING % b"[-Infinity]",
    PING % b'[{"a":1,"a":2}]',
    b'{"id":7,"id":8,"method":"mining.ping"}',
    b'{"id":7,"method":"mining.ping","method":"mining.submit","params":[]}',
    PING % b'["\\ud800"]',
    PING % b'["\xff\xfe"]',
    b"\xef\xbb\xbf" + PING % b"[]",
    (PING % b"[]").decode().encode("utf-16-le"),
    b'{"id":true,"method":"mining.ping"}',
    b'{"id":[7],"method":"mining.ping"}',
    b'{"id":{"a":7},"method":"mining.ping"}',
    b'{"id":99999999999999999999999,"method":"mining.ping"}',
    b'{"id":7,"method":["mining.ping"]}',
    b"\x00" * 100,
]


async def test_a04_every_bomb_is_refused_with_a_reason_and_the_connection_goes_on(tmp_path: Path) -> None:
    async with attacked(tmp_path) as (pumpjack, _), honest(pumpjack.port):
        for at in range(0, len(BOMBS), 10):
            async with RawClient(pumpjack.port) as client:
                for bomb in BOMBS[at : at + 10]:
                    client.write(bomb + b"\n")
                    answer = await client.message()
                    assert (answer["id"], answer["error"][0]) == (None, 20), bomb
                assert (await client.ask("mining.ping"))["result"] == "pong"


async def test_a04_bombs_without_end_are_the_end_of_the_connection(tmp_path: Path) -> None:
    async with attacked(tmp_path) as (pumpjack, _), honest(pumpjack.port):
        peer, _ = await logged_in(pumpjack.port, "127.0.3.1")
        async with asyncio.timeout(20):
            await peer.flood(b"[[[[[[]]]]]]\n")
        await peer.leave()
        await pumpjack.logged("SessionRefused", cause="too many malformed lines")


POISON = ["\x00nul", "\u202egnp.exe", "\x1b[2J\x1b]0;x\x07", '"><img onerror=x>', "=cmd()|'x'!A1"]
POISON += ["[red]x[/]", "\u2028\u2029", "x" * 250, "\U0001f600", "`;drop table", "%0a\r\nX: y"]


def log_is_plain(pumpjack: Pumpjack) -> bool:
    return all(" " <= c <= "~" for line in pumpjack.lines for c in line)


async def test_a05_poison_in_names_reaches_no_log_no_status_and_no_pool(tmp_path: Path) -> None:
    async with attacked(tmp_path) as (pumpjack, _), honest(pumpjack.port):
        clients = []
        for poison in POISON:
            client = RawClient(pumpjack.port)
            await client.__aenter__()
            clients.append(client)
            await client.ask("mining.subscribe", poison)
            assert (await client.ask("mining.authorize", f"acme.{poison}", poison))["result"] is True
            refused = await client.ask("mining.authorize", f"other.{poison}", poison)
            assert refused["error"][0] == 24
        state = await pumpjack.status(sessions=True)
        shown = [session[key] for session in state["session_list"] for key in ("worker", "user_agent")]
        assert len(shown) == 2 * len(POISON) + 2
        for text in shown:
            assert all(" " <= c <= "~" for c in text)
            assert not set("\"'<>&`\\") & set(text)
            assert len(text) <= 256
        for client in clients:
            await client.__aexit__(None, None, None)
        await pumpjack.status_when(lambda state: state["connections"] == 1)
        assert log_is_plain(pumpjack)
        assert {json.dumps(entry) for entry in pumpjack.entries("SessionOpened")}


async def test_a05_a_lone_surrogate_is_refused_and_a_name_of_a_megabyte_is_the_end(tmp_path: Path) -> None:
    async with attacked(tmp_path) as (pumpjack, _), honest(pumpjack.port):
        async with RawClient(pumpjack.port) as client:
            client.write(b'{"id":1,"method":"mining.authorize","params":["acme.\\ud800","x"]}\n')
            answer = await client.message()
            assert (answer["id"], answer["error"][0]) == (None, 20)
        peer = await Peer.connect(pumpjack.port)
        await peer.send(b'{"id":1,"method":"mining.authorize","params":["acme.' + b"x" * (1 << 20) + b'"]}\n')
        await peer.gone()
        await peer.leave()


async def test_a11_names_without_end_on_one_connection_stay_eight(tmp_path: Path) -> None:
    async with attacked(tmp_path) as (pumpjack, _), honest(pumpjack.port), RawClient(pumpjack.port) as client:
        await client.shake_hands("acme.w0")
        answers = [(await client.ask("mining.authorize", f"acme.w{n}", "x"))["result"] for n in range(1, 120)]
        assert answers == [True] * 7 + [False] * 112
        assert (await client.ask("mining.authorize", "acme.w3", "x"))["result"] is True


STORM = b'{"id":5,"method":"mining.authorize","params":["acme.bad"]}\n'


async def test_a11_a_storm_of_logins_is_answered_at_a_bounded_rate(tmp_path: Path) -> None:
    """A thousand lines at once, then one read each two seconds at most."""
    async with attacked(tmp_path) as (pumpjack, _), honest(pumpjack.port) as miner:
        peer, _ = await logged_in(pumpjack.port, "127.0.3.1")
        sending = asyncio.create_task(peer.flood(STORM))
        await until(lambda: peer.heard.count(b'"id":5') >= 1_000)
        began, answered = asyncio.get_running_loop().time(), peer.heard.count(b'"id":5')
        before = miner.accepted
        await until(lambda: miner.accepted >= before + 40)
        passed = asyncio.get_running_loop().time() - began
        # A read brings some three hundred lines; a few may have been under way.
        assert peer.heard.count(b'"id":5') - answered <= 200 * passed + 1_200
        sending.cancel()
        await peer.leave()


async def test_a11_a_storm_of_subscribes_earns_no_flood_of_jobs(tmp_path: Path) -> None:
    """Each is answered with a job: whoever asks for more of them at once than it can read is gone."""
    async with attacked(tmp_path) as (pumpjack, _), honest(pumpjack.port):
        peer, _ = await logged_in(pumpjack.port, "127.0.3.1")
        sending = asyncio.create_task(peer.flood(b'{"id":5,"method":"mining.subscribe","params":[]}\n' * 40))
        await until(lambda: peer.ended.is_set() or peer.heard.count(b'"id":5') >= 1_000)
        sending.cancel()
        await peer.leave()
        await pumpjack.status_when(lambda state: state["connections"] == 1)
        assert len(peer.heard) < 4 << 20


async def test_a11_refused_logins_are_heard_ever_more_slowly(tmp_path: Path) -> None:
    stratum = {"timers": {"login_backoff": 0.2, "authorize": 60}}
    async with (
        attacked(tmp_path, stratum) as (pumpjack, _),
        honest(pumpjack.port),
        RawClient(pumpjack.port) as client,
    ):
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(4):
            assert (await client.ask("mining.authorize", "wrong.name", "x"))["error"][0] == 24
        assert loop.time() - began >= 0.9 * (0.2 + 0.4 + 0.8)
