"""N05: a pool behind a bad satellite: a second of round trip, jitter, losses. Nothing waits in line."""

from proxy.adapters.simulated.pool import SimulatedPool
from tests.chaos.proxy import ChaosProxy
from tests.system.conftest import Launch
from tests.system.mine import POOL, books_agree, miner, more, quiet, tenant_of, undisturbed
from tests.system.pumpjack import PATIENCE
from tests.system.site import site, tenant, upstream

ONE_WAY, JITTER = 0.3, 0.15
LOSS, RETRANSMIT = 0.05, 0.6
FAR = {"connect": 15, "reply": 30, "start_hold": 10}
"""As the defaults have it."""


async def test_shares_are_pipelined_and_none_is_lost(launch: Launch) -> None:
    """N05: at 600 to 900 ms and losses on top, one share after another would make one a second."""
    async with SimulatedPool(POOL) as pool, ChaosProxy(pool.port, seed=5) as chaos:
        for way in (chaos.up, chaos.down):
            way.latency, way.jitter, way.loss, way.retransmit = ONE_WAY, JITTER, LOSS, RETRANSMIT
        pumpjack = await launch(site(tenant(upstream(chaos.port)), upstream=FAR))
        async with miner(pumpjack.port, "cgminer") as client, miner(pumpjack.port, "bitaxe") as other:
            crew = [client, other]
            await more(crew, 20)
            # Dozens are under way at once.
            await pumpjack.status_when(lambda state: state["unsettled"] >= 20)
            enough = pool.accepted + 200
            await pool.wait_for(lambda it: it.accepted >= enough, PATIENCE)
            # A miner's answer is ours: it does not wait for the pool's.
            await more(crew, 50)
            state = await quiet(pumpjack, [pool], crew)
            books_agree(state["shares"], [pool], crew)
            assert tenant_of(state)["upstreams"][0]["state"] == "live"
            assert pool.connected == 1
            assert not pumpjack.entries("UpstreamDown")
            undisturbed(crew)
        await pumpjack.stop()


async def test_a_far_pool_is_no_slow_one_for_the_next(launch: Launch) -> None:
    """N05: with a near pool behind it the far one is still the first: no false failover."""
    async with (
        SimulatedPool(POOL, seed=1) as far,
        SimulatedPool(POOL, seed=2) as near,
        ChaosProxy(far.port, seed=6) as chaos,
    ):
        for way in (chaos.up, chaos.down):
            way.latency, way.jitter = ONE_WAY, JITTER
        rows = upstream(chaos.port, "far"), upstream(near, "near")
        patience = {"failover_patience": 5, "failback_hold": 600}
        pumpjack = await launch(site(tenant(*rows), upstream=FAR | patience))
        async with miner(pumpjack.port, "cgminer") as client:
            await far.wait_for(lambda it: it.accepted >= 50, PATIENCE)
            await more([client], 50)
            undisturbed([client])
        assert near.accepted == 0
        assert [entry["pool"] for entry in pumpjack.entries("WorkMoved")] == ["far"]
        await pumpjack.stop()
