"""Submits through a live session: verdicts, their order, and when they are told."""

import json
from pathlib import Path
from typing import Any

import msgpack
import pytest

from proxy.events import BlockFound
from proxy.mining.vardiff import VardiffSettings
from proxy.relay.settings import Limits
from proxy.units import Difficulty, Seconds
from tests.fakes.header import sha256d
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import EASY_NBITS, FakePool
from tests.fakes.site import Site

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "stratum-shares.json").read_text())


def ready(**pool: Any) -> tuple[FakePool, Site, FakeMiner]:
    fake = FakePool("one", **pool)
    site = Site(fake).start()
    return fake, site, site.miner()


# --- verdicts -----------------------------------------------------------------------------------------------


def test_a_share_is_accepted_forwarded_and_settled() -> None:
    pool, site, miner = ready()
    assert miner.mine() == "accepted"
    assert pool.received[0].header == miner.submitted[0][1].header
    settlements = site.relay.routes["acme"].pools[0].settlements
    assert (settlements.forwarded, settlements.accepted, settlements.settled) == (1, 1, 1)
    assert site.relay.unsettled == 0


def test_a_share_below_upstreams_difficulty_is_credited_and_kept_here() -> None:
    pool, _, miner = ready(difficulty=2.0**-20)
    assert miner.submit(miner.find(above=2.0**-20)) == "accepted"
    assert pool.received == []


def test_every_refusal_has_its_code() -> None:
    _, site, miner = ready()
    good = miner.find()
    assert miner.submit(good) == "accepted"
    assert miner.submit(good) == "22"
    assert miner.submit(miner.find(misses=True)) == "23"
    assert miner.submit(miner.find(), "acme.nobody") == "24"
    assert (
        miner.call("mining.submit", ["acme.rig1", "no such job", "00000000", "65000000", "00000000"])[
            "error"
        ][0]
        == 21
    )
    assert miner.submit(miner.find(ntime=miner.job.ntime - 1)) == "20"
    assert miner.submit(miner.find(ntime=miner.job.ntime + 7001)) == "20"
    assert miner.submit(miner.find(bits=0x40000000, version=0x60000000)) == "20"
    assert (
        miner.call("mining.submit", ["acme.rig1", miner.job.id, "00", "65000000", "00000000"])["error"][0]
        == 20
    )
    assert miner.call("mining.submit", [])["error"][0] == 20
    tally = site.relay.routes["acme"].tally
    assert (tally.judged, tally.accepted, sum(tally.rejected.values())) == (10, 1, 9)


def test_before_the_subscribe_every_submit_is_code_25() -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    miner.authorize()
    good = ["acme.rig1", "job", "00000000", "65000000", "00000000"]
    for params in (good, [], None, good[:4]):
        assert miner.call("mining.submit", params)["error"][0] == 25


def test_before_the_authorize_a_submit_is_code_24() -> None:
    site = Site(FakePool("one")).start()
    worker = site.miner()
    miner = site.connect()
    miner.subscribe()
    params = ["acme.rig1", worker.job.id, "00000000", "65000000", "00000000"]
    assert miner.call("mining.submit", params)["error"][0] == 24
    assert miner.call("mining.submit", ["acme.rig1", "x", *params[2:]])["error"][0] == 24


def test_ntime_may_be_rolled_for_seven_thousand_seconds_and_is_forwarded_as_rolled() -> None:
    pool, _, miner = ready()
    for offset in (0, 1, 7000):
        assert miner.submit(miner.find(ntime=miner.job.ntime + offset)) == "accepted"
    assert [int(share.params[3], 16) - pool.ntime for share in pool.received] == [0, 1, 7000]
    assert pool.faults == []


def test_a_site_may_allow_less_of_ntime() -> None:
    site = Site(FakePool("one"), limits=Limits(ntime_window=600)).start()
    miner = site.miner()
    for uses_lanes in (True, False):
        site.relay.uses_lanes = uses_lanes
        for offset, answer in ((-1, "20"), (0, "accepted"), (600, "accepted"), (601, "20"), (7000, "20")):
            assert miner.submit(miner.find(ntime=miner.job.ntime + offset)) == answer


