"""The log cannot be written, or nobody reads it: miners notice nothing, and peers are dropped as ever."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proxy import hotpath
from proxy.adapters.control.asking import ask
from proxy.adapters.simulated.pool import SimulatedPool
from tests.faults.hostile import Peer, honest, until
from tests.system.mine import POOL
from tests.system.pumpjack import LOOK, PATIENCE, ROOT, command, environment
from tests.system.site import site, tenant, upstream, written

ROUNDS = 40
LINES = 30
"""Refused logins of one peer: with its comings and goings they fill a pipe of the least size many times."""
STRANGER = b'{"id":1,"method":"mining.authorize","params":["%b"]}\n' % (b"x" * 200)


@contextmanager
def log(kind: str) -> Iterator[int]:
    """Give the descriptor of a log that is of no use."""
    if kind == "full":
        fd = os.open("/dev/full", os.O_WRONLY)
        yield fd
        os.close(fd)
        return
    read, write = os.pipe()
    if kind == "gone":
        os.close(read)
    yield write
    os.close(write)
    if kind == "unread":
        os.close(read)


async def port_of(folder: Path) -> int:
    """Return the port on which it listens: the log does not tell."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(OSError):  # it is not there yet
                for door in (await asyncio.to_thread(ask, folder, sessions=False))["listeners"]:
                    return int(door["port"])
            await asyncio.sleep(LOOK)


@pytest.mark.parametrize("kind", ["full", "gone", "unread"])
async def test_a_log_that_cannot_be_written_costs_nobody_its_connection(kind: str, tmp_path: Path) -> None:
    async with SimulatedPool(POOL) as pool:
        content = site(tenant(upstream(pool), user_match="acme.*"), stratum={"timers": {"subscribe": 1}})
        words = ["-c", str(written(tmp_path, content))]
        if not hotpath.COMPILED:
            words.append("--allow-pure-python")
        with log(kind) as fd:
            process = await asyncio.create_subprocess_exec(
                *command("run", *words), cwd=ROOT, env=environment(), stderr=fd
            )
        try:
            port = await port_of(tmp_path / "data")
            async with honest(port) as miner:
                silent = await Peer.connect(port)
                for _ in range(ROUNDS):
                    peer = await Peer.connect(port)
                    await peer.send(STRANGER * LINES)
                    await peer.leave()
                await silent.gone()
                await silent.leave()
                before = miner.accepted
                await until(lambda: miner.accepted >= before + 20)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
