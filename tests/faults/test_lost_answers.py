"""N03: a share arrived and its answer was lost. It is sent again only where that cannot pay it twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from proxy.adapters.simulated.pool import PoolSettings, SimulatedPool
from proxy.mining.difficulty import target_of
from tests.adapters.simulated.raw import RawClient, mined
from tests.chaos.proxy import ChaosProxy
from tests.system.conftest import Launch
from tests.system.mine import EASY, POOL
from tests.system.pumpjack import PATIENCE, Pumpjack, State
from tests.system.site import site, tenant, upstream

SHARES = 3


@dataclass(frozen=True)
class Scene:
    """Shares that the pool took, and a connection that is lost for want of answers."""

    pool: SimulatedPool
    chaos: ChaosProxy
    pumpjack: Pumpjack

    async def reconnected(self) -> State:
        """Let the link heal; return the count of shares once all is settled."""
        self.chaos.down.dropped = False
        self.chaos.refusing = False
        await self.pumpjack.logged("UpstreamReady", count=2)
        state = await self.pumpjack.status_when(
            lambda state: state["unsettled"] == state["shares"]["kept"] == 0
        )
        shares: State = state["shares"]
        return shares


@asynccontextmanager
async def answers_lost(launch: Launch, settings: PoolSettings) -> AsyncIterator[Scene]:
    async with SimulatedPool(settings) as pool, ChaosProxy(pool.port) as chaos:
        pumpjack = await launch(site(tenant(upstream(chaos.port)), upstream={"reply": 1}))
        async with RawClient(pumpjack.port) as client:
            _, extranonce1, size = await client.shake_hands("acme.raw", "00000000")
            job = await client.notification("mining.notify")
            chaos.down.dropped = True
            for number in range(SHARES):
                share = mined(job, extranonce1, f"{number:0{2 * size}x}", target_of(EASY))[:4]
                assert (await client.ask("mining.submit", "acme.raw", *share))["result"] is True
            await pool.wait_for(lambda it: it.accepted == SHARES, PATIENCE)
            chaos.refusing = True
            down = await pumpjack.logged("UpstreamDown")
            assert down["cause"] == "no answer to a share"
            assert (await pumpjack.status())["shares"]["kept"] == SHARES
            await pool.wait_for(lambda it: it.connections == 0, PATIENCE)
            yield Scene(pool, chaos, pumpjack)
        await pumpjack.stop()


async def test_a_pool_that_resumes_tells_what_became_of_them(launch: Launch) -> None:
    """N03: the same extranonce1 and the same block: "duplicate" means that it was accepted before."""
    async with answers_lost(launch, POOL) as scene:
        shares = await scene.reconnected()
        assert (shares["unknown"], shares["unsent"]) == (0, 0)
        assert shares["pool_accepted"] == shares["forwarded"] == scene.pool.accepted == SHARES
        assert (scene.pool.truth.submits, scene.pool.truth.duplicates) == (2 * SHARES, SHARES)


@pytest.mark.parametrize("change", ["another extranonce1", "another block"])
async def test_where_they_could_not_count_they_are_not_sent_again(launch: Launch, change: str) -> None:
    """N03: unknown they stay, and nobody is paid twice."""
    resumes = change == "another block"
    async with answers_lost(launch, replace(POOL, resume=resumes)) as scene:
        if resumes:
            scene.pool.new_block()
        shares = await scene.reconnected()
        assert (shares["unknown"], shares["pool_accepted"], shares["pool_rejected"]) == (SHARES, 0, 0)
        assert scene.pool.truth.submits == scene.pool.accepted == SHARES
