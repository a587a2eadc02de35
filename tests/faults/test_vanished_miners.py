"""N08: miners vanish without a word and come back from the same addresses."""

import asyncio

from proxy.adapters.simulated.pool import SimulatedPool
from proxy.config.limits import StratumTimers
from tests.chaos.packets import deafen
from tests.conftest import Require
from tests.system.conftest import Launch
from tests.system.crowd import Crowd, may_open
from tests.system.mine import POOL
from tests.system.pumpjack import PATIENCE
from tests.system.site import site, tenant, upstream

COUNT = 500
QUICK = {
    "tcp_keepalive_idle": 1,
    "tcp_keepalive_interval": 1,
    "tcp_keepalive_probes": 2,
    "tcp_user_timeout": 2,
}
REAPED = 1 + 2 * 1 + 2
"""Seconds: the later of probes unanswered and sent bytes unacknowledged, one after the other at worst."""


def vanish(crowd: Crowd) -> None:
    """Let their cables be pulled: nothing that is sent to them is acknowledged, and they say nothing."""
    for member in crowd.members:
        deafen(member.socket)


async def test_who_comes_back_is_admitted_at_once_and_the_dead_are_reaped(
    launch: Launch, require: Require
) -> None:
    """N08: while the dead still hold their places; then nothing but the living is left."""
    require("1,500 open files", may_open(2 * COUNT))
    async with SimulatedPool(POOL) as pool:
        pumpjack = await launch(site(tenant(upstream(pool)), stratum={"timers": QUICK}))
        before, after = Crowd(), Crowd()
        await before.come(pumpjack.port, COUNT)
        await before.all_work(PATIENCE)
        vanish(before)
        await after.come(pumpjack.port, COUNT)
        await after.all_work(PATIENCE)
        pool.new_block()  # half of the dead are found by bytes that they do not acknowledge
        await pumpjack.status_when(lambda state: state["connections"] == COUNT, timeout=PATIENCE + REAPED)
        state = await pumpjack.status()
        assert (state["sessions"], state["working"], state["waiting"]) == (COUNT, COUNT, 0)
        assert after.lost == 0
        # The dead heard nothing of it: they had vanished, and not left.
        assert before.lost == 0
        before.leave()
        after.leave()
        await asyncio.sleep(0)
        await pumpjack.stop()


def test_the_defaults_keep_the_bar() -> None:
    """N08: 90 s for a miner to which nothing was sent, and less where something was."""
    timers = StratumTimers()
    probes = timers.tcp_keepalive_probes * timers.tcp_keepalive_interval
    assert timers.tcp_keepalive_idle + probes <= 90
    assert timers.keepalive_line + timers.tcp_user_timeout <= 90