def test_a_job_sent_again_leaves_half_of_the_window_to_the_miner() -> None:
    site = Site(FakePool("one"), limits=Limits(ntime_window=600)).start()
    miner = site.miner()
    work = site.session(miner).issued_work
    assert work is not None
    late = Seconds(site.now + 10_000)
    assert work.next_ntime(late, work.job.ntime + 299) is None
    assert work.next_ntime(Seconds(site.now + 299), work.job.ntime) == work.job.ntime + 299
    assert work.next_ntime(Seconds(site.now + 301), work.job.ntime) is None


def test_upper_case_is_a_duplicate_and_not_another_share() -> None:
    _, _, miner = ready()
    found = miner.find()
    assert miner.submit(found) == "accepted"
    params = found.params("acme.rig1")
    upper = [params[0], params[1], *(text.upper() for text in params[2:])]
    assert miner.call("mining.submit", upper)["error"][0] == 22


def test_the_same_header_under_another_id_of_the_job_is_a_duplicate() -> None:
    """A re-issued job differs by its ntime alone, and ntime may be rolled."""
    vardiff = VardiffSettings(start=Difficulty(2.0**-26), minimum=Difficulty(2.0**-30))
    pool = FakePool("one", difficulty=2.0**-24)
    site = Site(pool, vardiff=vardiff).start()
    miner = site.miner()
    first = miner.job
    miner.call("mining.suggest_difficulty", [2.0**-28])
    second = miner.job
    assert first.id != second.id
    assert second.ntime > first.ntime
    found = miner.find(first, ntime=second.ntime)
    assert miner.submit(found) == "accepted"
    params = found.params("acme.rig1")
    assert miner.call("mining.submit", [params[0], second.id, *params[2:]])["error"][0] == 22


def test_the_same_header_of_a_job_that_the_pool_sent_twice_is_a_duplicate() -> None:
    pool, site, miner = ready()
    side = pool.side
    params = next(iter(side.jobs.values()))[:-1]
    found = miner.find()
    assert miner.submit(found) == "accepted"
    side.say(side.notify(["another id", *params[1:8], False]))
    site.pump()
    assert miner.job.id != found.job.id
    again = found.params("acme.rig1")
    assert miner.call("mining.submit", [again[0], miner.job.id, *again[2:]])["error"][0] == 22
    assert site.relay.routes["acme"].tally.accepted == 1


def test_jobs_go_stale_with_a_clean_job_and_not_before() -> None:
    pool, _site, miner = ready()
    first = miner.job
    pool.new_job()
    _site.pump()
    assert not miner.job.clean
    assert miner.submit(miner.find(first)) == "accepted"
    pool.new_job(clean=True)
    _site.pump()
    assert miner.job.clean
    assert miner.submit(miner.find(first)) == "21"
    assert miner.mine() == "accepted"
    assert pool.faults == []


def test_a_job_that_this_session_was_never_sent_is_unknown() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    one = site.miner()
    old = one.job
    pool.new_job()
    site.pump()
    other = site.miner("acme.rig2")
    params = ["acme.rig2", old.id, "00000001", f"{old.ntime:08x}", "00000000"]
    assert other.call("mining.submit", params)["error"][0] == 21


