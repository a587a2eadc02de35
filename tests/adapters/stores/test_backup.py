"""A backup is a ledger of its own, as the first one was at one moment."""

import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from proxy.adapters.stores.ledger import backup as module
from proxy.adapters.stores.ledger import index
from proxy.adapters.stores.ledger.backup import backup
from proxy.adapters.stores.ledger.checking import check
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.pruning import choose, prune
from proxy.adapters.stores.ledger.signing import close_day, public_key
from proxy.errors import LedgerUnusable
from proxy.ledger.retention import Age
from tests.fakes.mined_ledger import DAY, START, MinedLedger, flattened


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> MinedLedger:
    ledger = MinedLedger.under(tmp_path / "data")
    ledger.days(3)
    ledger.fold()
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        for day in choose(ledger.folder, connection, too_old=Age(1, START + 2 * DAY)):
            prune(ledger.folder, connection, day, 1)
        close_day(connection, ledger.folder, ledger.files[1])
    return ledger


def test_the_copy_passes_its_check_and_says_the_same(ledger: MinedLedger, tmp_path: Path) -> None:
    told: list[int] = []
    backup(ledger.folder, tmp_path / "copy", told.append)
    copy = Folder.of(tmp_path / "copy")
    assert check(copy) == check(ledger.folder)
    assert check(copy).ok
    assert check(copy).signed_days == 2
    assert public_key(copy.signing_key) == public_key(ledger.folder.signing_key)
    assert stat.S_IMODE(copy.signing_key.stat().st_mode) == 0o600
    files = [copy.index, *(copy.day(name) for name in copy.names())]
    assert sum(told) == sum(file.stat().st_size for file in files)


def test_what_is_there_is_not_overwritten(ledger: MinedLedger, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(FileExistsError):
        backup(ledger.folder, tmp_path / "copy")
    assert list((tmp_path / "copy").iterdir()) == []


def test_a_copy_that_fails_leaves_nothing(
    ledger: MinedLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(module, "_flush", full)
    with pytest.raises(OSError, match="no space"):
        backup(ledger.folder, tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_day_that_is_pruned_meanwhile_is_said(ledger: MinedLedger, tmp_path: Path) -> None:
    def prune_it(written: int) -> None:
        ledger.folder.day(ledger.files[1]).unlink(missing_ok=True)

    with pytest.raises(LedgerUnusable, match="pruned meanwhile"):
        backup(ledger.folder, tmp_path / "copy", prune_it)
    assert not (tmp_path / "copy").exists()


def test_a_damaged_day_is_copied_as_it_is(ledger: MinedLedger, tmp_path: Path) -> None:
    path = ledger.folder.day(ledger.files[1])
    flattened(path)
    path.write_bytes(b"noise" * 4000)
    backup(ledger.folder, tmp_path / "copy")
    assert Folder.of(tmp_path / "copy").day(ledger.files[1]).read_bytes() == b"noise" * 4000


def test_a_copy_is_of_one_moment_however_long_it_takes(
    ledger: MinedLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGES", 1)
    told: list[int] = []

    def write(portion: int) -> None:
        told.append(portion)
        ledger.batch([], ledger.shares[-1:], START + 2 * DAY + 10_000 + len(told))

    backup(ledger.folder, tmp_path / "copy", write)
    assert check(Folder.of(tmp_path / "copy")).problems == []
    assert min(told) >= 0, "it began again"


def test_the_copy_is_whole_while_a_writer_goes_on(ledger: MinedLedger, tmp_path: Path) -> None:
    begun, ends = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not ends.is_set():
            number += 1
            ledger.batch([], ledger.shares[-1:], START + 2 * DAY + 10_000 + number)
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(30)
        for number in range(5):
            backup(ledger.folder, tmp_path / f"copy{number}")
            report = check(Folder.of(tmp_path / f"copy{number}"))
            assert report.problems == []
            assert report.batches >= 9
    finally:
        ends.set()
        writer.join()
