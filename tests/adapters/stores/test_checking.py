"""A check proves what is there and names what is not; it changes nothing but the list of damages."""

import random
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from proxy.adapters.stores.ledger import damages, index, settlement_chain
from proxy.adapters.stores.ledger.checking import Report, check
from proxy.adapters.stores.ledger.damages import INDEX
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.signing import close_day
from proxy.ledger.chain import GENESIS, settled
from tests.fakes.mined_ledger import CREDIT, DAY, LEDGER, START, MinedLedger, flattened, spoil, with_flip


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> MinedLedger:
    ledger = MinedLedger.under(tmp_path)
    ledger.days(2)
    ledger.fold()
    return ledger


def close(ledger: MinedLedger, name: str) -> None:
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        close_day(connection, ledger.folder, name)


def ranges(report: Report) -> list[tuple[str, int, int]]:
    return [(problem.day, problem.first, problem.last) for problem in report.problems]


def test_a_good_ledger_is_summed_up(ledger: MinedLedger) -> None:
    report = check(ledger.folder)
    assert report.problems == []
    assert report.ok
    assert (report.batches, report.credited.shares, report.refused) == (8, 24, 16)
    assert report.credited.difficulty == ledger.credited
    assert (report.first_at, report.last_at) == (START, START + DAY + 3000)
    assert (report.ledger, report.root) == (LEDGER, ledger.previous)
    assert report.watermark == (8, ledger.previous)


def test_an_empty_ledger_is_good(tmp_path: Path) -> None:
    assert check(MinedLedger.under(tmp_path).folder).ok


def test_without_an_index_the_files_prove_themselves(ledger: MinedLedger) -> None:
    ledger.folder.index.unlink()
    report = check(ledger.folder)
    assert report.ok
    assert report.credited.shares == 24
    assert not ledger.folder.index.exists()


def test_progress_is_told_of_what_is_read(ledger: MinedLedger) -> None:
    read: list[int] = []
    check(ledger.folder, read.append)
    assert len(read) == 8
    assert all(read)


def test_changed_shares_are_one_bad_batch(ledger: MinedLedger) -> None:
    day = ledger.files[0]
    spoil(ledger.folder.day(day), "UPDATE batches SET shares = x'dd00000000', count = 0 WHERE seq = 2")
    report = check(ledger.folder)
    assert ranges(report) == [(day, 2, 2)]
    assert not report.ok
    assert report.credited.shares == 21


def test_a_changed_hash_is_one_bad_batch_and_not_two(ledger: MinedLedger) -> None:
    spoil(ledger.folder.day(ledger.files[0]), "UPDATE batches SET hash = zeroblob(32) WHERE seq = 3")
    assert ranges(check(ledger.folder)) == [(ledger.files[0], 3, 3)]


def test_a_changed_count_is_found(ledger: MinedLedger) -> None:
    spoil(ledger.folder.day(ledger.files[0]), "UPDATE batches SET count = 4 WHERE seq = 3")
    report = check(ledger.folder)
    assert ranges(report) == [(ledger.files[0], 3, 3)]
    assert "counts 4 shares and holds 3" in report.problems[0].problem


def test_a_batch_behind_a_hole_has_nothing_to_be_held_against(ledger: MinedLedger) -> None:
    spoil(ledger.folder.day(ledger.files[0]), "DELETE FROM batches WHERE seq = 2")
    report = check(ledger.folder)
    assert ranges(report) == [(ledger.files[0], 2, 3)]
    assert report.credited.shares == 18


def test_a_tail_that_was_folded_and_is_gone_is_found(ledger: MinedLedger) -> None:
    spoil(ledger.folder.day(ledger.files[1]), "DELETE FROM batches WHERE seq > 6")
    assert ranges(check(ledger.folder)) == [(ledger.files[1], 7, 8)]


def test_the_tail_of_a_day_that_is_gone_is_found_by_the_next_day(ledger: MinedLedger) -> None:
    ledger.folder.index.unlink()
    spoil(ledger.folder.day(ledger.files[0]), "DELETE FROM batches WHERE seq > 2")
    report = check(ledger.folder)
    assert [(problem.first, problem.last) for problem in report.problems] == [(3, 4)]
    assert report.credited.shares == 18