# --- real shares --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_a_real_share_goes_through_a_live_session(vector: dict[str, Any]) -> None:
    """The pool's extranonce2 of 8 bytes is padding, a lease and the miner's own part."""
    notify = vector["notify"]
    floor = VardiffSettings(start=Difficulty(512.0), minimum=Difficulty(512.0))
    pool = FakePool(
        "one",
        extranonce2_size=len(vector["extranonce2"]) // 2,
        difficulty=512,
        serves_work=False,
        nbits=notify[6],
    )
    site = Site(pool, vardiff=floor)
    pool.extranonce1_size = len(vector["extranonce1"]) // 2
    site.pass_time(0.2)
    side = pool.side
    side.extranonce1 = vector["extranonce1"]
    # The subscribe reply has gone out with another extranonce1: the pool changes it, as pools do.
    side.say(
        {"id": None, "method": "mining.set_extranonce", "params": [vector["extranonce1"], 8]},
        side.set_difficulty(512),
        side.notify(notify),
    )
    site.pass_time(0.5)
    route = site.relay.routes["acme"]
    lease = bytes.fromhex(vector["extranonce2"])[: route.settle_widths(site.now).lease]
    leases = route.bundles[0].leases
    assert leases is not None
    assert leases.take(session="known", prefer=lease) == lease
    leases.free(lease, "known", (0, 0), site.now)
    miner = site.miner(session="known")
    assert miner.extranonce1 == lease.hex()
    params = [
        "acme.rig1",
        miner.job.id,
        vector["extranonce2"][len(miner.extranonce1) :],
        vector["ntime"],
        vector["nonce"],
        vector["version_bits"],
    ]
    assert miner.call("mining.submit", params)["result"] is True
    assert sha256d(pool.received[0].header)[::-1].hex() == vector["expect"]["hash"]
    assert pool.faults == []
    assert pool.received[0].params[2] == vector["extranonce2"]
    assert miner.call("mining.submit", params)["error"][0] == 22


# --- blocks -------------------------------------------------------------------------------------------------


def test_a_block_goes_up_whatever_the_policy_says() -> None:
    pool, site, miner = ready(nbits=EASY_NBITS)
    first = miner.job
    cases = [
        (miner.find(), "acme.nobody", "24"),
        (miner.find(ntime=first.ntime + 7001), None, "20"),
        (miner.find(ntime=first.ntime - 1), None, "20"),
    ]
    for found, worker, outcome in cases:
        assert miner.submit(found, worker) == outcome
        assert pool.received[-1].header == found.header
    stale = miner.find()
    pool.new_job(clean=True)
    site.pump()
    assert miner.submit(stale) == "21"
    assert pool.received[-1].header == stale.header
    assert len(site.seen(BlockFound)) == 4


