"""U05: pools that lie about shares. Each answer is matched once; a pool that refuses everything is left."""

from itertools import permutations
from typing import Any

import pytest

from proxy.events import UpstreamDown
from proxy.relay.snapshot import snapshot
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import Site


def yes(identity: Any) -> dict[str, Any]:
    return {"id": identity, "result": True, "error": None}


def no(identity: Any) -> dict[str, Any]:
    return {"id": identity, "result": None, "error": [23, "Low difficulty share", None]}


class Ledger:
    """A pool that answers shares only when the test says so, and the books of both sides."""

    def __init__(self, *others: FakePool) -> None:
        self.pool = FakePool("liar", answers_shares=False)
        self.site = Site(self.pool, *others).start()
        self.miner: FakeMiner = self.site.miner()

    def submits(self, count: int) -> list[int]:
        """Submit shares; return the ids under which they went up."""
        before = len(self.pool.received)
        for _ in range(count):
            assert self.miner.mine() == "accepted"
        return [share.id for share in self.pool.received[before:]]

    def say(self, *messages: dict[str, Any]) -> None:
        self.pool.side.say(*messages)
        self.site.pump()

    @property
    def shares(self) -> dict[str, Any]:
        counted: dict[str, Any] = snapshot(self.site.relay, self.site.now)["shares"]
        return counted

    def balances(self) -> None:
        """U = A + Rj + Unk + what is still owed: no share is booked twice, whatever is answered."""
        shares = self.shares
        booked = shares["pool_accepted"] + shares["pool_rejected"] + shares["unknown"]
        assert booked + self.site.relay.unsettled == shares["forwarded"]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_answers_in_any_order_settle_the_shares_that_they_are_for(order: tuple[int, ...]) -> None:
    """U05: reordered replies; every second share is refused."""
    ledger = Ledger()
    ids = ledger.submits(4)
    for place in order:
        ledger.say(yes(ids[place]) if place % 2 else no(ids[place]))
        ledger.balances()
    assert (ledger.shares["pool_accepted"], ledger.shares["pool_rejected"]) == (2, 2)


def test_an_answer_counts_once_and_the_first_of_two_counts() -> None:
    """U05: duplicate replies, and contradicting ones."""
    ledger = Ledger()
    first, second = ledger.submits(2)
    ledger.say(yes(first), yes(first), no(first), no(second), yes(second))
    shares = ledger.shares
    assert (shares["pool_accepted"], shares["pool_rejected"], shares["answered_twice"]) == (1, 1, 3)
    ledger.balances()


def test_answers_to_nothing_settle_nothing() -> None:
    """U05: ids of the future, of other calls, of other kinds."""
    ledger = Ledger()
    (only,) = ledger.submits(1)
    for identity in (
        only + 1,
        only + 1000,
        -1,
        0,
        1,
        2,
        2**70,
        str(only),
        float(only) + 0.5,
        None,
        [only],
        True,
    ):
        ledger.say(yes(identity), no(identity))
    ledger.balances()
    assert ledger.shares["pool_accepted"] == 0
    assert ledger.site.relay.unsettled == 1
    ledger.say(yes(only))
    assert ledger.shares["pool_accepted"] == 1
    ledger.balances()


def test_an_answer_that_comes_after_its_connection_was_lost_counts_nowhere() -> None:
    """U05: late replies. Ids begin anew with a connection, so an old answer must not meet a new share."""
    ledger = Ledger()
    old = ledger.submits(3)
    ledger.site.pass_time(31)  # no answer to a share: reconnected
    assert ledger.site.seen(UpstreamDown)
    ledger.site.pass_time(5)
    late = ledger.pool.sides[0]
    late.is_open = True
    late.say(*map(yes, old))
    ledger.site.pump()
    ledger.balances()
    assert ledger.shares["pool_accepted"] == 0
    assert ledger.shares["unknown"] == 3
    (new,) = ledger.submits(1)
    ledger.say(yes(new))
    assert ledger.shares["pool_accepted"] == 1
    ledger.balances()


@pytest.mark.parametrize("every", [0.25, 1.0, 5.0, 10.0])
def test_a_pool_that_refuses_everything_is_left_within_a_minute(every: float) -> None:
    """U05: whatever the rate of shares, from one in ten seconds on; miners hear of no refusal."""
    honest = FakePool("honest", host="other")
    ledger = Ledger(honest)
    ledger.pool.answers_shares = True
    ledger.pool.refusal = no
    begun = ledger.site.now
    while not ledger.site.seen(UpstreamDown):
        assert ledger.miner.mine() == "accepted"
        ledger.site.pass_time(every, min(every, 0.5))
        assert ledger.site.now - begun <= 60 + every
    assert ledger.site.seen(UpstreamDown)[0].cause.startswith("refuses every share")
    ledger.site.pass_time(4)
    assert ledger.miner.mine() == "accepted"
    assert len(honest.received) == 1
    assert ledger.site.resets() == []
    ledger.balances()


def test_a_pool_that_accepts_everything_changes_no_verdict_of_ours() -> None:
    """U05: what we refuse never reaches it, so there is nothing that it could say yes to."""
    ledger = Ledger()
    miner = ledger.miner
    found = miner.find()
    assert [miner.submit(found), miner.submit(found), miner.submit(miner.find(misses=True))] == [
        "accepted",
        "22",
        "23",
    ]
    ledger.say(*(yes(share.id) for share in ledger.pool.received))
    assert ledger.shares["forwarded"] == ledger.shares["pool_accepted"] == 1
    ledger.balances()
