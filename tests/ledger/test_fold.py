"""Batches folded: who is credited, what is settled, and that it is all one how they are parted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import LedgerDamaged
from proxy.ledger.chain import Batch
from proxy.ledger.fold import JOB_KEPT, PROGRAM_ENDED, SESSION_KEPT, Fold, Folded, Key, Settled, Sum
from proxy.ledger.outcomes import Outcome
from proxy.ledger.records import ClockStepped, Gap, Note, RefusalSampled, RunBegan, SessionEnded, Share
from proxy.ledger.totals import include
from tests.ledger.writing import (
    BEGINNING,
    MIDNIGHT,
    NETWORK,
    NEXT_RUN,
    RUN,
    Chain,
    ended,
    job,
    refused,
    session,
    settled,
    share,
    work,
)

MINUTE = MIDNIGHT // 1000


def folded(batches: Iterable[Batch]) -> Folded:
    fold = Fold()
    for batch in batches:
        fold.take(batch)
    return fold.drain()


def accepted(found: Folded) -> dict[tuple[str, str, str], tuple[int, float]]:
    """Return count and credit by tenant, worker and upstream."""
    return {
        (key.tenant, key.worker, key.upstream): (value.count, value.difficulty)
        for key, value in found.sums.items()
        if key.outcome is Outcome.ACCEPTED
    }


def test_shares_are_credited_to_tenant_worker_and_upstream_by_the_minute() -> None:
    chain = Chain()
    chain.batch(BEGINNING, [share(), share(credit=2.0, achieved=9999.0)])
    chain.batch([], [share()], later=60_000)
    key = Key(MINUTE, "acme", "rig", "pool", Outcome.ACCEPTED)
    assert folded(chain.batches).sums == {
        key: Sum(2, 1026.0, 1024.0**2 + 4, 9999.0, MIDNIGHT + 20, 1026 / NETWORK),
        key._replace(minute=MINUTE + 60): Sum(
            1, 1024.0, 1024.0**2, 2048.0, MIDNIGHT + 60_020, 1024 / NETWORK
        ),
    }


def test_blocks_are_counted_for_whom_they_are_found_however_many_of_one_job() -> None:
    chain = Chain()
    told = [*BEGINNING, work(2, "zeta", "other"), job("j2", 2), session(2, "zeta")]
    chain.batch(told, [share(block=True), share(), share(worker="b"), share(2, job_id="j2", block=True)])
    chain.batch([], [share(block=True), share(number=3, block=True)])
    found = {(key.tenant, key.worker): value.blocks for key, value in folded(chain.batches).sums.items()}
    assert found == {("acme", "rig"): 3, ("acme", "b"): 0, ("zeta", "rig"): 1}


def test_no_share_is_worth_more_than_a_block() -> None:
    chain = Chain()
    easy = msgspec.structs.replace(work(1), nbits=0x207FFFFF)  # as on networks for tests
    chain.batch([*BEGINNING, easy], [share(), share(credit=2.0)])
    (found,) = folded(chain.batches).sums.values()
    assert found.expected == 2.0


def test_of_a_share_whose_job_nobody_knows_no_block_is_expected() -> None:
    chain = Chain()
    chain.batch(BEGINNING, [share(job_id="never told", block=True)])
    (found,) = folded(chain.batches).sums.values()
    assert (found.expected, found.blocks) == (0.0, 0)


def test_what_is_held_for_the_sake_of_blocks_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.ledger.fold.MOST_HELD", 500)
    chain = Chain()
    for number in range(40):
        chain.batch(BEGINNING if number == 0 else [], [share(block=number % 3 == 0)])
    (found,) = folded(chain.batches).sums.values()
    assert (found.count, found.blocks) == (40, 14)


def test_a_share_whose_job_and_session_nobody_knows_is_counted_all_the_same() -> None:
    chain = Chain()
    chain.batch(BEGINNING, [share(9), share(1, job_id="j9"), share(9, job_id="j9")])
    assert accepted(folded(chain.batches)) == {
        ("?", "rig", "pool"): (1, 1024.0),
        ("acme", "rig", "?"): (1, 1024.0),
        ("?", "rig", "?"): (1, 1024.0),
    }


def test_refusals_are_counted_with_their_difficulty() -> None:
    chain = Chain()
    refusals = (
        refused("low_difficulty", 4, 40.0),
        refused("of a later version", 1, 1.0),
        refused("stale", 0, 0.0),
    )
    chain.batch([*BEGINNING, *refusals])
    at = MIDNIGHT + 20
    assert {key.outcome: value for key, value in folded(chain.batches).sums.items()} == {
        Outcome.LOW: Sum(4, 40.0, 400.0, 0.0, at),
        Outcome.OTHER: Sum(1, 1.0, 1.0, 0.0, at),
    }


@pytest.mark.parametrize(
    ("said", "why", "outcome"),
    [
        ("accepted", "", Outcome.POOL_ACCEPTED),
        ("rejected", "23 Above target", Outcome.POOL_LOW),
        ("unsent", "lost", Outcome.UNSENT),
        ("unknown", "lost", Outcome.POOL_UNKNOWN),
    ],
)
def test_a_settlement_names_the_share_by_its_id(said: str, why: str, outcome: Outcome) -> None:
    chain = Chain()
    chain.batch(BEGINNING, [share(), share(number=7)])
    chain.batch([settled(7, said, why)])
    found = folded(chain.batches)
    assert found.settled == [Settled(RUN, 7, 1, 1, outcome, why, MIDNIGHT + 40)]
    key = Key(MINUTE, "acme", "rig", "pool", outcome)
    assert found.sums[key] == Sum(1, 65536.0, 65536.0**2, 0.0, MIDNIGHT + 40)
    assert (found.opened, found.closed) == ({}, [])


def test_a_share_may_be_settled_in_its_own_batch() -> None:
    chain = Chain()
    chain.batch([*BEGINNING, settled(7)], [share(number=7)])
    assert [(each.seq, each.place) for each in folded(chain.batches).settled] == [(1, 0)]


def test_a_settlement_of_a_share_nobody_knows_is_kept_without_an_id() -> None:
    chain = Chain()
    chain.batch([*BEGINNING, settled(7, on=9, of=9)])
    found = folded(chain.batches)
    assert [(each.number, each.seq, each.place) for each in found.settled] == [(7, None, None)]
    assert [key[1:4] for key in found.sums] == [("?", "rig", "?")]


def test_what_a_run_left_open_is_unknown_from_its_last_batch_on() -> None:
    chain = Chain()
    chain.batch([*BEGINNING, session(2, worker="b")], [share(number=8), share(2, "b", number=7)])
    chain.run = NEXT_RUN
    chain.batch(BEGINNING, [share(number=7)], later=3_600_000)
    found = folded(chain.batches)
    assert found.settled == [
        Settled(RUN, 7, 1, 1, Outcome.POOL_UNKNOWN, PROGRAM_ENDED, MIDNIGHT + 20),
        Settled(RUN, 8, 1, 0, Outcome.POOL_UNKNOWN, PROGRAM_ENDED, MIDNIGHT + 20),
    ]
    assert found.sums[Key(MINUTE, "acme", "b", "pool", Outcome.POOL_UNKNOWN)].difficulty == 65536.0
    assert [each[:2] for each in found.opened.values()] == [(7, 2)]
    assert found.ended == [(RUN, MIDNIGHT + 20, SessionEnded(number, PROGRAM_ENDED)) for number in (1, 2)]


def test_what_was_open_of_a_session_long_gone_is_its_tenant_s_all_the_same() -> None:
    chain = Chain()
    chain.batch(BEGINNING, [share(number=7)])
    chain.batch([ended(1)])
    chain.batch([], later=SESSION_KEPT + 1)
    chain.run = NEXT_RUN
    chain.batch([])
    unknown = [key for key in folded(chain.batches).sums if key.outcome is Outcome.POOL_UNKNOWN]
    assert [key[1:4] for key in unknown] == [("acme", "rig", "pool")]


def test_a_new_run_does_not_know_the_sessions_of_the_old_one() -> None:
    chain = Chain()
    chain.batch(BEGINNING, [share()])
    chain.run = NEXT_RUN
    chain.batch([], [share()])
    assert accepted(folded(chain.batches)) == {
        ("acme", "rig", "pool"): (1, 1024.0),
        ("?", "rig", "?"): (1, 1024.0),
    }


def test_a_new_file_of_the_same_run_only_says_again_what_lives() -> None:
    chain = Chain()
    chain.batch(BEGINNING, [share(number=7)])
    chain.batch(BEGINNING, [share()])
    chain.batch([settled(7)])
    found = folded(chain.batches)
    assert accepted(found) == {("acme", "rig", "pool"): (2, 2048.0)}
    assert [each.outcome for each in found.settled] == [Outcome.POOL_ACCEPTED]


def test_last_shares_behind_a_session_s_end_are_its_tenant_s() -> None:
    chain = Chain()
    chain.batch([*BEGINNING, ended(1)], [share()])
    chain.batch([], [share()], later=SESSION_KEPT)
    chain.batch([], [share()], later=1)
    chain.batch([], [share()])
    assert accepted(folded(chain.batches))["?", "rig", "pool"] == (1, 1024.0)


def test_a_session_that_is_told_again_behind_its_end_lives() -> None:
    chain = Chain()
    chain.batch([*BEGINNING, ended(1)])
    chain.batch([session(1)], later=1000)
    chain.batch([], [], later=2 * SESSION_KEPT)
    chain.batch([], [share()])
    assert accepted(folded(chain.batches)) == {("acme", "rig", "pool"): (1, 1024.0)}


def test_jobs_that_no_file_tells_again_are_forgotten_and_the_others_kept() -> None:
    chain = Chain()
    fold = Fold()
    fold.take(chain.batch([*BEGINNING, work(2), job("j2", 2)]))
    fold.take(chain.batch([RunBegan("1", "site", "c"), work(2), job("j2", 2)], later=JOB_KEPT + 1))
    assert (sorted(fold.known.jobs), sorted(fold.known.works)) == (["j2"], [2])


def test_a_share_of_a_job_that_is_forgotten_behind_it_keeps_its_upstream() -> None:
    chain = Chain()
    chain.batch(BEGINNING)
    chain.batch([], [share()], later=JOB_KEPT + 1)
    chain.batch([RunBegan("1", "site", "c")])
    assert accepted(folded(chain.batches)) == {("acme", "rig", "pool"): (1, 1024.0)}


def test_a_session_that_changes_its_tenant_keeps_what_it_earned() -> None:
    chain = Chain()
    chain.batch(BEGINNING, [share()])
    chain.batch([session(1, "zeta")], [share()])
    assert accepted(folded(chain.batches)) == {
        ("acme", "rig", "pool"): (1, 1024.0),
        ("zeta", "rig", "pool"): (1, 1024.0),
    }


def test_samples_and_gaps_are_named_by_batch_and_place() -> None:
    chain = Chain()
    sample, gap = RefusalSampled(1, "acme", "rig", b"{}"), Gap(1, 2, 3, 4.0, "no disk")
    chain.batch([*BEGINNING, ClockStepped(3.0), sample, gap])
    found = folded(chain.batches)
    assert found.samples == [(1, 6, MIDNIGHT + 20, sample)]
    assert found.gaps == [(1, 7, gap)]


@pytest.mark.parametrize(
    "bad",
    [
        settled(1 << 63),
        settled(-1),
        settled(1, difficulty=float("nan")),
        refused("stale", 1, float("inf")),
        refused("stale", -1, 1.0),
        work(1 << 63),
        work(2, difficulty=-1.0),
        job("j", -1),
        session(1 << 63),
        ended(-1),
        Gap(-1, 2, 3, 4.0, ""),
    ],
    ids=repr,
)
def test_what_the_index_cannot_hold_is_damage_and_changes_nothing(bad: Note) -> None:
    chain = Chain()
    fold = Fold()
    fold.take(chain.batch(BEGINNING))
    with pytest.raises(LedgerDamaged, match="out of range"):
        fold.take(chain.batch([session(2), bad], [share()]))
    fold.take(chain.batch([], [share(2)]))
    assert accepted(fold.drain()) == {("?", "rig", "pool"): (1, 1024.0)}


def test_shares_that_are_none_leave_the_notes_of_their_batch_out() -> None:
    chain = Chain()
    fold = Fold()
    good = chain.batch(BEGINNING)
    fold.take(good)
    with pytest.raises(LedgerDamaged):
        fold.take(Batch(2, NEXT_RUN, good.at, good.notes, b"\x91\x01", bytes(32)))
    assert fold.known.run == RUN
    assert fold.drain().settled == []


steps = st.lists(
    st.tuples(
        st.lists(
            st.one_of(
                st.builds(session, st.integers(1, 3), st.sampled_from(["acme", "zeta"])),
                st.builds(ended, st.integers(1, 3)),
                st.builds(job, st.sampled_from(["j1", "j2"]), st.integers(1, 2)),
                st.builds(settled, st.integers(1, 9), of=st.integers(1, 3), on=st.integers(1, 3)),
                st.builds(refused, st.just("stale"), st.integers(1, 3), st.just(8.0)),
                st.just(RunBegan("1", "site", "c")),
            ),
            max_size=3,
        ),
        st.lists(
            st.builds(
                share,
                st.integers(1, 3),
                st.sampled_from(["a", "b"]),
                st.sampled_from(["j1", "j2"]),
                number=st.integers(0, 9),
                credit=st.integers(0, 9).map(lambda power: 2.0**power),
                block=st.booleans(),
            ),
            max_size=4,
        ),
        st.sampled_from([0, 20, 30_000, -30_000, SESSION_KEPT, JOB_KEPT]),
        st.booleans(),
    ),
    max_size=12,
)


@given(steps=steps, cuts=st.sets(st.integers(0, 12)))
def test_it_is_all_one_when_the_fold_is_drained(
    steps: list[tuple[list[Note], list[Share], int, bool]], cuts: set[int]
) -> None:
    chain = Chain()
    # Everything that is named is told first: what is told after its shares may find them resolved or not.
    told = [*BEGINNING, work(2, "zeta", "other"), job("j2", 2), session(2), session(3, "zeta")]
    chain.batch(told)
    for number, (notes, shares, later, is_new) in enumerate(steps, 1):
        if is_new:
            chain.run = number.to_bytes(8, "big")
            notes = [*told, *notes]
        chain.batch(notes, shares, later=later)
    whole = folded(chain.batches)
    sums: dict[Key, Sum] = {}
    settlements: list[Settled] = []
    fold = Fold()
    for place, batch in enumerate(chain.batches, 1):
        fold.take(batch)
        if place in cuts or place == len(chain.batches):
            part = fold.drain()
            settlements += part.settled
            for key, value in part.sums.items():
                one = sums.setdefault(key, Sum())
                include(one, value)
    # The squares of refusals, and the expected blocks, are estimates that need not be exact in doubles.
    for estimate in ("square", "expected"):
        wholes = {key: getattr(value, estimate) for key, value in whole.sums.items()}
        parts = {key: getattr(value, estimate) for key, value in sums.items()}
        assert parts == pytest.approx(wholes, rel=1e-12, abs=0.0)
    assert {key: replace(value, square=0.0, expected=0.0) for key, value in sums.items()} == {
        key: replace(value, square=0.0, expected=0.0) for key, value in whole.sums.items()
    }
    assert settlements == whole.settled
    assert sum(value.count for key, value in sums.items() if key.outcome is Outcome.ACCEPTED) == sum(
        len(shares) for _, shares, _, _ in steps
    )
