"""N05: a pool behind a bad satellite: a second of round trip, jitter, losses. Nothing waits in line."""

from proxy.adapters.simulated.pool import SimulatedPool
from tests.chaos.proxy import ChaosProxy
from tests.system.conftest import Launch
from tests.system.mine import POOL, books_agree, miner, more, quiet, tenant_of, undisturbed
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
