"""Block candidates on disk: a file each, so that a block survives everything but the disk."""

from __future__ import annotations

import json
import os
from pathlib import Path

from proxy.events import BlockFound

MOST_FILES = 10_000
"""On a test network every share is a block: a bounded number of files is kept."""


class BlockFiles:
    """Writes header and coinbase of each block candidate to a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept = sum(1 for _ in folder.glob("*.json")) if folder.is_dir() else 0

    def keep(self, event: BlockFound) -> None:
        """Write the candidate and flush it to the disk.

        Raises:
            OSError: the disk does not take it.

        """
        if self._kept >= MOST_FILES:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        content = {
            "block_hash": event.block_hash,
            "header": event.header.hex(),
            "coinbase": event.coinbase.hex(),
            "tenant": event.tenant,
            "pool": event.pool,
            "worker": event.worker,
        }
        path = self._folder / f"{event.block_hash}.json"
        with path.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        self._kept += 1
