"""A write-ahead log that ends anywhere in its last page: all whole batches are there, and it goes on."""

import shutil
from pathlib import Path

import pytest

from proxy.adapters.stores.ledger import day_file
from proxy.ledger.chain import GENESIS
from tests.durability import writer
from tests.durability.audit import rows

BATCHES = 6
PAGE = 4096


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a day's file and its log, as a power cut leaves them."""
    living, left = tmp_path_factory.mktemp("living"), tmp_path_factory.mktemp("left")
    connection = day_file.create(writer.file_of(living, 1), writer.LEDGER, GENESIS)
    for each in writer.batches(BATCHES):
        day_file.append(connection, each, 1)
    for path in living.iterdir():
        if not path.name.endswith("-shm"):
            shutil.copy(path, left)
    connection.close()
    return left


@pytest.mark.parametrize("quarter", range(4))
def test_a_log_cut_anywhere_in_its_last_page_loses_no_other_batch(
    torn: Path, quarter: int, tmp_path: Path
) -> None:
    truth = [each.hash for each in writer.batches(BATCHES)]
    (log,) = torn.glob("*-wal")
    content = log.read_bytes()
    for missing in range(quarter * PAGE // 4 + 1, (quarter + 1) * PAGE // 4 + 1):
        days = tmp_path / "days"
        shutil.copytree(torn, days)
        (days / log.name).write_bytes(content[:-missing])
        assert [row.hash for row in rows(days)] == truth[:-1], missing
        if missing % 128 == 0:  # it waits for the disk
            assert writer.go_on(days, BATCHES, truth[-2]).hash == truth[-1]
            assert [row.hash for row in rows(days)] == truth, missing
        shutil.rmtree(days)
