"""Simulated miners and pools for the system tests, and what must hold between their books and pumpjack's."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from ssl import SSLContext

import pytest

from proxy.adapters.simulated.miner import FIRMWARES, MinerSettings, SimulatedMiner
from proxy.adapters.simulated.pool import PoolSettings, SimulatedPool
from proxy.units import Difficulty, HashesPerSecond, Seconds
from tests.system.pumpjack import PATIENCE, Pumpjack, State

EASY = Difficulty(2.0**-24)
"""256 hashes a share."""
HARD = Difficulty(2.0**30)
"""Nobody here will ever find such a share."""
POOL = PoolSettings(
    difficulty=EASY,
    honour_suggestion=False,
    coinbase_bytes=200,
    notify_interval=None,
)
"""Ordinary, and nothing happens by itself."""
MINER = MinerSettings(
    hashrate=HashesPerSecond(50_000.0),
    backoff=Seconds(0.1),
    record_shares=100_000,
    record_lines=100,
)


def miner(
    port: int,
    firmware: str = "antminer",
    worker: str = "acme.m1",
    ssl: SSLContext | None = None,
    seed: int = 0,
) -> SimulatedMiner:
    """Return a miner that hashes, some two hundred shares a second at ``EASY``."""
    settings = replace(MINER, firmware=FIRMWARES[firmware])
    return SimulatedMiner("127.0.0.1", port, worker, settings=settings, seed=seed, ssl=ssl)


async def more(miners: Iterable[SimulatedMiner], count: int = 5) -> None:
    """Wait until each of the miners has had ``count`` further shares accepted."""
    for client, enough in [(client, client.counters.accepted + count) for client in miners]:
        await client.wait_for(partial(_has, enough), PATIENCE)


def _has(accepted: int, client: SimulatedMiner) -> bool:
    return client.counters.accepted >= accepted


async def quiet(
    pumpjack: Pumpjack, pools: Sequence[SimulatedPool], miners: Sequence[SimulatedMiner]
) -> State:
    """Stop the flow of shares; return the status once every share is answered everywhere."""
    for pool in pools:
        pool.set_difficulty(HARD)
        pool.new_job()  # some pools' difficulty counts from the next job on only
    for client in miners:
        await client.wait_for(
            lambda it: it.search is not None and it.search.difficulty > 1 and it.pending == 0, PATIENCE
        )
    return await pumpjack.settled()


def tenant_of(state: State, name: str = "main") -> State:
    """Return one tenant's part of a status."""
    (found,) = [entry for entry in state["tenants"] if entry["id"] == name]
    assert isinstance(found, dict)
    return found


def books_agree(
    shares: State,
    pools: Sequence[SimulatedPool],
    miners: Sequence[SimulatedMiner],
    *,
    same_headers: bool = True,
) -> None:
    """Assert that miners, pumpjack and pools have the same books, share by share.

    Holds where the pools' difficulty is the miners' (``QUICK_STRATUM``), no pool lies and all is quiet.
    """
    counters = [client.counters for client in miners]
    assert sum(each.unanswered for each in counters) == 0
    assert shares["judged"] == sum(each.submitted for each in counters)
    accepted = {
        digest for client in miners for digest, outcome in client.outcomes.items() if outcome == "accepted"
    }
    assert shares["accepted"] == sum(each.accepted for each in counters) == len(accepted)
    assert shares["accepted_difficulty"] == pytest.approx(sum(each.credited for each in counters))
    assert shares["forwarded"] == shares["settled"] == sum(pool.truth.submits for pool in pools)
    assert shares["pool_accepted"] == sum(pool.truth.answered_true for pool in pools)
    assert shares["pool_rejected"] == sum(pool.truth.answered_false for pool in pools)
    assert (shares["unknown"], shares["unsent"], shares["kept"], shares["answered_twice"]) == (0, 0, 0, 0)
    theirs = {digest for pool in pools for digest in pool.truth.shares}
    assert len(theirs) == len(accepted)
    if same_headers:
        assert theirs == accepted


def undisturbed(miners: Iterable[SimulatedMiner]) -> None:
    """Assert that no miner noticed anything: one connection, one extranonce, nothing asked of it."""
    for client in miners:
        counters = client.counters
        name = client.settings.firmware.name
        assert (counters.connects, counters.disconnects, counters.failed_connects) == (1, 0, 0), name
        assert (counters.set_extranonces, counters.reconnects_asked) == (0, 0), name
        assert not counters.violations, name
        assert counters.unanswered == 0, name
