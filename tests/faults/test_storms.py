"""U04: difficulties beyond reason, floods of jobs, extranonces and masks: clamped, calmed, bounded."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from proxy.adapters.simulated.pool import SimulatedPool
from proxy.events import PoolSaid, UpstreamDown
from proxy.mining.vardiff import VardiffSettings
from proxy.relay.bundle import MOST_WORKS
from proxy.relay.news import URGENT_AT_ONCE
from proxy.relay.settings import Limits, Timers
from proxy.stratum.upstream import Bounds
from proxy.units import Difficulty
from tests.adapters.simulated.raw import RawClient
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import Site
from tests.system.conftest import Launch
from tests.system.mine import POOL, miner, more, undisturbed
from tests.system.pumpjack import PATIENCE
from tests.system.site import site, tenant, upstream

SECONDS = 20
A_SECOND = 100


def told(miner: FakeMiner) -> int:
    return miner.methods().count("mining.notify")


# --- difficulty ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["0", "-1", "-0.0", "NaN", "Infinity", "1e400", '"8192"', "null", "[]", "true"]
)
def test_a_difficulty_that_is_none_is_told_and_the_one_before_holds(value: str) -> None:
    """U04: two in a row are forgiven, the third loses the pool as any nonsense does."""
    pool = FakePool("odd")
    site = Site(pool).start()
    miner = site.miner()
    line = b'{"id":null,"method":"mining.set_difficulty","params":[%b]}\n' % value.encode()
    for _ in range(Limits().nonsense - 1):
        pool.side.say(line)
        pool.new_job()
        site.pass_time(1)
    assert miner.difficulty == pool.difficulty
    assert miner.mine() == "accepted"
    assert len(site.seen(PoolSaid)) == Limits().nonsense - 1
    pool.side.say(line * Limits().nonsense)
    site.pass_time(1)
    assert site.seen(UpstreamDown)[0].cause.startswith("nonsense")


@pytest.mark.parametrize(("value", "taken"), [(1e-9, 2.0**-24), (1e-30, 2.0**-24), (1e30, 2.0**-20)])
def test_a_difficulty_beyond_reason_is_clamped_and_told_once(value: float, taken: float) -> None:
    """U04: 1e-9 would have every hash sent, 1e30 none."""
    pool = FakePool("odd", difficulty=2.0**-22)
    bounds = Bounds(difficulty_least=2.0**-24, difficulty_most=2.0**-20)
    hard = VardiffSettings(start=Difficulty(1.0), minimum=Difficulty(1.0))
    site = Site(pool, limits=Limits(pool_messages=bounds), vardiff=hard).start()
    miner = site.miner()
    for _ in range(3):
        pool.side.say({"id": None, "method": "mining.set_difficulty", "params": [value]})
        pool.new_job()
        site.pass_time(1)
    assert miner.difficulty == taken
    assert miner.mine() == "accepted"
    (said,) = site.seen(PoolSaid)
    assert f"{value:.6g}" in said.text


# --- floods in virtual time ---------------------------------------------------------------------------


def jobs(pool: FakePool) -> Iterator[list[dict[str, Any]]]:
    while True:
        yield [pool.side.notify(pool.job(clean=False))]


def clean_jobs(pool: FakePool) -> Iterator[list[dict[str, Any]]]:
    while True:
        yield [pool.side.notify(pool.job(clean=True))]


def blocks(pool: FakePool) -> Iterator[list[dict[str, Any]]]:
    while True:
        pool.height += 1
        yield [pool.side.notify(pool.job(clean=True))]


def difficulties(pool: FakePool) -> Iterator[list[dict[str, Any]]]:
    while True:
        for factor in (1, 4):
            yield [pool.side.set_difficulty(2.0**-28 * factor), pool.side.notify(pool.job(clean=False))]


def extranonces(pool: FakePool) -> Iterator[list[dict[str, Any]]]:
    side, number = pool.side, 0
    while True:
        number += 1
        side.extranonce1 = f"{number:08x}"
        tell = {"id": None, "method": "mining.set_extranonce", "params": [side.extranonce1, 8]}
        yield [tell, side.notify(pool.job(clean=True))]


def masks(pool: FakePool) -> Iterator[list[dict[str, Any]]]:
    while True:
        for mask in ("1fffe000", "00ffe000"):
            pool.side.mask = int(mask, 16)
            yield [{"id": None, "method": "mining.set_version_mask", "params": [mask]}]


FLOODS: list[Callable[[FakePool], Iterator[list[dict[str, Any]]]]] = [
    jobs,
    clean_jobs,
    blocks,
    difficulties,
    extranonces,
    masks,
]


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
def test_a_flood_reaches_a_miner_as_a_trickle_and_its_shares_count(
    flood: Callable[[FakePool], Iterator[list[dict[str, Any]]]],
) -> None:
    """U04: a hundred a second, for twenty; one notify in a quarter of a second, a few new blocks besides."""
    pool = FakePool("flood")
    site = Site(pool).start()
    miner = site.miner()
    writes = len(miner.wire.writes)
    size = sum(map(len, miner.wire.writes))
    before = told(miner)
    storm = flood(pool)
    for _ in range(SECONDS * A_SECOND):
        pool.side.say(*next(storm))
        site.pass_time(1 / A_SECOND, 1 / A_SECOND)
    site.pass_time(1)
    most = SECONDS / Timers().notify_interval + URGENT_AT_ONCE + 4
    assert told(miner) - before <= most
    assert len(miner.wire.writes) - writes <= 2 * most
    assert sum(map(len, miner.wire.writes)) - size <= most * 1500
    # What is remembered is bounded, too.
    bundle = site.relay.routes["acme"].bundles[0]
    assert len(bundle.works) <= MOST_WORKS
    assert len(site.relay.outside.jobs) <= MOST_WORKS + 1
    assert miner.mine() == "accepted"
    assert pool.faults == []
    assert site.resets() == []
    assert not site.seen(UpstreamDown)


def test_a_pool_that_answers_slower_than_shares_come_is_sent_blocks_alone() -> None:
    """U04: what waits for answers is bounded; the rest is counted as unsent."""
    pool = FakePool("slow", answers_shares=False)
    site = Site(pool, limits=Limits(outstanding=10)).start()
    miner = site.miner()
    for _ in range(25):
        assert miner.mine() == "accepted"
    assert len(pool.received) == site.relay.unsettled == 10
    assert site.relay.routes["acme"].pools[0].settlements.unsent == 15
    # A block goes up all the same.
    pool.nbits = "207fffff"
    pool.new_job(clean=True)
    site.pass_time(1)
    while len(pool.received) == 10:
        assert miner.mine() == "accepted"
    assert site.relay.unsettled == 11


# --- floods on the loopback ---------------------------------------------------------------------------


async def test_a_flood_of_jobs_on_the_wire_leaves_time_for_everybody(launch: Launch) -> None:
    """U04: job ids without end from one tenant's pool: its miner gets a trickle, another tenant's mine on."""
    async with (
        SimulatedPool(POOL, seed=1) as flood,
        SimulatedPool(POOL, seed=2) as calm,
    ):
        pumpjack = await launch(
            site(
                tenant(upstream(flood), id="flood", user_match="flood.*"),
                tenant(upstream(calm), id="calm", user_match="calm.*"),
            )
        )
        async with RawClient(pumpjack.port) as ear, miner(pumpjack.port, "cgminer", "calm.m1") as client:
            await ear.shake_hands("flood.ear", "00000000")
            first = await ear.notification("mining.notify")
            await more([client])
            template = {"id": None, "method": "mining.notify", "params": first}
            begun = asyncio.get_running_loop().time()
            for number in range(2000):
                params = [f"f{number:x}", *first[1:8], False]
                flood.send_raw(json.dumps(template | {"params": params}).encode() + b"\n")
                if number % 20 == 19:
                    await asyncio.sleep(0)
            enough = client.counters.accepted + 100
            await client.wait_for(lambda it: it.counters.accepted >= enough, PATIENCE)
            assert (await ear.ask("mining.ping"))["result"] == "pong"
            took = asyncio.get_running_loop().time() - begun
            notified = [message for message in ear.told if message.get("method") == "mining.notify"]
            assert 1 <= len(notified) <= took / 0.25 + 2
            undisturbed([client])
            assert not pumpjack.entries("UpstreamDown")
        await pumpjack.stop()
