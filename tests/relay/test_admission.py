"""The door: a herd of honest miners is let in, half-open connections hold few places, floods are refused."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.events import AddressCrowded, SessionRefused
from proxy.relay.admission import address_of
from proxy.relay.engine import Relay
from proxy.relay.settings import AdmissionSettings, Limits, TenantSettings, Timers
from proxy.units import Seconds
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.ports import FakeWire
from tests.fakes.site import FIXED, Site, pool_settings

HOST = "10.0.0.1"
"""Where the fakes come from."""


def admits(site: Site, host: str = HOST) -> bool:
    return site.relay.outside.admission.admits(host, site.relay.limits.admission, site.now)


def open_from(site: Site, peer: str) -> FakeMiner:
    wire = FakeWire(peer)
    miner = FakeMiner(site, site.relay.opened("main", wire, site.now), wire)
    wire.deliver = miner.heard
    wire.hang_up = lambda: site.later(miner.leave)
    return miner


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("?", "?"),
        ("a:b", "a:b"),
    ],
)
def test_an_address_is_itself_or_the_half_that_a_site_does_not_choose(host: str, address: str) -> None:
    assert address_of(host) == address


def test_a_herd_behind_one_nat_is_let_in_whole() -> None:
    site = Site(FakePool("one")).start()
    for n in range(3000):
        assert admits(site)
        site.connect(worker=f"acme.rig{n}")
    for miner in site.miners:
        miner.log_in(rolls=False)
    site.pass_time(60, 0.5)
    assert not any(miner.wire.closed for miner in site.miners)
    assert admits(site)


def test_of_silent_connections_a_few_stay_until_their_deadline_and_the_rest_until_the_grace() -> None:
    site = Site(FakePool("one")).start()
    for _ in range(100):
        site.connect()
    site.pass_time(9.9)
    assert len(site.relay.sessions) == 100
    site.pass_time(0.4)
    assert len(site.relay.sessions) == 8
    site.pass_time(5.0)
    assert site.relay.sessions == {}
    assert {event.cause for event in site.seen(SessionRefused)} == {
        "too many connections of its address without a login",
        "not subscribed in time",
    }


def test_thousands_that_are_late_at_once_go_a_few_at_each_visit() -> None:
    site = Site(FakePool("one"), limits=Limits(admission=AdmissionSettings(unauthenticated=5000))).start()
    for _ in range(2000):
        site.connect()
    site.pass_time(14.9)
    left = [len(site.relay.sessions)]
    while left[-1]:
        site.pass_time(0.005, 0.005)
        left.append(len(site.relay.sessions))
    assert left[0] == 2000
    assert max(before - after for before, after in pairwise(left)) <= 8
    assert len(left) * 0.005 < 3.0


def test_half_open_connections_that_never_stop_coming_hold_a_bounded_number_of_places() -> None:
    site = Site(FakePool("one")).start()
    most = 0
    for _ in range(600):
        for _ in range(40):  # 400 a second for a minute
            if admits(site):
                site.connect()
        site.pass_time(0.1)
        if site.now > 1025:
            most = max(most, len(site.relay.sessions))
    # 20 a second for the grace, a burst's rest, and the few that may stay.
    assert most <= 20 * 10 + 20 + 8


def test_a_flood_of_short_connections_is_refused_and_let_in_again_later() -> None:
    site = Site(FakePool("one")).start()
    for _ in range(200):
        assert admits(site)
        site.connect().leave()
    assert not admits(site)
    assert admits(site, "10.0.0.2")
    site.pass_time(1.0)
    taken = 0
    while admits(site) and taken < 100:
        site.connect().leave()
        taken += 1
    assert 18 <= taken <= 22


def test_honest_neighbours_keep_a_nat_open() -> None:
    site = Site(FakePool("one")).start()
    for n in range(400):
        site.connect().leave()
        if admits(site) and n % 5 == 0:
            site.connect(worker=f"acme.rig{n}").log_in(rolls=False)
    assert admits(site)


def test_what_is_known_of_addresses_is_forgotten_with_them() -> None:
    site = Site(FakePool("one")).start()
    admission = site.relay.outside.admission
    for n in range(2000):
        open_from(site, f"10.{n // 250}.{n % 250}.9:1").leave()
    site.pass_time(12.0, 0.5)
    assert admission._addresses == {}
    assert not admission._left
    assert not admission._fresh


def test_too_many_of_one_address_are_warned_of_once_and_served() -> None:
    limits = Limits(admission=AdmissionSettings(crowd=3))
    site = Site(FakePool("one"), limits=limits).start()
    miners = site.fleet(6)
    assert [(event.peer, event.sessions) for event in site.seen(AddressCrowded)] == [(HOST, 4)]
    assert not any(miner.wire.closed for miner in miners)


def test_by_default_a_whole_site_behind_one_address_is_not_even_mentioned() -> None:
    site = Site(FakePool("one")).start()
    site.fleet(50)
    assert not site.seen(AddressCrowded)


def test_each_refused_login_doubles_the_pause_before_the_next_is_read() -> None:
    pool = FakePool("one")
    tenants = [TenantSettings("acme", (pool_settings(pool),), user_match="acme.*", vardiff=FIXED)]
    site = Site(pool, tenants=tenants).start()
    miner = site.connect(worker="wrong.rig")
    for _ in range(12):
        miner.authorize()
    assert miner.wire.pauses == [min(600.0, 2.0**n) for n in range(12)]
    assert miner.authorize("acme.rig")["result"] is True
    miner.authorize("wrong.rig")
    assert len(miner.wire.pauses) == 12, "who mines is not held up for a further name"


@settings(max_examples=30)
@given(
    acts=st.lists(
        st.tuples(
            st.sampled_from(["come", "log in", "leave", "wait"]), st.integers(0, 3), st.integers(0, 40)
        ),
        max_size=60,
    )
)
def test_the_books_of_the_door_are_those_of_the_sessions(acts: list[tuple[str, int, int]]) -> None:
    site = Site(FakePool("one")).start()
    miners: list[FakeMiner] = []
    for act, host, number in acts:
        if act == "come":
            miners.append(open_from(site, f"10.9.0.{host}:{number}"))
        elif act == "wait":
            site.pass_time(number / 10)
        elif miners and act == "log in" and miners[number % len(miners)].is_open:
            miners[number % len(miners)].log_in(rolls=False)
        elif miners and act == "leave":
            miners[number % len(miners)].leave()
        assert_books_agree(site.relay)


def assert_books_agree(relay: Relay) -> None:
    admission = relay.outside.admission
    counted: dict[str, list[int]] = {}
    for session in relay.sessions.values():
        counts = counted.setdefault(session.conduct.address, [0, 0])
        counts[bool(session.workers)] += 1
    known = {
        key: [address.unauthenticated, address.authorised]
        for key, address in admission._addresses.items()
        if address.unauthenticated or address.authorised
    }
    assert known == counted


def test_a_deadline_that_is_shorter_than_the_grace_is_kept() -> None:
    site = Site(FakePool("one"), timers=Timers(subscribe=Seconds(2))).start()
    for _ in range(3):
        site.connect()
    site.pass_time(2.2)
    assert site.relay.sessions == {}


def test_where_names_cannot_be_looked_for_in_time_none_is_refused() -> None:
    site = Site(FakePool("one")).start()
    miners = [open_from(site, f"10.0.0.1:{n}") for n in range(4)]
    alone = open_from(site, "10.0.0.2:1")
    for number, miner in enumerate([*miners, alone]):
        miner.worker = f"acme.rig{number}"
        miner.log_in()
    admission, limits = site.relay.outside.admission, site.relay.limits
    for miner in [*miners[:2], alone]:
        admission.condemned(site.session(miner), limits, site.now)
    banned = [admission.is_banned(site.session(miner), miner.worker, site.now) for miner in [*miners, alone]]
    assert banned == [True, False, False, False, True], "the second search would come too soon"
    site.pass_time(0.1)
    admission.condemned(site.session(miners[2]), limits, site.now)
    assert admission.is_banned(site.session(miners[2]), miners[2].worker, site.now)
