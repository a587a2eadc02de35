"""Block candidates on disk."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.adapters.stores import blocks
from proxy.adapters.stores.blocks import BlockFiles
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
