"""R01, R02, R03 at the miners' side: a herd that returns, too few descriptors, peers that never read."""

import asyncio
from pathlib import Path

import pytest

from proxy import hotpath
from proxy.adapters.simulated.pool import SimulatedPool
from tests.conftest import Require
from tests.faults.hostile import Peer, attacked, honest, logged_in, peers, until
from tests.system.crowd import Crowd, may_open, resident
from tests.system.mine import POOL
from tests.system.pumpjack import PATIENCE, command, launched
from tests.system.site import site, tenant, upstream, written


async def herd(folder: Path, count: int, hosts: int, within: float) -> None:
    """Let miners return all at once: each must have work by the deadline, and none may be refused."""
    async with attacked(folder) as (pumpjack, _), honest(pumpjack.port):
        for _ in range(2):  # and once more after a black-out
            crowd = Crowd()
            async with asyncio.timeout(within):
                await crowd.come(pumpjack.port, count, hosts=hosts)
                await crowd.all_work(within)
            assert crowd.lost == 0
            crowd.leave()
            await pumpjack.status_when(lambda state: state["connections"] == 1)
        assert not pumpjack.entries("ConnectionsRefused")


@pytest.mark.parametrize("hosts", [1, 8])
async def test_r01_a_herd_is_let_in_whole_behind_a_nat_or_not(
    tmp_path: Path, hosts: int, require: Require
) -> None:
    require("1,000 open files", may_open(1_000))
    await herd(tmp_path, 500, hosts, PATIENCE)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("hosts", [1, 8])
async def test_r01_ten_thousand_return(tmp_path: Path, hosts: int, require: Require) -> None:
    require("10,500 open files", may_open(10_000))
    await herd(tmp_path, 10_000, hosts, 60)


async def test_r02_with_few_descriptors_the_surplus_is_refused_and_nobody_else_notices(
    tmp_path: Path,
) -> None:
    async with SimulatedPool(POOL) as pool:
        quick = {"timers": {"subscribe": 2}, "limits": {"open_files_share": 0.9}}
        path = written(tmp_path, site(tenant(upstream(pool), user_match="acme.*"), stratum=quick))
        words = ["-c", str(path), *([] if hotpath.COMPILED else ["--allow-pure-python"])]
        limited = ["/bin/sh", "-c", 'ulimit -n 100; exec "$@"', "sh"]
        pumpjack = await launched([*limited, *command("run", *words)], tmp_path / "data")
        try:
            await pumpjack.logged("listening")
            async with honest(pumpjack.port) as miner:
                coming = [logged_in(pumpjack.port, "127.0.4.1", f"acme.i{n}") for n in range(30)]
                inside = [peer for peer, _ in await asyncio.gather(*coming)]
                loop = asyncio.get_running_loop()
                began = loop.time()
                async with peers(pumpjack.port, ["127.0.4.2"] * 120) as surplus:
                    for peer in surplus:
                        await peer.gone()
                    await pumpjack.logged("ConnectionsRefused", cause="every place is taken")
                    before = miner.accepted
                    await until(lambda: miner.accepted > before + 5)
                assert not any(peer.ended.is_set() for peer in inside)
                # One a second, not one a peer.
                assert len(pumpjack.entries("ConnectionsRefused")) <= loop.time() - began + 2
                for peer in inside[:5]:
                    await peer.leave()
                await pumpjack.status_when(lambda state: state["connections"] <= 26)
                free = loop.time()
                again, _ = await logged_in(pumpjack.port, "127.0.4.3", "acme.again")
                # The bar is a second; there is no timer to wait for.
                assert loop.time() - free < 3
                for peer in [*inside[5:], again]:
                    await peer.leave()
            await pumpjack.stop()
            pumpjack.assert_clean()
        finally:
            await pumpjack.kill()


async def test_r03_peers_that_never_read_hold_little_and_are_soon_gone(tmp_path: Path) -> None:
    unhindered = {"notify_interval": 0}  # or the pool could not fill their buffers within a minute
    async with attacked(tmp_path, above=unhindered) as (pumpjack, pool), honest(pumpjack.port) as miner:
        stuck: list[Peer] = []
        for n in range(20):
            peer = await Peer.connect(pumpjack.port, "127.0.5.1", reads=False, room=4096)
            await peer.send(
                b'{"id":1,"method":"mining.subscribe","params":[]}\n'
                b'{"id":2,"method":"mining.authorize","params":["acme.s%d","x"]}\n' % n
            )
            stuck.append(peer)
        await pumpjack.status_when(lambda state: state["working"] == 21)
        before = resident(pumpjack.process.pid)
        most = 0
        async with asyncio.timeout(PATIENCE):
            while not pumpjack.entries("SessionClosed", cause="did not read"):
                for _ in range(10):
                    pool.new_job()
                await miner.once_more()
                most = max(most, resident(pumpjack.process.pid))
        await pumpjack.status_when(lambda state: state["connections"] == 1)
        assert most - before < 20 * 128 * 1024 + (16 << 20)
        for peer in stuck:
            await peer.leave()
