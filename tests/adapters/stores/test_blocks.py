"""Block candidates on disk."""

import asyncio
import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from proxy.adapters.stores import blocks
from proxy.adapters.stores.blocks import BlockFiles, BlockWriter
from proxy.events import BlockFound

BLOCK = BlockFound("acme", "pool", "rig", "00ab", b"\x01" * 80, b"\x02\x03")


def test_header_and_coinbase_can_be_read_back(tmp_path: Path) -> None:
    BlockFiles(tmp_path / "data" / "blocks").keep(BLOCK)
    kept = json.loads((tmp_path / "data" / "blocks" / "00ab.json").read_text())
    assert bytes.fromhex(kept["header"]) == BLOCK.header
    assert bytes.fromhex(kept["coinbase"]) == BLOCK.coinbase
    assert (kept["tenant"], kept["pool"], kept["worker"], kept["block_hash"]) == (
        "acme",
        "pool",
        "rig",
        "00ab",
    )


def test_a_test_network_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MOST_FILES", 3)
    for number in range(5):
        BlockFiles(tmp_path).keep(replace(BLOCK, block_hash=f"{number:04x}"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0000.json", "0001.json", "0002.json"]


def test_a_disk_that_takes_nothing_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "blocks").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="exists"):
        BlockFiles(tmp_path / "blocks").keep(BLOCK)


class Disk(BlockFiles):
    """Writes nothing until it is let go on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.go_on = threading.Event()
        self.written: list[str] = []

    @override
    def keep(self, event: BlockFound) -> None:
        assert self.go_on.wait(30)
        super().keep(event)
        self.written.append(event.block_hash)


async def test_a_disk_that_hangs_holds_nobody_up_and_blocks_keep_their_order(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    failures: list[BlockFound] = []
    writer = BlockWriter(disk, lambda event, error: failures.append(event))
    names = [f"{number:04x}" for number in range(20)]
    for name in names:
        writer.keep(replace(BLOCK, block_hash=name))
    assert disk.written == []
    disk.go_on.set()
    await writer.close()
    assert disk.written == names
    assert failures == []


async def test_a_candidate_that_cannot_be_saved_is_told_and_the_next_one_tried(tmp_path: Path) -> None:
    folder = tmp_path / "blocks"
    folder.write_text("a file where the folder should be")
    told: list[tuple[str, type[BaseException]]] = []
    failed = asyncio.Event()

    def tell(event: BlockFound, error: BaseException) -> None:
        told.append((event.block_hash, type(error)))
        failed.set()

    writer = BlockWriter(BlockFiles(folder), tell)
    writer.keep(BLOCK)
    await failed.wait()
    folder.unlink()
    writer.keep(replace(BLOCK, block_hash="00ac"))
    await writer.close()
    assert told == [("00ab", FileExistsError)]
    assert (folder / "00ac.json").is_file()


async def test_a_test_network_queues_no_more_than_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "MOST_FILES", 3)
    BlockFiles(tmp_path).keep(BLOCK)
    disk = Disk(tmp_path)
    writer = BlockWriter(disk, lambda event, error: None)
    for number in range(50):
        writer.keep(replace(BLOCK, block_hash=f"{number:04x}"))
    disk.go_on.set()
    await writer.close()
    assert disk.written == ["0000", "0001"]
