"""Pools are lost in every way and come back; no miner's connection closes, no extranonce changes."""

from collections.abc import Callable
from typing import Any

import pytest

from proxy.events import NoUpstream, PoolSaid, UpstreamDown, WorkMoved
from proxy.relay.settings import Limits, TenantSettings, Timers
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import FIXED, Site, pool_settings


def pair(**first: Any) -> tuple[FakePool, FakePool, Site]:
    one = FakePool("one", **first)
    two = FakePool("two", host="other", extranonce1_size=7)
    return one, two, Site(one, two).start()


def serving(site: Site) -> str:
    live = site.relay.routes["acme"].bundles[0].live
    return "" if live is None else live.pool.name


def assert_untouched(site: Site) -> None:
    assert site.resets() == []
    assert all(miner.is_open for miner in site.miners)


# --- ways of failing ----------------------------------------------------------------------------------------


def cut(pool: FakePool, miner: FakeMiner) -> None:
    pool.die()


def fall_silent(pool: FakePool, miner: FakeMiner) -> None:
    pool.talks = False


def answer_no_share(pool: FakePool, miner: FakeMiner) -> None:
    pool.answers_shares = False
    miner.mine()


def talk_nonsense(pool: FakePool, miner: FakeMiner) -> None:
    pool.side.say(b"nonsense\n", b'{"method":"mining.notify","params":[]}\n', b"[[[[\n")


def send_an_endless_line(pool: FakePool, miner: FakeMiner) -> None:
    pool.side.say(b"x" * (1 << 20), b"x")


def refuse_every_share(pool: FakePool, miner: FakeMiner) -> None:
    pool.refusal = lambda identity: {"id": identity, "result": False, "error": [23, "no", None]}
    for _ in range(30):
        miner.mine()
        pool.site.pass_time(0.5)


FAILURES = [
    (cut, 1.0, "reset"),
    (fall_silent, 91.0, "silent"),
    (answer_no_share, 31.0, "no answer to a share"),
    (talk_nonsense, 1.0, "nonsense"),
    (send_an_endless_line, 1.0, "nonsense"),
    (refuse_every_share, 1.0, "refuses every share"),
]


@pytest.mark.parametrize(("fail", "within", "cause"), FAILURES, ids=[f[0].__name__ for f in FAILURES])
def test_a_pool_that_fails_in_any_way_is_left_in_bounded_time(
    fail: Callable[[FakePool, FakeMiner], None], within: float, cause: str
) -> None:
    one, two, site = pair()
    miner = site.miner()
    assert miner.mine() == "accepted"
    fail(one, miner)
    site.pass_time(within + 3.5)
    assert serving(site) == "two"
    assert any(event.cause.startswith(cause) for event in site.seen(UpstreamDown)), site.seen(UpstreamDown)
    assert miner.job.clean
    assert miner.mine() == "accepted"
    assert two.received[-1].header == miner.submitted[-1][1].header
    assert two.faults == []
    assert_untouched(site)


def test_all_sessions_move_together_and_keep_their_extranonces() -> None:
    one, two, site = pair()
    fleet = site.fleet(50)
    before = [(miner.extranonce1, miner.extranonce2_size) for miner in fleet]
    one.die()
    site.pass_time(5)
    assert [(miner.extranonce1, miner.extranonce2_size) for miner in fleet] == before
    assert [miner.mine() for miner in fleet] == ["accepted"] * 50
    assert len(two.received) == 50
    assert two.faults == []
    assert [event.sessions for event in site.seen(WorkMoved)][-1] == 50
    assert_untouched(site)


@pytest.mark.parametrize(
    "wrong",
    [
        {"authorizes": lambda name: False},
        {"serves_work": False},
        {"blackhole": True},
        {"up": False},
    ],
    ids=["authorisation refused", "no work", "connect timeout", "connection refused"],
)
def test_a_first_pool_that_never_worked_costs_little(wrong: dict[str, Any]) -> None:
    _one, two, site = pair(**wrong)
    miner = site.connect()
    miner.log_in()
    site.pass_time(4)
    assert serving(site) == "two"
    assert miner.mine() == "accepted"
    assert two.faults == []
    site.pass_time(40)
    assert site.seen(UpstreamDown)[0].pool == "one"
    assert serving(site) == "two"
    assert_untouched(site)


