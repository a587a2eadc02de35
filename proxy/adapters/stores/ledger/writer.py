"""The thread that writes: a batch at a time, durable before anybody is told; and behind it the index."""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from typing_extensions import override

from proxy.adapters.stores.ledger import commits, database, day_file
from proxy.adapters.stores.ledger.checkpoints import Checkpoints
from proxy.adapters.stores.ledger.folder import Folder, day_of, flush_folder, free_name
from proxy.adapters.stores.ledger.indexing import Indexing
from proxy.ledger.chain import Batch, chained

RESERVE = 16 << 20
"""Bytes kept to be given back when the disk is full: minutes of a large site, for whoever is called."""
RESERVE_MARGIN = 4
"""The reserve is taken while there is so many times its room."""
FOLD_INTERVAL = 1.0
"""Seconds between two looks at whether the index is to be written."""


@dataclass(frozen=True, slots=True)
class Task:
    """A batch to be written."""

    run: bytes
    at: int
    """Milliseconds since 1970."""
    notes: bytes
    shares: bytes
    count: int
    begins: bool
    """Whether it begins a file: the notes tell again what lives."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of it."""

    seq: int
    """0 if it is not durable."""
    took: float
    """Seconds."""
    error: str = ""
    used_reserve: bool = False


@dataclass(frozen=True, slots=True)
class Last:
    """Where the chain ends."""

    ledger: bytes
    seq: int
    hash: bytes


