"""U01: a pool, or who speaks in its place, asks for the hashrate to be taken elsewhere (CVE-2014-4501)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from proxy.adapters.simulated.pool import SimulatedPool
from tests.system.conftest import Launch
from tests.system.mine import POOL, miner, more, undisturbed
from tests.system.pumpjack import PATIENCE
from tests.system.site import site, tenant, upstream

ELSEWHERE = "127.0.0.2"


class Thief:
    """Listens where the hashrate shall go, and counts who comes."""

    def __init__(self) -> None:
        self.port = 0
        self.visits = 0
        self.visited = asyncio.Event()

    def __call__(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        self.visited.set()
        writer.transport.abort()


@asynccontextmanager
async def thief() -> AsyncIterator[Thief]:
    thief = Thief()
    server = await asyncio.start_server(thief, ELSEWHERE, 0)
    thief.port = server.sockets[0].getsockname()[1]
    try:
        yield thief
    finally:
        server.close()


def reconnect(*params: object) -> bytes:
    return json.dumps({"id": None, "method": "client.reconnect", "params": params}).encode() + b"\n"


async def test_nobody_is_led_to_a_host_that_the_configuration_does_not_name(launch: Launch) -> None:
    """U01: redirected hash 0, and not a word of it to the miners."""
    async with SimulatedPool(POOL) as pool, thief() as stranger:
        pumpjack = await launch(site(tenant(upstream(pool))))
        async with miner(pumpjack.port, "antminer") as client:
            await more([client])
            for host in (
                ELSEWHERE,
                "127.0.0.1.evil.example",
                "evil.example",
                "127.0.0.1\u0000",
                "127.0.0.01",
            ):
                for port in (stranger.port, str(stranger.port)):
                    pool.send_raw(reconnect(host, port, 0))
            await pumpjack.logged(
                "PoolSaid",
                text=f"asked to reconnect to {ELSEWHERE}, which the configuration does not name: not done",
            )
            enough = pool.accepted + 50
            await pool.wait_for(lambda it: it.accepted >= enough, PATIENCE)
            assert pool.connected == 1
            undisturbed([client])
        assert stranger.visits == 0
        await pumpjack.stop()


@pytest.mark.parametrize("named", [True, False])
async def test_a_redirection_is_followed_once_and_to_named_hosts_only(launch: Launch, named: bool) -> None:
    """U01: the set of ``reconnect_hosts``; without parameters it is a wish to dial the same place again."""
    async with SimulatedPool(POOL) as pool, thief() as friend:
        hosts = [ELSEWHERE] if named else []
        pumpjack = await launch(site(tenant(upstream(pool, reconnect_hosts=hosts))))
        async with miner(pumpjack.port, "antminer") as client:
            await more([client])
            pool.send_raw(reconnect(ELSEWHERE, friend.port, 0) if named else reconnect())
            await pumpjack.logged("UpstreamDown", cause="asked to reconnect")
            # Whoever does not answer there is not asked again: back to where the configuration points.
            await pool.wait_for(lambda it: it.connected == 2, PATIENCE)
            await more([client], 20)
            undisturbed([client])
        assert friend.visits == int(named)
        await pumpjack.stop()
