"""A pool in a hurry: each block at once, of everything else the last of a burst, and nothing is lost."""

from proxy.relay.news import URGENT_AT_ONCE
from proxy.relay.settings import Timers
from proxy.units import Seconds
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import Site


def pair(pool: FakePool) -> tuple[Site, FakeMiner]:
    site = Site(pool).start()
    miner = site.miner()
    site.pass_time(1)
    miner.lines.clear()
    return site, miner


def notifies(miner: FakeMiner) -> int:
    return miner.methods().count("mining.notify")


def test_jobs_for_one_block_go_down_four_times_a_second_and_the_last_is_never_lost() -> None:
    pool = FakePool("hasty")
    site, miner = pair(pool)
    for _ in range(100):
        pool.new_job()
        site.pass_time(0.01, 0.01)
    site.pass_time(1)
    assert 4 <= notifies(miner) <= 6
    assert miner.mine() == "accepted"
    # What it mined was the very last job.
    (share,) = pool.received
    assert share.fault == ""
    assert share.params[1] == f"{pool.job_prefix}{pool.job_number:x}"


def test_a_job_for_a_new_block_goes_down_at_once() -> None:
    pool = FakePool("hasty")
    site, miner = pair(pool)
    for count in range(1, URGENT_AT_ONCE + 1):
        pool.new_job()
        pool.new_job(clean=True)
        site.pump()
        assert miner.job.params[1] == pool.prevhash, f"block {count} in the same instant"
        assert miner.mine() == "accepted"
    assert pool.faults == []


def test_a_pool_that_invents_blocks_is_slowed_down_and_the_last_is_never_lost() -> None:
    pool = FakePool("inventor")
    site, miner = pair(pool)
    for _ in range(1000):
        pool.new_job(clean=True)
        site.pass_time(0.01, 0.01)
    assert notifies(miner) <= URGENT_AT_ONCE + 10 / Timers().notify_interval + 1
    site.pass_time(1)
    assert miner.job.params[1] == pool.prevhash
    assert miner.mine() == "accepted"
    assert pool.faults == []


def test_a_clean_job_that_waits_is_still_clean_when_another_takes_its_place() -> None:
    pool = FakePool("hasty")
    site, miner = pair(pool)
    old = miner.find()
    pool.new_job()  # uses the turn up
    site.pump()
    cleaning = pool.job(clean=True)  # for the same block
    pool.side.say(pool.side.notify(cleaning))
    pool.new_job()
    site.pass_time(1)
    assert miner.job.clean
    assert miner.submit(old) == "21"
    assert miner.mine() == "accepted"


def test_a_changed_extranonce_holds_from_the_next_job_on_even_where_that_waits() -> None:
    pool = FakePool("hasty")
    site, miner = pair(pool)
    pool.new_job()
    pool.new_job()  # waits
    site.pump()
    side = pool.side
    side.say({"id": None, "method": "mining.set_extranonce", "params": ["deadbeef", 8]})
    site.pass_time(1)
    assert miner.mine() == "accepted"
    side.extranonce1 = "deadbeef"
    pool.new_job()
    site.pass_time(1)
    assert miner.mine() == "accepted"
    assert len(pool.received) == 2
    assert pool.faults == []


def test_a_job_with_another_mask_goes_down_at_once() -> None:
    pool = FakePool("hasty")
    site, miner = pair(pool)
    pool.new_job()
    site.pump()
    pool.side.mask = 0x00FFE000
    mask = {"id": None, "method": "mining.set_version_mask", "params": ["00ffe000"]}
    pool.side.say(mask, pool.side.notify(pool.job(clean=True)))
    site.pump()
    assert notifies(miner) == 2
    assert miner.mask == 0x00FFE000
    assert miner.mine() == "accepted"
    assert pool.faults == []


def test_version_masks_in_a_storm_reach_a_miner_four_times_a_second_and_the_last_is_never_lost() -> None:
    pool = FakePool("hasty")
    site, miner = pair(pool)
    for count in range(200):
        mask = "1fffe000" if count % 2 else "00ffe000"
        pool.side.say({"id": None, "method": "mining.set_version_mask", "params": [mask]})
        site.pass_time(0.01, 0.01)
    pool.side.say({"id": None, "method": "mining.set_version_mask", "params": ["0000e000"]})
    site.pass_time(1)
    assert miner.methods().count("mining.set_version_mask") <= 10
    assert miner.mask == 0x0000E000


def test_no_interval_means_that_everything_goes_down_at_once() -> None:
    pool = FakePool("hasty")
    site = Site(pool, timers=Timers(notify_interval=Seconds(0))).start()
    miner = site.miner()
    before = notifies(miner)
    for _ in range(20):
        pool.new_job()
    site.pump()
    assert notifies(miner) == before + 20
