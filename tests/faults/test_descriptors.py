"""R02 where the limit itself gives way: a running program has no descriptor left, and then has some again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from pathlib import Path

from proxy.adapters.tcp.listener import REST
from tests.faults.hostile import attacked, honest, logged_in, until
from tests.system.crowd import processor_seconds
from tests.system.pumpjack import Pumpjack

WAITING = 30
EXHAUSTED = 3.0
"""Seconds without a descriptor."""


def take_descriptors(pid: int) -> int:
    """Leave a process not one descriptor more than it has; return its limit as it was."""
    open_ = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    free = next(number for number in range(soft) if number not in open_)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, hard))
    return soft


def give_descriptors(pid: int, soft: int) -> None:
    """Give a process its limit back."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


async def knock(pumpjack: Pumpjack) -> None:
    """Ask for the status again and again, as an impatient operator does: nobody can answer."""
    while True:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.setblocking(False)
            with contextlib.suppress(OSError):
                sock.connect(str(pumpjack.data_dir / "control.sock"))
            await asyncio.sleep(0.1)


async def test_r02_without_descriptors_nobody_inside_notices_and_who_waits_comes_in_within_a_second(
    tmp_path: Path,
) -> None:
    async with attacked(tmp_path) as (pumpjack, _), honest(pumpjack.port) as miner:
        loop, pid = asyncio.get_running_loop(), pumpjack.process.pid
        inside, _ = await logged_in(pumpjack.port, "127.0.4.1", "acme.inside")
        soft = take_descriptors(pid)
        began, spent, lines = loop.time(), processor_seconds(pid), len(pumpjack.lines)
        asking = asyncio.create_task(knock(pumpjack))
        coming = [
            asyncio.create_task(logged_in(pumpjack.port, "127.0.4.2", f"acme.w{n}")) for n in range(WAITING)
        ]
        before = miner.accepted
        await pumpjack.logged("ConnectionsRefused")
        await until(lambda: miner.accepted >= before + 20 and loop.time() >= began + EXHAUSTED)
        passed = loop.time() - began
        assert not any(task.done() for task in coming)
        spent = processor_seconds(pid) - spent
        give_descriptors(pid, soft)
        given = loop.time()
        await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
        came = loop.time() - given
        waited = [peer for peer, _ in await asyncio.gather(*coming)]
        asking.cancel()
        # The bar is a second, and it looks again once in one.
        assert came < REST + 2
        said = pumpjack.entries("ConnectionsRefused")
        assert {entry["cause"].partition(" (")[0] for entry in said} == {
            "the system has nothing left for a connection"
        }
        assert len(pumpjack.lines) - lines <= passed + 2 + WAITING  # whose logins are told
        assert len(said) <= passed + 2
        assert spent < passed / 2
        assert not inside.ended.is_set()
        assert (await pumpjack.status())["sessions"] == WAITING + 2
        for peer in [inside, *waited]:
            await peer.leave()
