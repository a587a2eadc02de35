"""Which file is valid up to where: one answer for all who read."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from proxy.adapters.stores.ledger import index
from proxy.adapters.stores.ledger.batches import Batches
from proxy.adapters.stores.ledger.catching_up import catch_up
from proxy.adapters.stores.ledger.checking import check
from proxy.adapters.stores.ledger.days import days
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.opening import opened
from proxy.adapters.stores.ledger.verifying import verify
from proxy.ledger.records import shares_of
from tests.fakes.mined_ledger import START, MinedLedger, beginning, mined, spoil, work_of

MORE = START + 5000


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> MinedLedger:
    """A ledger of one file with the batches 1 to 4, three shares each."""
    ledger = MinedLedger.under(tmp_path)
    ledger.days(1)
    return ledger


def unconfirmed(ledger: MinedLedger, number: int, shares: int = 1) -> None:
    """Write a batch into the n-th file of the day that is to be written again in the next one."""
    seq, previous, credited = ledger.seq, ledger.previous, list(ledger.shares)
    name = ledger.files[0]
    ledger.batch([], ledger.shares[:shares], MORE, name if number == 1 else f"{name}.{number}")
    ledger.seq, ledger.previous, ledger.shares = seq, previous, credited


def again(ledger: MinedLedger, number: int) -> None:
    """Write the batch that was not confirmed again, with one share, at the beginning of another file."""
    share = mined(work_of(1), 50)
    ledger.batch(beginning([work_of(1)]), [share], MORE, f"{ledger.files[0]}.{number}")


def ends(folder: Folder) -> list[tuple[str, int | None, int | None, int | None]]:
    return [(day.name.partition(".")[2], day.first, day.last, day.end) for day in days(folder, [])]


def all_agree(ledger: MinedLedger) -> None:
    """Every reader counts the same shares, and none of them twice."""
    shares = len(ledger.shares)
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        catch_up(ledger.folder, connection)
        assert connection.execute("SELECT sum(count) FROM minute WHERE outcome = 0").fetchone() == (shares,)
    report = check(ledger.folder)
    assert (report.problems, report.credited.shares, report.root) == ([], shares, ledger.previous)
    verified = verify(ledger.folder)
    assert (verified.ok, verified.shares) == (True, shares)
    batches = list(Batches(ledger.folder, days(ledger.folder, [])).behind(0))
    assert [batch.seq for _, batch in batches] == list(range(1, ledger.seq + 1))
    assert sum(len(shares_of(batch.shares)) for _, batch in batches) == shares
    assert opened(ledger.folder).last.seq == ledger.seq


def test_what_a_disk_did_not_confirm_is_void_where_it_stands_all_the_same(ledger: MinedLedger) -> None:
    unconfirmed(ledger, 1)
    again(ledger, 2)
    assert ends(ledger.folder) == [("", 1, 4, 5), ("2", 5, 5, None)]
    all_agree(ledger)


def test_a_file_that_holds_nothing_else_is_none(ledger: MinedLedger) -> None:
    unconfirmed(ledger, 1)
    for number in (2, 3):
        unconfirmed(ledger, number)
    again(ledger, 4)
    assert ends(ledger.folder) == [("", 1, 4, 5), ("4", 5, 5, None)]
    all_agree(ledger)


def test_a_file_without_a_batch_is_none_even_amid_others(ledger: MinedLedger) -> None:
    unconfirmed(ledger, 2)
    spoil(ledger.folder.day(f"{ledger.files[0]}.2"), "DELETE FROM batches")
    again(ledger, 3)
    assert ends(ledger.folder) == [("", 1, 4, None), ("3", 5, 5, None)]
    all_agree(ledger)


def test_a_file_that_claims_to_go_on_where_it_does_not_voids_nothing(ledger: MinedLedger) -> None:
    """A fork: whoever plants a file does not take away what was there before."""
    seq, ledger.seq = ledger.seq, 1
    ledger.previous = bytes(32)
    again(ledger, 2)
    assert ends(ledger.folder) == [("", 1, seq, None), ("2", 2, 2, None)]
    report = check(ledger.folder)
    assert report.credited.shares == 12
    assert not report.ok
