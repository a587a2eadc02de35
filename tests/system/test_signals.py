"""SIGTERM, SIGINT and SIGHUP to a program at work."""

import signal
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from proxy.adapters.simulated.pool import SimulatedPool, Submits
from proxy.cli.output import Exit
from proxy.mining.difficulty import target_of
from proxy.units import Seconds
from tests.adapters.simulated.raw import RawClient, mined
from tests.system.conftest import Launch
from tests.system.mine import EASY, POOL, miner, more, quiet, tenant_of, undisturbed
from tests.system.pumpjack import PATIENCE
from tests.system.site import Table, site, tenant, upstream, written

SLOW_LEDGER: Table = {"min_window": 1}


async def submitted(client: RawClient) -> str:
    """Send a good share; return the id of the request, whose answer is still to come."""
    _, extranonce1, size = await client.shake_hands("acme.raw", "00000000")
    job = await client.notification("mining.notify")
    share = mined(job, extranonce1, "00" * size, target_of(EASY))[:4]
    words = '","'.join(["acme.raw", *share])
    client.write(f'{{"id":"share","method":"mining.submit","params":["{words}"]}}\n'.encode())
    return "share"


async def answer_and_end(client: RawClient) -> list[object]:
    """Return the results that come for ``share`` until the connection ends."""
    found: list[object] = []
    while line := await client.line():
        if b'"share"' in line:
            found.append(b"true" in line)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_ending_commits_and_answers_what_is_pending(launch: Launch, number: signal.Signals) -> None:
    async with SimulatedPool(POOL) as pool:
        pumpjack = await launch(site(tenant(upstream(pool)), ledger=SLOW_LEDGER))
        async with RawClient(pumpjack.port) as client:
            await submitted(client)
            await pool.wait_for(lambda it: it.accepted == 1, PATIENCE)
            pumpjack.send(number)
            assert await answer_and_end(client) == [True]
        assert await pumpjack.ended() == 0
        assert not (pumpjack.data_dir / "control.sock").exists()


async def test_ending_waits_for_the_pools_answers(launch: Launch) -> None:
    late = replace(POOL, submits=Submits.LATE, late=Seconds(0.7))
    async with SimulatedPool(late) as pool:
        pumpjack = await launch(site(tenant(upstream(pool))))
        async with RawClient(pumpjack.port) as client:
            await submitted(client)
            await pool.wait_for(lambda it: it.accepted == 1, PATIENCE)
            pumpjack.send(signal.SIGTERM)
            assert await pumpjack.ended() == 0
        # It was there to take the answer: the pool closed nothing, and sent what it had to send.
        assert pool.truth.answered_true == 1


