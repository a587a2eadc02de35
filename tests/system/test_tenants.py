"""Tenants by user name and by port: each one's shares reach its own pools only, under the names it wants."""

from contextlib import AsyncExitStack
from dataclasses import replace

from proxy.adapters.simulated.pool import SimulatedPool
from tests.adapters.simulated.raw import RawClient
from tests.system.conftest import Launch
from tests.system.mine import POOL, books_agree, miner, more, quiet, tenant_of, undisturbed
from tests.system.pumpjack import PATIENCE
from tests.system.site import site, tenant, upstream


async def test_each_tenants_shares_reach_its_own_pool_only(launch: Launch) -> None:
    async with AsyncExitStack() as stack:
        names = ("acme", "borg", "coop")
        pools = {
            name: await stack.enter_async_context(SimulatedPool(POOL, seed=seed))
            for seed, name in enumerate(names)
        }
        pumpjack = await launch(
            site(
                tenant(upstream(pools["acme"], user="pool-a.site"), id="acme", user_match="acme.*"),
                tenant(upstream(pools["borg"], user="pool-b.site"), id="borg", user_match="borg.*"),
                tenant(upstream(pools["coop"], user="pool-c.site"), id="coop", listen=["127.0.0.1:0"]),
            )
        )
        own = pumpjack.ports["coop", False]
        doors = [
            ("acme", pumpjack.port, "acme.1", "cgminer"),
            ("acme", pumpjack.port, "acme.2", "bitaxe"),
            ("borg", pumpjack.port, "borg.1", "antminer"),
            ("borg", pumpjack.port, "borg.2", "authorize-early"),
            # At a tenant's own port every name is its own, also one that another's pattern would take.
            ("coop", own, "acme.3", "whatsminer"),
            ("coop", own, "anyone", "pipelined"),
        ]
        miners = [
            await stack.enter_async_context(miner(port, firmware, worker))
            for _, port, worker, firmware in doors
        ]
        await more(miners, 10)
        state = await quiet(pumpjack, list(pools.values()), miners)
        for letter, name in zip("abc", names, strict=True):
            theirs = [client for client, (owner, *_) in zip(miners, doors, strict=True) if owner == name]
            books_agree(tenant_of(state, name)["shares"], [pools[name]], theirs)
            assert pools[name].workers == {f"pool-{letter}.site"}
            assert pools[name].rejected == 0
        undisturbed(miners)


async def test_an_unknown_name_is_refused_and_may_try_another(launch: Launch) -> None:
    async with SimulatedPool(POOL, seed=1) as acme, SimulatedPool(POOL, seed=2) as borg:
        rows = [
            tenant(upstream(acme), id="acme", user_match="acme.*"),
            tenant(upstream(borg), id="borg", user_match="borg.*"),
        ]
        pumpjack = await launch(site(*rows))
        async with RawClient(pumpjack.port) as client:
            await client.ask("mining.subscribe")
            for name in ("nobody.1", "ACME.1", "", "acme"):
                answer = await client.ask("mining.authorize", name, "x")
                assert (answer["result"], answer["error"][0]) == (False, 24), name
            assert (await client.ask("mining.authorize", "borg.9", "x"))["result"] is True
            assert (await client.notification("mining.notify"))[0]
            # One connection works for one tenant.
            assert (await client.ask("mining.authorize", "acme.9", "x"))["error"][0] == 24
        assert await pumpjack.logged("SessionRefused")


async def test_workers_go_up_under_their_own_names_and_refused_ones_under_the_account(
    launch: Launch,
) -> None:
    async with AsyncExitStack() as stack:
        picky = replace(POOL, refused_names="bad")
        pool = await stack.enter_async_context(SimulatedPool(picky))
        pumpjack = await launch(site(tenant(upstream(pool, user="acct.{worker}"))))
        # Nothing is asked of the pool before a worker has a share.
        async with RawClient(pumpjack.port) as idle:
            await idle.shake_hands("acme.idle")
            assert pool.workers == {"acct"}
        good = await stack.enter_async_context(miner(pumpjack.port, "antminer", "acme.good"))
        bad = await stack.enter_async_context(miner(pumpjack.port, "bitaxe", "acme.bad"))
        await more([good, bad], 10)
        await pumpjack.logged("WorkerNameRefused", name="acct.bad", fallback="acct")
        await pool.wait_for(lambda it: it.truth.workers["acct.good"] >= 10, PATIENCE)
        state = await quiet(pumpjack, [pool], [good, bad])
        books_agree(state["shares"], [pool], [good, bad])
        assert pool.workers == {"acct", "acct.good"}
        assert pool.truth.workers["acct"] >= bad.counters.accepted
        assert tenant_of(state)["upstreams"][0]["connections"][0]["refused_names"] == 1
        undisturbed([good, bad])


async def test_a_miners_authorise_never_waits_for_the_pool(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        row = upstream(pool, user="acct.{worker}")
        pumpjack = await launch(site(tenant(row), upstream={"reply": 60}))
        pool.hang()
        async with RawClient(pumpjack.port) as client:
            assert (await client.ask("mining.subscribe"))["error"] is None
            assert (await client.ask("mining.authorize", "acme.1", "x"))["result"] is True
            # The job of before the hang is there to be worked at.
            assert await client.notification("mining.notify")
        pool.unhang()
