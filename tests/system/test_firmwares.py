"""Every firmware of the table mines through the program, each alone, and finds nothing to complain about."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from proxy.adapters.simulated.miner import FIRMWARES
from proxy.adapters.simulated.pool import PoolSettings, SimulatedPool, personality
from tests.system.mine import EASY, POOL, books_agree, miner, more, quiet, tenant_of, undisturbed
from tests.system.pumpjack import PATIENCE, Pumpjack, running
from tests.system.site import site, tenant, upstream, written

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOVING = replace(
    personality("moving_version"),
    difficulty=EASY,
    honour_suggestion=False,
    notify_interval=None,
    coinbase_bytes=200,
)
"""Every job has other base version bits, so that each convention of submitting bits is put to the test."""
POOLS: dict[str, PoolSettings] = {
    **dict.fromkeys(FIRMWARES, MOVING),
    # What a mask it does not heed costs it is looked at below.
    "deaf-to-mask": POOL,
    # Alone, such a pool would leave a miner two bytes; NiceHash hangs up below four.
    "nicehash": replace(MOVING, extranonce2_size=5),
}


@dataclass(frozen=True)
class Scene:
    pumpjack: Pumpjack
    pools: dict[str, SimulatedPool]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("firmwares")
    async with AsyncExitStack() as stack:
        pools = {
            name: await stack.enter_async_context(SimulatedPool(settings, seed=number))
            for number, (name, settings) in enumerate(POOLS.items())
        }
        wish = {"nicehash": {"extranonce2_size": 4}}
        tenants = [
            tenant(upstream(pool), id=name, listen=["127.0.0.1:0"], **wish.get(name, {}))
            for name, pool in pools.items()
        ]
        # An old S9 misreads odd base versions: at a pool that moves them half of its shares are refused.
        content = site(*tenants, stratum={"listen": [], "conduct": {"ban_ratio": 0.75}})
        words = ["-c", str(written(folder, content))]
        yield Scene(await stack.enter_async_context(running(words, folder / "data")), pools)


@pytest.mark.parametrize("name", FIRMWARES)
async def test_every_firmware_mines_alone(scene: Scene, name: str) -> None:
    pool = scene.pools[name]
    async with miner(scene.pumpjack.ports[name, False], name, f"{name}.rig") as client:
        for _ in range(5):
            await more([client], 5)
            pool.new_job()
        await more([client], 5)
        await pool.wait_for(lambda it: it.accepted >= 20, PATIENCE)
        state = tenant_of(await quiet(scene.pumpjack, [pool], [client]), name)
        # With shares this easy, now and then a wrong reading of odd bits is a good share of another header.
        books_agree(state["shares"], [pool], [client], same_headers=name != "s9-old")
        undisturbed([client])
        assert pool.rejected == 0
        assert set(client.counters.rejected) == ({20} if name == "s9-old" else set())
        assert client.counters.withheld == client.counters.ignored_jobs == 0


async def test_a_miner_deaf_to_a_narrower_mask_loses_only_what_the_pool_would_refuse(scene: Scene) -> None:
    pool = scene.pools["deaf-to-mask"]
    before = pool.rejected
    pool.set_difficulty(EASY)
    pool.new_job()
    async with miner(scene.pumpjack.ports["deaf-to-mask", False], "deaf-to-mask", seed=1) as client:
        await more([client], 5)
        pool.set_version_mask(0x00FFE000)
        await client.wait_for(lambda it: it.counters.rejected[20] >= 5, PATIENCE)
        pool.set_version_mask(0x1FFFE000)
        await more([client], 50)
        await quiet(scene.pumpjack, [pool], [client])
        # 21: with a mask this pool sends a clean job, which ends the work of what is under way.
        assert set(client.counters.rejected) <= {20, 21}
        assert pool.rejected == before
        undisturbed([client])


async def test_all_of_them_together_share_one_connection(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(SimulatedPool(POOL))
        words = ["-c", str(written(tmp_path, site(tenant(upstream(pool)))))]
        pumpjack = await stack.enter_async_context(running(words, tmp_path / "data"))
        miners = [
            await stack.enter_async_context(miner(pumpjack.port, name, f"acme.{name}"))
            for name in FIRMWARES
            if name != "s9-old"
        ]
        for _ in range(3):
            await more(miners, 2)
            pool.new_job()
        state = await quiet(pumpjack, [pool], miners)
        books_agree(state["shares"], [pool], miners)
        assert pool.connected == 1
        assert pool.rejected == state["shares"]["rejected"] == 0
        undisturbed(miners)
