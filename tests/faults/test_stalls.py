"""The loop is held up: by a call that blocks, a disk, a name server, a crowd. Nobody loses by it."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.adapters.simulated.miner import SimulatedMiner
from proxy.adapters.simulated.pool import SimulatedPool
from proxy.adapters.stores.blocks import BlockFiles
from proxy.events import BlockFound, Event
from proxy.units import Difficulty
from tests.adapters.simulated.raw import RawClient
from tests.conftest import Require
from tests.faults.inside import Loop, both_loops, on, program_of
from tests.faults.preloaded import preloadable
from tests.system.mine import EASY, POOL, books_agree, miner, more, tenant_of, undisturbed
from tests.system.pumpjack import PATIENCE, running
from tests.system.site import site, tenant, upstream, written

STALL = 0.2
SLOW_NAME = "stratum+tcp://slow.pool.test:3333"


def stall() -> None:
    """Hold the loop up, as a call that should not be there does."""
    asyncio.get_running_loop().call_soon(time.sleep, STALL)


async def stalled_again_and_again(folder: Path) -> None:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(SimulatedPool(POOL))
        program = await stack.enter_async_context(program_of(folder, site(tenant(upstream(pool)))))
        port = program.bound[0].port
        clients: list[SimulatedMiner] = [
            await stack.enter_async_context(miner(port, worker=f"acme.m{n}", seed=n)) for n in range(4)
        ]
        await more(clients)
        for _ in range(10):
            stall()
            await more(clients, 2)
        undisturbed(clients)
        pool.set_difficulty(Difficulty(2.0**30))
        pool.new_job()
        for client in clients:
            await client.wait_for(
                lambda it: it.search is not None and it.search.difficulty > 1 and it.pending == 0, PATIENCE
            )
        async with asyncio.timeout(PATIENCE):
            while program.view.state()["unsettled"] or program.view.state()["unanswered"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # a state has no event to wait for
        shares = tenant_of(program.view.state())["shares"]
        books_agree(shares, [pool], clients)
        assert shares["rejected"] == shares["pool_rejected"] == 0


@both_loops
def test_stalls_of_200_ms_lose_nothing_and_drop_nobody(loop: Loop, tmp_path: Path) -> None:
    on(loop, stalled_again_and_again(tmp_path))


async def silent_clients_are_cut_when_their_time_is_up(folder: Path) -> None:
    """A loop that sets a timer by the time at which its turn began sets it too early by the stall."""
    deadline = 1.0
    async with SimulatedPool(POOL) as pool:
        content = site(tenant(upstream(pool)), stratum={"timers": {"subscribe": deadline}})
        async with program_of(folder, content) as program:
            came = time.monotonic()
            stall()
            async with RawClient(program.bound[0].port) as client:
                stall()
                assert await client.line() == b""
                assert time.monotonic() - came >= deadline
                assert program.view.state()["connections"] == 0


@both_loops
def test_no_deadline_comes_early_by_a_stall(loop: Loop, tmp_path: Path) -> None:
    on(loop, silent_clients_are_cut_when_their_time_is_up(tmp_path))


async def the_disk_hangs(folder: Path, go_on: threading.Event) -> None:
    heard: list[Event] = []
    async with (
        SimulatedPool(replace(POOL, network_difficulty=Difficulty(EASY * 8))) as pool,
        program_of(folder, site(tenant(upstream(pool))), heard.append) as program,
        miner(program.bound[0].port) as client,
    ):
        await pool.wait_for(lambda it: it.truth.blocks_found >= 3, PATIENCE)
        await more([client], 30)
        assert not list((folder / "data" / "blocks").glob("*.json"))
        undisturbed([client])
        go_on.set()
    # Its end waited until all were written.
    found = {event.block_hash for event in heard if isinstance(event, BlockFound)}
    assert len(found) >= 3
    assert {path.stem for path in (folder / "data" / "blocks").glob("*.json")} == found


@both_loops
def test_a_disk_that_hangs_while_blocks_are_found_holds_no_miner_up(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, keep = threading.Event(), BlockFiles.keep

    def hang(files: BlockFiles, event: BlockFound) -> None:
        assert go_on.wait(50)
        keep(files, event)

    monkeypatch.setattr(BlockFiles, "keep", hang)
    on(loop, the_disk_hangs(tmp_path, go_on))


async def test_a_name_server_that_does_not_answer_holds_no_miner_up(tmp_path: Path, require: Require) -> None:
    shim = await preloadable(tmp_path, "slow_resolver", require)
    asked, go_on = tmp_path / "asked", tmp_path / "go_on"
    environment = {"LD_PRELOAD": str(shim), "RESOLVER_ASKED": str(asked), "RESOLVER_GO_ON": str(go_on)}
    async with SimulatedPool(POOL) as pool:
        rows = [{**upstream(1, "slow"), "url": SLOW_NAME}, upstream(pool, "quick")]
        path = written(tmp_path, site(tenant(*rows), upstream={"connect": 30, "start_hold": 0.1}))
        async with (
            running(["-c", str(path)], tmp_path / "data", environment) as pumpjack,
            miner(pumpjack.port) as client,
        ):
            await more([client], 30)
            assert asked.exists()
            slow = (await pumpjack.status())["tenants"][0]["upstreams"][0]
            assert (slow["name"], slow["state"]) == ("slow", "connecting")
            undisturbed([client])
            go_on.touch()
            await pumpjack.logged("UpstreamDown", pool="slow")
            await more([client], 5)
