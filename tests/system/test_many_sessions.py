"""Many miners at once: all get work, at a pace that a thin uplink survives, on few connections."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from proxy.adapters.simulated.miner import Fleet, FleetSettings, MinerSettings, Mode
from proxy.adapters.simulated.pool import SimulatedPool
from proxy.units import Difficulty, HashesPerSecond, Seconds
from tests.conftest import Require
from tests.system.conftest import Launch
from tests.system.crowd import Crowd, may_open, resident
from tests.system.mine import EASY, POOL, tenant_of
from tests.system.pumpjack import PATIENCE
from tests.system.site import site, tenant, upstream

DRAWN = MinerSettings(mode=Mode.DRAW, backoff=Seconds(0.5))
SIX_SECONDS = HashesPerSecond(2.0**32 * EASY / 6)
"""A hashrate at which an ``EASY`` share takes so long: some 50 shares a second from 300."""


def fleet_of(count: int, port: int) -> Fleet:
    settings = FleetSettings(miners=count, miner=DRAWN, least_hashrate=SIX_SECONDS, most_hashrate=SIX_SECONDS)
    return Fleet("127.0.0.1", port, settings, seed=5)


async def test_300_miners_at_a_pool_with_3_bytes_take_two_connections(launch: Launch) -> None:
    narrow = replace(POOL, extranonce1_size=5, extranonce2_size=3)
    async with SimulatedPool(narrow) as pool:
        pumpjack = await launch(site(tenant(upstream(pool))))
        async with fleet_of(300, pumpjack.port) as fleet:
            await fleet.wait_for(lambda it: it.mining == 300, PATIENCE)
            await pool.wait_for(lambda it: it.accepted >= 30, PATIENCE)
            state = tenant_of(await pumpjack.status())
            assert (state["sessions"], state["working"]) == (300, 300)
            assert state["extranonce"] == {"lease": 1, "miner": 2}
            assert [row["state"] for row in state["upstreams"][0]["connections"]] == ["ready", "ready"]
            assert pool.connections == 2
            assert pool.rejected == 0
            # A block for everyone, on both connections.
            jobs = fleet.counters.clean_jobs
            pool.new_block()
            await fleet.wait_for(lambda it: it.counters.clean_jobs >= jobs + 300, PATIENCE)
            await pool.cut()
            await pumpjack.logged("UpstreamDown", count=2)
            await pool.open()
            await pool.wait_for(lambda it: it.connections == 2, PATIENCE)
            accepted = pool.accepted
            await pool.wait_for(lambda it: it.accepted >= accepted + 20, PATIENCE)
            counters = fleet.counters
            assert (counters.connects, counters.disconnects, counters.set_extranonces) == (300, 0, 0)
            assert not counters.violations
            shares = (await pumpjack.status())["shares"]
            assert shares["rejected_by_us"].keys() <= {"stale"}
            assert pool.truth.duplicates == 0


async def test_sessions_beyond_all_connections_wait_and_get_the_place_of_who_leaves(launch: Launch) -> None:
    smallest = replace(POOL, extranonce2_size=3)
    async with SimulatedPool(smallest) as pool:
        pumpjack = await launch(site(tenant(upstream(pool)), upstream={"max_connections_per_pool": 1}))
        first, late = Crowd(), Crowd()
        await first.come(pumpjack.port, 256)
        await first.all_work(PATIENCE)
        await late.come(pumpjack.port, 3)
        await pumpjack.logged("RouteFull")
        state = await pumpjack.status_when(lambda state: state["sessions"] == 259)
        assert (state["working"], state["waiting"]) == (256, 3)
        assert late.lost == late.working == 0
        assert pool.connections == 1
        first.leave()
        late.leave()


async def test_2000_sessions_all_get_work(launch: Launch, require: Require) -> None:
    require("2,500 open files", may_open(2_000))
    await crowded(launch, 2_000, PATIENCE)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_10000_sessions_all_get_work(
    launch: Launch, require: Require, record_property: Callable[[str, object], None]
) -> None:
    require("10,500 open files", may_open(10_000))
    each = await crowded(launch, 10_000, 90)
    record_property("bytes_per_session", each)


async def crowded(launch: Launch, count: int, timeout: float) -> int:
    """Let a crowd come, get work, hear of a block, and go; return the bytes of memory for each."""
    async with SimulatedPool(POOL) as pool:
        pumpjack = await launch(site(tenant(upstream(pool))))
        before = resident(pumpjack.process.pid)
        crowd = Crowd()
        await crowd.come(pumpjack.port, count)
        await crowd.all_work(timeout)
        state = await pumpjack.status()
        assert (state["sessions"], state["working"], state["waiting"]) == (count, count, 0)
        assert len({member.extranonce1 for member in crowd.members}) == count
        assert pool.connections == 1
        for _ in range(3):
            pool.new_block()
        each = (resident(pumpjack.process.pid) - before) // count
        assert crowd.lost == 0
        assert each < 64 * 1024
        crowd.leave()
        await pumpjack.status_when(lambda state: state["connections"] == 0, timeout=timeout)
        return each


async def test_a_start_is_paced_until_the_pool_raises_its_difficulty(launch: Launch) -> None:
    low = replace(POOL, difficulty=Difficulty(2.0**-28))
    async with SimulatedPool(low) as pool:
        slow_uplink = {"uplink_shares_per_second": 5, "pace_hold": 600}
        pumpjack = await launch(site(tenant(upstream(pool)), upstream=slow_uplink))
        async with fleet_of(120, pumpjack.port) as fleet:
            await fleet.wait_for(lambda it: it.connected == 120, PATIENCE)
            await pool.wait_for(lambda it: it.accepted >= 60, PATIENCE)
            state = await pumpjack.status_when(lambda state: state["sessions"] == 120)
            assert 0 < state["working"] < 120
            # All 120 together find 2.5 shares a second at this.
            pool.set_difficulty(Difficulty(EASY * 8))
            await fleet.wait_for(lambda it: it.mining == 120, PATIENCE)
            assert fleet.counters.disconnects == 0


async def test_a_start_is_not_paced_for_ever(launch: Launch) -> None:
    low = replace(POOL, difficulty=Difficulty(2.0**-28))
    async with SimulatedPool(low) as pool:
        slow_uplink = {"uplink_shares_per_second": 5, "pace_hold": 0.5}
        pumpjack = await launch(site(tenant(upstream(pool)), upstream=slow_uplink))
        async with fleet_of(60, pumpjack.port) as fleet:
            await fleet.wait_for(lambda it: it.mining == 60, PATIENCE)
