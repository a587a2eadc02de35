"""The work gate: withheld miners get no notify by any path, stay connected, and are held for nothing."""

from itertools import pairwise, product

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from typing_extensions import override

from proxy.events import GovernorHeard, GovernorSilent, SessionClosed, SessionRefused
from proxy.ledger.records import SessionBegan, WorkGated
from proxy.mining.vardiff import VardiffSettings
from proxy.relay.leaving import FAREWELL
from proxy.relay.settings import Limits, Timers
from proxy.relay.snapshot import snapshot
from proxy.relay.work_gate import CURTAILED, SILENCE
from proxy.units import Difficulty, Seconds
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import Site
from tests.relay.test_machine import Relaying, which

WHY = "generators: 40.0 of 80.0 kW left"


def notifies(miner: FakeMiner) -> int:
    """Return how many jobs a miner has been sent: a clean one takes the earlier from its list."""
    return miner.methods().count("mining.notify")


def withhold(site: Site, *miners: FakeMiner) -> int:
    told = site.relay.gate.withhold([miner.key for miner in miners], WHY, site.now)
    site.pump()
    return told


def release(site: Site, *miners: FakeMiner) -> int:
    told = site.relay.gate.release([miner.key for miner in miners], "power is back", site.now)
    site.pump()
    return told


def disconnect(site: Site, *miners: FakeMiner) -> int:
    told = site.relay.gate.disconnect([miner.key for miner in miners], WHY, site.now)
    site.pump()
    return told


def working(*pools: FakePool, **how: object) -> tuple[Site, FakeMiner]:
    """Return a gated site and a miner that was released and has work."""
    site = Site(*(pools or (FakePool("one"),)), gated=True, **how).start()  # type: ignore[arg-type]
    miner = site.miner()
    assert release(site, miner) == 1
    site.pass_time(0.5)
    assert notifies(miner) == 1
    return site, miner


# --- withheld -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clean", [False, True])
def test_a_withheld_miner_gets_no_job_when_its_pool_has_one(clean: bool) -> None:
    pool = FakePool("one")
    site, miner = working(pool)
    other = site.miner("acme.rig2")
    release(site, other)
    site.pass_time(0.5)
    withhold(site, miner)
    jobs = notifies(other)
    pool.new_job(clean=clean, difficulty=pool.difficulty / 2)
    site.pump()
    site.pass_time(1.0)
    assert (notifies(miner), notifies(other)) == (1, jobs + 1)


def test_a_withheld_miner_gets_no_job_by_failover_nor_by_failback() -> None:
    one, two = FakePool("one"), FakePool("two", host="other", mask=0x00FFE000)
    site, miner = working(one, two)
    withhold(site, miner)
    one.die()
    site.pass_time(20.0)
    assert two.live
    one.up = True
    site.pass_time(600.0, 0.5)
    assert one.live
    assert not two.live
    assert notifies(miner) == 1
    assert site.resets() == []


def test_nothing_that_a_withheld_miner_says_brings_it_a_job() -> None:
    site, miner = working()
    withhold(site, miner)
    miner.call("mining.suggest_difficulty", [2.0**-27])
    miner.configure(0x00FFE000)
    miner.subscribe()
    miner.call("mining.extranonce.subscribe")
    miner.authorize("acme.more")
    site.pass_time(5.0)
    assert notifies(miner) == 1


def test_the_shares_of_a_withheld_miner_are_credited_until_its_job_ends_and_then_stale() -> None:
    pool = FakePool("one")
    site, miner = working(pool)
    late = [miner.find() for _ in range(3)]
    withhold(site, miner)
    assert miner.submit(late[0]) == "accepted"
    pool.new_job(clean=False)
    site.pump()
    assert miner.submit(late[1]) == "accepted"
    pool.new_job(clean=True)
    site.pump()
    assert miner.submit(late[2]) == "21"
    assert site.relay.routes["acme"].tally.accepted == 2


def test_a_withheld_miner_hears_a_line_before_any_firmware_gives_its_pool_up() -> None:
    site, miner = working()
    withhold(site, miner)
    pool = site.pools[0]
    for _ in range(40):
        site.pass_time(15.0, 0.5)
        pool.new_job(clean=True)
        site.pump()
    begun = len(miner.lines)
    heard = [site.session(miner).last_write_at]
    while site.now < heard[0] + 120:
        site.pass_time(0.5, 0.5)
        if site.session(miner).last_write_at != heard[-1]:
            heard.append(site.session(miner).last_write_at)
    gaps = [after - before for before, after in pairwise(heard)]
    assert max(gaps) <= site.settings.timers.keepalive
    lines = miner.lines[begun:]
    assert {line["method"] for line in lines} == {"mining.set_difficulty"}
    assert {line["params"][0] for line in lines} == {miner.jobs[-1].difficulty}, "the one in force"