def test_a_day_that_is_gone_is_found(ledger: MinedLedger) -> None:
    ledger.folder.day(ledger.files[0]).unlink()
    report = check(ledger.folder)
    assert ranges(report) == [(ledger.files[1], 1, 4)]
    assert report.credited.shares == 12


def test_a_closed_day_that_is_gone_is_named_by_its_name(ledger: MinedLedger) -> None:
    close(ledger, ledger.files[0])
    ledger.folder.day(ledger.files[0]).unlink()
    assert ranges(check(ledger.folder)) == [(ledger.files[0], 1, 4)]


def test_a_file_that_is_no_database_leaves_the_rest_usable(ledger: MinedLedger) -> None:
    flattened(ledger.folder.day(ledger.files[0]))
    ledger.folder.day(ledger.files[0]).write_bytes(b"nothing of the kind" * 1000)
    report = check(ledger.folder)
    assert ranges(report) == [(ledger.files[0], 1, 4)]
    assert report.credited.shares == 12


def test_a_file_of_another_ledger_is_found(ledger: MinedLedger) -> None:
    spoil(ledger.folder.day(ledger.files[1]), "UPDATE origin SET ledger = zeroblob(16)")
    assert [problem.problem for problem in check(ledger.folder).problems] == ["its file is of another ledger"]


def test_a_closed_day_is_signed_and_its_row_held_against_its_file(ledger: MinedLedger) -> None:
    close(ledger, ledger.files[0])
    report = check(ledger.folder)
    assert (report.ok, report.signed_days) == (True, 1)
    spoil(ledger.folder.index, "UPDATE days SET difficulty = difficulty * 2")
    problems = [problem.problem for problem in check(ledger.folder).problems]
    assert "its signature is not good" in problems


def test_a_row_that_says_something_else_than_the_file_is_found_without_a_signature(
    ledger: MinedLedger,
) -> None:
    close(ledger, ledger.files[0])
    spoil(ledger.folder.index, "UPDATE days SET shares = shares + 1, signature = NULL")
    problems = [problem.problem for problem in check(ledger.folder).problems]
    assert problems == ["the index says something else of this day than its file"]


def test_a_last_row_that_goes_with_its_pages_head_is_noticed_by_sqlite(ledger: MinedLedger) -> None:
    ledger.folder.index.unlink()
    path = ledger.folder.day(ledger.files[1])
    data = bytearray(flattened(path))
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'batches'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    head = (page - 1) * size
    assert data[head] in (2, 5, 10, 13), "the head of a b-tree's page"
    data[head + 4] -= 1
    path.write_bytes(data)
    report = check(ledger.folder)
    assert not report.ok
    assert [problem.problem.partition(":")[0] for problem in report.problems] == ["SQLite"]


def test_roll_ups_that_credit_something_else_are_found(ledger: MinedLedger) -> None:
    spoil(ledger.folder.index, "UPDATE minute SET count = count + 1 WHERE at = (SELECT min(at) FROM minute)")
    report = check(ledger.folder)
    assert [(problem.day, problem.first) for problem in report.problems] == [(INDEX, 8)]
    assert "13 shares" in report.problems[0].problem
    assert report.problems[0].id is None
    spoil(ledger.folder.index, "UPDATE minute SET count = count - 1 WHERE at = (SELECT min(at) FROM minute)")
    assert check(ledger.folder).ok


def settle(ledger: MinedLedger, count: int) -> None:
    previous = GENESIS
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        for number in range(1, count + 1):
            row = (b"run-one!", number, number, 0, 10, "", START)
            previous = settled(previous, *row)
            connection.execute(
                "INSERT INTO settlements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (number, *row, previous)
            )


def test_settlements_are_held_against_their_chain(
    ledger: MinedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement_chain, "CHUNK", 2)
    settle(ledger, 5)
    assert check(ledger.folder).ok
    spoil(ledger.folder.index, "UPDATE settlements SET outcome = 11 WHERE id = 2")
    spoil(ledger.folder.index, "DELETE FROM settlements WHERE id = 4")
    problems = check(ledger.folder).problems
    assert [(problem.first, problem.problem.split(" is ")[0]) for problem in problems] == [
        (2, "settlement 2"),
        (5, "settlement 5"),
    ]


