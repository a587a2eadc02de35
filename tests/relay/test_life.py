"""The relay as a whole: readiness, new settings without touching a session, the end, and its snapshot."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from proxy.events import SessionClosed
from proxy.mining.vardiff import VardiffSettings
from proxy.relay import handshake
from proxy.relay.settings import Limits, PoolSettings, RelaySettings
from proxy.relay.snapshot import snapshot, snapshot_in_parts
from proxy.stratum.downstream import Ping
from proxy.units import Difficulty, Seconds
from tests.fakes.pool import FakePool
from tests.fakes.site import Site, pool_settings


def with_pools(
    settings: RelaySettings, *pools: PoolSettings, vardiff: VardiffSettings | None = None
) -> RelaySettings:
    tenant = replace(settings.tenants[0], pools=pools)
    if vardiff is not None:
        tenant = replace(tenant, vardiff=vardiff)
    return replace(settings, tenants=(tenant,))


# --- readiness ----------------------------------------------------------------------------------------------


def test_miners_are_let_in_once_the_pools_offers_are_known() -> None:
    site = Site(FakePool("one"), FakePool("two", host="other"))
    assert not site.relay.is_ready(site.now)
    site.pass_time(1)
    assert site.relay.is_ready(site.now)


@pytest.mark.parametrize("wrong", ["up", "blackhole"])
def test_miners_are_let_in_after_five_seconds_at_the_latest(wrong: str) -> None:
    pool = FakePool("one", blackhole=wrong == "blackhole", up=wrong != "up")
    site = Site(pool)
    site.pass_time(5.1)
    assert site.relay.is_ready(site.now)


def test_every_pool_is_tried_at_the_start_and_only_the_first_is_kept() -> None:
    one, two = FakePool("one"), FakePool("two", host="other", extranonce2_size=3)
    site = Site(one, two).start()
    assert len(two.sides) == 1, "known before the night in which it is needed"
    site.pass_time(5)
    assert (len(one.live), len(two.live)) == (1, 0)
    miner = site.miner()
    assert miner.extranonce2_size == 2, "the narrowest decides"


# --- a mistake of ours --------------------------------------------------------------------------------------


def test_what_a_session_said_before_a_mistake_of_ours_is_answered_to_it_and_to_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    one, two = site.miner("acme.rig1"), site.miner("acme.rig2")
    answer = handshake.answer

    def mistaken(directory: Any, session: Any, request: Any, now: Seconds) -> None:
        if isinstance(request, Ping) and request.id == b'"wrong"':
            raise ArithmeticError
        answer(directory, session, request, now)

    monkeypatch.setattr(handshake, "answer", mistaken)
    share, _ = one.line("mining.submit", one.find().params("acme.rig1"), "share")
    ping, _ = one.line("mining.ping", [], "private")
    wrong, _ = one.line("mining.ping", [], "wrong")
    with pytest.raises(ArithmeticError):
        one.raw(ping + share + wrong)
    heard = len(two.lines)
    assert two.call("mining.ping", [], "two")["result"] == "pong"
    assert len(two.lines) == heard + 1
    site.pump()
    assert one.replies["private"]["result"] == "pong"
    assert one.replies["share"]["result"] is True
    assert len(pool.received) == 1, "and it went up on its own connection"
    jobs = len(one.jobs)
    pool.new_job()
    site.pump()
    assert len(one.jobs) == jobs + 1, "as long as it lives"


# --- new settings -------------------------------------------------------------------------------------------


def test_another_order_of_pools_moves_the_miners_without_touching_them() -> None:
    one, two = FakePool("one"), FakePool("two", host="other")
    site = Site(one, two).start()
    miner = site.miner()
    pools = site.settings.tenants[0].pools
    site.relay.reconfigure(with_pools(site.settings, pools[1], pools[0]), site.now)
    site.pass_time(320, 0.5)
    assert miner.mine() == "accepted"
    assert len(two.received) == 1
    assert site.resets() == []


def test_new_credentials_reconnect_upstream_only() -> None:
    one = FakePool("one")
    site = Site(one).start()
    miner = site.miner()
    flying = miner.find()
    site.relay.reconfigure(with_pools(site.settings, pool_settings(one, user="other")), site.now)
    site.pass_time(5)
    assert len(one.live) == 1
    assert miner.submit(flying) == "accepted"
    assert miner.mine() == "accepted"
    assert one.received[-1].params[0] == "other"
    assert one.faults == []
    assert site.resets() == []


def test_a_pool_that_is_taken_away_is_left_at_once() -> None:
    one, two = FakePool("one"), FakePool("two", host="other")
    site = Site(one, two).start()
    miner = site.miner()
    site.relay.reconfigure(with_pools(site.settings, site.settings.tenants[0].pools[1]), site.now)
    site.pass_time(5)
    assert one.live == []
    assert miner.mine() == "accepted"
    assert len(two.received) == 1
    assert site.resets() == []


def test_the_same_settings_again_change_nothing() -> None:
    one = FakePool("one")
    site = Site(one).start()
    miner = site.miner()
    before = len(miner.wire.writes)
    site.relay.reconfigure(with_pools(site.settings, *site.settings.tenants[0].pools), site.now)
    site.pass_time(2)
    assert len(one.sides) == 1
    assert len(miner.wire.writes) == before
    assert miner.mine() == "accepted"


def test_new_limits_and_vardiff_hold_for_who_comes_next() -> None:
    one = FakePool("one", difficulty=2.0**-20)
    site = Site(one).start()
    old = site.miner()
    vardiff = VardiffSettings(start=Difficulty(2.0**-24), minimum=Difficulty(2.0**-24))
    changed = replace(
        with_pools(site.settings, *site.settings.tenants[0].pools, vardiff=vardiff),
        limits=Limits(workers_per_session=1),
    )
    site.relay.reconfigure(changed, site.now)
    new = site.miner("acme.rig2")
    assert new.difficulty == 2.0**-24
    assert old.difficulty == 2.0**-28
    assert old.authorize("acme.more")["error"][0] == 24


# --- the end ------------------------------------------------------------------------------------------------


def test_stopping_closes_every_connection_and_dials_none_again() -> None:
    one, two = FakePool("one"), FakePool("two", host="other")
    site = Site(one, two).start()
    fleet = site.fleet(5)
    site.relay.stop(site.now)
    site.pump()
    assert all(miner.wire.closed for miner in fleet)
    assert one.live == two.live == []
    dials = len(site.dialler.dials)
    site.pass_time(200, 0.5)
    assert len(site.dialler.dials) == dials


def test_a_dial_that_succeeds_after_the_end_is_closed() -> None:
    one = FakePool("one", blackhole=True)
    site = Site(one)
    site.pass_time(0.5)
    site.relay.stop(site.now)
    one.blackhole = False
    one.dialled(site.dialler.dials[0].key)
    site.pump()
    assert one.live == []


def test_what_is_reported_of_a_connection_that_is_gone_is_ignored() -> None:
    site = Site(FakePool("one")).start()
    miner = site.miner()
    miner.leave()
    site.relay.feed(miner.key, b"x\n", site.now)
    site.relay.closed(miner.key, "again", site.now)
    site.relay.upstream_received(9999, b"x\n", site.now)
    site.relay.upstream_closed(9999, "again", site.now)
    site.relay.committed(9999, site.now)
    assert [event.cause for event in site.seen(SessionClosed)] == ["closed"]


# --- ids ----------------------------------------------------------------------------------------------------


def test_job_ids_never_repeat_and_are_common_to_all_sessions() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    fleet = site.fleet(3)
    for _ in range(20):
        pool.new_job(clean=True)
        site.pump()
        assert len({miner.job.id for miner in fleet}) == 1
    ids = [line["params"][0] for line in fleet[0].lines if line.get("method") == "mining.notify"]
    assert len(set(ids)) == len(ids)
    assert max(map(len, ids)) <= 12


def test_another_boot_has_other_ids() -> None:
    seen: set[str] = set()
    for chance in (0.1, 0.5, 0.7):
        miner = Site(FakePool("one"), randomness=(chance,)).start().miner()
        seen |= {miner.job.id, miner.session_id}
    assert len(seen) == 6


def test_one_encode_serves_every_session() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    fleet = site.fleet(3)
    before = [len(miner.wire.writes) for miner in fleet]
    pool.new_job()
    site.pump()
    lines = {id(miner.wire.writes[-1]) for miner in fleet}
    assert len(lines) == 1
    assert [len(miner.wire.writes) for miner in fleet] == [count + 1 for count in before]


# --- snapshot -----------------------------------------------------------------------------------------------


def test_the_snapshot_is_json_and_its_sums_agree() -> None:
    pool = FakePool("one")
    site = Site(pool, FakePool("two", host="other", up=False)).start()
    fleet = site.fleet(3)
    for miner in fleet:
        miner.mine()
        miner.submit(miner.find(misses=True))
    state = json.loads(json.dumps(snapshot(site.relay, site.now, sessions=True)))
    assert (state["connections"], state["sessions"], state["working"], state["waiting"]) == (3, 3, 3, 0)
    shares = state["shares"]
    assert (shares["judged"], shares["accepted"], shares["rejected"]) == (6, 3, 3)
    assert shares["rejected_by_us"] == {"low_difficulty": 3}
    assert (shares["forwarded"], shares["settled"], shares["pool_accepted"]) == (3, 3, 3)
    assert state["tenants"][0]["upstreams"][0]["state"] == "live"
    assert len(state["session_list"]) == 3
    assert state["hashrate"]["1m"] > 0


def test_a_snapshot_in_parts_bears_it_that_miners_come_and_go_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.relay.snapshot.PART", 2)
    site = Site(FakePool("one")).start()
    gone, *_ = site.fleet(5)
    parts = snapshot_in_parts(site.relay, site.now, sessions=True)
    for _ in range(3):
        next(parts)
    gone.leave()
    site.miner()
    steps = 3
    with pytest.raises(StopIteration) as done:  # noqa: PT012 - a generator's value comes with its end
        while True:
            next(parts)
            steps += 1
    state: dict[str, Any] = done.value.value
    assert steps == 6
    assert (state["sessions"], state["working"]) == (5, 5)
    assert [row["working"] for row in state["session_list"]] == [True] * 5


@pytest.mark.parametrize("moment", [0.0, 0.1, 1.0])
def test_a_snapshot_can_be_taken_at_any_moment(moment: float) -> None:
    pool = FakePool("one", up=False)
    site = Site(pool)
    site.connect()
    if moment:
        site.pass_time(moment)
    json.dumps(snapshot(site.relay, site.now, sessions=True))
    pool.up = True
    site.pass_time(5)
    miner = site.miner()
    pool.die()
    miner.mine()
    json.dumps(snapshot(site.relay, Seconds(site.now + 1), sessions=True))


def test_a_year_of_clean_jobs_leaves_the_book_small() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.miner()
    sizes = []
    for _ in range(200):
        pool.new_job(clean=True)
        site.pump()
        sizes.append(len(site.relay.outside.jobs))
    assert all(later <= max(4, earlier) for earlier, later in pairwise(sizes))
    assert len(site.session(miner).assignments) <= 4