def test_a_newcomer_that_waits_hears_lines_too() -> None:
    site = Site(FakePool("one"), gated=True).start()
    miner = site.miner()
    site.pass_time(120.0, 0.5)
    assert [line.get("method") for line in miner.lines[3:]] == ["mining.set_difficulty"] * 5
    assert not miner.wire.closed


def test_a_withheld_miner_is_neither_slow_nor_dead() -> None:
    vardiff = VardiffSettings(start=Difficulty(2.0**-24), minimum=Difficulty(2.0**-31))
    timers = Timers(read_idle=Seconds(60), no_share=Seconds(120))
    site, miner = working(vardiff=vardiff, timers=timers)
    for _ in range(8):
        miner.mine()
        site.pass_time(1.0)
    before = notifies(miner), site.session(miner).difficulty
    session = site.session(miner)
    assert session.vardiff is not None
    wanted = session.vardiff.wanted
    withhold(site, miner)
    for _ in range(8):
        site.pass_time(60.0, 0.5)
        site.pools[0].new_job(clean=True)
        site.pump()
    assert (notifies(miner), session.difficulty, session.vardiff.wanted) == (*before, wanted)
    assert not miner.wire.closed
    assert "client.get_version" not in miner.methods(), "nobody asks for a sign of life"
    assert site.seen(SessionRefused) == []
    assert session.conduct.cost.amount(site.settings.limits.prices, site.now) == 0.0


def test_stale_shares_of_a_withheld_miner_do_not_get_it_dropped() -> None:
    """A firmware that burns on for an hour at 20 shares a minute."""
    site, miner = working()
    found = [miner.find() for _ in range(1200)]
    withhold(site, miner)
    site.pools[0].new_job(clean=True)
    site.pump()
    for share in found:
        assert miner.submit(share) == "21"
        site.pass_time(3.0, 3.0)
    assert not miner.wire.closed
    assert site.session(miner).conduct.refreshed is False
    release(site, miner)
    assert miner.mine() == "accepted"


def test_withheld_miners_are_not_among_those_who_wait() -> None:
    site, miner = working()
    newcomer = site.miner("acme.rig2")
    withhold(site, miner)
    state = snapshot(site.relay, site.now, sessions=True)
    assert (state["sessions"], state["working"], state["waiting"], state["withheld"]) == (2, 0, 0, 2)
    assert [each["withheld_s"] is None for each in state["session_list"]] == [False, False]
    release(site, miner, newcomer)
    site.pass_time(0.5)
    state = snapshot(site.relay, site.now)
    assert (state["working"], state["waiting"], state["withheld"]) == (2, 0, 0)


# --- release ------------------------------------------------------------------------------------------------


def test_a_released_miner_has_other_work_before_the_call_returns() -> None:
    site, miner = working()
    first = miner.job
    withhold(site, miner)
    site.relay.gate.release([miner.key], "back", site.now)
    assert notifies(miner) == 2
    assert miner.job.clean
    assert miner.job.ntime > first.ntime, "it begins at its first extranonce2 again"
    assert miner.mine() == "accepted"


def test_a_miner_released_in_the_dark_gets_work_as_soon_as_there_is_any() -> None:
    pool = FakePool("one")
    site, miner = working(pool)
    pool.die()
    site.pass_time(150.0, 0.5)
    withhold(site, miner)
    assert release(site, miner) == 1
    assert notifies(miner) == 1
    pool.up = True
    site.pass_time(20.0)
    assert miner.mine() == "accepted"


def test_who_is_withheld_while_it_waits_for_work_does_not_get_any_later() -> None:
    pool = FakePool("one")
    site, miner = working(pool)
    pool.die()
    site.pass_time(150.0, 0.5)
    for _ in range(100):
        withhold(site, miner)
        release(site, miner)
    assert len(site.relay.routes["acme"].waiting) <= 1
    withhold(site, miner)
    pool.up = True
    site.pass_time(20.0)
    assert notifies(miner) == 1


def test_a_fleet_is_released_without_the_pace_of_a_start() -> None:
    """Whoever governs has its own pace, in kW."""
    site = Site(FakePool("one"), gated=True, limits=Limits(uplink_shares_per_second=0.001)).start()
    fleet = site.fleet(100)
    release(site, *fleet)
    site.pass_time(130.0, 0.5)
    assert all(notifies(miner) == 1 for miner in fleet)
    withhold(site, *fleet)
    site.relay.gate.release([miner.key for miner in fleet], "back", site.now)
    assert all(notifies(miner) == 2 for miner in fleet)


# --- admission ----------------------------------------------------------------------------------------------


