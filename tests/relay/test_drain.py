"""The end of a program lets miners go one after another, and serves each until its turn."""

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.events import Draining, SessionClosed
from proxy.relay.drain import ENDS, IDLE_AT_ONCE, spread
from proxy.relay.leaving import FAREWELL, LINGER
from proxy.relay.snapshot import snapshot
from proxy.units import Seconds
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import Site

DRAIN = Seconds(60.0)
WATTS = st.lists(st.floats(1.0, 50_000.0), max_size=200)
ALL_WATTS = st.lists(st.just(0.0) | st.floats(0.0, 50_000.0), max_size=50)


@given(watts=WATTS, seconds=st.floats(0.001, 600.0).map(Seconds))
def test_what_is_gone_is_within_one_miner_of_the_straight_line(watts: list[float], seconds: Seconds) -> None:
    whole, most = sum(watts), max(watts, default=0.0)
    gone = list(accumulate(watts, initial=0.0))
    times = spread(watts, seconds)
    assert len(times) == len(watts)
    for place, time in enumerate(times):
        line = whole * time / seconds
        # Just before this close, and just after it.
        assert abs(gone[place] - line) <= most * (1 + 1e-9)
        assert abs(gone[place + 1] - line) <= most * (1 + 1e-9)


@given(watts=ALL_WATTS, seconds=st.floats(0.0, 600.0).map(Seconds))
def test_each_goes_once_in_its_order_the_first_at_once_and_none_too_late(
    watts: list[float], seconds: Seconds
) -> None:
    times = spread(watts, seconds)
    assert len(times) == len(watts)
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert all(0.0 <= time <= seconds for time in times)
    if watts:
        assert times[0] == 0.0
    if sum(watts[:-1]) > 0.0:
        assert times[-1] == seconds


def working(count: int) -> tuple[Site, list[FakeMiner]]:
    site = Site(FakePool("one")).start()
    return site, site.fleet(count)


def let_go(site: Site, watts: dict[int, float] | None = None) -> None:
    site.relay.let_go(watts or {}, DRAIN, site.now)


def here(miners: list[FakeMiner]) -> int:
    return sum(not miner.wire.closed for miner in miners)


def over(site: Site) -> bool:
    assert site.relay.drain is not None
    return site.relay.drain.is_over


def test_miners_go_evenly_and_the_last_goes_at_the_end() -> None:
    site, fleet = working(31)
    let_go(site)
    left = []
    for _ in range(60):
        site.pass_time(1.0)
        left.append(here(fleet))
    # One each two seconds, the first of them at once.
    assert left[:4] == [30, 29, 29, 28]
    assert all(0 <= before - after <= 1 for before, after in pairwise(left))
    site.pass_time(0.5)
    assert here(fleet) == 0
    assert over(site)
    assert {event.cause for event in site.seen(SessionClosed)} == {ENDS}
    assert site.seen(Draining) == [Draining(31, 0, None, DRAIN)]


def test_steps_are_even_in_watts_where_they_are_known() -> None:
    site, fleet = working(6)
    watts = {miner.key: 1000.0 for miner in fleet[:4]} | {fleet[4].key: 6000.0}
    let_go(site, watts)  # in the fake's order: as they came
    closed_at: dict[int, float] = {}
    began = site.now
    while not over(site):
        site.pass_time(0.1)
        for number, miner in enumerate(fleet):
            if miner.wire.closed:
                closed_at.setdefault(number, site.now - began)
    # The last, of whom nothing is known, counts as 2 kW, the mean. 10 kW go before it.
    expected = {0: 0, 1: 6, 2: 12, 3: 18, 4: 24, 5: 60}
    assert {number: round(at) for number, at in closed_at.items()} == expected
    assert site.seen(Draining) == [Draining(6, 0, 12.0, DRAIN)]


def test_the_order_is_left_to_chance() -> None:
    site, fleet = working(3)
    site.relay.outside.randomness = FakeOrder([0.9, 0.1, 0.5])
    let_go(site)
    site.pass_time(0.1)
    assert [miner.wire.closed for miner in fleet] == [False, True, False]
    site.pass_time(30.0)
    assert [miner.wire.closed for miner in fleet] == [False, True, True]


