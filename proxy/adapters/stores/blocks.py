"""Block candidates on disk: a file each, so that a block survives everything but the disk."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from proxy.events import BlockFound

MOST_FILES = 10_000
"""On a test network every share is a block: a bounded number of files is kept."""


class BlockFiles:
    """Writes header and coinbase of each block candidate to a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept = sum(1 for _ in folder.glob("*.json")) if folder.is_dir() else 0

    @property
    def room(self) -> int:
        """Files that may still be written."""
        return max(0, MOST_FILES - self._kept)

    def keep(self, event: BlockFound) -> None:
        """Write the candidate and flush it to the disk.

        Raises:
            OSError: the disk does not take it.

        """
        if not self.room:
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


class BlockWriter:
    """Has ``files`` written by a thread of their own, in the order in which blocks come.

    A busy disk takes seconds to flush: no miner waits for it, and the block itself went up long before.
    """

    def __init__(self, files: BlockFiles, failed: Callable[[BlockFound, BaseException], None]) -> None:
        """``failed`` is told on the loop which candidate was not saved, and why."""
        self._files = files
        self._failed = failed
        self._room = files.room
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="blocks")
        self._pending: set[asyncio.Future[None]] = set()

    def keep(self, event: BlockFound) -> None:
        """Have the candidate written; those beyond ``MOST_FILES`` are not even queued."""
        if self._room <= 0:
            return
        self._room -= 1
        writing = asyncio.get_running_loop().run_in_executor(self._thread, self._files.keep, event)
        self._pending.add(writing)
        writing.add_done_callback(partial(self._done, event))

    def _done(self, event: BlockFound, writing: asyncio.Future[None]) -> None:
        self._pending.discard(writing)
        error = None if writing.cancelled() else writing.exception()
        if error is not None:
            self._failed(event, error)

    async def close(self) -> None:
        """Return once everything that was to be kept is written, or has failed."""
        while self._pending:
            await asyncio.wait(self._pending)
        self._thread.shutdown()