def test_a_newcomer_is_answered_and_waits_for_its_release() -> None:
    site = Site(FakePool("one"), gated=True).start()
    miner = site.connect()
    assert "mining.notify" in str(miner.subscribe()["result"])
    assert miner.authorize()["result"] is True
    site.pass_time(60.0, 0.5)
    assert notifies(miner) == 0
    release(site, miner)
    site.pass_time(0.5)
    assert miner.mine() == "accepted"


def test_a_miner_that_comes_back_is_a_newcomer() -> None:
    site, miner = working()
    miner.leave()
    again = site.miner(session=miner.session_id)
    site.pass_time(5.0)
    assert notifies(again) == 0
    release(site, again)
    assert again.mine() == "accepted"


def test_advice_gates_nothing() -> None:
    site = Site(FakePool("one")).start()
    miner = site.miner()
    assert notifies(miner) == 1
    assert (withhold(site, miner), disconnect(site, miner), release(site, miner)) == (0, 0, 0)
    assert site.relay.gate.hasten([miner.key], 60.0, site.now) == 0
    site.pools[0].new_job()
    site.pass_time(1.0 + SILENCE)
    assert notifies(miner) == 2
    assert site.seen(GovernorSilent) == []
    assert not [note for note in site.journal.notes if isinstance(note, WorkGated)]


def test_a_dead_governor_admits_nobody_new_and_keeps_those_it_has() -> None:
    site, miner = working()
    site.relay.gate.beat(site.now)
    site.pass_time(SILENCE - 1)
    assert site.seen(GovernorSilent) == []
    site.pass_time(3600.0, 0.5)
    assert len(site.seen(GovernorSilent)) == 1
    newcomer = site.miner("acme.rig2")
    site.pools[0].new_job()
    site.pass_time(60.0, 0.5)
    assert notifies(newcomer) == 0
    assert notifies(miner) == 2
    assert miner.mine() == "accepted"
    site.relay.gate.beat(site.now)
    (heard,) = site.seen(GovernorHeard)
    assert heard.seconds == pytest.approx(3600 + SILENCE + 60, abs=3)


# --- disconnect ---------------------------------------------------------------------------------------------


def test_a_disconnected_miner_is_told_what_it_earned_and_why_is_on_record() -> None:
    site, miner = working()
    site.commits = False
    share = miner.find()
    identity = miner.send(share)
    site.relay.gate.disconnect([miner.key], WHY, site.now)
    assert not miner.wire.closed
    assert release(site, miner) == 0, "it is on its way out"
    site.commits = True
    site.pump()
    assert miner.outcome(identity) == "accepted"
    site.pass_time(FAREWELL + 0.1)
    assert miner.wire.closed
    (closed,) = site.seen(SessionClosed)
    assert closed.cause == CURTAILED
    assert site.seen(SessionRefused) == [], "it did nothing wrong"
    assert site.relay.outside.admission.admits("10.0.0.1", site.settings.limits.admission, site.now)


def test_a_disconnect_does_not_wait_for_a_disk_that_hangs() -> None:
    site, miner = working()
    site.commits = False
    miner.send(miner.find())
    site.relay.gate.disconnect([miner.key], WHY, site.now)
    site.pass_time(2.5)
    assert miner.wire.closed


# --- proof --------------------------------------------------------------------------------------------------


def test_a_commanded_miner_gets_a_lower_difficulty_with_fresh_work_at_once() -> None:
    vardiff = VardiffSettings(start=Difficulty(2.0**-25), minimum=Difficulty(2.0**-31))
    site, miner = working(vardiff=vardiff)
    session = site.session(miner)
    while session.vardiff is None or not session.vardiff.converged:
        miner.mine()
        site.pass_time(7.0, 0.5)
    before, jobs = miner.job.difficulty, notifies(miner)
    assert site.relay.gate.hasten([miner.key], 60.0, site.now) == 1
    assert notifies(miner) == jobs + 1
    assert before / 16 <= miner.job.difficulty <= before / 4
    assert site.relay.gate.hasten([miner.key], 1.0, site.now) == 0, "never a higher one"
    withhold(site, miner)
    assert site.relay.gate.hasten([miner.key], 60.0, site.now) == 0, "it could not be told without a job"


# --- what is seen and kept ----------------------------------------------------------------------------------


def test_the_fleet_is_seen_as_columns() -> None:
    site, miner = working()
    newcomer = site.miner("acme.rig2", agent="bitaxe/2.1")
    site.connect(worker="acme.nobody")
    late = miner.find()
    assert miner.mine() == "accepted"
    site.pools[0].new_job(clean=True)
    site.pump()
    assert miner.submit(late) == "21"
    seen = site.relay.fleet.miners()
    assert list(seen.keys) == [miner.key, newcomer.key]
    assert list(seen.shares) == [2, 0], "a stale share was hashed, too"
    assert list(seen.difficulty) == [miner.job.difficulty, 0.0]
    assert (list(seen.has_work), list(seen.withheld)) == ([1, 0], [0, 1])
    who = site.relay.fleet.miner(newcomer.key)
    assert who is not None
    assert (who.tenant, who.worker, who.user_agent) == ("acme", "rig2", "bitaxe/2.1")
    newcomer.leave()
    assert site.relay.fleet.miner(newcomer.key) is None
    assert list(site.relay.fleet.miners().keys) == [miner.key]


