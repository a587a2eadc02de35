"""Mining through the program at pools of every width and every honest habit of the field.

One process serves them all, a tenant for each, so that each test is short and the tenants also prove that
they do not meet.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from proxy.adapters.simulated.pool import PoolSettings, SimulatedPool, personality
from proxy.units import Seconds
from tests.system.mine import EASY, POOL, books_agree, miner, more, quiet, tenant_of, undisturbed
from tests.system.pumpjack import PATIENCE, Pumpjack, running
from tests.system.site import site, tenant, upstream, written

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIZES = (2, 3, 4, 5, 6, 7, 8, 12, 16)
STEADY = (
    "ckpool",
    "datum",
    "no_configure",
    "configure_disconnects",
    "configure_unanswered",
    "foreign_mask",
    "titan",
    "string_errors",
    "reject_reason",
    "object_errors",
    "false_results",
    "no_error_key",
    "braiins",
    "wide_both",
    "flat_subscribe",
    "empty_subscribe",
    "null_subscribe",
    "work_at_subscribe",
    "moving_version",
    "moving_version_or",
)
"""Pools at which a miner mines on and on over one upstream connection."""
RESTLESS = ("set_extranonce", "reconnect", "reconnect_bare", "answers_late", "low_start")


def quick(settings: PoolSettings) -> PoolSettings:
    """Return a personality with easy shares, no blocks, and nothing that happens by itself."""
    return replace(
        settings,
        difficulty=EASY,
        vardiff=None,
        honour_suggestion=False,
        notify_interval=None,
        late=Seconds(0.1),
    )


POOLS: dict[str, PoolSettings] = {
    **{f"size-{size}": replace(POOL, extranonce2_size=size) for size in SIZES},
    **{name: quick(personality(name)) for name in (*STEADY, *RESTLESS)},
    "low_start": personality("low_start"),
}


def tenant_id(name: str) -> str:
    return name.replace("_", "-")


@dataclass(frozen=True)
class Scene:
    pumpjack: Pumpjack
    pools: dict[str, SimulatedPool]

    def port(self, name: str) -> int:
        return self.pumpjack.ports[tenant_id(name), False]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("pools")
    async with AsyncExitStack() as stack:
        pools = {
            name: await stack.enter_async_context(SimulatedPool(settings, seed=number))
            for number, (name, settings) in enumerate(POOLS.items())
        }
        tenants = [
            tenant(upstream(pool), id=tenant_id(name), listen=["127.0.0.1:0"]) for name, pool in pools.items()
        ]
        content = site(*tenants)
        content["stratum"]["listen"] = []
        pumpjack = await stack.enter_async_context(
            running(["-c", str(written(folder, content))], folder / "data")
        )
        yield Scene(pumpjack, pools)


@pytest.mark.parametrize("size", SIZES)
async def test_a_miner_mines_at_a_pool_of_any_extranonce2_size(scene: Scene, size: int) -> None:
    name = f"size-{size}"
    pool = scene.pools[name]
    async with miner(scene.port(name), "bitaxe") as client:
        await more([client], 20)
        state = tenant_of(await quiet(scene.pumpjack, [pool], [client]), name)
        assert state["upstreams"][0]["extranonce2_size"] == size
        assert 2 <= state["extranonce"]["miner"] <= 8
        books_agree(state["shares"], [pool], [client])
        assert pool.rejected == state["shares"]["rejected"] == 0
        undisturbed([client])


@pytest.mark.parametrize("name", STEADY)
async def test_miners_mine_at_every_kind_of_pool(scene: Scene, name: str) -> None:
    pool = scene.pools[name]
    async with (
        miner(scene.port(name), "antminer", "acme.replacing") as replacing,
        miner(scene.port(name), "bitaxe", "acme.xoring") as xoring,
    ):
        for _ in range(4):
            await more([replacing, xoring], 5)
            pool.new_job()  # where base version bits move, they move now
        await more([replacing, xoring], 5)
        state = tenant_of(await quiet(scene.pumpjack, [pool], [replacing, xoring]), tenant_id(name))
        books_agree(state["shares"], [pool], [replacing, xoring])
        assert state["shares"]["rejected"] == pool.rejected == 0
        undisturbed([replacing, xoring])


async def test_a_pool_that_moves_the_extranonce_moves_no_miner(scene: Scene) -> None:
    pool = scene.pools["set_extranonce"]
    async with miner(scene.port("set_extranonce"), "cgminer") as client:
        await more([client], 40)
        state = tenant_of(await quiet(scene.pumpjack, [pool], [client]), "set-extranonce")
        # Each move voids what is under way to the pool.
        assert set(pool.truth.rejected) <= {21}
        assert pool.accepted >= 20
        assert state["shares"]["settled"] == pool.truth.submits
        undisturbed([client])


async def test_a_pool_cannot_send_us_to_a_host_that_nobody_configured(scene: Scene) -> None:
    pool = scene.pools["reconnect"]
    async with miner(scene.port("reconnect"), "bitaxe") as client:
        await more([client], 20)
        await scene.pumpjack.logged("PoolSaid", tenant="reconnect")
        state = tenant_of(await quiet(scene.pumpjack, [pool], [client]), "reconnect")
        books_agree(state["shares"], [pool], [client])
        assert pool.connected == 1
        undisturbed([client])


async def test_a_reconnect_to_itself_is_followed_and_no_miner_notices(scene: Scene) -> None:
    pool = scene.pools["reconnect_bare"]
    async with miner(scene.port("reconnect_bare"), "bitaxe") as client:
        await pool.wait_for(lambda it: it.connected >= 3, PATIENCE)
        await more([client], 5)
        undisturbed([client])


async def test_late_answers_settle_late(scene: Scene) -> None:
    pool = scene.pools["answers_late"]
    async with miner(scene.port("answers_late"), "antminer") as client:
        await more([client], 20)
        state = tenant_of(await quiet(scene.pumpjack, [pool], [client]), "answers-late")
        books_agree(state["shares"], [pool], [client])
        undisturbed([client])


async def test_a_pool_that_starts_far_too_low_raises_and_loses_nothing(scene: Scene) -> None:
    pool = scene.pools["low_start"]
    async with miner(scene.port("low_start"), "antminer") as client:
        await pool.wait_for(lambda it: it.difficulties != [2.0**-26] and it.accepted > 100, PATIENCE)
        state = tenant_of(await quiet(scene.pumpjack, [pool], [client]), "low-start")
        books_agree(state["shares"], [pool], [client])
        assert pool.rejected == 0
        undisturbed([client])
