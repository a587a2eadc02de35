"""Anything in any order: miners come and go and submit, pools fail and return, time passes.

Whatever happens, every submit is answered exactly once, the sums agree, no two sessions of a connection
have the same extranonce, memory stays small, and nothing raises.
"""

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from proxy.mining.vardiff import VardiffSettings
from proxy.relay.settings import Limits
from proxy.relay.snapshot import snapshot
from proxy.units import Difficulty
from tests.fakes.miner import FakeMiner, Found
from tests.fakes.pool import EASY_NBITS, HARD_NBITS, FakePool
from tests.fakes.site import Site

which = st.integers(0, 99)


class Relaying(RuleBasedStateMachine):
    """A site of two pools."""

    @initialize(sizes=st.sampled_from([(4, 3), (4, 3), (8, 16), (3, 8), (2, 2), (2, 4), (4, 2)]))
    def a_site_starts(self, sizes: tuple[int, int]) -> None:
        self.one = FakePool("one", extranonce2_size=sizes[0])
        self.two = FakePool(
            "two", host="other", extranonce2_size=sizes[1], extranonce1_size=8, mask=0x00FFE000
        )
        vardiff = VardiffSettings(
            start=Difficulty(2.0**-28), minimum=Difficulty(2.0**-29), maximum=Difficulty(2.0**-26)
        )
        limits = Limits(connections_per_pool=2, submit_buffer=20, ntime_window=600)
        self.site = self.make_site(self.one, self.two, vardiff=vardiff, limits=limits).start()
        self.sent: list[tuple[FakeMiner, Any]] = []
        self.found: list[tuple[FakeMiner, Found]] = []
        self.hashed: set[bytes] = set()
        self.masks_changed = False
        self.is_odd = False
        """Lines were sent that are not in ``sent``: what they were worth, others must say."""
        for n in range(3):
            self.a_miner_comes(rolls=n > 0, follows=n > 1, back=None, time=0.5)

    def make_site(self, *pools: FakePool, **how: Any) -> Site:
        return Site(*pools, **how)

    def _miner(self, index: int) -> FakeMiner | None:
        miners = [miner for miner in self.site.miners if self._is_heard(miner)]
        return miners[index % len(miners)] if miners else None

    def _is_heard(self, miner: FakeMiner) -> bool:
        """Return whether it is here to stay: nothing more is taken from who is on its way out."""
        return miner.is_open and not self.site.session(miner).closing

    def _pool(self, index: int) -> FakePool:
        return (self.one, self.two)[index % 2]

    def most_miners_are_not_here(self) -> bool:
        return sum(miner.is_open for miner in self.site.miners) < 8

    def _note(self, found: Found) -> None:
        """Keep the header, and the other readings': at this difficulty one may prove itself by chance."""
        base, bits = found.job.version, found.bits or 0
        for version in (base, base & ~0x1FFFE000 | bits, base | bits, base ^ bits):
            self.hashed.add(version.to_bytes(4, "little") + found.header[4:])
        self.hashed.add(found.header)

    # --- miners -----------------------------------------------------------------------------------

    @rule(
        rolls=st.booleans(), follows=st.booleans(), back=st.none() | which, time=st.sampled_from([0.0, 0.5])
    )
    @precondition(lambda self: self.most_miners_are_not_here())
    def a_miner_comes(self, rolls: bool, follows: bool, back: int | None, time: float) -> None:
        gone = [miner for miner in self.site.miners if not miner.is_open and miner.session_id]
        session = gone[back % len(gone)].session_id if gone and back is not None else None
        miner = self.site.connect(worker=f"acme.rig{len(self.site.miners)}")
        if follows:
            miner.call("mining.extranonce.subscribe")
        miner.log_in(rolls=rolls, session=session)
        self.site.pass_time(time)

    @rule(index=which)
    def a_miner_goes(self, index: int) -> None:
        miner = self._miner(index)
        if miner is not None:
            miner.leave()

    @rule(
        index=which,
        bits=st.sampled_from([0, 0x2000, 0x00C00000]),
        keep=st.integers(0, 3),
        send=st.integers(1, 6),
        old=which,
    )
    def a_miner_finds_shares(self, index: int, bits: int, keep: int, send: int, old: int) -> None:
        miner = self._miner(index)
        if miner is None or not miner.jobs:
            return
        job = miner.jobs[-1 - old % len(miner.jobs)]
        for n in range(keep + send):
            found = miner.find(job, bits=bits & job.mask if miner.rolls and job.mask else None)
            self._note(found)
            if n < keep:
                self.found.append((miner, found))
            else:
                self.sent.append((miner, miner.send(found)))

    @rule(index=which, twice=st.booleans(), worker=st.sampled_from([None, None, "acme.nobody"]))
    def a_share_that_was_kept_is_sent(self, index: int, twice: bool, worker: str | None) -> None:
        if not self.found:
            return
        miner, found = self.found[index % len(self.found)]
        if not twice:
            del self.found[index % len(self.found)]
        if self._is_heard(miner):
            self.sent.append((miner, miner.send(found, worker)))

    @rule(index=which, junk=st.sampled_from(["low", "ntime", "shape", "unknown"]))
    def a_miner_sends_a_share_that_is_none(self, index: int, junk: str) -> None:
        miner = self._miner(index)
        if miner is None or not miner.jobs:
            return
        found = miner.find(misses=True)
        self._note(found)
        params = found.params(miner.worker)
        if junk == "ntime":
            params[3] = "00000000"
            # A block by chance goes up all the same.
            self._note(replace(found, header=found.header[:68] + bytes(4) + found.header[72:]))
        if junk == "shape":
            params[2] += "00"
        if junk == "unknown":
            params[1] = "ffffff" + params[1]
        line, identity = miner.line("mining.submit", params)
        self.sent.append((miner, identity))
        miner.raw(line)

    @rule(index=which, line=st.binary(max_size=30), hint=st.integers(-31, -20))
    def a_miner_says_something(self, index: int, line: bytes, hint: int) -> None:
        miner = self._miner(index)
        if miner is not None and miner.key in self.site.relay.sessions:
            if self.site.session(miner).malformed < 8:
                miner.raw(line.replace(b"\n", b"") + b"\n")
            miner.call("mining.suggest_difficulty", [2.0**hint])
            miner.configure(0x1FFFE000)
            miner.subscribe()

    # --- pools ------------------------------------------------------------------------------------

    @rule(
        index=which,
        clean=st.booleans(),
        power=st.integers(-30, -24),
        block=st.booleans(),
        version=st.sampled_from([0x20000000, 0x20400004]),
    )
    def a_pool_has_a_job(self, index: int, clean: bool, power: int, block: bool, version: int) -> None:
        pool = self._pool(index)
        pool.version, pool.nbits = version, EASY_NBITS if block else HARD_NBITS
        pool.new_job(clean=clean, difficulty=2.0**power)
        self.site.pump()

    @rule(index=which)
    def a_pool_dies(self, index: int) -> None:
        self._pool(index).die()
        self.site.pump()

    @rule(index=which, resumes=st.booleans())
    def a_pool_returns(self, index: int, resumes: bool) -> None:
        self._pool(index).up, self._pool(index).resumes = True, resumes

    @rule(index=which)
    def a_pool_cuts_a_connection(self, index: int) -> None:
        for side in self._pool(index).live[:1]:
            side.cut()
        self.site.pump()

    @rule(index=which, answers=st.booleans(), refuses=st.booleans(), talks=st.booleans())
    def a_pool_changes_its_mood(self, index: int, answers: bool, refuses: bool, talks: bool) -> None:
        pool = self._pool(index)
        pool.answers_shares, pool.talks = answers, talks
        pool.refusal = (
            (lambda identity: {"id": identity, "result": False, "error": "no"}) if refuses else None
        )

    @rule(index=which, mask=st.sampled_from([0, 0x00FFE000, 0x1FFFE000]))
    def a_pool_changes_its_mask(self, index: int, mask: int) -> None:
        self.masks_changed = True
        for side in self._pool(index).live:
            if side.mask is not None:
                side.mask = mask
                side.say({"id": None, "method": "mining.set_version_mask", "params": [f"{mask:08x}"]})
        self.site.pump()

    @rule(index=which, line=st.binary(max_size=30))
    def a_pool_says_something(self, index: int, line: bytes) -> None:
        for side in self._pool(index).live:
            side.say(line.replace(b"\n", b"") + b"\n")
        self.site.pump()

    # --- the rest -----------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 31.0, 125.0]))
    def time_passes(self, seconds: float) -> None:
        self.site.pass_time(seconds, 0.1 if seconds < 1 else seconds / 12)

    @rule(at_once=st.booleans())
    def the_disk_changes_its_pace(self, at_once: bool) -> None:
        self.site.commits = at_once
        self.site.pump()

    # --- what always holds ----------------------------------------------------------------------------

    @invariant()
    def every_submit_is_answered_at_most_once_and_in_order(self) -> None:
        for miner in self.site.miners:
            submits = [identity for sender, identity in self.sent if sender is miner]
            wanted = set(submits)
            answered = [identity for identity in miner.order if identity in wanted]
            assert answered == submits[: len(answered)]

    @invariant()
    def every_submit_is_answered_once_the_disk_has_written(self) -> None:
        if self.site.commits:
            assert self.site.relay.unanswered == 0
            for miner, identity in self.sent:
                if miner.is_open:
                    assert miner.outcome(identity) != "waiting"

    @invariant()
    def nothing_is_accepted_that_is_not_in_the_journal(self) -> None:
        accepted = sum(miner.outcome(identity) == "accepted" for miner, identity in self.sent)
        tally = self.site.relay.routes["acme"].tally
        assert accepted <= tally.accepted
        assert self.is_odd or tally.judged == len(self.sent)

    @invariant()
    def the_sums_of_the_snapshot_agree(self) -> None:
        relay = self.site.relay
        shares = snapshot(relay, self.site.now)["shares"]
        assert shares["judged"] == shares["accepted"] + shares["rejected"]
        kept = [f for bundle in relay.routes["acme"].bundles.values() for f in bundle.buffer]
        sent = sum(forward.sent for forward in kept)
        assert shares["forwarded"] == shares["settled"] + relay.unsettled + sent
        assert shares["answered_twice"] == 0
        assert len(kept) <= 2 * 2 * 20

    @invariant()
    def the_pools_have_received_what_was_forwarded(self) -> None:
        route = self.site.relay.routes["acme"]
        received = len(self.one.received) + len(self.two.received)
        assert received >= sum(pool.settlements.accepted + pool.settlements.rejected for pool in route.pools)

    @invariant()
    def leases_are_unique_within_each_connection(self) -> None:
        for bundle in self.site.relay.routes["acme"].bundles.values():
            held = [
                session.extranonce1
                for session in bundle.sessions.values()
                if session.lease is not None and session.has_work
            ]
            assert len(set(held)) == len(held)
            assert bundle.leases is not None or not bundle.sessions
            if bundle.leases is not None:
                assert bundle.leases.live == len(bundle.sessions)

    @invariant()
    def memory_is_bounded(self) -> None:
        relay = self.site.relay
        works = [work for bundle in relay.routes["acme"].bundles.values() for work in bundle.works]
        assert len(relay.outside.jobs) == sum(len(work.issues) for work in works)
        assert len(relay.connections) <= 8
        assert len(relay.sessions) <= 8 + len([m for m in self.site.miners if m.wire.closed])
        assert len(relay.routes["acme"].waiting) <= 100

    @invariant()
    def difficulty_is_never_above_what_upstream_asked(self) -> None:
        for miner in self.site.miners:
            for job in miner.jobs:
                issue = self.site.relay.outside.jobs.find(job.id)
                if issue is not None:
                    assert job.difficulty <= issue.work.job.upstream_difficulty

    @invariant()
    def no_pool_ever_gets_a_share_that_is_not_what_a_miner_hashed(self) -> None:
        for pool in (self.one, self.two):
            assert not {"wrong extranonce2", "version bits missing", "unauthorized acme"} & set(pool.faults)
            if self.masks_changed or self.is_odd:
                continue  # a share in flight may meet a pool with another mask
            for share in pool.received:
                if share.fault == "low difficulty":
                    assert share.header[72:76].hex() == bytes.fromhex(EASY_NBITS)[::-1].hex(), "only blocks"
                if share.header:
                    assert share.header in self.hashed

    @override
    def teardown(self) -> None:
        self.site.commits = True
        self.site.pump()
        self.every_submit_is_answered_once_the_disk_has_written()
        self.site.relay.stop(self.site.now)
        self.site.pump()
        pools = self.site.relay.routes["acme"].pools
        assert all(pool.settlements.forwarded == pool.settlements.settled for pool in pools)


TestRelaying = Relaying.TestCase
TestRelaying.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
