"""Where a ledger goes on: no number is given twice, whatever cannot be read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from proxy.adapters.stores.ledger import index, standing
from proxy.adapters.stores.ledger.catching_up import catch_up
from proxy.adapters.stores.ledger.checking import check
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.opening import AHEAD, Opened, opened
from proxy.adapters.stores.ledger.pruning import choose, prune
from proxy.adapters.stores.ledger.signing import close_day
from proxy.adapters.stores.ledger.verifying import verify
from proxy.ledger.chain import GENESIS
from tests.fakes.mined_ledger import DAY, LEDGER, START, MinedLedger, beginning, mined, spoil, work_of


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> MinedLedger:
    """A ledger of two files, batches 1 to 4 and 5 to 8."""
    ledger = MinedLedger.under(tmp_path)
    ledger.days(2)
    fold(ledger)
    return ledger


def fold(ledger: MinedLedger) -> None:
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        catch_up(ledger.folder, connection)
        standing.put(connection, "ledger", LEDGER)


def go_on(ledger: MinedLedger, end: Opened, day: int = 2) -> None:
    """Write a file as a run does that begins there."""
    assert end.last.ledger == LEDGER
    ledger.seq, ledger.previous = end.last.seq, end.last.hash
    work = work_of(10 + day)
    at = START + day * DAY
    ledger.batch(beginning([work]), [], at)
    ledger.batch([], [mined(work, 1)], at)


def ruin(ledger: MinedLedger, name: str) -> None:
    ledger.folder.day(name).write_bytes(b"noise" * 1000)


def test_a_ledger_that_is_not_there_is_made(tmp_path: Path) -> None:
    found = opened(Folder.of(tmp_path))
    assert (found.last.seq, found.last.hash, found.problems) == (0, GENESIS, [])
    assert len(found.last.ledger) == 16


def test_a_whole_ledger_goes_on_behind_its_last_batch(ledger: MinedLedger) -> None:
    end = opened(ledger.folder)
    assert (end.last.ledger, end.last.seq, end.last.hash, end.problems) == (LEDGER, 8, ledger.previous, [])
    go_on(ledger, end)
    fold(ledger)
    assert check(ledger.folder).ok


@pytest.mark.parametrize("with_index", [True, False])
def test_behind_a_last_file_that_cannot_be_read_the_chain_goes_on_with_other_numbers(
    ledger: MinedLedger, with_index: bool
) -> None:
    if not with_index:
        ledger.folder.index.unlink()
    ruin(ledger, ledger.files[1])
    end = opened(ledger.folder)
    assert end.last.seq == (8 if with_index else 4) + AHEAD
    assert [problem.partition(":")[0] for problem in end.problems] == [
        str(ledger.folder.day(ledger.files[1])),
        "what stands behind batch 4 cannot be read",
    ]
    go_on(ledger, end)
    fold(ledger)
    report = check(ledger.folder)
    assert [(bad.day, bad.first, bad.last) for bad in report.problems][-1][-1] == end.last.seq
    assert {bad.day for bad in report.problems} == {ledger.files[1]}
    assert (report.credited.shares, report.root) == (13, ledger.previous)
    assert verify(ledger.folder).shares == 13
    assert opened(ledger.folder).last.seq == end.last.seq + 2, "and from there on as always"


def test_a_last_file_that_comes_back_proves_its_batches_again(ledger: MinedLedger) -> None:
    path = ledger.folder.day(ledger.files[1])
    whole = path.read_bytes()
    ruin(ledger, ledger.files[1])
    go_on(ledger, opened(ledger.folder))
    path.write_bytes(whole)
    report = check(ledger.folder)
    assert [(bad.day, bad.first, bad.last) for bad in report.problems] == [(ledger.files[2], 9, 8 + AHEAD)], (
        "what nobody can say is whether there was more"
    )
    assert report.credited.shares == 25


def test_a_hole_of_a_billion_is_not_searched_number_by_number(ledger: MinedLedger) -> None:
    """The next file follows the last batch by its hash, and is far behind it by its number."""
    ledger.folder.index.unlink()
    ruin(ledger, ledger.files[1])
    end = opened(ledger.folder)
    go_on(ledger, end)
    ledger.folder.day(ledger.files[1]).unlink()
    report = check(ledger.folder)
    assert [(bad.day, bad.first, bad.last) for bad in report.problems] == [(ledger.files[2], 5, end.last.seq)]
    assert report.credited.shares == 13


def test_files_that_end_before_what_the_index_has_seen_are_gone_on_with_behind_that(
    ledger: MinedLedger,
) -> None:
    spoil(ledger.folder.day(ledger.files[1]), "DELETE FROM batches WHERE seq > 6")
    assert opened(ledger.folder).last.seq == 8 + AHEAD
    ledger.folder.day(ledger.files[1]).unlink()
    assert opened(ledger.folder).last.seq == 8 + AHEAD
    ledger.folder.day(ledger.files[0]).unlink()
    assert (opened(ledger.folder).last.ledger, opened(ledger.folder).last.seq) == (LEDGER, 8 + AHEAD)


def test_a_closed_day_that_is_missing_at_the_end_is_known_by_its_row(ledger: MinedLedger) -> None:
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        close_day(connection, ledger.folder, ledger.files[1])
    ledger.folder.day(ledger.files[1]).unlink()
    end = opened(ledger.folder)
    assert (end.last.seq, end.last.hash) == (8, ledger.previous)
    assert len(end.problems) == 1


def test_a_file_that_cannot_be_read_amid_others_changes_nothing(ledger: MinedLedger) -> None:
    root = ledger.previous
    ruin(ledger, ledger.files[0])
    end = opened(ledger.folder)
    assert (end.last.seq, end.last.hash) == (8, root)
    assert len(end.problems) == 1


def test_pruned_days_are_part_of_the_chain(ledger: MinedLedger) -> None:
    go_on(ledger, opened(ledger.folder))
    fold(ledger)
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        for day in choose(ledger.folder, connection, most_bytes=0):
            prune(ledger.folder, connection, day, START // 1000)
    end = opened(ledger.folder)
    assert (end.last.seq, end.last.hash, end.problems) == (10, ledger.previous, [])


def test_a_last_row_that_cannot_be_read_is_not_gone_on_from(ledger: MinedLedger) -> None:
    path = ledger.folder.day(ledger.files[1])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = path.read_bytes()
    # The header and the schema stay; what holds the rows is noise.
    path.write_bytes(data[:8192] + bytes(len(data) - 8192))
    assert opened(ledger.folder).last.seq == 8 + AHEAD
