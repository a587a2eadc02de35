"""What pools answer, what they leave open, and what becomes of shares when a connection is lost."""

from typing import Any

import pytest

from proxy.relay.settings import Limits
from proxy.relay.tally import Settlements
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import Site


def ready(**pool: Any) -> tuple[FakePool, Site, FakeMiner]:
    fake = FakePool("one", **pool)
    site = Site(fake).start()
    return fake, site, site.miner()


def settlements(site: Site) -> Settlements:
    return site.relay.routes["acme"].pools[0].settlements


def kept(site: Site) -> int:
    return sum(len(bundle.buffer) for bundle in site.relay.routes["acme"].bundles.values())


@pytest.mark.parametrize(
    "reply",
    [
        {"result": False, "error": [23, "Low", None]},
        {"result": None, "error": [23, "Low", None]},
        {"result": None, "error": "Low"},
        {"result": None, "error": {"code": 23, "message": "Low"}},
        {"result": False, "error": None, "reject-reason": "Low"},
        {"result": False},
        {"result": None, "error": None},
        {"error": [23, "Low"]},
    ],
)
def test_a_refusal_in_any_shape_settles_as_refused_and_the_miner_hears_nothing(reply: dict[str, Any]) -> None:
    pool, site, miner = ready()
    pool.refusal = lambda identity: {"id": identity, **reply}
    assert miner.mine() == "accepted", "our verdict answers"
    assert (settlements(site).accepted, settlements(site).rejected) == (0, 1)
    assert settlements(site).settled == settlements(site).forwarded == 1
    assert sum(settlements(site).reasons.values()) == 1


def test_a_share_that_is_answered_twice_is_settled_once_and_counted() -> None:
    pool, site, miner = ready()
    miner.mine()
    identity = pool.received[0].id
    for result in (True, False):
        pool.side.say({"id": identity, "result": result, "error": None})
    site.pump()
    counts = settlements(site)
    assert (counts.forwarded, counts.accepted, counts.rejected, counts.doubled) == (1, 1, 0, 2)


@pytest.mark.parametrize("identity", [0, -1, 10**9, None, "4"])
def test_an_answer_to_nothing_changes_nothing(identity: Any) -> None:
    pool, site, miner = ready()
    pool.answers_shares = False
    miner.mine()
    pool.side.say({"id": identity, "result": True, "error": None})
    site.pump()
    counts = settlements(site)
    assert (counts.forwarded, counts.settled, counts.doubled) == (1, 0, 0)
    assert site.relay.unsettled == 1


def test_answers_in_any_order_settle_the_right_shares() -> None:
    pool, site, miner = ready()
    pool.answers_shares = False
    for _ in range(3):
        miner.mine()
    ids = [share.id for share in pool.received]
    pool.side.say(
        {"id": ids[2], "result": True, "error": None}, {"id": ids[0], "result": None, "error": "no"}
    )
    site.pump()
    assert (settlements(site).accepted, settlements(site).rejected, site.relay.unsettled) == (1, 1, 1)


def test_the_reasons_of_a_lying_pool_are_bounded() -> None:
    pool, site, miner = ready()
    pool.refusal = lambda identity: {"id": identity, "result": None, "error": f"reason {identity}" * 200}
    for _ in range(60):
        miner.mine()
    assert len(settlements(site).reasons) <= Settlements.MOST_REASONS + 1
    assert sum(settlements(site).reasons.values()) == 60


# --- a connection that resumes ------------------------------------------------------------------------------


def cut_with_two_open(resumes: bool, **pool: Any) -> tuple[FakePool, Site, FakeMiner]:
    fake, site, miner = ready(resumes=resumes, **pool)
    fake.answers_shares = False
    miner.mine()
    miner.mine()
    assert site.relay.unsettled == 2
    fake.up = False
    fake.side.cut()
    site.pass_time(1)
    assert (site.relay.unsettled, kept(site)) == (0, 2)
    assert miner.mine() == "accepted", "credited within the grace"
    assert kept(site) == 3
    fake.answers_shares = True
    return fake, site, miner