def test_a_refused_authorisation_names_the_user_and_the_words() -> None:
    one = FakePool("one", authorizes=lambda name: False)
    site = Site(one).start()
    cause = site.seen(UpstreamDown)[0].cause
    assert "'acme'" in cause
    assert "Unauthorized" in cause


def test_a_dial_that_is_not_answered_is_given_up_and_abandoned() -> None:
    one = FakePool("one", blackhole=True)
    site = Site(one).start()
    site.pass_time(16)
    assert site.dialler.abandoned == [site.dialler.dials[0].key]
    assert site.seen(UpstreamDown)[0].cause == "connecting timed out"
    assert len(site.dialler.dials) >= 1


def test_a_few_refusals_do_not_make_a_bad_pool() -> None:
    one, _, site = pair()
    miner = site.miner()
    one.refusal = lambda identity: {"id": identity, "result": None, "error": "Stale"}
    for _ in range(30):
        miner.mine()
    site.pass_time(5)
    assert serving(site) == "one", "a burst, such as after a block"
    one.refusal = None
    assert miner.mine() == "accepted"
    one.refusal = lambda identity: {"id": identity, "result": None, "error": "Stale"}
    site.pass_time(20)
    for _ in range(19):
        miner.mine()
    assert serving(site) == "one", "one good share ended the streak"


def test_two_senseless_lines_are_forgiven_and_told() -> None:
    one, _, site = pair()
    miner = site.miner()
    one.side.say(b"nonsense\n", b"more\n")
    site.pass_time(1)
    one.new_job()
    site.pump()
    one.side.say(b"nonsense\n", b"more\n")
    site.pass_time(1)
    assert serving(site) == "one"
    assert len(site.seen(PoolSaid)) == 4
    assert miner.mine() == "accepted"


# --- coming back --------------------------------------------------------------------------------------------


def test_a_blip_of_a_pool_that_was_well_costs_nothing() -> None:
    one, _two, site = pair()
    miner = site.miner()
    site.pass_time(130, 0.5)
    one.side.cut()
    site.pass_time(1)
    assert serving(site) == "one"
    assert miner.mine() == "accepted"
    assert one.faults == []
    assert_untouched(site)


def test_failback_waits_for_the_hold() -> None:
    one, two, site = pair()
    miner = site.miner()
    one.die()
    site.pass_time(5)
    one.up = True
    site.pass_time(60, 0.5)
    assert one.live, "a standby proves itself"
    assert serving(site) == "two"
    site.pass_time(200, 0.5)
    assert serving(site) == "two"
    site.pass_time(120, 0.5)
    assert serving(site) == "one"
    assert miner.mine() == "accepted"
    assert one.received[-1].fault == ""
    assert [event.cause for event in site.seen(WorkMoved)] == ["first work", "failover", "failback"]
    assert two.faults == []
    assert_untouched(site)


def test_a_pool_that_flaps_does_not_take_the_miners_with_it() -> None:
    one, _, site = pair()
    site.miner()
    one.die()
    site.pass_time(5)
    for _ in range(5):
        one.up = True
        site.pass_time(200, 0.5)
        one.die()
        site.pass_time(2)
        assert serving(site) == "two"
    assert len([event for event in site.seen(WorkMoved) if event.pool == "one"]) == 1


def test_shares_in_flight_at_a_failback_reach_the_pool_that_issued_their_job() -> None:
    one, two, site = pair()
    miner = site.miner()
    one.die()
    site.pass_time(5)
    flying = miner.find()
    one.up = True
    for _ in range(800):
        if serving(site) == "one":
            break
        site.pass_time(0.5, 0.5)
    assert serving(site) == "one"
    assert miner.submit(flying) == "accepted"
    assert two.received[-1].header == flying.header
    assert two.faults == []
    site.pass_time(125, 0.5)
    assert two.live == [], "it was kept for the grace"


def test_backoff_grows_with_jitter_and_stays_below_its_cap() -> None:
    one = FakePool("one", up=False)
    site = Site(one, randomness=(0.1, 0.9, 0.5))
    site.pass_time(1800, 0.5)
    pauses = [event.retry_in for event in site.seen(UpstreamDown)]
    assert len(pauses) > 20, "it never gives up"
    assert max(pauses) <= 60
    assert max(pauses) > 40
    assert pauses[0] <= 1
    gaps = [
        later.at - earlier.at
        for earlier, later in zip(site.dialler.dials, site.dialler.dials[1:], strict=False)
    ]
    assert max(gaps) < 62
    assert len({round(pause, 3) for pause in pauses[-6:]}) > 1, "jitter: pools see no herd"


