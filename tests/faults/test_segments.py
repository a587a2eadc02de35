"""N07: how bytes are cut into segments changes nothing: not a record, not a count, not an answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxy.adapters.simulated.pool import SimulatedPool
from proxy.mining.difficulty import target_of
from proxy.relay.snapshot import snapshot
from proxy.units import Seconds
from tests.adapters.simulated.raw import RawClient, mined
from tests.chaos.proxy import ChaosProxy
from tests.chaos.toxics import Toxics
from tests.faults.edge import edge
from tests.system.mine import EASY, POOL
from tests.system.pumpjack import PATIENCE
from tests.system.site import site, tenant, upstream

WORKER = "acme.raw"
UNPUNISHED = {"conduct": {"cost_hard": 1e9, "cost_soft": 1e9, "ban_ratio": 1.0}}
"""Four lines of five are bad, and must all be answered."""
GOOD = 30
LINES = 1000


@dataclass(frozen=True)
class Run:
    """What came of one run."""

    answers: list[dict[str, Any]]
    records: bytes
    shares: dict[str, Any]
    at_pool: list[bytes]


def script(job: list[Any], extranonce1: str, size: int) -> list[bytes]:
    """Return a thousand lines: good shares, repeated ones, low ones, for no job, no shares at all."""
    target = target_of(EASY)
    good = [mined(job, extranonce1, f"{n:0{2 * size}x}", target, above=False)[:4] for n in range(1, GOOD + 1)]
    low = mined(job, extranonce1, "ff" * size, target, above=True)[:4]
    kinds: list[bytes | list[str]] = []
    for n in range(LINES):
        match n % 5:
            case 0:
                kinds.append(good[n // 5 % GOOD])
            case 1:
                kinds.append([job[0], f"{n:04x}", *low[2:]])  # too short an extranonce2
            case 2:
                kinds.append(low)
            case 3:
                kinds.append(["beef", *low[1:]])
            case _:
                kinds.append(b'{"id":%d,"method":"mining.ping","params":[]}' % n)
    return [
        kind
        if isinstance(kind, bytes)
        else msgspec.json.encode({"id": n, "method": "mining.submit", "params": [WORKER, *kind]})
        for n, kind in enumerate(kinds)
    ]


def as_they_come(toxics: Toxics) -> None:
    pass


def byte_by_byte(toxics: Toxics) -> None:
    toxics.slice = 1


def all_in_one(toxics: Toxics) -> None:
    toxics.coalesce, toxics.coalesce_time = 1 << 20, 0.2


def by_sevens(toxics: Toxics) -> None:
    toxics.slice = 7


async def run(folder: Path, cut: Any, lines: int) -> Run:
    """Let a scripted miner work through two chaos proxies that cut all bytes, the pool's too."""
    async with (
        SimulatedPool(POOL, seed=3, clock=lambda: 1_700_000_000.0) as pool,
        ChaosProxy(pool.port) as above,
        edge(folder, site(tenant(upstream(above.port)), stratum=UNPUNISHED)) as relayed,
        ChaosProxy(relayed.port) as below,
    ):
        async with RawClient(below.port) as client:
            _, extranonce1, size = await client.shake_hands(WORKER, "00000000")
            job = await client.notification("mining.notify")
            for toxics in (above.up, above.down, below.up, below.down):
                cut(toxics)
            said = script(job, extranonce1, size)[:lines]
            client.write(b"\n".join(said) + b"\n")
            answers: list[dict[str, Any]] = []
            while len(answers) < len(said):
                if "method" not in (message := await client.message()):
                    answers.append(message)
            good = min(GOOD, (lines + 4) // 5)
            await pool.wait_for(lambda it: it.accepted >= good, PATIENCE)
            for toxics in (above.up, above.down):
                toxics.clear()
            pool.new_job()
            await client.notification("mining.notify")
        state = snapshot(relayed.relay, Seconds(0), sessions=False)
        return Run(answers, relayed.records, state["shares"], list(pool.truth.shares))


@pytest.mark.parametrize(("cut", "lines"), [(byte_by_byte, 200), (by_sevens, LINES), (all_in_one, LINES)])
async def test_however_bytes_are_cut_every_record_answer_and_count_is_the_same(
    tmp_path: Path, cut: Any, lines: int
) -> None:
    """N07: segments of one byte, of seven, and a thousand lines in one."""
    plain = await run(tmp_path, as_they_come, lines)
    other = await run(tmp_path, cut, lines)
    assert plain.records
    assert other.records == plain.records
    assert by_id(other.answers) == by_id(plain.answers)
    assert other.at_pool == plain.at_pool
    assert other.shares == plain.shares
    assert plain.shares["accepted"] == len(plain.at_pool) == min(GOOD, lines // 5)
    assert sum(plain.shares["rejected_by_us"].values()) == plain.shares["rejected"] >= lines * 3 // 5


def by_id(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order answers by their call: a ping is answered at once, a share when it is durable."""
    return sorted(answers, key=lambda answer: int(answer["id"]))
