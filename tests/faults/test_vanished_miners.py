"""N08: miners vanish without a word and come back from the same addresses."""

import asyncio
import contextlib
import os
import socket
from pathlib import Path

from proxy.adapters.simulated.pool import SimulatedPool
from proxy.config.limits import StratumTimers
from tests.chaos.packets import deafen
from tests.conftest import Require
from tests.faults.hostile import Peer, peers, until
from tests.faults.inside import Loop, both_loops, on, program_of
from tests.system.conftest import Launch
from tests.system.crowd import Crowd, may_open
from tests.system.mine import POOL
from tests.system.pumpjack import PATIENCE
from tests.system.site import site, tenant, upstream

COUNT, HOSTS = 500, 8
QUICK = {
    "tcp_keepalive_idle": 1,
    "tcp_keepalive_interval": 1,
    "tcp_keepalive_probes": 2,
    "tcp_user_timeout": 2,
}
REAPED = 1 + 2 * 1 + 2
"""Seconds: the later of probes unanswered and sent bytes unacknowledged, one after the other at worst."""


def wait_of(crowd: Crowd) -> float:
    """Return the seconds within which all but a hundredth of them had work."""
    return sorted(member.waited for member in crowd.members)[len(crowd.members) * 99 // 100]


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
        await before.come(pumpjack.port, COUNT, HOSTS)
        await before.all_work(PATIENCE)
        # Some had not logged in yet, as many from each address as may stay so: they are dead, too.
        async with peers(pumpjack.port, [f"127.0.0.{2 + n % HOSTS}" for n in range(8 * HOSTS)]) as strangers:
            vanish(before)
            for stranger in strangers:
                deafen(stranger.sock)
            await after.come(pumpjack.port, COUNT, HOSTS)
            await after.all_work(PATIENCE)
            assert not pumpjack.entries("ConnectionsRefused")
            # The bar is a second, and what so many need at once is what the first of them needed.
            assert wait_of(after) < 2 * wait_of(before) + 1
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


def options_of(port: int, peer: tuple[str, int]) -> list[int]:
    """Return the seconds of probes and of acknowledgement of the socket that this process accepted there."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(name))) as sock:
            if sock.family == socket.AF_INET and (sock.getsockname()[1], sock.getpeername()) == (port, peer):
                names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
                found = [sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
                return [sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), *found]
    raise AssertionError("no such connection")


@both_loops
def test_n08_a_miners_socket_has_the_timers_of_the_bar(loop: Loop, tmp_path: Path) -> None:
    """Asked of the socket itself, in a program with the defaults."""

    async def scene() -> None:
        async with (
            SimulatedPool(POOL) as pool,
            program_of(tmp_path, site(tenant(upstream(pool)))) as program,
        ):
            port = program.bound[0].port
            peer = await Peer.connect(port)
            await peer.send(b'{"id":1,"method":"mining.ping","params":[]}\n')
            await until(lambda: b"pong" in peer.heard)
            alive, idle, interval, probes, unacknowledged = options_of(port, peer.sock.getsockname())
            assert alive
            assert 0 < idle + interval * probes <= 90
            assert 0 < unacknowledged <= 90_000
            await peer.leave()

    on(loop, scene())


def test_the_defaults_keep_the_bar() -> None:
    """N08: 90 s for a miner to which nothing was sent, and less where something was."""
    timers = StratumTimers()
    probes = timers.tcp_keepalive_probes * timers.tcp_keepalive_interval
    assert timers.tcp_keepalive_idle + probes <= 90
    assert timers.keepalive_line + timers.tcp_user_timeout <= 90
