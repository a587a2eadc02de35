"""The tables of quirks: every row has a test of what it says is done. A row without one fails here."""

from collections.abc import Callable

import pytest

from proxy.events import MinerAtRisk
from proxy.hotpath.names import worker_of
from proxy.mining.vardiff import VardiffSettings
from proxy.relay.quirks import CLIENT_QUIRKS, POOL_QUIRKS, ClientQuirk, PoolQuirk, quirk_of
from proxy.relay.settings import TenantSettings
from proxy.units import Difficulty
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import FIXED, Site, pool_settings


def site_with(
    agent: str, *, coinbase: int | None = None, wish: int | None = None, **pool: object
) -> tuple[FakePool, Site, FakeMiner]:
    fake = FakePool("one", **pool)  # type: ignore[arg-type]
    if coinbase is not None:
        rest = coinbase - len(fake.coinb1) // 2 - fake.extranonce1_size - fake.extranonce2_size
        fake.coinb2 = "22" * rest
    tenant = TenantSettings("acme", (pool_settings(fake),), vardiff=FIXED, extranonce2_size=wish)
    site = Site(fake, tenants=[tenant]).start()
    return fake, site, site.miner(agent=agent)


def warnings(site: Site, about: str) -> list[MinerAtRisk]:
    return [event for event in site.seen(MinerAtRisk) if about in event.text]


def long_coinbases_are_reported_once(row: ClientQuirk) -> None:
    assert row.coinbase_most is not None
    for agent in row.agents:
        pool, site, miner = site_with(agent.title() + "/9.9", coinbase=row.coinbase_most)
        assert warnings(site, "coinbase") == [], "as long as it bears"
        pool.coinb2 += "33"
        for _ in range(3):
            pool.new_job()
            site.pump()
        told = warnings(site, "coinbase")
        assert [(event.client, event.worker) for event in told] == [(row.client, "rig1")]
        assert miner.mine() == "accepted"
        assert not miner.wire.closed


def booting_does_not_lower_the_difficulty(row: ClientQuirk) -> None:
    pool = FakePool("one", difficulty=2.0**-10)
    start = Difficulty(2.0**-20)
    site = Site(pool, vardiff=VardiffSettings(start=start, minimum=Difficulty(2.0**-31))).start()
    for agent in row.agents:
        found = quirk_of(agent)
        if found is not row:
            continue
        miner = site.miner(agent=agent)
        site.pass_time(120, 0.5)
        assert miner.difficulty == start


def antminer_s19(row: ClientQuirk) -> None:
    long_coinbases_are_reported_once(row)
    booting_does_not_lower_the_difficulty(row)
    rises_come_with_a_clean_or_the_next_job(row.agents[0])


def rises_come_with_a_clean_or_the_next_job(agent: str) -> None:
    pool = FakePool("one", difficulty=2.0**-16)
    settings = VardiffSettings(start=Difficulty(2.0**-28), minimum=Difficulty(2.0**-31))
    site = Site(pool, vardiff=settings).start()
    miner = site.miner(agent=agent)
    for _ in range(30):
        job, told = miner.job, miner.difficulty
        assert miner.mine() == "accepted"
        if miner.difficulty != told:
            assert miner.job.id != job.id
            assert miner.job.clean
            assert miner.submit(miner.find(job)) == "accepted", "found before the rise: not lost"
        site.pass_time(0.2)
    assert miner.difficulty > 2.0**-28


def antminer_s21(row: ClientQuirk) -> None:
    long_coinbases_are_reported_once(row)
    booting_does_not_lower_the_difficulty(row)


def antminer(row: ClientQuirk) -> None:
    long_coinbases_are_reported_once(row)
    for upstream in (3.0 * 2.0**-28, 2.0**-28 * 1.99, 5.5 * 2.0**-30):
        tenant_start = VardiffSettings(start=Difficulty(7.7), minimum=Difficulty(2.0**-31))
        site = Site(FakePool("one", difficulty=upstream), vardiff=tenant_start).start()
        miner = site.miner(agent="Antminer X/1")
        numerator, denominator = float(miner.difficulty).as_integer_ratio()
        assert numerator.bit_count() == denominator.bit_count() == 1
        assert miner.difficulty <= upstream


def whatsminer(row: ClientQuirk) -> None:
    long_coinbases_are_reported_once(row)
    for size in (2, 4, 8, 12, 16):
        _, site, miner = site_with("Whatsminer/1.0", extranonce2_size=size)
        assert 2 <= miner.extranonce2_size <= 8
        asked = ["version-rolling", "subscribe-extranonce", "minimum-difficulty", "info", "new.thing"]
        assert set(asked) <= set(miner.call("mining.configure", [asked, {}])["result"])
        long_name = "acme." + "n" * 200
        miner.authorize(long_name)
        site.pass_time(60)
        assert all(long_name[:60].encode() not in data for data in miner.wire.writes), (
            "no name goes to a miner"
        )


