"""The header that the pool builds from a forwarded share is the one that the miner hashed; leases."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.events import RouteFull, WidthsChanged
from proxy.mining.extranonce import Widths
from proxy.relay.settings import Limits, TenantSettings, Timers
from proxy.units import Seconds
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import FIXED, Site, pool_settings

MASK = 0x1FFFE000


def leases_of(site: Site) -> list[str]:
    return [miner.extranonce1 for miner in site.miners if miner.is_open]


# --- THE property -----------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(
    size=st.integers(2, 16),
    own=st.integers(1, 12),
    mask=st.sampled_from([None, MASK, 0x00FFE000]),
    version=st.sampled_from([0x20000000, 0x20400004, 0x3FFFE004]),
    ors=st.booleans(),
    wish=st.none() | st.integers(2, 8),
    bits=st.integers(0, 0xFFFF).map(lambda n: n << 13),
)
def test_the_pool_builds_the_header_that_the_miner_hashed(
    size: int, own: int, mask: int | None, version: int, ors: bool, wish: int | None, bits: int
) -> None:
    pool = FakePool(
        "one", extranonce2_size=size, extranonce1_size=own, mask=mask, version=version, ors_version=ors
    )
    tenant = TenantSettings("acme", (pool_settings(pool),), vardiff=FIXED, extranonce2_size=wish)
    site = Site(pool, tenants=[tenant]).start()
    miners = [site.miner("acme.rig1"), site.miner("acme.rig2", rolls=False)]
    for clean in (False, True):
        for miner in miners:
            if not miner.jobs:
                assert size == 2, "with two bytes only one session fits on a connection"
                continue
            assert 2 <= miner.extranonce2_size <= 8
            assert miner.extranonce1
            rolled = bits & miner.job.mask if miner.rolls and miner.job.mask else None
            found = miner.find(bits=rolled, version=miner.job.version | (rolled or 0))
            assert miner.submit(found) == "accepted"
            assert pool.received[-1].header == found.header
            assert pool.received[-1].fault == ""
        pool.new_job(clean=clean)
        site.pump()
    assert pool.faults == []
    assert len({share.header for share in pool.received}) == len(pool.received)


@pytest.mark.parametrize("size", range(3, 17))
def test_the_header_survives_a_failover_to_a_pool_of_every_size(size: int) -> None:
    first = FakePool("one", extranonce2_size=8)
    second = FakePool("two", host="other", extranonce2_size=size, extranonce1_size=7)
    site = Site(first, second).start()
    miner = site.miner()
    before = (miner.extranonce1, miner.extranonce2_size)
    assert miner.mine() == "accepted"
    first.die()
    site.pass_time(5)
    assert miner.mine() == "accepted"
    assert second.received[-1].header == miner.submitted[-1][1].header
    assert second.faults == []
    assert (miner.extranonce1, miner.extranonce2_size) == before
    assert site.resets() == []


def test_a_new_extranonce1_of_the_pool_holds_from_its_next_job_on() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.miner()
    old, side = miner.job, pool.side
    side.say({"id": None, "method": "mining.set_extranonce", "params": ["c0ffee", 9]})
    side.pool.site.pump()
    found = miner.find(old)
    assert miner.submit(found) == "accepted"
    assert pool.received[-1].header == found.header, "the old job has the old extranonce"
    side.extranonce1, side.extranonce2_size = "c0ffee", 9
    pool.new_job()
    site.pump()
    assert miner.job.clean, "another coinbase: what is queued is void"
    assert miner.mine() == "accepted"
    assert pool.received[-1].header == miner.submitted[-1][1].header
    assert site.resets() == []


# --- leases ---------------------------------------------------------------------------------------------


def test_sessions_of_a_connection_have_different_extranonces() -> None:
    site = Site(FakePool("one")).start()
    site.fleet(300)
    assert len(set(leases_of(site))) == 300


def test_a_lease_rests_until_a_clean_job() -> None:
    pool = FakePool("one", extranonce2_size=3)
    site = Site(pool, limits=Limits(connections_per_pool=1)).start()
    fleet = site.fleet(256)
    left = {miner.extranonce1 for miner in fleet[:3]}
    for miner in fleet[:3]:
        miner.leave()
    late = site.miner("acme.late")
    assert late.jobs == []
    pool.new_job()
    site.pass_time(1)
    assert late.jobs == [], "the job of those that left may still be hashed"
    pool.new_job(clean=True)
    late.call("mining.extranonce.subscribe")
    site.pass_time(1)
    assert late.jobs
    assert late.extranonce1 in left
    assert late.mine() == "accepted"


def test_a_miner_that_comes_back_with_its_session_id_gets_its_extranonce_again() -> None:
    site = Site(FakePool("one")).start()
    miner = site.miner()
    site.miner("acme.rig2")
    miner.leave()
    site.miner("acme.rig3")
    back = site.miner(session=miner.session_id)
    assert back.extranonce1 == miner.extranonce1
    assert back.session_id == miner.session_id
    assert back.mine() == "accepted"
    assert len(set(leases_of(site))) == 3


def test_a_miner_gets_its_extranonce_again_after_new_blocks_until_the_time_for_it_is_over() -> None:
    pool = FakePool("one")
    site = Site(pool, timers=Timers(session_resume=Seconds(900))).start()
    early, late = site.miner("acme.early"), site.miner("acme.late")
    early.leave()
    late.leave()
    pool.new_job(clean=True)
    site.pass_time(890, 10)
    pool.new_job(clean=True)
    site.pass_time(1)
    assert site.miner("acme.other").extranonce1 not in {early.extranonce1, late.extranonce1}
    back = site.miner("acme.early", session=early.session_id)
    assert back.extranonce1 == early.extranonce1
    assert back.mine() == "accepted"
    site.pass_time(20)
    again = site.miner("acme.late", session=late.session_id)
    assert again.extranonce1 != late.extranonce1
    assert again.session_id != late.session_id


def test_leases_that_wait_for_their_miners_make_no_room_necessary() -> None:
    """A second connection to the pool for a few who may never return would be a waste."""
    pool = FakePool("one", extranonce2_size=3)
    site = Site(pool).start()
    for miner in site.fleet(256):
        miner.leave()
    pool.new_job(clean=True)
    site.pass_time(1)
    site.fleet(256)
    assert len(site.relay.routes["acme"].bundles) == 1
    assert len(set(leases_of(site))) == 256


def test_a_session_id_in_use_is_not_given_twice() -> None:
    site = Site(FakePool("one")).start()
    miner = site.miner()
    thief = site.miner("acme.rig2", session=miner.session_id)
    assert thief.extranonce1 != miner.extranonce1
    assert thief.session_id != miner.session_id


def test_a_clean_job_of_a_draining_connection_ends_no_quarantine() -> None:
    """The lease may still be hashed on the job of the live connection."""
    first = FakePool("one", extranonce2_size=3)
    second = FakePool("two", host="other", extranonce2_size=3)
    site = Site(first, second, limits=Limits(connections_per_pool=1))
    first.up = False
    site.start()
    first.up = True
    site.pass_time(320, 0.5)
    assert first.live
    miner = site.miner()
    assert site.relay.routes["acme"].bundles[0].live is not None
    draining = site.relay.routes["acme"].bundles[0].draining
    assert draining, "the failback has just happened"
    leases = site.relay.routes["acme"].bundles[0].leases
    assert leases is not None
    miner.leave()
    assert leases.quarantined == 1
    second.new_job(clean=True)
    site.pump()
    assert leases.quarantined == 1
    first.new_job(clean=True)
    site.pump()
    assert leases.quarantined == 0


# --- full connections -------------------------------------------------------------------------------------


def test_three_bytes_serve_256_sessions_and_the_next_recruits_a_connection() -> None:
    pool = FakePool("one", extranonce2_size=3)
    site = Site(pool).start()
    site.fleet(256)
    assert len(pool.live) == 1
    assert site.relay.routes["acme"].widths == Widths(1, 2)
    assert len(set(leases_of(site))) == 256
    late = site.miner("acme.late")
    assert len(pool.live) == 2
    assert late.mine() == "accepted"
    assert pool.received[-1].header == late.submitted[-1][1].header
    assert pool.received[-1].connection is pool.live[1]
    assert site.seen(RouteFull) == []
    assert site.resets() == []


def test_full_connections_recruit_up_to_the_limit_then_the_next_pool_then_wait() -> None:
    first = FakePool("one", extranonce2_size=3, mask=None)
    second = FakePool("two", host="other", extranonce2_size=3, mask=None)
    site = Site(first, second, limits=Limits(connections_per_pool=2)).start()
    fleet = site.fleet(1024)
    assert (len(first.live), len(second.live)) == (2, 2)
    assert all(miner.jobs for miner in fleet)
    assert fleet[700].mine() == "accepted"
    assert second.received[-1].fault == ""
    assert second.received[-1].header == fleet[700].submitted[-1][1].header
    for side in [*first.live, *second.live]:
        index = [*first.live, *second.live].index(side)
        group = fleet[256 * index : 256 * index + 256]
        assert len({miner.extranonce1 for miner in group}) == 256
    late = site.miner("acme.late")
    assert late.jobs == []
    assert [event.waiting for event in site.seen(RouteFull)] == [1]
    site.pass_time(100, 0.5)
    assert late.jobs == []
    assert len(site.seen(RouteFull)) == 1, "told once"
    late.call("mining.extranonce.subscribe")
    fleet[3].leave()
    first.new_job(clean=True)
    site.pass_time(1)
    assert late.mine() == "accepted"


def crowded() -> tuple[Site, FakePool, list[FakeMiner], FakeMiner]:
    """Return a full route, and one miner that waits."""
    pool = FakePool("one", extranonce2_size=3)
    site = Site(pool, limits=Limits(connections_per_pool=1)).start()
    fleet = site.fleet(256)
    late = site.miner("acme.late")
    assert late.jobs == []
    return site, pool, fleet, late


def test_who_waits_for_room_does_not_keep_work_from_who_has_a_place() -> None:
    site, pool, fleet, _late = crowded()
    fleet[7].leave()
    back = site.miner("acme.rig7", session=fleet[7].session_id)
    site.pass_time(2)
    assert back.extranonce1 == fleet[7].extranonce1
    assert back.mine() == "accepted"
    assert pool.faults == []


def test_many_that_wait_for_room_do_not_keep_each_other_from_it() -> None:
    site, pool, fleet, late = crowded()
    others = [site.miner(f"acme.late{n}") for n in range(40)]
    for miner in [late, *others]:
        miner.call("mining.extranonce.subscribe")
    for miner in fleet[:41]:
        miner.leave()
    pool.new_job(clean=True)
    site.pass_time(20, 0.25)
    assert all(miner.jobs for miner in [late, *others])
    assert len(set(leases_of(site))) == 256


def test_an_empty_connection_is_let_go_and_its_jobs_are_forgotten() -> None:
    pool = FakePool("one", extranonce2_size=3)
    site = Site(pool).start()
    fleet = site.fleet(300)
    assert len(pool.live) == 2
    for miner in fleet[256:]:
        miner.leave()
    site.pass_time(62, 0.5)
    assert len(pool.live) == 1
    pool.new_job(clean=True)
    site.pump()
    pool.new_job(clean=True)
    site.pump()
    assert len(site.relay.outside.jobs) <= 2
    assert site.resets() == []


# --- widths that change -----------------------------------------------------------------------------------


def narrowed(followers: int, others: int, *, limit: int = 8) -> tuple[Site, FakePool, FakePool]:
    """Return a site whose miners moved from a pool with room to one with three bytes."""
    first = FakePool("one", extranonce2_size=8)
    second = FakePool("two", host="other", extranonce2_size=3)
    second.up = False
    site = Site(first, second, limits=Limits(connections_per_pool=limit)).start()
    fleet = site.fleet(followers + others)
    for miner in fleet[:followers]:
        miner.call("mining.extranonce.subscribe")
    second.up = True
    first.die()
    site.pass_time(70, 0.5)
    return site, first, second


def test_a_narrower_pool_is_told_by_set_extranonce_to_those_that_follow_it() -> None:
    site, _, second = narrowed(5, 0)
    assert [event.lease for event in site.seen(WidthsChanged)] == [1]
    for miner in site.miners:
        assert not miner.wire.closed
        assert miner.methods().count("mining.set_extranonce") == 1, "told once, and rightly"
        assert miner.mine() == "accepted"
    assert second.faults == []
    assert len(set(leases_of(site))) == 5


def test_a_narrower_pool_makes_the_others_reconnect_a_few_at_a_time() -> None:
    site, _, second = narrowed(0, 12)
    assert all(miner.wire.closed for miner in site.miners)
    assert all(miner.methods()[-1] == "client.reconnect" for miner in site.miners)
    assert all(
        line["params"] == []
        for miner in site.miners
        for line in miner.lines
        if line.get("method") == "client.reconnect"
    )
    back = site.miner("acme.rig1")
    assert back.mine() == "accepted"
    assert second.faults == []


def test_who_finds_no_room_in_a_narrower_pool_waits_and_its_shares_are_refused() -> None:
    site, _, _ = narrowed(600, 0, limit=1)
    outcomes: dict[str, int] = {}
    for miner in site.miners:
        outcome = miner.mine()
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert outcomes == {"accepted": 512, "21": 88}


# --- two bytes ----------------------------------------------------------------------------------------------


def test_with_two_bytes_every_miner_has_a_connection_of_its_own() -> None:
    pool = FakePool("one", extranonce2_size=2)
    site = Site(pool).start()
    fleet = [site.connect(worker=f"acme.rig{n}") for n in range(3)]
    for miner in fleet:
        miner.call("mining.extranonce.subscribe")
        miner.log_in()
        site.pass_time(2)
    for miner in fleet:
        assert miner.mine() == "accepted"
        assert pool.received[-1].header == miner.submitted[-1][1].header
    assert pool.faults == []
    assert len(pool.live) == 3
    for miner in fleet:
        assert miner.extranonce1, "cgminer refuses an empty one"


def test_with_two_bytes_nobody_is_ever_told_an_empty_extranonce1() -> None:
    pool = FakePool("one", extranonce2_size=2)
    site = Site(pool).start()
    for n in range(3):
        miner = site.miner(f"acme.rig{n}")
        reply = next(line for line in miner.lines if isinstance(line.get("result"), list))
        assert reply["result"][1] != ""
