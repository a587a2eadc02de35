"""The wall clock jumps, as clocks without a network do: the proxy lives by the other one."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import pytest

from proxy.adapters.simulated.miner import SimulatedMiner
from proxy.adapters.simulated.pool import SimulatedPool
from tests.adapters.simulated.raw import RawClient
from tests.conftest import Require
from tests.system.mine import POOL, books_agree, miner, more, quiet, tenant_of, undisturbed
from tests.system.pumpjack import Pumpjack, running
from tests.system.site import site, tenant, upstream, written

LIBRARIES = (
    *Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"),
    *Path("/usr/lib").glob("faketime/libfaketimeMT.so.1"),
    *Path("/usr/local/lib/faketime").glob("libfaketimeMT.so.1"),
)
HOUR = 3600
YEARS = 10 * 365 * 24 * HOUR
BOOT = "@1970-01-01 00:00:00"
"""A board without a battery wakes up like this."""


DEADLINE = 1.0
"""Of the subscribe."""


class Clock:
    """The wall clock of one process; its monotonic clock is left alone."""

    def __init__(self, folder: Path, library: Path) -> None:
        self._file = folder / "clock"
        self._library = library

    def set(self, spec: str) -> None:
        """Jump: ``+3600`` is an offset to the true time, ``@1970-01-01 00:00:00`` a time to go on from."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(spec + "\n")
        fresh.replace(self._file)  # whole at every moment: it is read at any

    @property
    def environment(self) -> dict[str, str]:
        """What a process is started with to live by this clock."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "TZ": "UTC",
        }


@pytest.fixture
def clock(tmp_path: Path, require: Require) -> Clock:
    require("libfaketime (Debian: faketime)", bool(LIBRARIES))
    return Clock(tmp_path, LIBRARIES[0])


async def time_of(pumpjack: Pumpjack) -> float:
    """Return the wall clock by which the program writes its log."""
    seen = len(pumpjack.entries("reload: applied"))
    pumpjack.send(signal.SIGHUP)
    entry = await pumpjack.logged("reload: applied", count=seen + 1)
    return datetime.fromisoformat(entry["timestamp"]).timestamp()


async def jumped(
    clock: Clock,
    pumpjack: Pumpjack,
    pool: SimulatedPool,
    clients: Sequence[SimulatedMiner],
    spec: str,
    offset: float,
) -> None:
    """Let the clock jump, and see that the program noticed and that its miners did not."""
    clock.set(spec)
    pool.new_job()
    await more(clients, 20)
    # By our own clock, which tells the true time, it is off by as much.
    assert abs(await time_of(pumpjack) - time.time() - offset) < 300, spec


async def mined_through(clock: Clock, folder: Path, start: str, jumps: Sequence[tuple[str, float]]) -> None:
    """Mine while the clock jumps; each jump comes with the offset to our own clock that must be seen."""
    async with SimulatedPool(POOL) as pool:
        timers = {"timers": {"subscribe": DEADLINE}}
        path = written(folder, site(tenant(upstream(pool)), stratum=timers))
        clock.set(start)
        async with running(["-c", str(path)], folder / "data", clock.environment) as pumpjack:
            clients: list[SimulatedMiner] = [
                miner(pumpjack.port, firmware, f"acme.{firmware}") for firmware in ("cgminer", "bitaxe")
            ]
            async with clients[0], clients[1], AsyncExitStack() as stack:
                await more(clients)
                for spec, offset in jumps[:-1]:
                    await jumped(clock, pumpjack, pool, clients, spec, offset)
                came = time.monotonic()
                silent = await stack.enter_async_context(RawClient(pumpjack.port))
                await jumped(clock, pumpjack, pool, clients, *jumps[-1])
                # A deadline that was running comes when it is due, neither at once nor never.
                assert await silent.line() == b""
                assert time.monotonic() - came >= DEADLINE
                state = tenant_of(await quiet(pumpjack, [pool], clients))
                undisturbed(clients)
                shares = state["shares"]
                assert shares["rejected"] == shares["pool_rejected"] == 0
                books_agree(shares, [pool], clients)
            assert pool.connections == 1
            assert not pumpjack.entries("UpstreamDown")
            refused = {entry["cause"] for entry in pumpjack.entries("SessionRefused")}
            assert refused == {"not subscribed in time"}


async def test_jumps_of_an_hour_and_of_ten_years_are_nothing_to_miners_and_pools(
    clock: Clock, tmp_path: Path
) -> None:
    jumps = [HOUR, -HOUR, YEARS, -YEARS]
    await mined_through(clock, tmp_path, "+0", [(f"{jump:+d}", jump) for jump in jumps])


async def test_a_start_in_1970_serves_and_the_jump_to_the_present_is_nothing(
    clock: Clock, tmp_path: Path
) -> None:
    behind = -time.time()
    await mined_through(clock, tmp_path, BOOT, [(BOOT, behind), ("+0", 0)])