def avalon(row: ClientQuirk) -> None:
    long_coinbases_are_reported_once(row)
    _, site, miner = site_with("Avalon/1066")
    cut = ("acme." + "n" * 100)[:63]
    assert miner.authorize(cut)["result"] is True
    assert miner.submit(miner.find(), cut) == "accepted"
    assert [worker_of(user) for user in site.session(miner).workers] == ["rig1", cut[5:]]


def epic(row: ClientQuirk) -> None:
    long_coinbases_are_reported_once(row)


def bitaxe(row: ClientQuirk) -> None:
    """It submits rolled_version XOR job version, and ignores nothing that it is granted."""
    for base in (0x20000000, 0x20400004, 0x3FFFE000 & ~0x2000):
        pool, site, _ = site_with("bitaxe/BM1370/v2.4", version=base)
        miner = site.miner("acme.axe", agent="bitaxe/BM1370/v2.4")
        assert miner.asked == 0xFFFFFFFF
        rolled = base ^ (0x00092000 & miner.mask)
        found = miner.find(bits=rolled ^ base, version=rolled)
        assert miner.submit(found) == "accepted"
        assert pool.received[-1].header == found.header
    pool, _, miner = site_with("bitaxe/BM1370/v2.4", version=0x20400004)
    stubborn = 0x20400004 ^ 0x00092000
    found = miner.find(bits=0x00092000, version=stubborn)
    assert miner.submit(found) == "accepted", "the hash proves the reading"
    assert start_of(row.agents[0]) == 1024


def start_of(agent: str) -> float:
    site = Site(FakePool("one", difficulty=2.0**40), vardiff=VardiffSettings()).start()
    return site.miner(agent=agent).difficulty


def nerdminer(row: ClientQuirk) -> None:
    assert start_of("NerdMinerV2") == 2.0**-12
    site = Site(
        FakePool("one", difficulty=1.0), vardiff=VardiffSettings(minimum=Difficulty(2.0**-31))
    ).start()
    miner = site.miner(agent="NerdMinerV2", rolls=False)
    for hint in (0.00015, "0.00015", 2.0**-27):
        assert miner.call("mining.suggest_difficulty", [hint])["result"] is True
        assert 0 < miner.difficulty < 0.0002
    assert miner.mine() == "accepted"
    assert all(len(data) < 4096 for data in miner.wire.writes)


def cgminer(row: ClientQuirk) -> None:
    one, two = FakePool("one"), FakePool("two", host="other", extranonce1_size=8)
    site = Site(one, two).start()
    miner = site.miner(agent="cgminer/4.12.1")
    assert miner.extranonce2_size <= 8
    one.die()
    heard, silent = len(miner.wire.writes), 0.0
    for _ in range(900):
        site.pass_time(0.1)
        silent = 0.0 if len(miner.wire.writes) > heard else silent + 0.1
        heard = len(miner.wire.writes)
        assert silent <= 25
    assert miner.mine() == "accepted"
    assert site.resets() == []


def cpuminer(row: ClientQuirk) -> None:
    for base in (0x20000000, 0x20400004):
        pool, _, _ = site_with("cpuminer/2.5.1", version=base)
        miner = pool.site.miner("acme.cpu", agent="cpuminer/2.5.1", rolls=False)
        found = miner.find()
        assert found.bits is None
        assert miner.submit(found) == "accepted"
        assert pool.received[-1].header == found.header
    assert [start_of(agent) for agent in row.agents] == [2.0**-6, 2.0**-6]


def nicehash(row: ClientQuirk) -> None:
    long_coinbases_are_reported_once(row)
    assert row.least is not None
    assert start_of("NiceHash/1.0.0") >= row.least
    _, site, miner = site_with("NiceHash/1.0.0", extranonce2_size=3, coinbase=300)
    assert len(warnings(site, "extranonce2")) == 1
    assert "extranonce2_size" in warnings(site, "extranonce2")[0].text
    _, site, miner = site_with("NiceHash/1.0.0", extranonce2_size=5, wish=4, coinbase=300)
    assert miner.extranonce2_size == 4
    assert site.seen(MinerAtRisk) == []
    miner.mine()
    miner.submit(miner.find(misses=True))
    miner.call("mining.unheard_of")
    replies = [line for line in miner.lines if "method" not in line]
    assert all("error" in line for line in replies)


def old_s9(row: ClientQuirk) -> None:
    _, _, miner = site_with("bmminer/1.0.0")
    for bits in (0x40000000, 0x80000000, 0xC0000000):
        for version in (miner.job.version | bits, miner.job.version ^ bits, miner.job.version):
            assert miner.submit(miner.find(bits=bits, version=version)) == "20"
    assert miner.mine() == "accepted"
    assert not miner.wire.closed


