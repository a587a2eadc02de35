"""N05: a pool behind a bad satellite: a second of round trip, jitter, losses. Nothing waits in line."""

import asyncio
from dataclasses import replace
from functools import partial

from proxy.adapters.simulated.miner import Mode, SimulatedMiner
from proxy.adapters.simulated.pool import SimulatedPool
from proxy.units import HashesPerSecond
from tests.chaos.proxy import ChaosProxy
from tests.system.conftest import Launch
from tests.system.mine import EASY, MINER, POOL, books_agree, miner, more, quiet, tenant_of, undisturbed
from tests.system.pumpjack import PATIENCE
from tests.system.site import site, tenant, upstream

ONE_WAY, JITTER = 0.3, 0.15
LOSS, RETRANSMIT = 0.05, 0.6
FAR = {"connect": 15, "reply": 30, "failover_patience": 10, "failback_hold": 600}
"""As the defaults have it, but that the far pool is waited for."""


async def test_shares_are_pipelined_and_none_is_lost_and_the_near_pool_stays_the_second(
    launch: Launch,
) -> None:
    """N05: at 600 to 900 ms and losses on top, one share after another would make one a second."""
    async with (
        SimulatedPool(POOL, seed=1) as far,
        SimulatedPool(POOL, seed=2) as near,
        ChaosProxy(far.port, seed=5) as chaos,
    ):
        for way in (chaos.up, chaos.down):
            way.latency, way.jitter, way.loss, way.retransmit = ONE_WAY, JITTER, LOSS, RETRANSMIT
        pools = tenant(upstream(chaos.port, "far"), upstream(near, "near"))
        pumpjack = await launch(site(pools, upstream=FAR))
        async with miner(pumpjack.port, "cgminer") as client, miner(pumpjack.port, "bitaxe") as other:
            crew = [client, other]
            await more(crew, 20)
            # Dozens are under way at once.
            await pumpjack.status_when(lambda state: state["unsettled"] >= 20)
            enough = far.accepted + 200
            await far.wait_for(lambda it: it.accepted >= enough, PATIENCE)
            # A miner's answer is ours: it does not wait for the pool's.
            await more(crew, 50)
            state = await quiet(pumpjack, [far], crew)
            books_agree(state["shares"], [far], crew)
            assert tenant_of(state)["upstreams"][0]["state"] == "live"
            undisturbed(crew)
        assert [entry["pool"] for entry in pumpjack.entries("WorkMoved")] == ["far"]
        assert not pumpjack.entries("UpstreamDown")
        assert near.accepted == 0
        await pumpjack.stop()


BLOCKS, BETWEEN = 4, 1.4
"""Blocks found elsewhere, and seconds between two of them."""
MOST_TRIP = 2 * (ONE_WAY + JITTER)
HICCUP = 0.3
"""Seconds more that a busy machine may need in a round trip, on the average."""
QUICK = replace(MINER, mode=Mode.DRAW, hashrate=HashesPerSecond(2.0**32 * EASY / 0.02))
"""Fifty shares a second."""


def has_clean_jobs(count: int, client: SimulatedMiner) -> bool:
    """Return whether a miner was told so many clean jobs."""
    return client.counters.clean_jobs >= count


async def test_n05_what_is_stale_is_what_was_under_way_when_a_block_came(launch: Launch) -> None:
    """N05: the same blocks at a far and at a near pool; the bar is the trip over the time between blocks.

    The far pool's own part cannot be less: what was sent up before its news came down is lost.
    """
    async with (
        SimulatedPool(POOL, seed=1) as far,
        SimulatedPool(POOL, seed=2) as near,
        ChaosProxy(far.port, seed=5) as chaos,
    ):
        for way in (chaos.up, chaos.down):
            way.latency, way.jitter = ONE_WAY, JITTER
        tenants = [
            tenant(upstream(chaos.port, "far"), id="far", user_match="far.*"),
            tenant(upstream(near, "near"), id="near", user_match="near.*"),
        ]
        pumpjack = await launch(site(*tenants, upstream=FAR))
        async with (
            SimulatedMiner("127.0.0.1", pumpjack.port, "far.m1", settings=QUICK) as away,
            SimulatedMiner("127.0.0.1", pumpjack.port, "near.m1", settings=QUICK) as beside,
        ):
            crew = [away, beside]
            await more(crew, 20)
            loop = asyncio.get_running_loop()
            began, counted = loop.time(), [client.counters.accepted for client in crew]
            news: list[float] = []
            for _ in range(BLOCKS):
                told = away.counters.clean_jobs + 1
                found = loop.time()
                far.new_block()
                near.new_block()
                await away.wait_for(partial(has_clean_jobs, told), PATIENCE)
                news.append(loop.time() - found)
                # More is under way than one after the other could be.
                await pumpjack.status_when(lambda state: state["unsettled"] >= 10)
                await asyncio.sleep(max(0.0, found + BETWEEN - loop.time()))
            passed = loop.time() - began
            state = await quiet(pumpjack, [far, near], crew)
            undisturbed(crew)
        made = [client.counters.accepted - before for client, before in zip(crew, counted, strict=True)]
        stale = [pool.truth.rejected[21] for pool in (far, near)]
        # News do not stand behind the shares that go up.
        assert sorted(news)[BLOCKS // 2] < ONE_WAY + JITTER + HICCUP
        trips = BLOCKS / passed
        added = stale[0] / made[0] - stale[1] / made[1]
        assert ONE_WAY * trips < added < (MOST_TRIP + HICCUP) * trips
        # A stale share is an answer like another: nothing is unknown, and nobody left the far pool for it.
        for identity, pool in (("far", far), ("near", near)):
            shares = tenant_of(state, identity)["shares"]
            assert shares["pool_rejected"] == pool.truth.answered_false
            assert (shares["unknown"], shares["unsent"]) == (0, 0)
        assert not pumpjack.entries("UpstreamDown")
        await pumpjack.stop()
