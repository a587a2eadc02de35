"""What the program leaves on the disk, held against the books of miners and pool."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from proxy.adapters.simulated.pool import SimulatedPool
from proxy.hotpath import PreparedJob
from tests.adapters.stores.ledger_folder import Row, batches
from tests.faults.inside import Loop, both_loops, on
from tests.system.mine import POOL, miner, more
from tests.system.site import site, tenant, upstream
from tests.system.test_in_process import running


class Told:
    """What a walk through the batches has learnt; shares are hashed again on the way."""

    def __init__(self, rows: list[Row]) -> None:
        self.works: dict[tuple[bytes, int], PreparedJob] = {}
        self.jobs: dict[tuple[bytes, str], int] = {}
        self.sessions: dict[tuple[bytes, int], Any] = {}
        self.ended: set[tuple[bytes, int]] = set()
        self.hashes: Counter[bytes] = Counter()
        self.credited = 0.0
        self.numbers: set[tuple[bytes, int]] = set()
        self.outcomes: Counter[str] = Counter()
        for row in rows:
            self._notes(row)
            for share in row.shares:
                self._share(row.run, share)
            for note in row.notes:
                if note[0] == 7:
                    assert (row.run, note[1]) in self.numbers, "a settlement of a share that is known"
                    self.outcomes[note[5]] += 1

    def _notes(self, row: Row) -> None:
        for kind, *fields in row.notes:
            match kind:
                case 3:
                    work, _, _, _, version, prevhash, coinb1, coinb2, size, branches, nbits, _, _ = fields
                    self.works[row.run, work] = PreparedJob(
                        coinb1, coinb2, size, branches, version, prevhash, nbits
                    )
                case 4:
                    self.jobs[row.run, fields[0]] = fields[1]
                case 5:
                    self.sessions[row.run, fields[0]] = fields
                case 6:
                    self.ended.add((row.run, fields[0]))

    def _share(self, run: bytes, share: list[Any]) -> None:
        number, session, worker, job, extranonce, ntime, nonce, version, credit, _, flags = share
        began = self.sessions[run, session]
        assert (began[1], began[2]) == ("main", worker)
        assert extranonce.startswith(began[5])
        work = self.works[run, self.jobs[run, job]]
        self.hashes[work.share_hash(extranonce, ntime, nonce, version)] += 1
        self.credited += credit
        assert bool(flags & 1) == bool(number)
        if number:
            self.numbers.add((run, number))


async def two_runs(folder: Path) -> None:
    async with SimulatedPool(POOL) as pool:
        accepted: set[bytes] = set()
        credited = 0.0
        for _ in range(2):
            content = site(tenant(upstream(pool)))
            async with running(folder, content) as program:
                async with miner(program.bound[0].port, "cgminer") as client:
                    await more([client], 20)
                    await asyncio.to_thread(batches, folder / "data")  # others may read meanwhile
                credited += client.counters.credited
                answered = client.outcomes
            accepted |= {digest for digest, outcome in answered.items() if outcome == "accepted"}
    rows = batches(folder / "data")
    told = Told(rows)
    assert len({row.run for row in rows}) == 2
    assert accepted <= set(told.hashes)
    assert set(told.hashes.values()) == {1}
    # The last window's answers may not have reached a miner that has gone.
    assert told.credited >= credited
    assert told.ended == set(told.sessions)
    assert told.outcomes["accepted"] == pool.accepted
    assert sum(told.outcomes.values()) <= len(told.numbers)


@both_loops
def test_every_share_stands_in_the_ledger_once_and_can_be_hashed_again(loop: Loop, tmp_path: Path) -> None:
    on(loop, two_runs(tmp_path))
