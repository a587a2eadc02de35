"""Pool against miners on real sockets, nothing between them: each checks the other."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial

import pytest
import trustme
import uvloop

from proxy.adapters.simulated.miner import (
    FIRMWARES,
    Firmware,
    Fleet,
    FleetSettings,
    MinerSettings,
    Mode,
    SimulatedMiner,
    firmware,
)
from proxy.adapters.simulated.pool import PERSONALITIES, PoolSettings, SimulatedPool, Submits, personality
from proxy.mining.difficulty import target_of
from proxy.units import Difficulty, HashesPerSecond, Seconds

EASY = Difficulty(2.0**-24)
SETTINGS = PoolSettings(difficulty=EASY, coinbase_bytes=200)
QUICK = MinerSettings(
    hashrate=HashesPerSecond(50_000.0), backoff=Seconds(0.05), record_shares=10_000, record_lines=200
)


def miner(
    pool: SimulatedPool, habits: Firmware | str = "antminer", settings: MinerSettings = QUICK
) -> SimulatedMiner:
    row = habits if isinstance(habits, Firmware) else firmware(habits)
    return SimulatedMiner("127.0.0.1", pool.port, settings=replace(settings, firmware=row))


def agree(pool: SimulatedPool, client: SimulatedMiner) -> None:
    """Assert that both sides have the same books, share by share."""
    assert client.pending == 0
    theirs = {digest for digest, outcome in client.outcomes.items() if outcome == "accepted"}
    assert theirs == set(pool.truth.shares)
    assert client.counters.accepted == pool.accepted == len(theirs)
    assert client.counters.credited == pytest.approx(pool.truth.credited)
    assert client.counters.submitted == pool.truth.submits


async def settled(pool: SimulatedPool, client: SimulatedMiner) -> None:
    """Stop the flow of shares and wait until each is answered."""
    pool.set_difficulty(Difficulty(2.0**30))
    await client.wait_for(lambda it: it.search is not None and it.search.difficulty > 1)
    await client.wait_for(lambda it: it.pending == 0)


async def more(client: SimulatedMiner, count: int) -> None:
    """Wait for ``count`` further accepted shares."""
    enough = client.counters.accepted + count
    await client.wait_for(lambda it: it.counters.accepted >= enough)


def has_disconnected(times: int, client: SimulatedMiner) -> bool:
    return client.counters.disconnects >= times


@pytest.mark.parametrize("habits", FIRMWARES.values(), ids=lambda row: row.name)
async def test_every_firmware_mines_at_a_plain_pool(habits: Firmware) -> None:
    async with (
        SimulatedPool(replace(SETTINGS, honour_suggestion=False)) as pool,
        miner(pool, habits) as client,
    ):
        await client.wait_for(lambda it: it.counters.accepted >= 8)
        await settled(pool, client)
        agree(pool, client)
        assert not client.counters.violations
        assert (set(client.counters.rejected) == {20}) == (habits.name == "s9-old")


# What the liars, and the one at which a replacing miner loses shares, do is looked at below.
HONEST = [
    name for name, row in PERSONALITIES.items() if row.honest and row.mineable and name != "moving_version_or"
]
REFUSED_CONFIGURE = {"configure_disconnects", "configure_unanswered"}


@pytest.mark.parametrize("name", HONEST)
async def test_a_miner_mines_at_every_honest_personality(name: str) -> None:
    settings = replace(personality(name), late=Seconds(0.05))
    settings = replace(settings, difficulty=min(EASY, settings.difficulty), vardiff=None)
    habits = firmware("cpuminer" if name in REFUSED_CONFIGURE else "bitaxe")
    if name == "moving_version":
        # XOR is not what this pool does with bits that its jobs have.
        settings, habits = replace(settings, notify_interval=Seconds(0.05)), firmware("antminer")
    settings = replace(settings, honour_suggestion=False)
    async with SimulatedPool(settings) as pool, miner(pool, habits) as client:
        await client.wait_for(lambda it: it.counters.accepted >= 12)
        await pool.wait_for(lambda it: it.accepted >= 12)
        assert set(pool.truth.rejected) <= {21}
        assert set(pool.truth.shares) >= {d for d, o in client.outcomes.items() if o == "accepted"}
        if name == "set_extranonce":
            await client.wait_for(lambda it: it.counters.set_extranonces >= 2)
        if name.startswith("reconnect"):
            await client.wait_for(lambda it: it.counters.reconnects >= 2)
        else:
            assert client.counters.connects == 1


@pytest.mark.parametrize(
    ("name", "habits"), [("moving_version_or", "antminer"), ("moving_version", "bitaxe")]
)
async def test_conventions_of_version_bits_that_do_not_match_cost_shares(name: str, habits: str) -> None:
    settings = replace(personality(name), difficulty=EASY, honour_suggestion=False)
    async with SimulatedPool(settings) as pool, miner(pool, habits) as client:
        await client.wait_for(lambda it: it.counters.rejected[23] >= 5)


async def test_a_pool_that_closes_at_configure_sees_the_miner_again_and_again() -> None:
    async with SimulatedPool(personality("configure_disconnects")) as pool, miner(pool) as client:
        await pool.wait_for(lambda it: it.connected >= 3)
        await client.wait_for(lambda it: it.counters.disconnects >= 2)
        assert client.counters.found == 0


@pytest.mark.parametrize(
    ("submits", "accepted", "rejected"),
    [(Submits.ACCEPT_ALL, True, False), (Submits.REJECT_ALL, False, True), (Submits.WRONG_IDS, False, False)],
)
async def test_a_liar_is_found_out_by_its_own_books(submits: Submits, accepted: bool, rejected: bool) -> None:
    async with SimulatedPool(replace(SETTINGS, submits=submits)) as pool, miner(pool, "s9-old") as client:
        await pool.wait_for(lambda it: it.accepted >= 5 and it.rejected >= 5)
        await client.wait_for(lambda it: it.counters.lines_in >= 15)
        assert (client.counters.accepted > pool.accepted / 2) == accepted
        assert bool(client.counters.rejected) == rejected
        assert bool(client.counters.violations) == (submits is Submits.WRONG_IDS)


async def test_an_answer_given_twice_is_noticed() -> None:
    async with SimulatedPool(replace(SETTINGS, submits=Submits.TWICE)) as pool, miner(pool) as client:
        await client.wait_for(lambda it: it.counters.violations["answer to nothing that was asked"] >= 3)
        assert client.counters.accepted == len({d for d, o in client.outcomes.items() if o == "accepted"})


async def test_a_pool_that_never_answers_leaves_everything_pending() -> None:
    async with SimulatedPool(replace(SETTINGS, submits=Submits.SILENT)) as pool, miner(pool) as client:
        await pool.wait_for(lambda it: it.accepted >= 5)
        assert client.counters.answered == 0
        assert client.pending >= 5


@pytest.mark.parametrize("name", ["silent", "falls_silent"])
async def test_silence_is_given_up(name: str) -> None:
    settings = replace(personality(name), difficulty=EASY)
    impatient = replace(QUICK, silence=Seconds(0.3))
    async with SimulatedPool(settings) as pool, miner(pool, "antminer", impatient) as client:
        await pool.wait_for(lambda it: it.connected >= 2)
        assert client.counters.left["silence"] >= 1


async def test_a_handshake_without_answer_is_given_up() -> None:
    impatient = replace(QUICK, handshake_within=Seconds(0.2))
    settings = personality("configure_unanswered")
    async with SimulatedPool(settings) as pool, miner(pool, "antminer", impatient) as client:
        await pool.wait_for(lambda it: it.connected >= 2)
        assert client.counters.left["handshake took too long"] >= 1


@pytest.mark.parametrize("name", [name for name in PERSONALITIES if name.startswith("nonsense_")])
async def test_nonsense_is_counted_or_thrown_out_and_never_raises(name: str) -> None:
    settings = replace(personality(name), difficulty=EASY, notify_interval=Seconds(0.05))
    async with SimulatedPool(settings) as pool, miner(pool) as client:
        await client.wait_for(lambda it: it.counters.violations.total() > 0 or it.counters.disconnects > 0)
        await client.wait_for(lambda it: it.counters.accepted > 0)


async def test_shares_of_a_lower_difficulty_than_assigned_are_refused_with_23() -> None:
    # 1.5 is rounded down to 1 by this firmware, so a third of what it finds is not good enough.
    settings = replace(SETTINGS, difficulty=Difficulty(1.5 * EASY))
    async with SimulatedPool(settings) as pool, miner(pool, "antminer") as client:
        await client.wait_for(lambda it: it.counters.rejected[23] >= 3 and it.counters.accepted >= 3)
        assert set(pool.truth.rejected) == {23}


async def test_work_of_an_old_block_is_abandoned() -> None:
    async with SimulatedPool(SETTINGS) as pool, miner(pool) as client:
        for _ in range(5):
            pool.new_block()
            await more(client, 2)
        await settled(pool, client)
        agree(pool, client)


async def test_blocks_are_found_now_and_then() -> None:
    settings = replace(SETTINGS, network_difficulty=Difficulty(2.0**-21))
    async with SimulatedPool(settings) as pool, miner(pool) as client:
        await pool.wait_for(lambda it: it.truth.blocks_found >= 3, 30)
        assert pool.height >= 800_003
        await client.wait_for(lambda it: it.counters.clean_jobs >= 4)
        for block in pool.truth.blocks:
            assert int.from_bytes(block.digest, "little") <= target_of(settings.network_difficulty)


async def test_a_resumed_session_repeats_no_share() -> None:
    async with SimulatedPool(SETTINGS) as pool, miner(pool, "cgminer") as client:
        for _ in range(3):
            await more(client, 5)
            ended = client.counters.disconnects
            client.kick()
            await client.wait_for(partial(has_disconnected, ended + 1))
        subscribed = [line.data.partition(b'"result":')[2] for line in client.lines if b"[[[" in line.data]
        assert len(subscribed) == 3
        assert len(set(subscribed)) == 1
        assert pool.truth.duplicates == 0


async def test_a_miner_comes_back_after_a_cut_and_survives_a_hang() -> None:
    async with SimulatedPool(SETTINGS) as pool, miner(pool) as client:
        await client.wait_for(lambda it: it.counters.accepted >= 3)
        await pool.cut()
        await client.wait_for(lambda it: it.counters.failed_connects >= 2)
        await pool.open()
        await more(client, 3)
        pool.hang()
        await client.wait_for(lambda it: it.pending >= 5)
        accepted = client.counters.accepted
        pool.unhang()
        await client.wait_for(lambda it: it.counters.accepted >= accepted + 5)
        assert client.counters.connects == 2


async def test_drawn_shares_are_as_genuine_as_hashed_ones() -> None:
    drawing = replace(QUICK, mode=Mode.DRAW)
    async with SimulatedPool(SETTINGS) as pool, miner(pool, "antminer", drawing) as client:
        await client.wait_for(lambda it: it.counters.accepted >= 30)
        await settled(pool, client)
        agree(pool, client)
        assert set(pool.truth.rejected) <= {21}


async def test_a_share_that_would_cost_too_much_is_not_searched_for() -> None:
    settings = replace(SETTINGS, difficulty=Difficulty(1.0))
    rich = replace(QUICK, mode=Mode.DRAW, hashrate=HashesPerSecond(2.0**32 * 100))
    async with SimulatedPool(settings) as pool, miner(pool, "antminer", rich) as client:
        await client.wait_for(lambda it: it.counters.too_hard >= 3)
        assert client.counters.hashes == 0


async def test_a_seed_repeats_what_a_miner_finds() -> None:
    async def found() -> list[bytes]:
        pool = SimulatedPool(SETTINGS, seed=6, clock=lambda: 1_760_000_000.0)
        async with pool, miner(pool, "avalon") as client:
            await client.wait_for(lambda it: it.counters.accepted >= 10)
            return list(client.outcomes)[:10]

    assert await found() == await found()


async def test_a_fleet_of_mixed_firmware_agrees_with_the_pool() -> None:
    settings = FleetSettings(
        miners=60, ramp=Seconds(0.2), miner=MinerSettings(mode=Mode.DRAW, backoff=Seconds(0.1))
    )
    pool_settings = replace(SETTINGS, difficulty=Difficulty(2.0**-20), honour_suggestion=False)
    async with SimulatedPool(pool_settings) as pool, Fleet("127.0.0.1", pool.port, settings, seed=2) as fleet:
        await fleet.wait_for(lambda it: it.mining == 60 and it.accepted >= 100)
        assert len({client.settings.firmware.name for client in fleet.miners}) >= 6
        pool.set_difficulty(Difficulty(2.0**30))
        await pool.wait_for(lambda it: it.truth.submits == fleet.counters.submitted)
        await fleet.wait_for(lambda it: it.pending == 0)
        counters = fleet.counters
        assert (counters.found, counters.submitted) == (counters.answered, counters.answered)
        assert counters.accepted == pool.accepted
        assert not counters.violations
        assert len(pool.workers) == 60


async def test_tls_is_spoken_when_given_a_context() -> None:
    authority = trustme.CA()
    server, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(trusting)
    pool = SimulatedPool(SETTINGS)
    await pool.start(ssl=server)
    try:
        async with SimulatedMiner("127.0.0.1", pool.port, settings=QUICK, ssl=trusting) as client:
            await client.wait_for(lambda it: it.counters.accepted >= 3)
            await pool.cut()
            await pool.open()
            await more(client, 3)
    finally:
        await pool.stop()


SCENES: list[Callable[[], Coroutine[None, None, None]]] = [
    test_a_miner_comes_back_after_a_cut_and_survives_a_hang,
    test_tls_is_spoken_when_given_a_context,
    test_a_fleet_of_mixed_firmware_agrees_with_the_pool,
]


@pytest.mark.parametrize("scene", SCENES)
def test_uvloop_makes_no_difference(scene: Callable[[], Coroutine[None, None, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())