class FakeOrder:
    def __init__(self, numbers: list[float]) -> None:
        self._numbers = iter(numbers)

    def random(self) -> float:
        return next(self._numbers)


def test_who_has_no_work_goes_at_once_and_holds_up_nobody() -> None:
    site = Site(FakePool("one"), gated=True).start()
    fleet = site.fleet(IDLE_AT_ONCE + 10)
    strangers = [site.connect() for _ in range(5)]
    works = fleet[:2]
    assert site.relay.gate.release([miner.key for miner in works], "power", site.now) == 2
    site.pass_time(0.5)
    let_go(site)
    site.pass_time(0.1)
    assert here(fleet + strangers) == 1 + len(fleet) + len(strangers) - 2 - IDLE_AT_ONCE
    site.pass_time(0.1)
    assert here(fleet + strangers) == 1
    assert not over(site)
    site.pass_time(60.0)
    assert over(site)
    assert site.seen(Draining) == [Draining(2, len(fleet) + 3, None, DRAIN)]


@pytest.mark.parametrize("miners", [0, 1])
def test_nobody_is_waited_for_where_none_or_one_has_work(miners: int) -> None:
    site, fleet = working(miners)
    stranger = site.connect()
    site.pass_time(FAREWELL + 0.1)
    let_go(site)
    site.pass_time(0.1)
    assert over(site)
    assert here([*fleet, stranger]) == 0


def test_when_all_have_left_by_themselves_it_is_over() -> None:
    site, fleet = working(5)
    let_go(site)
    site.pass_time(1.0)
    for miner in fleet:
        miner.leave()
    site.pass_time(0.1)
    assert over(site)


def test_until_its_turn_a_miner_is_served_as_ever() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    fleet = site.fleet(3)
    let_go(site)
    site.pass_time(1.0)
    pool.new_job(clean=True)
    site.pump()
    last = fleet[2]
    assert last.mine() == "accepted"
    site.pass_time(40.0)
    assert last.mine() == "accepted"
    shares = snapshot(site.relay, site.now)["shares"]
    assert shares["accepted"] == shares["pool_accepted"] == 2


def test_a_reply_that_waits_for_the_disk_is_awaited_and_then_the_end_comes() -> None:
    site, fleet = working(1)
    site.commits = False
    (miner,) = fleet
    identity = miner.send(miner.find())
    let_go(site)
    site.pass_time(LINGER / 2)
    assert not miner.wire.closed
    assert not over(site)
    site.commits = True
    site.pump()
    assert miner.outcome(identity) == "accepted"
    site.pass_time(FAREWELL / 2)
    assert not miner.wire.closed, "it must have time to read that"
    site.pass_time(FAREWELL)
    assert miner.wire.closed
    assert over(site)


def test_of_who_goes_nothing_more_is_taken_so_that_a_busy_one_is_even() -> None:
    site, fleet = working(1)
    site.commits = False
    (miner,) = fleet
    first = miner.send(miner.find())
    let_go(site)
    site.pass_time(0.1)
    second = miner.send(miner.find())
    site.commits = True
    site.pass_time(1.0)
    assert miner.wire.closed
    assert (miner.outcome(first), miner.outcome(second)) == ("accepted", "waiting")
    assert site.relay.routes["acme"].tally.judged == 1


def test_a_disk_that_takes_nothing_does_not_keep_it_for_ever() -> None:
    site, fleet = working(1)
    site.commits = False
    fleet[0].send(fleet[0].find())
    let_go(site)
    site.pass_time(LINGER + 0.2)
    assert over(site)


def test_the_state_says_how_many_are_left() -> None:
    site, _ = working(5)
    assert snapshot(site.relay, site.now)["draining"] is None
    let_go(site)
    site.pass_time(0.1)
    assert snapshot(site.relay, site.now)["draining"] == 4
    site.pass_time(60.0)
    assert snapshot(site.relay, site.now)["draining"] == 0