def test_a_pool_that_answers_badly_is_held_off_if_there_is_another() -> None:
    one, _, site = pair()
    miner = site.miner()
    talk_nonsense(one, miner)
    site.pass_time(290, 0.5)
    assert len(one.sides) == 1
    site.pass_time(30, 0.5)
    assert len(one.sides) == 2


def test_a_bad_pool_that_is_the_only_one_is_tried_again_soon() -> None:
    one = FakePool("one")
    site = Site(one).start()
    miner = site.miner()
    talk_nonsense(one, miner)
    site.pass_time(3)
    assert miner.mine() == "accepted"


# --- no upstream ------------------------------------------------------------------------------------------


def test_shares_for_a_lost_job_earn_credit_for_the_grace_and_then_are_stale() -> None:
    one = FakePool("one")
    site = Site(one).start()
    miner = site.miner()
    one.die()
    site.pass_time(119)
    assert miner.mine() == "accepted"
    site.pass_time(2)
    assert miner.mine() == "21"
    assert len(site.seen(NoUpstream)) == 1
    assert len(miner.jobs) == 1, "no work is invented"
    assert_untouched(site)


def test_work_comes_back_with_the_pool() -> None:
    one = FakePool("one")
    site = Site(one).start()
    miner = site.miner()
    one.die()
    site.pass_time(400, 0.5)
    one.up = True
    site.pass_time(61, 0.5)
    assert miner.job.clean
    assert miner.mine() == "accepted"
    assert one.received[-1].fault == ""
    assert_untouched(site)


@pytest.mark.parametrize("work", ["pool serves", "pool lost", "never any pool", "waiting for room"])
def test_every_authorised_session_hears_a_line_at_least_every_25_seconds(work: str) -> None:
    one = FakePool("one", up=work != "never any pool", extranonce2_size=3)
    site = Site(one, limits=Limits(connections_per_pool=1)).start()
    if work == "waiting for room":
        site.fleet(256)
    miner = site.miner()
    if work == "pool lost":
        one.die()
    heard, silent = len(miner.wire.writes), 0.0
    for _ in range(3000):
        site.pass_time(0.1)
        silent = 0.0 if len(miner.wire.writes) > heard else silent + 0.1
        heard = len(miner.wire.writes)
        assert silent <= 25
    assert bool(miner.jobs) == (work in ("pool serves", "pool lost"))


def test_keep_alive_lines_change_nothing() -> None:
    one = FakePool("one")
    site = Site(one).start()
    miner = site.miner()
    difficulty = miner.difficulty
    site.pass_time(100)
    assert set(miner.methods()[2:]) == {"mining.set_difficulty"}
    assert miner.difficulty == difficulty
    assert miner.mine() == "accepted"


def test_a_miner_that_comes_while_no_pool_works_waits_and_is_served_later() -> None:
    one = FakePool("one", up=False)
    site = Site(one).start()
    miner = site.miner()
    assert miner.extranonce1
    assert miner.jobs == []
    site.pass_time(100)
    one.up = True
    site.pass_time(62)
    assert miner.mine() == "accepted"
    assert one.faults == []
    assert_untouched(site)


def test_a_miner_that_comes_when_the_last_job_is_stale_gets_none() -> None:
    one = FakePool("one")
    site = Site(one).start()
    site.miner()
    one.die()
    site.pass_time(130)
    late = site.miner("acme.late")
    assert late.jobs == []
    one.up = True
    site.pass_time(62)
    assert late.mine() == "accepted"


# --- reconnect and messages -------------------------------------------------------------------------------


def named(one: FakePool, *others: FakePool, hosts: frozenset[str]) -> Site:
    tenant = TenantSettings("acme", (pool_settings(one, reconnect_hosts=hosts),), vardiff=FIXED)
    return Site(one, *others, tenants=[tenant]).start()


