"""The whole program on a data directory that outlives it: started, killed, held to what its miners know."""

import asyncio
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from math import isclose
from pathlib import Path

from proxy import hotpath
from proxy.adapters.simulated.pool import SimulatedPool
from proxy.adapters.stores.ledger.checking import check
from proxy.adapters.stores.ledger.folder import Folder
from tests.durability.audit import Broken, Credited, credited, rows
from tests.durability.observer import Observer
from tests.system.mine import POOL
from tests.system.pumpjack import ROOT, Pumpjack, environment
from tests.system.site import site, tenant, upstream, written

LOWEST, HIGHEST = 20_000, 32_000
"""Ports below those from which the kernel calls out: a miner must not meet itself where nobody listens."""


def free_port() -> int:
    """Return a port that a program can have again and again."""
    for port in range(LOWEST + hash(asyncio.current_task()) % 5_000, HIGHEST):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("all ports are taken")


class Plant:
    """A site with one pool and its miners; the program comes and goes."""

    def __init__(self, folder: Path, pool: SimulatedPool, miners: Observer, port: int) -> None:
        self.pool, self.miners = pool, miners
        self.data_dir = folder / "data"
        self.config = written(folder, site(tenant(upstream(pool)), stratum={"listen": [f"127.0.0.1:{port}"]}))

    @property
    def days(self) -> Path:
        """Where the raw batches are."""
        return self.data_dir / "ledger" / "days"

    async def start(self, extra: Mapping[str, str] | None = None, module: str = "proxy") -> Pumpjack:
        """Start the program, or a spoiled one, and return it once it listens."""
        words = ["run", "-c", str(self.config)]
        if not hotpath.COMPILED:
            words.append("--allow-pure-python")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *words),
            cwd=ROOT,
            env=environment(**(extra or {})),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            limit=1 << 22,
        )
        pumpjack = Pumpjack(process, self.data_dir)
        try:
            await pumpjack.logged("listening")
        except BaseException:
            await pumpjack.kill()
            raise
        self.miners.opened()
        return pumpjack

    def problems(self) -> list[str]:
        """Return in what the ledger and the miners' own books differ; nothing may be running."""
        book = self.miners.book
        try:
            shares = credited(rows(self.days))
        except Broken as broken:
            return [f"broken: {broken}"]
        headers = Counter(share.header for share in shares)
        wrong = [
            ("lost: answered true, not credited", book.accepted.keys() - headers.keys()),
            ("phantom: credited, never sent", headers.keys() - book.sent.keys()),
            ("double: credited more than once", {each for each, count in headers.items() if count > 1}),
            ("credited, and answered false", headers.keys() & book.refused.keys()),
            (
                "credited with another difficulty",
                {share.header for share in shares if share.credit != book.sent.get(share.header)},
            ),
        ]
        found = [f"{what}: {len(which)} of {len(shares)}" for what, which in wrong if which]
        return found + disagreements(self.data_dir, shares)


def disagreements(data_dir: Path, shares: list[Credited]) -> list[str]:
    """Return in what the program's own check differs from what the audit found to be credited."""
    report = check(Folder.of(data_dir))
    found = [f"check: {problem}" for problem in report.problems]
    credit = sum(share.credit for share in shares)
    if report.credited.shares != len(shares) or not isclose(report.credited.difficulty, credit):
        found.append(f"check: {report.credited}, not {len(shares)} shares and {credit}")
    return found


@asynccontextmanager
async def plant(folder: Path, miners: int = 4) -> AsyncIterator[Plant]:
    """Run pool and miners; they wait for a program."""
    port = free_port()
    async with SimulatedPool(POOL) as pool, Observer(port, miners) as observer:
        yield Plant(folder, pool, observer, port)