def come_back(pool: FakePool, site: Site) -> None:
    pool.up = True
    site.pass_time(10)
    assert pool.live


def test_kept_shares_go_up_again_when_the_extranonce1_and_the_block_are_the_same() -> None:
    pool, site, miner = cut_with_two_open(resumes=True)
    come_back(pool, site)
    # Two had arrived before the cut: "duplicate" now means that they were taken.
    assert [share.fault for share in pool.received] == ["", "", "duplicate", "duplicate", ""]
    counts = settlements(site)
    assert (counts.forwarded, counts.accepted, counts.rejected) == (3, 3, 0)
    assert (counts.unknown, counts.unsent, counts.doubled, kept(site)) == (0, 0, 0, 0)
    assert pool.sides[-1].calls[1]["params"][1] == "s1", "it asks to resume"
    assert miner.mine() == "accepted"


def test_a_share_found_after_the_resumption_for_the_old_job_goes_up_on_the_successor() -> None:
    pool, site, miner = cut_with_two_open(resumes=True)
    old = miner.job
    come_back(pool, site)
    flying = miner.find(old)
    assert miner.submit(flying) == "accepted"
    assert kept(site) == 0
    assert pool.received[-1].header == flying.header
    assert settlements(site).forwarded == settlements(site).settled == 4


def test_with_another_extranonce1_kept_shares_are_lost_and_counted() -> None:
    pool, site, _ = cut_with_two_open(resumes=False)
    come_back(pool, site)
    counts = settlements(site)
    assert (counts.forwarded, counts.unknown, counts.unsent, kept(site)) == (2, 2, 1, 0)
    assert len(pool.received) == 2


def test_on_another_block_kept_shares_are_lost_and_counted() -> None:
    pool, site, _ = cut_with_two_open(resumes=True)
    pool.height += 1
    come_back(pool, site)
    counts = settlements(site)
    assert (counts.forwarded, counts.unknown, counts.unsent, kept(site)) == (2, 2, 1, 0)


def test_a_duplicate_that_was_never_sent_before_is_a_refusal() -> None:
    pool, site, miner = ready()
    pool.refusal = lambda identity: {"id": identity, "result": None, "error": [22, "Duplicate", None]}
    miner.mine()
    assert (settlements(site).accepted, settlements(site).rejected) == (0, 1)


def test_kept_shares_have_their_time_and_their_number() -> None:
    pool = FakePool("one")
    site = Site(pool, limits=Limits(submit_buffer=5)).start()
    miner = site.miner()
    pool.answers_shares = False
    for _ in range(3):
        miner.mine()
    pool.die()
    site.pass_time(1)
    for _ in range(4):
        assert miner.mine() == "accepted"
    counts = settlements(site)
    assert (kept(site), counts.unknown, counts.unsent) == (5, 2, 0)
    site.pass_time(605, 0.5)
    assert (kept(site), counts.unknown, counts.unsent) == (0, 3, 4)
    assert counts.forwarded == counts.settled == 3


def test_every_share_is_accounted_for_when_the_program_ends() -> None:
    pool, site, _ = cut_with_two_open(resumes=True)
    site.relay.stop(site.now)
    counts = settlements(site)
    assert (counts.forwarded, counts.settled, counts.unsent, kept(site)) == (2, 2, 1, 0)
    assert not pool.live


def test_the_same_work_after_a_resumption_earns_nothing_twice() -> None:
    """The pool gives the same extranonce1 and the same job again: the miner's old shares fit the new id."""
    pool, site, miner = ready(resumes=True)
    found = miner.find()
    assert miner.submit(found) == "accepted"
    params = next(iter(pool.side.jobs.values()))[:-1]
    pool.serves_work = False
    pool.side.cut()
    site.pass_time(0.6)
    pool.side.say(pool.side.set_difficulty(pool.difficulty), pool.side.notify(params))
    site.pass_time(0.5)
    assert miner.job.id != found.job.id
    again = found.params("acme.rig1")
    assert miner.call("mining.submit", [again[0], miner.job.id, *again[2:]])["error"][0] == 22