def test_a_block_above_the_share_target_goes_up_and_earns_nothing() -> None:
    pool, site, miner = ready(nbits=EASY_NBITS)
    found = miner.find(difficulty=2.0**-31, above=2.0**-28)
    assert miner.submit(found) == "23"
    assert [share.header for share in pool.received] == [found.header]
    event = site.seen(BlockFound)[0]
    assert event.header == found.header
    assert sha256d(event.header)[::-1].hex() == event.block_hash
    assert bytes.fromhex(pool.coinb1) == event.coinbase[: len(pool.coinb1) // 2]


def test_a_block_goes_first_of_all_in_its_segment() -> None:
    pool, site, miner = ready()
    ordinary = [miner.find() for _ in range(3)]
    pool.nbits = EASY_NBITS
    pool.new_job()
    site.pump()
    block = miner.find()
    lines = b"".join(
        miner.line("mining.submit", found.params("acme.rig1"))[0] for found in [*ordinary, block]
    )
    miner.raw(lines)
    assert [share.header for share in pool.received] == [block.header, *(found.header for found in ordinary)]


# --- the order of replies, and durability -----------------------------------------------------------------


def test_nothing_is_accepted_before_it_is_durable() -> None:
    pool, site, miner = ready()
    site.commits = False
    identity = miner.send(miner.find())
    assert len(pool.received) == 1, "forwarding never waits for the disk"
    site.pass_time(60)
    assert miner.outcome(identity) == "waiting"
    site.commit()
    assert miner.outcome(identity) == "accepted"


def test_refusals_wait_behind_accepts_that_wait() -> None:
    _, site, miner = ready()
    site.commits = False
    low = [miner.send(miner.find(misses=True)) for _ in range(2)]
    assert [miner.outcome(identity) for identity in low] == ["23", "23"], "nothing before them waits"
    before = len(miner.order)
    good = miner.find()
    sent = [miner.send(good), miner.send(good), miner.send(miner.find(misses=True)), miner.send(miner.find())]
    assert miner.order[before:] == []
    site.commit()
    assert miner.order[before:] == sent
    assert [miner.outcome(identity) for identity in sent] == ["accepted", "22", "23", "accepted"]


def test_replies_keep_their_order_over_windows_and_other_sessions() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    one, other = site.miner(), site.miner("acme.rig2")
    site.commits = False
    before, before_other = len(one.order), len(other.order)
    sent = [one.send(one.find())]
    first = site.journal.close_window()
    sent_other = [other.send(other.find())]
    sent += [one.send(one.find(misses=True)), one.send(one.find())]
    second = site.journal.close_window()
    sent += [one.send(one.find(misses=True))]
    sent_other += [other.send(other.find(misses=True))]
    site.relay.committed(first, site.now)
    assert one.order[before:] == sent[: len(one.order) - before], "a prefix, in order"
    assert other.order[before_other:] == []
    site.relay.committed(second, site.now)
    assert one.order[before:] == sent
    assert other.order[before_other:] == sent_other
    assert site.relay.unanswered == 0


def test_other_replies_do_not_wait_for_the_disk() -> None:
    _, site, miner = ready()
    site.commits = False
    miner.send(miner.find())
    assert miner.call("mining.ping", [])["result"] == "pong"


def test_a_window_is_answered_with_one_write_for_each_session() -> None:
    _, site, miner = ready()
    site.commits = False
    for _ in range(5):
        miner.send(miner.find())
    before = len(miner.wire.writes)
    site.commit()
    assert len(miner.wire.writes) == before + 1


def test_what_a_miner_earned_before_it_left_stays() -> None:
    _, site, miner = ready()
    site.commits = False
    miner.send(miner.find())
    miner.leave()
    site.commit()
    assert site.relay.unanswered == 0
    assert site.relay.routes["acme"].tally.accepted == 1


def test_records_say_everything_of_a_share() -> None:
    pool, site, miner = ready()
    found = miner.find(bits=0x00092000)
    miner.submit(found)
    records = _records(site)
    assert len(records) == 1
    number, key, worker, job_id, extranonce, ntime, nonce, version, credit, achieved, flags = records[0]
    assert number > 0
    assert (key, worker, job_id) == (miner.key, "rig1", found.job.id)
    assert extranonce.hex() == miner.extranonce1 + found.extranonce2
    assert (ntime, nonce, version) == (found.ntime, found.nonce, 0x20092000)
    assert credit == found.job.difficulty
    assert achieved >= credit
    assert flags == 1
    assert pool.faults == []


def _records(site: Site) -> list[Any]:
    unpacker = msgpack.Unpacker()
    for _, batch in site.journal.batches:
        unpacker.feed(batch)
    return list(unpacker)


def test_only_accepted_shares_are_recorded() -> None:
    _, site, miner = ready()
    miner.submit(miner.find(misses=True))
    assert site.journal.batches == []


def test_a_segment_of_many_shares_is_one_batch_and_one_reply() -> None:
    pool, site, miner = ready()
    found = [miner.find() for _ in range(10)]
    before = len(miner.wire.writes)
    miner.raw(b"".join(miner.line("mining.submit", share.params("acme.rig1"))[0] for share in found))
    assert len(site.journal.batches) == 1
    assert len(miner.wire.writes) == before + 1
    assert len(pool.received) == 10


@pytest.mark.parametrize("size", [1, 7, 64])
def test_chunking_changes_no_verdict(size: int) -> None:
    _, site, miner = ready(difficulty=2.0**-24)
    assert site.relay.limits == Limits()
    found = miner.find()
    shares = [found, found, miner.find(misses=True), miner.find()]
    stream = b"".join(miner.line("mining.submit", share.params("acme.rig1"))[0] for share in shares)
    first = miner.next_id - len(shares)
    for start in range(0, len(stream), size):
        miner.raw(stream[start : start + size])
    assert [miner.outcome(first + n) for n in range(4)] == ["accepted", "22", "23", "accepted"]