class Writer(threading.Thread):
    """Takes tasks and tells ``done`` of each, from this thread; ends at ``None``, when all is written.

    Where there are compiled commits, a task that begins no file goes to them: ``told`` becomes readable when
    it is durable, and the loop asks ``confirmed``. All else, and each failure, takes the way through Python.

    Two threads of its own go with it, for checkpoints and for the index's process.

    After a failure the file is never written again: what a disk has confirmed of it nobody knows. The next
    task has to begin another.
    """

    def __init__(
        self, folder: Folder, last: Last, indexing: Indexing, done: Callable[[Written], None]
    ) -> None:
        super().__init__(name="pumpjack-ledger")
        self._folder = folder
        self._ledger, self._seq, self._hash = last.ledger, last.seq, last.hash
        self._indexing = indexing
        self._name = ""
        """Of the file that is written."""
        self._has_batch = False
        """Whether the disk has confirmed one in it."""
        self._void: list[str] = []
        """Files in which it never has."""
        self._done = done
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._file: sqlite3.Connection | None = None
        self._checkpoints = Checkpoints()
        self._commits = commits.open_commits()
        self._asked: tuple[Task, Batch] | None = None
        """What the compiled commits have."""

    @property
    def told(self) -> int | None:
        """A descriptor to be watched, or None."""
        return None if self._commits is None else self._commits.told

    def put(self, task: Task | None) -> None:
        """Have a task done; only when the one before is."""
        if self._commits is None:
            self._tasks.put(task)
        elif task is None or task.begins or not self._commits.is_open:
            self._tasks.put(task)
            self._commits.call()
        else:
            batch = self._batch(task)
            self._asked = task, batch
            self._commits.put(day_file.row(batch, task.count))

    def confirmed(self) -> Written | None:
        """Return what became of the task that the compiled commits have, in the loop's thread; None: wait."""
        took = None if self._commits is None else self._commits.confirmed()
        if took is None or self._asked is None:
            return None
        (_, batch), self._asked = self._asked, None
        self._wrote(batch)
        self._indexing.reached(batch.seq)
        return Written(batch.seq, took)

    @override
    def run(self) -> None:
        """Write until told to end."""
        self._checkpoints.start()
        self._indexing.start()
        if self._commits is not None:
            self._commits.hurry()  # where the kernel cannot, a commit waits for its turn as any other thread
        looked_at = time.monotonic()
        while self._serve():
            if time.monotonic() - looked_at >= FOLD_INTERVAL:
                looked_at = time.monotonic()
                self._keep_reserve()
        self._checkpoints.stop()
        self._give_up_file()
        self._indexing.stop()

    def _serve(self) -> bool:
        """Do what there is, for an interval at most; return False when it was to end."""
        patience = FOLD_INTERVAL
        if self._commits is not None:
            patience = 0.0
            failed = self._commits.serve(FOLD_INTERVAL)
            if failed is not None and self._asked is not None:
                (task, _), self._asked = self._asked, None
                self._do(task, commits.error_of(failed))
        with contextlib.suppress(queue.Empty):
            task_or_end = self._tasks.get(timeout=patience) if patience else self._tasks.get_nowait()
            if task_or_end is None:
                return False
            self._do(task_or_end)
        return True

    def _do(self, task: Task, failed: sqlite3.OperationalError | None = None) -> None:
        """Write a task; ``failed`` is with what the compiled commits did not."""
        began = time.perf_counter()
        used_reserve = False
        try:
            try:
                if failed is not None:
                    raise failed
                batch = self._write(task)
            except sqlite3.OperationalError as error:
                # Nothing of it was written: the reserve may make room for another try.
                if (
                    getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL
                    or not self._release_reserve()
                ):
                    raise
                used_reserve = True
                batch = self._write(task)
                self._follow()
        except Exception as error:
            # Whatever it is, this thread must not end: miners wait for what it says.
            self._give_up_file()
            text = f"{error}" if isinstance(error, sqlite3.Error | OSError) else f"{error!r}"
            self._done(Written(0, time.perf_counter() - began, text, used_reserve))
            return
        self._done(Written(batch.seq, time.perf_counter() - began, used_reserve=used_reserve))
        self._indexing.reached(batch.seq)
        if self._void:
            self._remove_void()

    def _write(self, task: Task) -> Batch:
        """Make a task durable.

        Raises:
            sqlite3.Error, OSError: it is not, or nobody knows.

        """
        if self._file is None or task.begins:
            self._begin_file(task.at)
        assert self._file is not None
        batch = self._batch(task)
        day_file.append(self._file, batch, task.count)
        self._wrote(batch)
        return batch

    def _batch(self, task: Task) -> Batch:
        """Return a task as the next link of the chain."""
        seq = self._seq + 1
        digest = chained(self._hash, seq, task.run, task.at, task.notes, task.shares)
        return Batch(seq, task.run, task.at, task.notes, task.shares, digest)

    def _wrote(self, batch: Batch) -> None:
        self._seq, self._hash, self._has_batch = batch.seq, batch.hash, True
        self._checkpoints.written(len(batch.notes) + len(batch.shares))

    def _begin_file(self, at: int) -> None:
        self._give_up_file()
        name = free_name(day_of(at), set(self._folder.names()))
        path = self._folder.day(name)
        self._name, self._has_batch = name, False
        self._file = day_file.create(path, self._ledger, self._hash)
        self._checkpoints.follow(path)
        self._follow()

    def _follow(self) -> None:
        """Have the compiled commits go on with the file."""
        if self._commits is not None:
            commits.follow(self._commits, self._folder.day(self._name))

    def _give_up_file(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            self._checkpoints.follow(None)
            if self._commits is not None:
                self._commits.close()
            if not self._has_batch:
                self._void.append(self._name)
            with contextlib.suppress(sqlite3.Error):  # of a file that is not written again in any case
                file.close()

    def _remove_void(self) -> None:
        """Unlink the files that nothing stands in but what was written again in another.

        Not before that is durable, and so never to have another file of their name beside their remains.
        """
        with contextlib.suppress(OSError):  # then they stay: what they hold is void all the same
            for name in self._void:
                for path in database.files_of(self._folder.day(name)):
                    path.unlink(missing_ok=True)
            flush_folder(self._folder.days)
        self._void.clear()

    # --- room -------------------------------------------------------------------------------------------

    def _keep_reserve(self) -> None:
        """Take the reserve, if there is room and it is not there."""
        reserve = self._folder.reserve
        try:
            if reserve.exists():
                return
            room = os.statvfs(self._folder.root)
            if room.f_bavail * room.f_frsize < RESERVE_MARGIN * RESERVE:
                return
            descriptor = os.open(reserve, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, RESERVE)
            finally:
                os.close(descriptor)
        except OSError:
            # There is less room than it seemed: then there is no reserve, which the status shows.
            reserve.unlink(missing_ok=True)

    def _release_reserve(self) -> bool:
        try:
            self._folder.reserve.unlink()
        except OSError:
            return False
        return True
