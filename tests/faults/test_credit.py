"""Whatever miners do to their difficulty, they are credited exactly what they were told and delivered."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from proxy.hotpath import Assignment, Job, Lane, Target
from proxy.mining.vardiff import VardiffSettings
from proxy.mining.verdict import Claim, Judgement, Standing, Terms, judge
from proxy.relay import share_path
from proxy.relay.session import Session
from proxy.units import Difficulty
from tests.fakes.header import target_at
from tests.fakes.miner import FakeMiner, Found
from tests.fakes.pool import FakePool
from tests.fakes.site import Site
from tests.faults.oracle import Oracle
from tests.faults.ways import credited, records, site_of

which = st.integers(0, 99)
powers = st.integers(-31, -18)
HARDEST = 2.0**-18
"""A test can find this: 16,384 hashes."""
passwords = st.sampled_from(
    ["x", "d=0.0000001", "d=0.00000000000001", "d=512", "d=99999999999999999999", "d=0.000002,d=1", "diff=0"]
)
hints = st.one_of(
    powers.map(lambda power: 2.0**power),
    st.sampled_from([5e-324, 1e-30, 3e-8, 1.7e-7, 1.0, 1e300, 0, -1, "1e-9", "x", None, True, 10**40]),
)


class Gaming(RuleBasedStateMachine):
    """Miners that look for what is worth more than it cost, at a pool whose difficulty moves."""

    lanes = True

    @initialize()
    def a_site_starts(self) -> None:
        self.pool = FakePool("one", difficulty=HARDEST)
        vardiff = VardiffSettings(
            start=Difficulty(2.0**-27), minimum=Difficulty(2.0**-30), maximum=Difficulty(HARDEST)
        )
        self.site: Site = site_of(self.pool, lanes=self.lanes, vardiff=vardiff)
        self.oracle = Oracle()
        self.miners: list[FakeMiner] = []
        self.jobs: dict[int, list[Any]] = defaultdict(list)
        """Every job that a connection was ever told: cheats forget none."""
        self.kept: list[tuple[FakeMiner, Found]] = []
        for password in ("x", "d=0.0000001"):
            self.a_miner_comes(password, None)

    # --- what miners do ---------------------------------------------------------------------------------

    @rule(password=passwords, hint=st.none() | hints)
    def a_miner_comes(self, password: str, hint: Any) -> None:
        if len(self.miners) >= 5:
            return
        miner = self.site.connect(worker=f"acme.rig{len(self.site.miners)}")
        self.oracle.watch(miner)
        miner.rolls = False
        if hint is not None:
            miner.call("mining.suggest_difficulty", [hint])
        miner.subscribe()
        miner.authorize(password=password)
        self.miners.append(miner)
        self.site.pass_time(0.5)

    @rule(index=which)
    def a_miner_comes_back_with_its_session(self, index: int) -> None:
        old = self.miners.pop(index % len(self.miners))
        old.leave()
        miner = self.site.connect(worker=old.worker)
        self.oracle.watch(miner)
        miner.log_in(rolls=False, session=old.session_id)
        self.miners.append(miner)
        self.site.pass_time(0.5)

    @rule(index=which, hint=hints, method=st.sampled_from(["difficulty", "target", "minimum"]))
    def a_miner_wishes_a_difficulty(self, index: int, hint: Any, method: str) -> None:
        miner = self._miner(index)
        if method == "difficulty":
            miner.call("mining.suggest_difficulty", [hint])
        elif method == "minimum":
            miner.call("mining.configure", [["minimum-difficulty"], {"minimum-difficulty.value": hint}])
        elif isinstance(hint, float) and 0 < hint <= HARDEST:
            miner.call("mining.suggest_target", [f"{target_at(max(hint, 2.0**-31)):064x}"])

    @rule(index=which, password=passwords)
    def a_miner_authorises_another_worker_with_another_difficulty(self, index: int, password: str) -> None:
        self._miner(index).authorize("acme.second", password)

    @rule(index=which, count=st.integers(1, 12))
    def a_miner_delivers_what_it_was_told(self, index: int, count: int) -> None:
        """All at once, so that vardiff moves amid them."""
        miner = self._miner(index)
        job = self._told(miner)[-1]
        found = [miner.find(job) for _ in range(count if job.difficulty <= 2.0**-22 else 1)]
        lines = [self._line(miner, share) for share in found]
        miner.raw(b"".join(line for line, _ in lines))
        assert [miner.outcome(identity) for _, identity in lines] == ["accepted"] * len(lines)

    @rule(index=which, old=which, count=st.integers(1, 4), keep=st.booleans())
    def a_miner_finds_shares_of_an_old_job(self, index: int, old: int, count: int, keep: bool) -> None:
        miner = self._miner(index)
        jobs = self._told(miner)
        job = jobs[-1 - old % min(len(jobs), 6)]
        for _ in range(count):
            self._offer(miner, miner.find(job), keep=keep)

    @rule(index=which, old=which, factor=st.sampled_from([2, 4, 64]), keep=st.booleans())
    def a_miner_delivers_less_than_it_was_told(self, index: int, old: int, factor: int, keep: bool) -> None:
        miner = self._miner(index)
        jobs = self._told(miner)
        job = jobs[-1 - old % len(jobs)]
        self._offer(
            miner, miner.find(job, difficulty=job.difficulty / factor, above=job.difficulty), keep=keep
        )

    @rule(index=which, old=which)
    def a_miner_sends_a_share_under_the_id_of_another_job(self, index: int, old: int) -> None:
        """Found at the lowest difficulty that it was ever told, for the job that pays most."""
        miner = self._miner(index)
        jobs = self._told(miner)
        easy, dear = min(jobs, key=lambda job: job.difficulty), jobs[old % len(jobs)]
        ntime = max(easy.ntime, dear.ntime)
        found = miner.find(easy, ntime=ntime)
        self._send(miner, Found(dear, found.extranonce2, ntime, found.nonce, None, b""))

    @rule(index=which, twice=st.booleans())
    def what_was_kept_is_sent(self, index: int, twice: bool) -> None:
        if not self.kept:
            return
        miner, found = self.kept.pop(index % len(self.kept))
        if miner.is_open:
            for _ in range(1 + twice):
                self._send(miner, found)

    # --- what happens -----------------------------------------------------------------------------------

    @rule(power=powers, clean=st.booleans())
    def the_pool_moves_its_difficulty(self, power: int, clean: bool) -> None:
        self.pool.new_job(clean=clean, difficulty=min(2.0**power, HARDEST))
        self.site.pump()

    @rule(seconds=st.sampled_from([0.1, 2.0, 25.0, 90.0]))
    def time_passes(self, seconds: float) -> None:
        self.site.pass_time(seconds, max(0.1, seconds / 20))

    # --- what must hold ---------------------------------------------------------------------------------

    @invariant()
    def the_books_are_those_of_the_oracle(self) -> None:
        self.oracle.audit()
        assert credited(self.site) == (self.oracle.count, self.oracle.total)
        for miner in self.miners:
            tally = self.site.session(miner).tally
            assert tally.accepted_difficulty == self.oracle.credit[miner.key]

    @override
    def teardown(self) -> None:
        """The journal has the same sums, for those too who have left."""
        journal: dict[int, float] = defaultdict(float)
        for record in records(self.site):
            journal[record[1]] += record[8]
        assert dict(journal) == {key: credit for key, credit in self.oracle.credit.items() if credit}

    # --- how --------------------------------------------------------------------------------------------

    def _miner(self, index: int) -> FakeMiner:
        return self.miners[index % len(self.miners)]

    def _told(self, miner: FakeMiner) -> list[Any]:
        jobs = self.jobs[miner.key]
        jobs += [job for job in miner.jobs if job not in jobs]
        return jobs

    def _line(self, miner: FakeMiner, found: Found) -> tuple[bytes, Any]:
        params = found.params(miner.worker)
        line, identity = miner.line("mining.submit", params)
        self.oracle.submitted(miner, identity, params)
        return line, identity

    def _send(self, miner: FakeMiner, found: Found) -> None:
        miner.raw(self._line(miner, found)[0])

    def _offer(self, miner: FakeMiner, found: Found, *, keep: bool) -> None:
        if keep:
            self.kept.append((miner, found))
        else:
            self._send(miner, found)


class GamingTheLongWay(Gaming):
    """The same without lanes."""

    lanes = False


TestGaming = Gaming.TestCase
TestGamingTheLongWay = GamingTheLongWay.TestCase
TestGaming.settings = TestGamingTheLongWay.settings = settings(
    max_examples=15, stateful_step_count=40, suppress_health_check=list(HealthCheck)
)


# --- the oracle sees what is wrong -------------------------------------------------------------------------


def _caught() -> None:
    quick = settings(
        max_examples=60,
        stateful_step_count=30,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(GamingTheLongWay, settings=quick)


def test_credit_at_the_difficulty_of_now_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def credit(self: Session, credit: float, now: float) -> None:
        Lane.credit(self, self.difficulty or credit, now)

    monkeypatch.setattr(Session, "credit", credit, raising=False)
    _caught()


def test_a_target_of_an_easier_job_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def lenient(job: Job, claim: Claim, terms: Terms | Assignment, standing: Standing) -> Judgement:
        easy = Terms(Target(target_at(terms.credit / 4)), Difficulty(terms.credit), terms.mask)
        return judge(job, claim, easy, standing)

    monkeypatch.setattr(share_path, "judge", lenient)
    _caught()
