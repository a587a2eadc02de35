"""Power returns, and every miner of the site connects within a second: all work again in ten."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.adapters.simulated.pool import SimulatedPool
from tests.conftest import Require
from tests.faults.storm import listen_overflows
from tests.system.crowd import may_open, processor_seconds
from tests.system.mine import POOL, tenant_of
from tests.system.pumpjack import ROOT, running
from tests.system.site import site, tenant, upstream, written

WITHIN = 10.0
"""Seconds from the first connect until the last miner has work: two thirds of the deadline of a login."""


async def stormed(folder: Path, count: int, spread: float) -> dict[str, Any]:
    """Let so many miners come and look at everything that they must find; return what they measured."""
    async with SimulatedPool(POOL) as pool:
        path = written(folder, site(tenant(upstream(pool))))
        async with running(["-c", str(path)], folder / "data") as pumpjack:
            overflows, spent = listen_overflows(), processor_seconds(pumpjack.process.pid)
            words = [str(pumpjack.port), str(count), str(spread), "40"]
            storm = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.faults.storm", *words, cwd=ROOT, stdin=PIPE, stdout=PIPE
            )
            assert storm.stdout is not None
            assert storm.stdin is not None
            told: dict[str, Any] = json.loads(await storm.stdout.readline())
            told["listen_overflows"] = listen_overflows() - overflows
            told["each_ms"] = 1000 * (processor_seconds(pumpjack.process.pid) - spent) / count
            assert (told["worked"], told["lost"], told["extranonces"]) == (count, 0, count), told
            state = tenant_of(await pumpjack.status())
            assert (state["sessions"], state["working"], state["waiting"]) == (count, count, 0)
            assert pool.connections == 1
            storm.stdin.write(b"\n")
            await storm.wait()
            await pumpjack.status_when(lambda state: state["connections"] == 0)
            assert not pumpjack.entries("SessionRefused")
            return told


def has_no_overflow(told: dict[str, Any]) -> None:
    """Assert that the listener had room for each: a peer that is not let in sends its words again.

    The counters of the kernel tell of every program of the machine; the segments sent again are ours.
    """
    assert told["retransmitted"] == 0 or told["listen_overflows"] == 0, told


async def test_2000_miners_that_come_within_a_second_all_work(tmp_path: Path, require: Require) -> None:
    require("2,500 open files", may_open(2_000))
    told = await stormed(tmp_path, 2_000, spread=0.5)
    # Half of what cgminer waits before it goes elsewhere; what is wanted is measured by the longer test.
    assert told["last"] < 30, told
    # Ten thousand within ten seconds on two processors leave two milliseconds for each.
    assert told["each_ms"] < 2, told
    # Nobody is overtaken by more than a twentieth of the others.
    assert told["displaced_p99"] < 100, told
    has_no_overflow(told)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_10000_miners_that_come_within_a_second_all_work_within_ten(
    tmp_path: Path, require: Require, record_property: Callable[[str, object], None]
) -> None:
    require("10,500 open files", may_open(10_000))
    told = await stormed(tmp_path, 10_000, spread=0.9)
    for name, value in told.items():
        record_property(name, value)
    assert told["last"] < WITHIN, told
    has_no_overflow(told)