async def test_ending_does_not_wait_for_ever_for_a_hung_pool(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        timers = {"timers": {"settle": 0.3}}
        pumpjack = await launch(site(tenant(upstream(pool)), stratum=timers, upstream={"reply": 60}))
        async with RawClient(pumpjack.port) as client:
            pool.hang()
            await client.shake_hands()
            pumpjack.send(signal.SIGTERM)
            assert await pumpjack.ended() == 0


async def test_a_second_signal_ends_at_once(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        timers = {"timers": {"settle": 120}}
        pumpjack = await launch(site(tenant(upstream(pool)), stratum=timers, upstream={"reply": 60}))
        async with RawClient(pumpjack.port) as client:
            await client.shake_hands("acme.raw", "00000000")
            pool.hang()
            await submitted(client)
            await pumpjack.status_when(lambda state: state["unsettled"] == 1)
            pumpjack.send(signal.SIGTERM)
            await pumpjack.logged("stopping")
            pumpjack.send(signal.SIGTERM)
            assert await pumpjack.ended() == Exit.FAILURE


async def test_a_signal_before_the_pool_is_there_ends_well(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        await pool.cut()
        pumpjack = await launch(site(tenant(upstream(pool)), upstream={"start_hold": 0}))
        pumpjack.send(signal.SIGTERM)
        assert await pumpjack.ended() == 0


async def test_miners_mine_until_the_end_and_every_share_is_answered(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        pumpjack = await launch(site(tenant(upstream(pool)), ledger={"min_window": 0.3}))
        async with miner(pumpjack.port) as client:
            await more([client], 20)
            pumpjack.send(signal.SIGTERM)
            assert await pumpjack.ended() == 0
            await client.wait_for(lambda it: it.counters.disconnects == 1)
            answered = {d for d, outcome in client.outcomes.items() if outcome == "accepted"}
            # Whatever the pool was sent is answered to the miner, and nothing else is called accepted.
            assert answered == set(pool.truth.shares)


# --- reload -------------------------------------------------------------------------------------------


async def test_a_reload_changes_the_order_of_pools_and_no_miner_notices(launch: Launch) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(SimulatedPool(POOL, seed=1))
        second = await stack.enter_async_context(SimulatedPool(POOL, seed=2))
        rows = [upstream(first, "first"), upstream(second, "second")]
        pumpjack = await launch(site(tenant(*rows)))
        client = await stack.enter_async_context(miner(pumpjack.port, "cgminer"))
        await more([client])
        written(pumpjack.data_dir.parent, site(tenant(*reversed(rows))))
        pumpjack.send(signal.SIGHUP)
        await pumpjack.logged("reload: applied")
        await pumpjack.logged("WorkMoved", pool="second")
        await second.wait_for(lambda it: it.accepted >= 5, PATIENCE)
        await more([client])
        state = await quiet(pumpjack, [first, second], [client])
        assert [row["name"] for row in tenant_of(state)["upstreams"]] == ["second", "first"]
        assert state["shares"]["rejected"] == state["shares"]["pool_rejected"] == 0
        undisturbed([client])


async def test_a_reload_changes_the_account_at_the_pool_and_no_miner_notices(launch: Launch) -> None:
    async with SimulatedPool(replace(POOL, password="sesame")) as pool:
        pumpjack = await launch(site(tenant(upstream(pool, user="old.site", password="sesame"))))
        async with miner(pumpjack.port, "cgminer") as client:
            await more([client])
            new = site(tenant(upstream(pool, user="new.site", password="sesame")))
            written(pumpjack.data_dir.parent, new)
            pumpjack.send(signal.SIGHUP)
            await pumpjack.logged("reload: applied")
            await pool.wait_for(lambda it: it.workers == {"new.site"}, PATIENCE)
            enough = pool.truth.workers["new.site"] + 5
            await pool.wait_for(lambda it: it.truth.workers["new.site"] >= enough, PATIENCE)
            await more([client])
            undisturbed([client])
        assert not any("sesame" in line for line in pumpjack.lines)


async def test_a_reload_changes_the_difficulty_of_miners_that_come(launch: Launch) -> None:
    async with SimulatedPool(replace(POOL, difficulty=EASY)) as pool:
        low = {"min_difficulty": EASY / 16, "start_difficulty": EASY / 4}
        pumpjack = await launch(site(tenant(upstream(pool)), stratum=low))
        async with RawClient(pumpjack.port) as before:
            await before.shake_hands("acme.before")
            assert await before.notification("mining.set_difficulty") == [EASY / 4]
            high = {"min_difficulty": EASY / 16, "start_difficulty": EASY / 2}
            written(pumpjack.data_dir.parent, site(tenant(upstream(pool)), stratum=high))
            pumpjack.send(signal.SIGHUP)
            await pumpjack.logged("reload: applied")
            async with RawClient(pumpjack.port) as after:
                await after.shake_hands("acme.after")
                assert await after.notification("mining.set_difficulty") == [EASY / 2]
            assert (await before.ask("mining.ping"))["result"] == "pong"


async def test_a_bad_file_is_told_with_all_mistakes_and_the_old_one_kept(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        good = site(tenant(upstream(pool)))
        pumpjack = await launch(good)
        async with miner(pumpjack.port) as client:
            await more([client])
            bad = site(tenant(upstream(pool, url="nowhere", user="")), stratum={"colour": 1})
            written(pumpjack.data_dir.parent, bad)
            pumpjack.send(signal.SIGHUP)
            entry = await pumpjack.logged("reload: the configuration has mistakes")
            text = " ".join(entry["mistakes"])
            assert all(word in text for word in ("url", "user", "colour"))
            await more([client], 10)
            assert pool.connected == 1
            # And a good one is taken afterwards.
            written(pumpjack.data_dir.parent, good)
            pumpjack.send(signal.SIGHUP)
            await pumpjack.logged("reload: applied")
            await more([client], 5)
            undisturbed([client])


async def test_what_needs_a_restart_is_named_and_not_done(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        pumpjack = await launch(site(tenant(upstream(pool))))
        async with miner(pumpjack.port) as client:
            await more([client])
            moved = site(
                tenant(upstream(pool)), stratum={"listen": ["127.0.0.1:1"]}, ledger={"min_window": 1}
            )
            written(pumpjack.data_dir.parent, moved)
            pumpjack.send(signal.SIGHUP)
            entry = await pumpjack.logged("reload: some changes need a restart")
            assert entry["keys"] == ["ledger.min_window", "stratum.listen"]
            await more([client], 5)
            undisturbed([client])
