"""R06: the whole process stands still, as a paused virtual machine does; nobody is taken for gone by that."""

import asyncio
import signal
from dataclasses import replace

from proxy.adapters.simulated.pool import SimulatedPool, Submits
from proxy.app.clock import GREATEST_GAP
from proxy.mining.difficulty import target_of
from proxy.units import Seconds
from tests.adapters.simulated.raw import RawClient, mined
from tests.system.conftest import Launch
from tests.system.mine import EASY, POOL, tenant_of
from tests.system.pumpjack import PATIENCE
from tests.system.site import site, tenant, upstream

PAUSE = float(GREATEST_GAP) + 0.6
"""More than every deadline below that runs."""


async def test_no_deadline_counts_a_standstill(launch: Launch) -> None:
    """R06: not a miner's that logs in, not a pool's that owes an answer."""
    owing = replace(POOL, submits=Submits.LATE, late=Seconds(PAUSE + 1.0))
    timers = {"subscribe": 2, "authorize": 2}
    async with SimulatedPool(owing) as pool:
        pumpjack = await launch(
            site(tenant(upstream(pool)), stratum={"timers": timers}, upstream={"reply": 4})
        )
        async with (
            RawClient(pumpjack.port) as working,
            RawClient(pumpjack.port) as half_in,
            RawClient(pumpjack.port) as new,
        ):
            _, extranonce1, size = await working.shake_hands("acme.works", "00000000")
            job = await working.notification("mining.notify")
            await half_in.ask("mining.subscribe", "raw")
            await pumpjack.status_when(lambda state: state["connections"] == 3)
            share = mined(job, extranonce1, "00" * size, target_of(EASY))[:4]
            assert (await working.ask("mining.submit", "acme.works", *share))["result"] is True
            await pool.wait_for(lambda it: it.accepted == 1, PATIENCE)
            pumpjack.send(signal.SIGSTOP)
            await asyncio.sleep(PAUSE)
            pumpjack.send(signal.SIGCONT)
            # Each goes on where it was.
            assert (await half_in.ask("mining.authorize", "acme.half", "x"))["result"] is True
            assert (await new.shake_hands("acme.new", "00000000"))[2] == size
            state = await pumpjack.status_when(lambda state: state["shares"]["pool_accepted"] == 1)
            assert state["connections"] == state["sessions"] == 3
            assert tenant_of(state)["upstreams"][0]["state"] == "live"
            assert not pumpjack.entries("UpstreamDown")
            assert not pumpjack.entries("SessionRefused")
        await pumpjack.stop()
