"""Version rolling end to end: what is granted, re-granted, judged and forwarded."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.relay.settings import TenantSettings
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import FIXED, Site, pool_settings

MASK = 0x1FFFE000


def ready(**pool: Any) -> tuple[FakePool, Site, FakeMiner]:
    fake = FakePool("one", **pool)
    site = Site(fake).start()
    return fake, site, site.miner()


@settings(max_examples=40)
@given(
    upstream=st.sampled_from([None, MASK, 0x00FFE000, 0x5FFFE000, 0]),
    asked=st.sampled_from([0xFFFFFFFF, MASK, 0x00C00000, 0x40000000, 0]),
    version=st.sampled_from([0x20000000, 0x20400004, 0x3FFFFFFF]),
)
def test_granted_is_upstreams_and_the_miners_less_the_jobs_own(
    upstream: int | None, asked: int, version: int
) -> None:
    site = Site(FakePool("one", mask=upstream, version=version)).start()
    miner = site.connect()
    miner.configure(asked)
    miner.subscribe()
    miner.authorize()
    site.pass_time(0.5)
    assert miner.mask == (upstream or 0) & MASK & asked & ~version


def test_upstream_is_asked_before_anything_is_granted() -> None:
    pool = FakePool("one")
    Site(pool).start()
    assert pool.side.methods()[:2] == ["mining.configure", "mining.subscribe"]
    assert pool.side.calls[0]["params"][1]["version-rolling.mask"] == "1fffe000"


@pytest.mark.parametrize("size", [0, 1, 2])
def test_six_parameters_go_up_where_upstream_granted_a_mask(size: int) -> None:
    pool, _site, miner = ready()
    for bits in ([None], [0], [0x2000])[size]:
        miner.rolls = False
        found = miner.find(bits=bits)
        assert miner.submit(found) == "accepted"
        assert pool.received[-1].params[5] == f"{bits or 0:08x}"
        assert pool.received[-1].header == found.header


@pytest.mark.parametrize("configure", ["answer", "silent"])
def test_five_parameters_go_up_where_upstream_granted_nothing(configure: str) -> None:
    pool = FakePool("one", mask=None, configure=configure)
    site = Site(pool).start()
    site.pass_time(3)
    miner = site.miner()
    miner.mask = 0
    assert miner.mine() == "accepted"
    assert len(pool.received[-1].params) == 5
    assert pool.faults == []


def test_a_signalling_job_is_forwarded_with_its_own_bits() -> None:
    """hashed_version & upstream_mask: 20400004 with 00092000 goes up as 00492000."""
    pool, _, miner = ready(version=0x20400004)
    found = miner.find(bits=0x00092000)
    assert miner.submit(found) == "accepted"
    assert pool.received[-1].params[5] == "00492000"
    assert pool.received[-1].header == found.header


@pytest.mark.parametrize("version", [0x20092004, 0x20492004])
def test_a_miner_that_ignores_the_narrower_mask_proves_its_reading(version: int) -> None:
    pool, _, miner = ready(version=0x20400004)
    found = miner.find(bits=0x00092000, version=version)
    assert miner.submit(found) == "accepted"
    assert pool.received[-1].header == found.header
    assert pool.faults == []


def test_a_changed_base_is_granted_anew_before_its_job_in_the_same_write() -> None:
    pool, site, miner = ready()
    assert miner.mask == MASK
    before = len(miner.wire.writes)
    pool.version = 0x20400004
    pool.new_job()
    site.pump()
    written = miner.wire.writes[before:]
    assert len(written) == 1
    assert written[0].index(b"set_version_mask") < written[0].index(b"mining.notify")
    assert miner.mask == 0x1FBFE000
    for base in (0x20400004, 0x20400004):
        pool.version = base
        pool.new_job()
        site.pump()
    assert miner.methods().count("mining.set_version_mask") == 1, "told only when it changes"


@pytest.mark.parametrize("bits", [0, 0x2000, 0x00400000, 0x1FFFE000])
def test_shares_in_flight_use_the_mask_of_their_job(bits: int) -> None:
    pool, site, miner = ready()
    early = miner.find(bits=bits)
    pool.version = 0x20400004
    pool.new_job()
    site.pump()
    narrow = miner.find(bits=0x2000)
    pool.version = 0x20000000
    pool.new_job()
    site.pump()
    none = [miner.find(job, bits=0) for job in miner.jobs]
    for found in [early, narrow, *none]:
        assert miner.submit(found) == "accepted"
        assert pool.received[-1].header == found.header
    assert pool.faults == []


def test_miners_of_other_masks_are_dealt_the_same_job_with_their_own() -> None:
    """Alike in all else, they are told the same line: what each may roll is its own."""
    pool, site, rolling = ready()
    fixed, narrow = site.miner("acme.rig2", rolls=False), site.connect("main", "acme.rig3")
    narrow.configure(0x00FFE000)
    narrow.subscribe()
    narrow.authorize()
    site.pass_time(0.5)
    for _ in range(2):
        pool.new_job()
        site.pump()
    masks = [site.session(miner).assignments[-1].mask for miner in (rolling, fixed, narrow)]
    assert masks == [MASK, 0, 0x00FFE000]
    assert len({site.session(miner).assignments[-1].credit for miner in (rolling, fixed, narrow)}) == 1
    assert rolling.submit(rolling.find(bits=0x10000000)) == "accepted"
    assert fixed.submit(fixed.find(bits=0)) == "accepted"
    assert fixed.submit(fixed.find(bits=0x2000)) != "accepted"
    assert narrow.submit(narrow.find(bits=0x00800000)) == "accepted"
    assert pool.faults == []


def test_a_mask_that_the_pool_narrows_is_told_at_once() -> None:
    pool, site, miner = ready()
    flying = miner.find(bits=0x10000000)
    side = pool.side
    side.mask = 0x00FFE000
    side.say({"id": None, "method": "mining.set_version_mask", "params": ["00ffe000"]})
    site.pump()
    assert miner.mask == 0x00FFE000
    assert miner.submit(flying) == "accepted", "in flight: the old mask or the new one"
    assert miner.submit(miner.find(bits=0x00800000)) == "accepted"
    assert pool.received[-1].fault == ""


def test_a_mask_that_the_pool_widens_is_told_at_once() -> None:
    pool, site, miner = ready(mask=0x00FFE000)
    assert miner.mask == 0x00FFE000
    side = pool.side
    side.mask = MASK
    side.say({"id": None, "method": "mining.set_version_mask", "params": ["1fffe000"]})
    site.pump()
    assert miner.mask == MASK
    found = miner.find(bits=0x10000000, version=0x30000000)
    assert miner.submit(found) == "accepted"
    assert pool.received[-1].header == found.header


def test_a_mask_wider_than_was_asked_for_is_cut() -> None:
    pool, _site, miner = ready(mask=0x5FFFE000)
    assert miner.mask == MASK
    side = pool.side
    side.say({"id": None, "method": "mining.set_version_mask", "params": ["ffffffff"]})
    pool.site.pump()
    assert miner.mask == MASK


def test_where_the_operator_forbids_rolling_nobody_rolls() -> None:
    pool = FakePool("one")
    tenant = TenantSettings("acme", (pool_settings(pool, version_rolling=False),), vardiff=FIXED)
    site = Site(pool, tenants=[tenant]).start()
    miner = site.miner()
    assert "mining.configure" not in pool.side.methods()
    assert miner.replies[1]["result"]["version-rolling"] is False
    pool.side.say({"id": None, "method": "mining.set_version_mask", "params": ["1fffe000"]})
    site.pump()
    assert miner.mask == 0
    miner.rolls = False
    assert miner.mine() == "accepted"
    assert len(pool.received[-1].params) == 5


def test_a_miner_that_never_configured_is_never_told_a_mask() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.miner(rolls=False)
    for version in (0x20400004, 0x20000000):
        pool.version = version
        pool.new_job(clean=True)
        site.pump()
    assert "mining.set_version_mask" not in miner.methods()
    assert miner.submit(miner.find(bits=0x2000, version=0x20002000)) == "20"
    assert miner.submit(miner.find(bits=0)) == "accepted"


def test_a_failover_to_a_pool_without_rolling_takes_the_mask_away_before_the_job() -> None:
    first, second = FakePool("one"), FakePool("two", host="other", mask=None)
    site = Site(first, second).start()
    miner = site.miner()
    flying = miner.find(bits=0x2000)
    before = len(miner.wire.writes)
    first.die()
    site.pass_time(5)
    written = b"".join(miner.wire.writes[before:])
    assert written.index(b"set_version_mask") < written.index(b"mining.notify")
    assert miner.mask == 0
    assert miner.job.clean
    assert miner.submit(flying) == "accepted", "the lost pool had granted it"
    assert miner.submit(miner.find(bits=0)) == "accepted"
    assert miner.submit(miner.find(bits=0x2000, version=0x20002000)) == "20"
    assert second.faults == []


def test_a_late_grant_reaches_those_that_asked() -> None:
    """The pool answers configure after everything else."""
    pool = FakePool("one", configure="silent")
    site = Site(pool).start()
    site.pass_time(3)
    miner = site.miner()
    assert miner.mask == 0
    side = pool.side
    side.mask = MASK
    result = {"version-rolling": True, "version-rolling.mask": "1fffe000"}
    side.say({"id": 1, "result": result, "error": None})
    site.pump()
    assert miner.mask == MASK
    found = miner.find(bits=0x2000, version=0x20002000)
    assert miner.submit(found) == "accepted"
    assert pool.received[-1].header == found.header