def test_an_index_that_is_noise_is_named_and_the_days_are_proven(ledger: MinedLedger) -> None:
    flattened(ledger.folder.index)
    ledger.folder.index.write_bytes(b"noise" * 4096)
    report = check(ledger.folder)
    assert ranges(report) == [(INDEX, 0, 0)]
    assert report.credited.shares == 24


def test_what_is_signed_off_is_known_and_good(ledger: MinedLedger) -> None:
    spoil(ledger.folder.day(ledger.files[0]), "DELETE FROM batches WHERE seq = 2")
    number = check(ledger.folder).problems[0].id
    assert number is not None
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        damage = damages.sign_off(connection, number, "Ada", "the disk was replaced", 1_764_200_000)
        assert damages.sign_off(connection, 99, "Ada", "", 0) is None
        again = damages.sign_off(connection, number, "Bob", "me too", 1_764_200_001)
    assert damage is not None
    assert (damage.signed_by, damage.remark) == ("Ada", "the disk was replaced")
    assert again == damage
    report = check(ledger.folder)
    assert report.ok
    assert report.problems == [damage]


def test_a_batch_written_again_after_a_failed_flush_counts_once(tmp_path: Path) -> None:
    ledger = MinedLedger.under(tmp_path)
    ledger.days(1)
    before = ledger.previous
    first = ledger.batch([], ledger.shares[:1], START + 5000)
    ledger.seq, ledger.previous = 4, before
    again = ledger.batch([], ledger.shares[:1], START + 5000, f"{ledger.files[0]}.2")
    assert first == again
    report = check(ledger.folder)
    assert report.ok
    assert (report.batches, report.superseded, report.credited.shares) == (5, 1, 13)


def test_a_check_beside_a_writer_finds_nothing_wrong(ledger: MinedLedger) -> None:
    begun, ends = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not ends.is_set():
            number += 1
            ledger.batch([], ledger.shares[-1:], START + (2 + number // 20) * DAY + number)
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(30)
        for _ in range(10):
            report = check(ledger.folder)
            assert report.problems == []
            assert report.batches >= 9
    finally:
        ends.set()
        writer.join()


def copied(ledger: MinedLedger, place: Path) -> Folder:
    shutil.copytree(ledger.folder.root, place / "ledger")
    return Folder(place / "ledger")


def flips(ledger: MinedLedger, tmp_path: Path, seed: int, count: int) -> int:
    """Turn single bits of the first day over; return how many of them changed anything."""
    chance, day = random.Random(seed), ledger.files[0]
    flattened(ledger.folder.index)
    clean = flattened(ledger.folder.day(day))
    good = check(ledger.folder)
    folder = copied(ledger, tmp_path / "copy")
    untouched = folder.index.read_bytes()
    seen = 0
    for _ in range(count):
        for leftover in folder.root.rglob("*-*"):
            if leftover.name.endswith(("-wal", "-shm")):
                leftover.unlink()
        folder.index.write_bytes(untouched)
        bit = chance.randrange(8 * len(clean))
        folder.day(day).write_bytes(with_flip(clean, bit))
        report = check(folder)
        if report.ok:
            assert (report.credited, report.root, report.batches) == (
                good.credited,
                good.root,
                good.batches,
            ), bit
            assert report.refused == good.refused, bit
        else:
            seen += 1
            # What is still counted is of batches that are what was written.
            assert report.credited.shares <= good.credited.shares, bit
            assert report.credited.difficulty == report.credited.shares * CREDIT, bit
    return seen


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("indexed", [True, False])
def test_no_flipped_bit_changes_a_sum_unseen(
    ledger: MinedLedger, tmp_path: Path, seed: int, indexed: bool
) -> None:
    if not indexed:
        ledger.folder.index.unlink()
        ledger.fold()
        spoil(ledger.folder.index, "DELETE FROM meta")
    assert flips(ledger, tmp_path, seed, 25) > 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_none_of_many_flipped_bits_changes_a_sum_unseen(ledger: MinedLedger, tmp_path: Path) -> None:
    assert flips(ledger, tmp_path, 99, 5000) > 500
