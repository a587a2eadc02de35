"""N01: a link to a pool that is cut without a word. The kernel's timers or ours notice it; miners stay.

The bar is 30 s with the default settings. The tests shorten them: what is awaited is the one deadline under
test, while every other stands far beyond the patience of a test.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from proxy.adapters.simulated.miner import SimulatedMiner
from proxy.adapters.simulated.pool import SimulatedPool
from proxy.config.upstream_limits import UpstreamLimits
from tests.chaos.proxy import ChaosProxy
from tests.system.conftest import Launch
from tests.system.mine import POOL, miner, more, undisturbed
from tests.system.pumpjack import PATIENCE, Pumpjack
from tests.system.site import site, tenant, upstream

OTHER = replace(POOL, extranonce1_size=7, extranonce2_size=6)
FAR_OFF = {"connect": 1, "reply": 300, "idle": 3600, "tcp_user_timeout": 600, "failback_hold": 600}


@dataclass(frozen=True)
class Scene:
    """A pool behind a link, another beside it, and miners."""

    chaos: ChaosProxy
    first: SimulatedPool
    second: SimulatedPool
    pumpjack: Pumpjack
    miners: list[SimulatedMiner]

    async def cause_of_loss(self) -> str:
        """Return why the first pool was left; the second serves, and no miner noticed."""
        down = await self.pumpjack.logged("UpstreamDown", pool="first")
        await self.pumpjack.logged("WorkMoved", pool="second")
        await more(self.miners)
        undisturbed(self.miners)
        cause: str = down["cause"]
        return cause


@asynccontextmanager
async def behind_a_link(launch: Launch, miners: int = 1, **timers: object) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(SimulatedPool(POOL, seed=1))
        second = await stack.enter_async_context(SimulatedPool(OTHER, seed=2))
        chaos = await stack.enter_async_context(ChaosProxy(first.port))
        pools = tenant(upstream(chaos.port, "first"), upstream(second, "second"))
        pumpjack = await launch(site(pools, upstream=FAR_OFF | timers))
        crew = [await stack.enter_async_context(miner(pumpjack.port, "cgminer")) for _ in range(miners)]
        await more(crew)
        yield Scene(chaos, first, second, pumpjack, crew)
        await pumpjack.stop()  # before the pools, which it would dial as they end


async def test_a_cut_under_load_is_noticed_when_sent_bytes_stay_unacknowledged(launch: Launch) -> None:
    """N01: TCP_USER_TIMEOUT."""
    async with behind_a_link(launch, tcp_user_timeout=1) as scene:
        scene.chaos.cut()
        assert "timed out" in await scene.cause_of_loss()


async def test_a_cut_while_nothing_is_under_way_is_noticed_by_probes(launch: Launch) -> None:
    """N01: the keepalive of TCP, whose patience is the user timeout."""
    async with behind_a_link(launch, miners=0, tcp_user_timeout=2, tcp_keepalive_idle=1) as scene:
        scene.chaos.cut()
        assert "timed out" in await scene.cause_of_loss()


async def test_a_pool_whose_kernel_lives_and_that_answers_nothing_is_left(launch: Launch) -> None:
    """N01: everything is acknowledged, nothing answered: our own deadline for a share's answer."""
    async with behind_a_link(launch, reply=1) as scene:
        scene.chaos.blackhole = True
        assert await scene.cause_of_loss() == "no answer to a share"


async def test_a_link_that_heals_in_time_is_no_loss(launch: Launch) -> None:
    """N01: a satellite's handover; what was under way arrives when the kernel sends it anew."""
    async with behind_a_link(launch, tcp_user_timeout=60) as scene:
        enough = scene.miners[0].counters.accepted + 100
        scene.chaos.cut()
        await scene.miners[0].wait_for(lambda it: it.counters.accepted >= enough, PATIENCE)
        taken = scene.first.accepted
        scene.chaos.mend()
        await scene.first.wait_for(lambda it: it.accepted >= taken + 50, PATIENCE)
        assert not scene.pumpjack.entries("UpstreamDown", pool="first")
        assert (await scene.pumpjack.status())["shares"]["unknown"] == 0
        undisturbed(scene.miners)


def test_the_defaults_keep_the_bar() -> None:
    """N01: unacknowledged bytes for the user timeout; or the first probe after it, with nothing under way."""
    up = UpstreamLimits()
    assert up.tcp_user_timeout <= 30
    assert up.tcp_user_timeout + up.tcp_keepalive_idle / 2 <= 30
