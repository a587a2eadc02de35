"""``ledger backup``: a copy that is a ledger itself, made while a program writes or not.

The index is copied first and the days behind it, so that no day of the copy ends before the watermark. Each
file is copied as it was at one moment, by SQLite; one that SQLite cannot read is copied byte by byte, for
the damaged are what an operator may want to look at. The copy gets its name when all of it is durable.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from proxy.adapters.stores.ledger import index
from proxy.adapters.stores.ledger.days import rows
from proxy.adapters.stores.ledger.folder import Folder, flush_folder
from proxy.adapters.stores.ledger.walking import UNREADABLE
from proxy.errors import LedgerUnusable

PAGES = 2048
"""Copied between two words on the progress: 8 MB."""


def backup(folder: Folder, target: Path, progress: Callable[[int], None] = lambda written: None) -> None:
    """Copy a ledger to ``target``, which becomes a data directory; ``progress`` is told of bytes.

    The key for signing goes along: whoever has the copy can go on with the ledger.

    Raises:
        FileExistsError: ``target`` is there.
        LedgerUnusable: a day was pruned meanwhile; begin again.
        OSError, sqlite3.Error: the copy cannot be written.

    """
    if target.exists():
        raise FileExistsError(f"{target} exists")
    unfinished = target.with_name(f"{target.name}.unfinished")
    if unfinished.exists():
        raise FileExistsError(f"{unfinished} exists: another backup is being made, or was killed")
    copy = Folder.of(unfinished)
    copy.make()
    try:
        _copy(folder, copy, progress)
        flush_folder(copy.days)
        flush_folder(copy.root)
        flush_folder(unfinished)
        unfinished.rename(target)
        flush_folder(target.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _copy(folder: Folder, copy: Folder, progress: Callable[[int], None]) -> None:
    if folder.index.exists():
        _file(folder.index, copy.index, progress)
    for name in folder.names():
        if not folder.day(name).exists():
            raise LedgerUnusable(f"{name} was pruned meanwhile: begin the backup again")
        _file(folder.day(name), copy.day(name), progress)
    if folder.signing_key.exists():
        _bytes(folder.signing_key, copy.signing_key)
    _demand_whole(copy)


def _demand_whole(copy: Folder) -> None:
    """Raise if a day went after the index was copied and before it was its turn."""
    try:
        with closing(index.open_to_read(copy.index)) as connection:
            known = rows(connection)
    except UNREADABLE:
        return  # there is no index, or none that can be used: then no day was pruned by it
    gone = [row.name for row in known if row.pruned_at is None and not copy.day(row.name).exists()]
    if gone:
        raise LedgerUnusable(
            f"{gone[0]} is not there: pruned meanwhile, or lost; see `pumpjack ledger check`"
        )


def _file(source: Path, target: Path, progress: Callable[[int], None]) -> None:
    try:
        _by_sqlite(source, target, progress)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise  # no room, no right: nothing that the file is to blame for
        target.unlink(missing_ok=True)
        for suffix in ("", "-wal"):
            part = source.with_name(source.name + suffix)
            if part.exists():
                _bytes(part, target.with_name(target.name + suffix))
        progress(source.stat().st_size)


def _by_sqlite(source: Path, target: Path, progress: Callable[[int], None]) -> None:
    written = 0

    def tell(status: int, remaining: int, total: int) -> None:
        nonlocal written
        done = (total - remaining) * size
        progress(done - written)
        written = done

    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(descriptor)
    uri = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as reading:
        size = int(reading.execute("PRAGMA page_size").fetchone()[0])
        # One moment for the whole copy: SQLite would begin again whenever the writer commits.
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with closing(sqlite3.connect(target)) as writing:
            reading.backup(writing, pages=PAGES, progress=tell)
    _flush(target)


def _bytes(source: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as writing, source.open("rb") as reading:
        shutil.copyfileobj(reading, writing)
        writing.flush()
        os.fsync(writing.fileno())


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