def test_the_ledger_keeps_who_was_curtailed_and_why_and_tells_it_again_at_midnight() -> None:
    site, miner = working()
    withhold(site, miner)
    site.pass_time(1.0)
    site.commit()
    noted = [note for note in site.journal.notes if isinstance(note, WorkGated)]
    assert [(note.action, note.tenant, note.sessions) for note in noted] == [
        ("release", "acme", (miner.key,)),
        ("withhold", "acme", (miner.key,)),
    ]
    assert noted[1].cause == WHY
    again = site.relay.restated()
    assert any(isinstance(note, SessionBegan) for note in again)
    assert [note.sessions for note in again if isinstance(note, WorkGated)] == [(miner.key,)]


# --- anything in any order ----------------------------------------------------------------------------------


class Gating(Relaying):
    """The site of ``Relaying``, with a governor that withholds and releases at whim."""

    @override
    def make_site(self, *pools: FakePool, **how: object) -> Site:
        return Site(*pools, gated=True, **how)  # type: ignore[arg-type]

    def _held(self) -> dict[int, int]:
        """Return the jobs that each withheld miner had when it was withheld."""
        if not hasattr(self, "held"):
            self.held: dict[int, int] = {}
        return self.held

    @rule(indexes=st.lists(which, max_size=3))
    def miners_are_withheld(self, indexes: list[int]) -> None:
        miners = [miner for index in indexes if (miner := self._miner(index)) is not None]
        self.site.relay.gate.withhold([miner.key for miner in miners], WHY, self.site.now)
        self.site.pump()

    @rule(indexes=st.lists(which, max_size=8))
    def miners_are_released(self, indexes: list[int]) -> None:
        relay, site = self.site.relay, self.site
        for miner in [miner for index in indexes if (miner := self._miner(index)) is not None]:
            session = relay.sessions.get(miner.key)
            if session is None or session.withheld_at is None:
                continue
            work = session.bundle.work if session.bundle is not None else None
            is_due = (
                session.issued_work is not None
                and work is not None
                and not work.is_stale(site.now)
                and session not in relay.routes["acme"].to_reconnect
                and bool(session.extranonce1)
            )
            jobs = notifies(miner)
            extranonce = session.extranonce1, session.extranonce2_size
            released = relay.gate.release([miner.key], "back", site.now)
            told = (session.extranonce1, session.extranonce2_size) == extranonce or session.follows_extranonce
            if is_due and told and released:
                assert notifies(miner) == jobs + 1, "work comes before watts"
            site.pump()

    @rule(index=which)
    def a_miner_is_hastened(self, index: int) -> None:
        miner = self._miner(index)
        if miner is not None:
            self.site.relay.gate.hasten([miner.key], 60.0, self.site.now)
            self.site.pump()

    @rule(index=which)
    def a_miner_is_sent_away(self, index: int) -> None:
        miner = self._miner(index)
        if miner is not None:
            self.site.relay.gate.disconnect([miner.key], WHY, self.site.now)
            self.site.pump()

    @invariant()
    def a_withheld_miner_never_gets_a_job(self) -> None:
        held = self._held()
        now_held = {
            key
            for key, session in self.site.relay.sessions.items()
            if session.withheld_at is not None and not session.closing
        }
        jobs = {miner.key: notifies(miner) for miner in self.site.miners}
        for key in now_held:
            assert held.setdefault(key, jobs[key]) == jobs[key]
            assert not self.site.relay.sessions[key].has_work
        for key in set(held) - now_held:
            del held[key]

    @invariant()
    def who_is_withheld_does_not_wait_in_the_queue(self) -> None:
        assert all(session.withheld_at is None for session in self.site.relay.routes["acme"].waiting)

    @invariant()
    def a_withheld_miner_costs_no_difficulty(self) -> None:
        for session in self.site.relay.sessions.values():
            if session.withheld_at is not None:
                assert session.vardiff is not None
                assert session.vardiff.paused

    @invariant()
    def the_columns_are_of_one_length(self) -> None:
        seen = self.site.relay.fleet.miners()
        assert len({len(column) for column in seen}) == 1
        for has_work, withheld in zip(seen.has_work, seen.withheld, strict=True):
            assert (has_work, withheld) in set(product((0, 1), repeat=2)) - {(1, 1)}


TestGating = Gating.TestCase
TestGating.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