@pytest.mark.parametrize(
    ("params", "host", "port"),
    [
        ([], "pool", 3333),
        (["", "", ""], "pool", 3333),
        ([None, 4444, 1], "pool", 4444),
        (["pool", 4444], "pool", 4444),
        (["named", 3333, 0], "named", 3333),
    ],
)
def test_reconnect_is_followed_to_hosts_that_the_configuration_names(
    params: list[Any], host: str, port: int
) -> None:
    one = FakePool("one")
    site = named(one, FakePool("b", host="named"), hosts=frozenset({"named"}))
    miner = site.miner()
    one.side.say({"id": None, "method": "client.reconnect", "params": params})
    site.pass_time(2)
    assert (site.dialler.dials[1].host, site.dialler.dials[1].port) == (host, port)
    assert "client.reconnect" not in miner.methods()
    assert_untouched(site)


@pytest.mark.parametrize("host", ["evil", "pool.evil", "evil.pool", "POOL", "named2", "127.0.0.1"])
def test_reconnect_to_any_other_host_is_told_and_not_done(host: str) -> None:
    one = FakePool("one")
    site = named(one, hosts=frozenset({"named"}))
    miner = site.miner()
    one.side.say({"id": None, "method": "client.reconnect", "params": [host, 3333, 0]})
    site.pass_time(2)
    assert len(site.dialler.dials) == 1
    assert len(one.live) == 1
    assert host in site.seen(PoolSaid)[0].text
    assert miner.mine() == "accepted"


def test_a_redirection_holds_for_one_try() -> None:
    one = FakePool("one")
    gone = FakePool("b", host="named", up=False)
    site = named(one, gone, hosts=frozenset({"named"}))
    one.side.say({"id": None, "method": "client.reconnect", "params": ["named"]})
    site.pass_time(5)
    assert [dial.host for dial in site.dialler.dials[:3]] == ["pool", "named", "pool"]


def test_messages_of_a_pool_reach_the_operator_only() -> None:
    one = FakePool("one")
    site = Site(one).start()
    miner = site.miner()
    one.side.say({"id": None, "method": "client.show_message", "params": ["maintenance"]})
    site.pump()
    assert [event.text for event in site.seen(PoolSaid)] == ["maintenance"]
    assert "client.show_message" not in miner.methods()


@pytest.mark.parametrize(
    ("method", "result"), [("client.get_version", "pumpjack"), ("mining.ping", "pong"), ("what.ever", None)]
)
def test_calls_of_a_pool_are_answered_under_their_id(method: str, result: Any) -> None:
    one = FakePool("one")
    site = Site(one).start()
    one.side.say({"id": "q7", "method": method, "params": []})
    site.pump()
    reply = one.side.calls[-1]
    assert reply["id"] == "q7"
    assert reply["result"] == result
    assert (reply["error"] is None) == (result is not None)


# --- configure ----------------------------------------------------------------------------------------------


def test_a_pool_that_hangs_up_on_configure_is_served_without() -> None:
    one = FakePool("one", configure="hang up")
    site = Site(one).start()
    site.pass_time(10)
    assert "mining.configure" in one.sides[0].methods()
    assert "mining.configure" not in one.side.methods()
    miner = site.miner()
    miner.mask = 0
    assert miner.submit(miner.find(bits=0)) == "accepted"
    assert one.faults == []


def test_a_pool_that_hung_up_once_by_accident_keeps_its_version_rolling() -> None:
    one = FakePool("one", configure="hang up")
    site = Site(one)
    site.pass_time(0.15)
    assert len(one.sides) == 1
    one.configure = "answer"
    site.pass_time(10)
    assert site.miner().mask == 0x1FFFE000


def test_several_timers_are_settings() -> None:
    timers = Timers(upstream_reply=Timers().subscribe, upstream_idle=Timers().subscribe)
    one, two = FakePool("one", talks=False), FakePool("two", host="other")
    site = Site(one, two, timers=timers).start()
    site.miner()
    site.pass_time(16)
    assert serving(site) == "two"


def test_a_standbys_job_is_judged_by_the_difficulty_in_force_when_it_was_sent() -> None:
    one, two, site = pair()
    miner = site.miner()
    one.die()
    site.pass_time(5)
    one.up = True
    site.pass_time(60, 0.5)
    one.side.say(one.side.set_difficulty(2.0**-20))
    site.pump()
    two.die()
    site.pass_time(2)
    assert serving(site) == "one"
    found = miner.find(above=2.0**-20)
    assert miner.submit(found) == "accepted"
    assert one.received[-1].header == found.header
    assert one.faults == []
