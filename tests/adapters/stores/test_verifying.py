"""Every credited share is hashed again: what nobody found is named, and what was found is not."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from proxy.adapters.stores.ledger import verifying
from proxy.adapters.stores.ledger.verifying import Verification, verify
from proxy.ledger.audit import WORDS, Finding
from proxy.ledger.records import AnyNote, Flags, JobIssued, SessionBegan, Share
from tests.fakes.mined_ledger import (
    CREDIT,
    DAY,
    START,
    MinedLedger,
    beginning,
    changed,
    mined,
    spoil,
    work_of,
)

WORK = work_of(1)


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> MinedLedger:
    return MinedLedger.under(tmp_path)


def named(found: Verification) -> list[tuple[str, list[str]]]:
    return [(each.id, each.problems) for each in found.disagreements]


def words(*findings: Finding) -> list[str]:
    return [WORDS[finding] for finding in findings]


def test_honest_days_agree_to_the_last_share(ledger: MinedLedger) -> None:
    ledger.days(3)
    found = verify(ledger.folder)
    assert named(found) == []
    assert found.ok
    assert (found.shares, found.batches, found.first, found.last) == (36, 12, 1, 12)


PLANTED: dict[str, tuple[Callable[[Share], Share], list[Finding]]] = {
    "a wrong nonce": (
        lambda share: changed(share, nonce=share.nonce ^ 1),
        [Finding.CREDIT, Finding.ACHIEVED],
    ),
    "a credit beyond the hash": (lambda share: changed(share, credit=2 * share.achieved), [Finding.CREDIT]),
    "no difficulty at all": (lambda share: changed(share, credit=-1.0), [Finding.CREDIT]),
    "a foreign job": (lambda share: changed(share, job_id="job9"), [Finding.NO_JOB]),
    "a foreign session": (lambda share: changed(share, session=9), [Finding.NO_SESSION]),
    "a word that is none": (lambda share: changed(share, nonce=1 << 40), [Finding.NO_JOB]),
    "an extranonce too short": (lambda share: changed(share, extranonce=b"\x00\x01"), [Finding.NO_JOB]),
    "another achieved": (lambda share: changed(share, achieved=share.achieved * 2), [Finding.ACHIEVED]),
    "a block that is none": (
        lambda share: changed(share, flags=share.flags ^ Flags.BLOCK),
        [Finding.BLOCK],
    ),
    "one that goes up or not": (
        lambda share: changed(share, flags=share.flags ^ Flags.FORWARDED),
        [Finding.FORWARDED],
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_what_is_planted_is_named_and_nothing_else(ledger: MinedLedger, planted: str) -> None:
    plant, findings = PLANTED[planted]
    shares = [mined(WORK, counter) for counter in range(5)]
    shares[3] = plant(shares[3])
    ledger.batch(beginning([WORK]), shares[:2])
    ledger.batch([], shares[2:])
    found = verify(ledger.folder)
    assert not found.ok
    assert [each.id for each in found.disagreements] == ["2-1"]
    assert set(words(*findings)) <= set(found.disagreements[0].problems)
    if planted != "a wrong nonce":  # whose hash is good for what nobody can know
        assert named(found) == [("2-1", words(*findings))]


def test_the_extranonce_must_be_the_sessions(ledger: MinedLedger) -> None:
    share = mined(WORK, 1, extranonce1=b"\x00\x02")
    ledger.batch(beginning([WORK]), [share])
    assert named(verify(ledger.folder)) == [("1-0", words(Finding.EXTRANONCE))]


@pytest.mark.parametrize("ntime", [WORK.ntime - 1, WORK.ntime + 7001])
def test_ntime_must_be_in_range(ledger: MinedLedger, ntime: int) -> None:
    ledger.batch(beginning([WORK]), [changed(mined(WORK, 1), ntime=ntime)])
    assert WORDS[Finding.NTIME] in verify(ledger.folder).disagreements[0].problems


def test_an_extranonce_may_change_within_a_batch_and_the_old_one_ends_there(ledger: MinedLedger) -> None:
    again = SessionBegan(1, "acme", "rig1", "cgminer", "10.0.0.1", b"\x00\x07")
    old, new = mined(WORK, 1), mined(WORK, 2, extranonce1=b"\x00\x07")
    ledger.batch(beginning([WORK]), [])
    ledger.batch([again], [old, new])
    ledger.batch([], [mined(WORK, 3), mined(WORK, 4, extranonce1=b"\x00\x07")])
    assert named(verify(ledger.folder)) == [("3-0", words(Finding.EXTRANONCE))]


def test_the_same_share_twice_is_named_across_batches_days_and_jobs(ledger: MinedLedger) -> None:
    share = mined(WORK, 1)
    twin: list[AnyNote] = [JobIssued("again", 1)]
    ledger.batch([*beginning([WORK]), *twin], [share, mined(WORK, 2)])
    ledger.batch([], [mined(WORK, 3), share])
    ledger.batch([], [changed(share, job_id="again")])
    ledger.batch(beginning([WORK]), [share], START + DAY)
    duplicate = words(Finding.DUPLICATE)
    assert named(verify(ledger.folder)) == [("2-1", duplicate), ("3-0", duplicate), ("4-0", duplicate)]


def test_a_work_told_twice_under_two_numbers_makes_the_same_headers(ledger: MinedLedger) -> None:
    other = msgspec.structs.replace(WORK, work=2)
    share = mined(WORK, 1)
    ledger.batch(beginning([WORK, other]), [share, changed(share, job_id="job2")])
    assert named(verify(ledger.folder)) == [("1-1", words(Finding.DUPLICATE))]


def test_memory_has_a_bound_and_a_late_twin_is_named_all_the_same(
    ledger: MinedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "MOST_REMEMBERED", 2)
    monkeypatch.setattr(verifying, "FEWEST_BLOCKS", 1)
    other = work_of(2)
    share = mined(WORK, 1)
    ledger.batch(beginning([WORK]), [share, mined(WORK, 2), mined(WORK, 3)])
    ledger.batch([other, JobIssued("job2", 2)], [mined(other, 1)])
    ledger.batch([], [share, mined(other, 2)])
    ledger.batch(beginning([WORK, other]), [share, mined(other, 3)], START + DAY)
    assert named(verify(ledger.folder)) == [("3-0", words(Finding.ENDED)), ("4-0", words(Finding.ENDED))]


def test_only_the_range_is_hashed_with_what_was_told_before_it(ledger: MinedLedger) -> None:
    bad = changed(mined(WORK, 1), nonce=1)
    ledger.batch(beginning([WORK]), [bad], START)
    ledger.batch([], [mined(WORK, 2)], START + 1000)
    ledger.batch([], [bad], START + 2000)
    found = verify(ledger.folder, START + 1000, START + 2000)
    assert found.ok
    assert (found.shares, found.first, found.last) == (1, 2, 2)


def test_one_tenant_alone(ledger: MinedLedger) -> None:
    bad = changed(mined(WORK, 1), nonce=1)
    theirs = changed(mined(WORK, 2, session=2, extranonce1=b"\x00\x02"), nonce=1)
    ledger.batch(beginning([WORK], ["acme", "zenith"]), [bad, mined(WORK, 5), theirs])
    found = verify(ledger.folder, tenant="zenith")
    assert (found.shares, [each.id for each in found.disagreements]) == (1, ["1-2"])


def test_a_batch_that_is_not_proven_is_not_hashed(ledger: MinedLedger) -> None:
    ledger.days(1)
    spoil(ledger.folder.day(ledger.files[0]), "UPDATE batches SET at = at + 1 WHERE seq = 2")
    found = verify(ledger.folder)
    assert not found.ok
    assert [(bad.first, bad.last) for bad in found.bad] == [(2, 2)]
    assert (found.shares, found.disagreeing) == (9, 0)


def test_what_is_shown_is_bounded_and_what_is_counted_is_not(
    ledger: MinedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "MOST_SHOWN", 3)
    shares = [changed(mined(WORK, counter), credit=CREDIT * 2**40) for counter in range(7)]
    ledger.batch(beginning([WORK]), shares[:2])
    ledger.batch([], shares[2:])
    found = verify(ledger.folder)
    assert (len(found.disagreements), found.disagreeing) == (3, 7)
