"""U04 on the wire: a pool that finds a hundred blocks a second. Miners hear a trickle; we are not busy."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from proxy.adapters.simulated.pool import SimulatedPool
from proxy.relay.news import URGENT_AT_ONCE
from tests.faults.hostile import Peer, attacked, logged_in
from tests.system.crowd import processor_seconds
from tests.system.mine import miner, more

EARS = 40
STORM, A_SECOND = 3.0, 100
NOTIFY_INTERVAL = 0.25
LINE = 1_500
"""Bytes of a notify with all that may come with it: a difficulty, a mask."""


async def storm(pool: SimulatedPool, kind: str) -> float:
    """Let the pool speak a hundred times a second; return how long it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(round(STORM * A_SECOND)):
        if kind == "blocks":
            pool.new_block()
        else:
            pool.new_job(clean=True)
        await asyncio.sleep(max(0.0, began + (number + 1) / A_SECOND - loop.time()))
    return loop.time() - began


@pytest.mark.parametrize("kind", ["blocks", "clean jobs"])
async def test_u04_a_storm_of_clean_jobs_is_a_trickle_of_bytes_and_no_work(tmp_path: Path, kind: str) -> None:
    """The bar: bytes bounded for each miner, one processor; derived: a third of one, with forty miners."""
    calm = {"notify_interval": NOTIFY_INTERVAL}
    async with attacked(tmp_path, above=calm) as (pumpjack, pool), AsyncExitStack() as stack:
        coming = (logged_in(pumpjack.port, "127.0.6.1", f"acme.ear{number}") for number in range(EARS))
        ears: list[Peer] = [ear for ear, _ in await asyncio.gather(*coming)]
        for ear in ears:
            stack.push_async_callback(ear.leave)
        heard = [len(ear.heard) for ear in ears]
        lines = [ear.heard.count(b'"mining.notify"') for ear in ears]
        spent = processor_seconds(pumpjack.process.pid)
        took = await storm(pool, kind)
        spent = processor_seconds(pumpjack.process.pid) - spent
        most = took / NOTIFY_INTERVAL + URGENT_AT_ONCE + 2
        for ear, bytes_before, lines_before in zip(ears, heard, lines, strict=True):
            assert not ear.ended.is_set()
            told = ear.heard.count(b'"mining.notify"') - lines_before
            assert took / NOTIFY_INTERVAL / 4 <= told <= most
            assert len(ear.heard) - bytes_before <= most * LINE
        assert spent < took / 3
        async with miner(pumpjack.port) as client:
            await more([client], 5)
        assert not pumpjack.entries("UpstreamDown")
