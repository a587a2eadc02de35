"""A01, A02, A03: peers that send no lines, no logins, or nothing but connections."""

import asyncio
import contextlib
import socket
import statistics
from pathlib import Path

import pytest

from tests.conftest import Require
from tests.faults.hostile import Peer, attacked, honest, logged_in, peers, until
from tests.system.crowd import may_open, processor_seconds, resident
from tests.system.pumpjack import PATIENCE

QUICK_DOOR = {
    "timers": {"subscribe": 1, "authorize": 1},
    "admission": {"unauthenticated_grace": 1, "unauthenticated_per_address": 4},
}

COMMIT_WINDOW = 0.02
"""Seconds: where in it a share falls is chance."""


def addresses(count: int, of: int = 8) -> list[str]:
    return [f"127.0.1.{1 + n % of}" for n in range(count)]


async def endless_lines(folder: Path, count: int) -> None:
    patient = {"timers": {"subscribe": 600}, "admission": {"unauthenticated_per_address": 100_000}}
    async with attacked(folder, patient) as (pumpjack, _), honest(pumpjack.port):
        before = resident(pumpjack.process.pid)
        async with peers(pumpjack.port, addresses(count)) as crowd:
            for peer in crowd:
                await peer.send(b"x" * 1024)  # as long as a line may be: not one byte too many yet
            await pumpjack.status_when(lambda state: state["connections"] == count + 1)
            each = (resident(pumpjack.process.pid) - before) / count
            assert each < 16 * 1024
            assert not any(peer.ended.is_set() for peer in crowd)
            floods = [asyncio.create_task(peer.flood(b"x" * 65536)) for peer in crowd]
            await asyncio.wait(floods, timeout=PATIENCE)
            assert all(flood.done() for flood in floods)
        assert resident(pumpjack.process.pid) - before < count * 16 * 1024 + (8 << 20)
        assert pumpjack.entries("SessionRefused", cause="line longer than 1024 bytes")


async def test_a01_lines_without_end_are_dropped_at_once_and_hold_little(tmp_path: Path) -> None:
    await endless_lines(tmp_path, 200)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a01_a_thousand_lines_without_end(tmp_path: Path, require: Require) -> None:
    require("1,500 open files", may_open(1_000))
    await endless_lines(tmp_path, 1_000)


async def trickle(peer: Peer, text: bytes) -> None:
    """Send a byte at a time: what is sent extends no deadline."""
    for at in range(len(text)):
        if peer.ended.is_set():
            return
        await peer.send(text[at : at + 1])
        await asyncio.sleep(0.05)


async def test_a02_half_open_peers_are_gone_by_their_deadline_whatever_they_send(tmp_path: Path) -> None:
    async with attacked(tmp_path, QUICK_DOOR) as (pumpjack, _), honest(pumpjack.port) as miner:
        await until(lambda: miner.accepted >= 40)
        calm = statistics.median(miner.delays)
        async with peers(pumpjack.port, addresses(60)) as crowd:
            before = miner.accepted
            silent, slow, half, subscribed = (crowd[n::4] for n in range(4))
            for peer in half:
                await peer.send(b'{"id":1,"method":"mining.subscribe","params":[')
            for peer in subscribed:
                await peer.send(b'{"id":1,"method":"mining.subscribe","params":[]}\n')
            tasks = [asyncio.create_task(trickle(peer, b" " * 600)) for peer in slow]
            for peer in crowd:
                await peer.gone()
            for task in tasks:
                await task
            beset = miner.delays[before:]
        # The deadlines are 1 and 2 seconds; the bar is 15 and 30.
        assert max(peer.lived for peer in [*silent, *slow, *half]) < 6
        assert max(peer.lived for peer in subscribed) < 7
        causes = {entry["cause"] for entry in pumpjack.entries("SessionRefused")}
        assert "too many connections of its address without a login" in causes
        state = await pumpjack.status_when(lambda state: state["connections"] == 1)
        assert state["sessions"] == 1
        # The bar is a twentieth more; what this process does to its own clients is in there, too.
        assert len(beset) >= 20
        assert statistics.median(beset) < 1.25 * calm + COMMIT_WINDOW


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a02_ten_thousand_half_open_peers(tmp_path: Path, require: Require) -> None:
    require("10,500 open files", may_open(10_000))
    async with attacked(tmp_path) as (pumpjack, _), honest(pumpjack.port) as miner:
        where = [f"127.0.{1 + n % 200}.{1 + n // 200 % 250}" for n in range(10_000)]
        async with peers(pumpjack.port, where) as crowd:
            for peer in crowd:
                await peer.gone(60)
            assert max(peer.lived for peer in crowd) < 30
        assert max(miner.delays) < 5


async def test_a03_a_flood_of_connections_is_shut_out_and_honest_ones_come_in(tmp_path: Path) -> None:
    async with attacked(tmp_path) as (pumpjack, _), honest(pumpjack.port):
        stop = asyncio.Event()
        dialled = 0

        async def flood() -> None:
            nonlocal dialled
            loop = asyncio.get_running_loop()
            while not stop.is_set():
                with socket.socket() as sock:
                    sock.setblocking(False)
                    sock.bind(("127.0.2.1", 0))
                    with contextlib.suppress(OSError):
                        await loop.sock_connect(sock, ("127.0.0.1", pumpjack.port))
                dialled += 1

        loop = asyncio.get_running_loop()
        began, spent = loop.time(), processor_seconds(pumpjack.process.pid)
        floods = [asyncio.create_task(flood()) for _ in range(4)]
        await pumpjack.logged("ConnectionsRefused")
        waits: list[float] = []
        for number in range(15):
            came = loop.time()
            peer, _ = await logged_in(pumpjack.port, "127.0.2.2", f"acme.new{number}")
            waits.append(loop.time() - came)
            await peer.leave()
        await until(lambda: dialled > 3_000)
        stop.set()
        await asyncio.gather(*floods)
        # The bar is a second, and one processor. A machine's hiccup is forgiven once.
        assert sorted(waits)[-2] < 1
        assert processor_seconds(pumpjack.process.pid) - spent < 0.5 * (loop.time() - began)
        entry = pumpjack.entries("ConnectionsRefused")[0]
        assert entry["peer"] == "127.0.2.1"
        assert entry["cause"] == "too many connections of this address ended without a login"
        # Nothing is left of it.
        await pumpjack.status_when(lambda state: state["connections"] == 1)
        # The last of them are told within a second.
        await until(
            lambda: sum(entry["count"] for entry in pumpjack.entries("ConnectionsRefused")) > dialled / 2
        )
