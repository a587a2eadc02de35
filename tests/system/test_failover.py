"""Pools that die, hang, lie and talk nonsense, and come back: no miner may notice."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from proxy.adapters.simulated.miner import SimulatedMiner
from proxy.adapters.simulated.pool import Nonsense, PoolSettings, SimulatedPool, Submits
from proxy.mining.difficulty import target_of
from tests.adapters.simulated.raw import RawClient, mined
from tests.system.conftest import Launch
from tests.system.mine import EASY, POOL, books_agree, miner, more, quiet, tenant_of, undisturbed
from tests.system.pumpjack import PATIENCE, Pumpjack, running
from tests.system.site import Table, site, tenant, upstream, written


@dataclass(frozen=True)
class Trio:
    """A bad pool, the sane one behind it, and their miner."""

    name: str
    bad: SimulatedPool
    sane: SimulatedPool
    client: SimulatedMiner


HABITS = ("cgminer", "antminer", "bitaxe", "whatsminer", "cpuminer")
OTHER = replace(POOL, extranonce1_size=7, extranonce2_size=6)
"""The second pool is cut otherwise than the first: miners must not notice that either."""


async def crew(stack: AsyncExitStack, pumpjack: Pumpjack) -> list[SimulatedMiner]:
    """Start one miner of each habit and wait until all have shares."""
    miners = [await stack.enter_async_context(miner(pumpjack.port, name, f"acme.{name}")) for name in HABITS]
    await more(miners, 3)
    return miners


def two(first: SimulatedPool, second: SimulatedPool, **tables: Table) -> Table:
    return site(tenant(upstream(first, "first"), upstream(second, "second")), **tables)


async def to_second(pumpjack: Pumpjack, second: SimulatedPool, miners: list[SimulatedMiner]) -> None:
    """Wait until the second pool serves, and each miner has had further shares accepted."""
    await pumpjack.logged("WorkMoved", pool="second", cause="failover")
    enough = second.accepted + 10
    await second.wait_for(lambda it: it.accepted >= enough, PATIENCE)
    await more(miners)


async def back(pumpjack: Pumpjack, first: SimulatedPool, miners: list[SimulatedMiner]) -> None:
    """Wait until the first pool serves again."""
    await pumpjack.logged("WorkMoved", pool="first", cause="failback")
    enough = first.accepted + 10
    await first.wait_for(lambda it: it.accepted >= enough, PATIENCE)
    await more(miners)


async def test_a_cut_pool_is_left_and_returned_to_and_no_miner_notices(launch: Launch) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(SimulatedPool(POOL, seed=1))
        second = await stack.enter_async_context(SimulatedPool(OTHER, seed=2))
        pumpjack = await launch(two(first, second))
        miners = await crew(stack, pumpjack)
        await first.cut()
        await to_second(pumpjack, second, miners)
        await first.open()
        await back(pumpjack, first, miners)
        state = await quiet(pumpjack, [first, second], miners)
        shares = state["shares"]
        assert shares["rejected"] == 0
        assert shares["judged"] == sum(client.counters.submitted for client in miners)
        assert shares["forwarded"] == shares["settled"]
        assert second.rejected == 0
        undisturbed(miners)


async def test_a_hung_pool_is_left_and_returned_to_and_no_miner_notices(launch: Launch) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(SimulatedPool(POOL, seed=1))
        second = await stack.enter_async_context(SimulatedPool(OTHER, seed=2))
        pumpjack = await launch(two(first, second, upstream={"reply": 1}))
        miners = await crew(stack, pumpjack)
        first.hang()
        await to_second(pumpjack, second, miners)
        assert pumpjack.entries("UpstreamDown", pool="first", cause="no answer to a share")
        first.unhang()
        await back(pumpjack, first, miners)
        await quiet(pumpjack, [first, second], miners)
        undisturbed(miners)


async def replaced(liar: SimulatedPool, stack: AsyncExitStack) -> SimulatedPool:
    """Put an honest pool on the port of a bad one."""
    await liar.stop()
    honest = SimulatedPool(POOL, seed=3)
    await honest.start(port=liar.port)
    stack.push_async_callback(honest.stop)
    return honest


@pytest.mark.slow  # a burst of refusals must last ten seconds before it counts as a lie
async def test_a_pool_that_refuses_everything_is_left_for_an_honest_one(launch: Launch) -> None:
    async with AsyncExitStack() as stack:
        lying = replace(POOL, submits=Submits.REJECT_ALL)
        first = await stack.enter_async_context(SimulatedPool(lying, seed=1))
        second = await stack.enter_async_context(SimulatedPool(OTHER, seed=2))
        pumpjack = await launch(two(first, second))
        miners = await crew(stack, pumpjack)
        await to_second(pumpjack, second, miners)
        (down,) = pumpjack.entries("UpstreamDown", pool="first")[:1]
        assert down["cause"].startswith("refuses every share")
        # Our verdicts stand: the miners have heard nothing of it.
        assert sum(client.counters.rejected.total() for client in miners) == 0
        honest = await replaced(first, stack)
        await back(pumpjack, honest, miners)
        undisturbed(miners)


@asynccontextmanager
async def beside_sane_ones(
    folder: Path, kinds: Mapping[str, PoolSettings], **timers: object
) -> AsyncIterator[tuple[Pumpjack, list[Trio]]]:
    """Run a tenant for each kind of bad pool, with that pool first, a sane one second, and one miner."""
    async with AsyncExitStack() as stack:
        pools: dict[str, tuple[SimulatedPool, SimulatedPool]] = {}
        for name, settings in kinds.items():
            bad = await stack.enter_async_context(SimulatedPool(settings, seed=1))
            sane = await stack.enter_async_context(SimulatedPool(OTHER, seed=2))
            pools[name] = bad, sane
        tenants = [
            tenant(upstream(bad, "first"), upstream(sane, "second"), id=name, listen=["127.0.0.1:0"])
            for name, (bad, sane) in pools.items()
        ]
        content = site(*tenants, upstream=timers)
        content["stratum"]["listen"] = []
        words = ["-c", str(written(folder, content))]
        pumpjack = await stack.enter_async_context(running(words, folder / "data"))
        trios = [
            Trio(
                name,
                bad,
                sane,
                await stack.enter_async_context(miner(pumpjack.ports[name, False], "cgminer")),
            )
            for name, (bad, sane) in pools.items()
        ]
        await more([trio.client for trio in trios], 3)
        yield pumpjack, trios


LIES = (Submits.ACCEPT_ALL, Submits.WRONG_IDS, Submits.TWICE, Submits.SILENT)
UNUSABLE = (Submits.WRONG_IDS, Submits.SILENT)
"""Shares stay without an answer: such a pool is left."""


async def test_lying_pools_change_no_verdict_of_ours(tmp_path: Path) -> None:
    kinds = {name_of(lie): replace(POOL, submits=lie) for lie in LIES}
    # Held off long enough that a liar is not tried again within the test.
    timers = {"reply": 1, "failback_hold": 600, "backoff_base": 60, "backoff_cap": 3600}
    async with beside_sane_ones(tmp_path, kinds, **timers) as (pumpjack, trios):
        left = {name_of(lie) for lie in UNUSABLE}
        for trio in trios:
            serving = trio.sane if trio.name in left else trio.bad
            await serving.wait_for(lambda it: it.accepted >= 10, PATIENCE)
        await more([trio.client for trio in trios], 10)
        state = await pumpjack.status()
        for trio in trios:
            shares = tenant_of(state, trio.name)["shares"]
            assert shares["rejected"] == 0
            assert shares["pool_accepted"] <= shares["forwarded"]
            assert bool(shares["answered_twice"]) == (trio.name == name_of(Submits.TWICE))
            assert bool(pumpjack.entries("UpstreamDown", tenant=trio.name)) == (trio.name in left)
        undisturbed(trio.client for trio in trios)


KINDS = tuple(kind for kind in Nonsense if kind is not Nonsense.NONE)


async def test_pools_that_talk_nonsense_are_left_and_no_miner_notices(tmp_path: Path) -> None:
    kinds = {name_of(kind): replace(POOL, nonsense=kind) for kind in KINDS}
    # Held off long enough that the mad ones are not tried again within the test.
    async with beside_sane_ones(tmp_path, kinds, failback_hold=600) as (pumpjack, trios):
        for trio in trios:
            for _ in range(4):
                trio.bad.new_job()
        # Not from the log: of seven events of a kind in one second it holds five.
        state = await pumpjack.status_when(
            lambda state: all(each["upstreams"][1]["state"] == "live" for each in state["tenants"])
        )
        for trio in trios:
            cause = tenant_of(state, trio.name)["upstreams"][0]["last_failure"]
            assert cause.startswith("nonsense"), trio.name
            await trio.sane.wait_for(lambda it: it.accepted >= 5, PATIENCE)
        await more([trio.client for trio in trios])
        undisturbed(trio.client for trio in trios)


def name_of(kind: Nonsense | Submits) -> str:
    return kind.name.lower().replace("_", "-")


async def test_without_any_pool_miners_stay_are_kept_alive_and_work_on_when_one_returns(
    launch: Launch,
) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(SimulatedPool(POOL, seed=1))
        second = await stack.enter_async_context(SimulatedPool(OTHER, seed=2))
        pumpjack = await launch(
            two(first, second, stratum={"timers": {"keepalive_line": 5}}, upstream={"lost_job_grace": 0})
        )
        miners = await crew(stack, pumpjack)
        idle = await stack.enter_async_context(RawClient(pumpjack.port))
        await idle.shake_hands("acme.idle")
        await idle.notification("mining.notify")
        told = await idle.notification("mining.set_difficulty")
        await first.cut()
        await second.cut()
        await pumpjack.logged("NoUpstream")
        # The same difficulty again: harmless, and no cgminer gives us up for silence.
        assert await idle.notification("mining.set_difficulty") == told
        for client in miners:
            await client.wait_for(lambda it: it.counters.rejected[21] > 0, PATIENCE)
        await second.open()
        await second.wait_for(lambda it: it.accepted >= 10, PATIENCE)
        await idle.notification("mining.notify")
        await more(miners)
        await first.open()
        await back(pumpjack, first, miners)
        for client in miners:
            assert set(client.counters.rejected) == {21}
        undisturbed(miners)


async def test_shares_for_the_last_job_earn_credit_while_no_pool_works(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        pumpjack = await launch(site(tenant(upstream(pool))))
        async with miner(pumpjack.port) as client:
            await more([client], 5)
            await pool.cut()
            await pumpjack.logged("UpstreamDown")
            await more([client], 50)
            state = await pumpjack.status()
            assert state["shares"]["rejected"] == 0
            assert state["shares"]["kept"] > 0
            await pool.open()
            await pumpjack.logged("WorkMoved", count=2)
            enough = pool.accepted + 20
            await pool.wait_for(lambda it: it.accepted >= enough, PATIENCE)
            shares = (await quiet(pumpjack, [pool], [client]))["shares"]
            assert shares["judged"] == shares["accepted"] == client.counters.accepted
            assert shares["forwarded"] == shares["settled"]
            assert shares["forwarded"] + shares["unsent"] == shares["accepted"]
            undisturbed([client])


async def test_a_pool_that_is_down_at_the_start_is_waited_for(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        await pool.cut()
        pumpjack = await launch(site(tenant(upstream(pool)), upstream={"start_hold": 0}))
        async with miner(pumpjack.port, "cgminer") as client:
            await client.wait_for(lambda it: it.counters.connects == 1)
            await pumpjack.logged("SessionOpened")
            await pool.open()
            await more([client], 10)
            state = await quiet(pumpjack, [pool], [client])
            books_agree(state["shares"], [pool], [client])
            undisturbed([client])


async def test_a_share_for_the_job_of_a_lost_pool_still_earns_credit(launch: Launch) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(SimulatedPool(POOL, seed=1))
        second = await stack.enter_async_context(SimulatedPool(OTHER, seed=2))
        pumpjack = await launch(two(first, second))
        raw = await stack.enter_async_context(RawClient(pumpjack.port))
        _, extranonce1, size = await raw.shake_hands("acme.slow", "00000000")
        old = await raw.notification("mining.notify")
        await first.cut()
        new = await raw.notification("mining.notify")
        assert new[0] != old[0]
        assert new[-1] is True
        for job in (old, new):
            share = mined(job, extranonce1, "00" * size, target_of(EASY))[:4]
            assert (await raw.ask("mining.submit", "acme.slow", *share))["result"] is True
        await second.wait_for(lambda it: it.accepted == 1, PATIENCE)
        assert tenant_of(await pumpjack.status())["shares"]["accepted"] == 2
