"""A stop lets miners go one after another; who is still here mines on, and every share is in the books."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from proxy.adapters.simulated.miner import SimulatedMiner
from proxy.adapters.simulated.pool import PoolSettings, SimulatedPool, Submits
from proxy.cli.output import Exit
from proxy.units import Seconds
from tests.adapters.stores.ledger_folder import batches
from tests.system.conftest import Launch
from tests.system.mine import POOL, miner, more
from tests.system.pumpjack import PATIENCE, Pumpjack, launched
from tests.system.site import site, tenant, upstream, written
from tests.system.test_ledger import Told

MINERS = 5
LONG = 120
"""Seconds of a drain that nobody waits for."""


@asynccontextmanager
async def mining(
    launch: Launch, settings: PoolSettings = POOL, **timers: float
) -> AsyncIterator[tuple[Pumpjack, SimulatedPool, list[SimulatedMiner]]]:
    """Run a pumpjack with miners that have work."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(SimulatedPool(settings))
        pumpjack = await launch(site(tenant(upstream(pool)), stratum={"timers": timers}))
        clients = [
            await stack.enter_async_context(miner(pumpjack.port, worker=f"acme.m{n}", seed=n))
            for n in range(MINERS)
        ]
        await more(clients, 20)
        yield pumpjack, pool, clients


def accepted(clients: Sequence[SimulatedMiner]) -> int:
    return sum(client.counters.accepted for client in clients)


def books_agree(pumpjack: Pumpjack, pool: SimulatedPool, clients: Sequence[SimulatedMiner]) -> None:
    """Whatever the pool was sent is in the ledger once, and so is all that was answered."""
    told = Told(batches(pumpjack.data_dir))
    assert set(told.hashes) == set(pool.truth.shares)
    assert set(told.hashes.values()) == {1}
    # The pool's answers came before the end.
    assert told.outcomes == {"accepted": len(told.hashes)}
    # Not more: a miner that speaks as it is closed may be reset before it has read its last answers.
    answered = {d for client in clients for d, outcome in client.outcomes.items() if outcome == "accepted"}
    assert answered <= set(told.hashes)


def judged_after_the_first_end(pumpjack: Pumpjack) -> int:
    """Return how many shares are in the ledger behind the batch that tells of the first end of a session."""
    rows = batches(pumpjack.data_dir)
    first = next(place for place, row in enumerate(rows) if any(note[0] == 6 for note in row.notes))
    return sum(len(row.shares) for row in rows[first + 1 :])


async def refuses(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_miners_go_one_after_another_and_the_others_mine_on(launch: Launch) -> None:
    seconds = 3.0
    async with mining(launch, drain=seconds) as (pumpjack, pool, clients):
        pumpjack.send(signal.SIGTERM)
        told = await pumpjack.logged("Draining")
        assert (told["miners"], told["idle"], told["kw"], told["seconds"]) == (MINERS, 0, None, seconds)
        assert await pumpjack.ended() == 0
        for client in clients:
            await client.wait_for(lambda it: it.counters.disconnects > 0, PATIENCE)
        closes = pumpjack.entries("SessionClosed", cause="the program ends")
        assert len(closes) == MINERS
        times = [datetime.fromisoformat(entry["timestamp"]).timestamp() for entry in closes]
        assert times[-1] - times[0] >= seconds / 2  # a busy machine tells of the first late
        books_agree(pumpjack, pool, clients)
        assert judged_after_the_first_end(pumpjack) >= 20


async def test_a_second_signal_lets_all_miners_go(launch: Launch) -> None:
    async with mining(launch, drain=LONG) as (pumpjack, pool, clients):
        pumpjack.send(signal.SIGTERM)
        await pumpjack.logged("Draining")
        assert await refuses(pumpjack.port)
        # The first goes at once, the second after half a minute.
        await pumpjack.logged("SessionClosed")
        assert (await pumpjack.status())["draining"] == MINERS - 1
        more_than = accepted(clients)
        await clients[0].wait_for(lambda _: accepted(clients) >= more_than + 20, PATIENCE)
        pumpjack.send(signal.SIGINT)
        await pumpjack.logged("stopping: all miners are let go now")
        assert await pumpjack.ended() == 0
        for client in clients:
            await client.wait_for(lambda it: it.counters.disconnects > 0, PATIENCE)
        books_agree(pumpjack, pool, clients)


async def test_a_third_signal_ends_at_once(launch: Launch) -> None:
    # The pool's answers are on their way for longer than the test waits.
    late = replace(POOL, submits=Submits.LATE, late=Seconds(LONG))
    async with mining(launch, late, drain=LONG / 2, settle=LONG) as (pumpjack, _, _):
        for _ in range(2):
            pumpjack.send(signal.SIGTERM)
            await pumpjack.logged("stopping: all" if pumpjack.entries("stopping") else "Draining")
        pumpjack.send(signal.SIGTERM)
        assert await pumpjack.ended() == Exit.FAILURE


async def test_nobody_here_is_nobody_to_wait_for(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        pumpjack = await launch(site(tenant(upstream(pool)), stratum={"timers": {"drain": LONG}}))
        pumpjack.send(signal.SIGTERM)
        assert await pumpjack.ended() == 0
        assert not pumpjack.entries("Draining")


HANGS = """
import sys, time
from proxy.app.ending import Ending
from proxy.cli import main

Ending.drain = lambda self, ticking: time.sleep(3600)
sys.argv[0] = "pumpjack"
main()
"""


async def test_what_hangs_is_ended_by_the_system(tmp_path: Path) -> None:
    """The whole loop hangs here: nothing of ours can end it."""
    async with SimulatedPool(POOL) as pool:
        timers = {"drain": 0.5, "settle": 0.5, "drain_hard": 1}
        path = written(tmp_path, site(tenant(upstream(pool)), stratum={"timers": timers}))
        line = [sys.executable, "-c", HANGS, "run", "--allow-pure-python", "-c", str(path)]
        pumpjack = await launched(line, tmp_path / "data")
        try:
            await pumpjack.logged("listening")
            pumpjack.send(signal.SIGTERM)
            entry = await pumpjack.logged("stopping")
            assert entry["ends_within_s"] == 1
            assert await pumpjack.ended() == -signal.SIGALRM
        finally:
            await pumpjack.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_both_signals_of_an_end_spread_it(launch: Launch, number: signal.Signals) -> None:
    async with mining(launch, drain=0.5) as (pumpjack, pool, clients):
        pumpjack.send(number)
        assert (await pumpjack.logged("Draining"))["miners"] == MINERS
        assert await pumpjack.ended() == 0
        for client in clients:
            await client.wait_for(lambda it: it.counters.disconnects > 0, PATIENCE)
        books_agree(pumpjack, pool, clients)
