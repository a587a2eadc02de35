"""The program without its process, on both event loops: the same run, watched from within."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from proxy.adapters.simulated.pool import SimulatedPool, Submits
from proxy.app.program import Program
from proxy.config.load import settings_from
from proxy.events import BlockFound, Event, SessionOpened, UpstreamReady, WorkMoved
from proxy.mining.difficulty import difficulty_of
from proxy.units import Difficulty, Seconds
from tests.system.mine import EASY, POOL, miner, more, tenant_of, undisturbed
from tests.system.pumpjack import PATIENCE, State
from tests.system.site import Table, site, tenant, upstream

Scene = Callable[[Path], Coroutine[None, None, None]]


@asynccontextmanager
async def running(folder: Path, content: Table, heard: list[Event] | None = None) -> AsyncIterator[Program]:
    """Run the program beside the body, which may stop it."""
    content = {**content, "site": {"data_dir": str(folder / "data")}}
    settings = settings_from(content, base=folder)
    program = Program(settings, seed=7, hear=None if heard is None else heard.append)
    async with asyncio.TaskGroup() as group:
        group.create_task(program.run())
        async with asyncio.timeout(PATIENCE):
            await program.listening.wait()
        try:
            yield program
        finally:
            program.stop()


def settled(state: State) -> None:
    shares = state["shares"]
    assert state["unanswered"] == state["unsettled"] == 0
    assert shares["judged"] == shares["accepted"] == shares["forwarded"] == shares["settled"]
    assert (shares["unknown"], shares["unsent"], shares["kept"], shares["pool_rejected"]) == (0, 0, 0, 0)


async def mines_and_stops(folder: Path) -> None:
    heard: list[Event] = []
    async with SimulatedPool(replace(POOL, submits=Submits.LATE, late=Seconds(0.2))) as pool:
        content = site(tenant(upstream(pool)), ledger={"min_window": 0.1})
        async with running(folder, content, heard) as program:
            client = miner(program.bound[0].port, "bitaxe")
            async with client:
                await more([client], 20)
                undisturbed([client])
            # Stopped while answers of the pool are still under way.
        settled(program.view.state())
        assert program.view.state()["shares"]["accepted"] == pool.accepted
        assert pool.truth.answered_true == pool.accepted
    assert [type(event) for event in heard[:3]] == [UpstreamReady, WorkMoved, SessionOpened]


async def fails_over(folder: Path) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(SimulatedPool(POOL, seed=1))
        second = await stack.enter_async_context(SimulatedPool(replace(POOL, extranonce2_size=5), seed=2))
        content = site(tenant(upstream(first, "first"), upstream(second, "second")))
        program = await stack.enter_async_context(running(folder, content))
        client = await stack.enter_async_context(miner(program.bound[0].port, "cgminer"))
        await more([client])
        await first.cut()
        await second.wait_for(lambda it: it.accepted >= 10, PATIENCE)
        await first.open()
        enough = first.accepted + 10
        await first.wait_for(lambda it: it.accepted >= enough, PATIENCE)
        undisturbed([client])
        assert tenant_of(program.view.state())["upstreams"][0]["state"] == "live"


async def keeps_blocks(folder: Path) -> None:
    heard: list[Event] = []
    easy_blocks = replace(POOL, network_difficulty=Difficulty(EASY * 8))
    async with (
        SimulatedPool(easy_blocks) as pool,
        running(folder, site(tenant(upstream(pool))), heard) as program,
        miner(program.bound[0].port) as client,
    ):
        await pool.wait_for(lambda it: it.truth.blocks_found >= 5, PATIENCE)
        await more([client])
        undisturbed([client])
    blocks = {event.block_hash: event for event in heard if isinstance(event, BlockFound)}
    for block in pool.truth.blocks:
        digest = block.digest[::-1].hex()
        assert blocks[digest].header == block.header
        assert (folder / "data" / "blocks" / f"{digest}.json").is_file()
        assert difficulty_of(int.from_bytes(block.digest, "little")) >= EASY * 8 * 0.99
    # Not one that we told of is unknown to the pool, be it too late for the height.
    assert len(blocks) == pool.truth.blocks_found + pool.truth.late_blocks


SCENES = [mines_and_stops, fails_over, keeps_blocks]


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_both_loops(scene: Scene, loop: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scene(tmp_path))