CLIENT_TESTS: dict[str, Callable[[ClientQuirk], None]] = {
    "Antminer S19 class": antminer_s19,
    "Antminer S21 class": antminer_s21,
    "Antminer": antminer,
    "Whatsminer": whatsminer,
    "Avalon": avalon,
    "ePIC and vnish firmware": epic,
    "Bitaxe and others of ESP-Miner": bitaxe,
    "NerdMiner": nerdminer,
    "cgminer": cgminer,
    "cpuminer": cpuminer,
    "NiceHash renter": nicehash,
    "old S9 firmware": old_s9,
}


@pytest.mark.parametrize("row", CLIENT_QUIRKS, ids=[row.client for row in CLIENT_QUIRKS])
def test_every_client_quirk_is_held(row: ClientQuirk) -> None:
    assert row.client in CLIENT_TESTS, "a new row needs its test"
    assert row.source
    assert row.held_by
    CLIENT_TESTS[row.client](row)


@pytest.mark.parametrize("row", CLIENT_QUIRKS, ids=[row.client for row in CLIENT_QUIRKS])
def test_every_row_is_found_by_its_agents_in_any_case(row: ClientQuirk) -> None:
    for agent in row.agents:
        for spelled in (agent, agent.upper(), agent.title()):
            assert quirk_of(spelled) is row
            assert quirk_of(spelled + "/9.9 extra") is row


@pytest.mark.parametrize("agent", ["", "x", "my cgminer", "sgminer/5", "\u212a", "é"])
def test_unknown_agents_have_no_row(agent: str) -> None:
    assert quirk_of(agent) is None


# --- pools --------------------------------------------------------------------------------------------------


def nicehash_pool(row: PoolQuirk) -> None:
    pool = FakePool("one", extranonce2_size=3, extranonce1_size=5)
    site = Site(pool).start()
    fleet = site.fleet(256)
    assert len(pool.live) == 1
    assert len({miner.extranonce1 for miner in fleet}) == 256
    assert {miner.extranonce2_size for miner in fleet} == {2}
    assert fleet[255].mine() == "accepted"
    assert pool.faults == []


def antpool(row: PoolQuirk) -> None:
    pool = FakePool("one", mask=0x5FFFE000, job_prefix="0xc01490b3b0_18")
    site = Site(pool).start()
    miner = site.connect()
    miner.configure(0x00C00000)
    assert miner.mask == 0x00C00000
    miner.subscribe()
    miner.authorize()
    site.pass_time(0.5)
    assert miner.submit(miner.find(bits=0x00400000)) == "accepted"
    assert pool.received[-1].params[1].startswith("0xc01490b3b0_18")
    assert pool.faults == []


def titan(row: PoolQuirk) -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.miner()
    for mask in ("1fffe000", "ffffffff"):
        pool.side.say({"id": None, "method": "mining.set_version_mask", "params": [mask]})
        site.pump()
    assert "mining.set_version_mask" not in miner.methods()
    assert miner.mine() == "accepted"


def btcpool(row: PoolQuirk) -> None:
    pool = FakePool("one", extranonce2_size=8)
    site = Site(pool).start()
    miner = site.miner()
    assert (len(miner.extranonce1), miner.extranonce2_size) == (8, 4)
    assert miner.mine() == "accepted"
    assert pool.faults == []


def old_pool(row: PoolQuirk) -> None:
    for configure, mask in (("hang up", None), ("answer", None)):
        pool = FakePool("one", configure=configure, mask=mask)
        site = Site(pool).start()
        site.pass_time(10)
        miner = site.miner()
        assert miner.replies[1]["result"] == {"version-rolling": False}
        assert miner.submit(miner.find(bits=0)) == "accepted"
        assert len(pool.received[-1].params) == 5
        assert sum("mining.configure" in side.methods() for side in pool.sides) <= 2
        assert pool.faults == []


def ckpool(row: PoolQuirk) -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.miner()
    pool.refusal = lambda identity: {
        "reject-reason": "Above target",
        "result": False,
        "error": None,
        "id": identity,
    }
    assert miner.mine() == "accepted"
    settlements = site.relay.routes["acme"].pools[0].settlements
    assert settlements.reasons == {"Above target": 1}


POOL_TESTS: dict[str, Callable[[PoolQuirk], None]] = {
    "NiceHash": nicehash_pool,
    "AntPool": antpool,
    "Titan": titan,
    "btcpool": btcpool,
    "old pools": old_pool,
    "ckpool": ckpool,
}


@pytest.mark.parametrize("row", POOL_QUIRKS, ids=[row.pool for row in POOL_QUIRKS])
def test_every_pool_quirk_is_held(row: PoolQuirk) -> None:
    assert row.pool in POOL_TESTS, "a new row needs its test"
    assert row.source
    assert row.held_by
    POOL_TESTS[row.pool](row)


def test_no_test_is_left_of_a_row_that_is_gone() -> None:
    assert set(CLIENT_TESTS) == {row.client for row in CLIENT_QUIRKS}
    assert set(POOL_TESTS) == {row.pool for row in POOL_QUIRKS}
