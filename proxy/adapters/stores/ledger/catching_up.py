"""Folds what lies behind the index's watermark, and makes a lost index anew."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from proxy.adapters.stores.ledger import day_file, index
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.folding import Folding

FLUSH_EVERY = 5000
"""Batches folded in one transaction."""


def catch_up(folder: Folder, connection: sqlite3.Connection) -> Folding:
    """Fold the proven batches behind the watermark, across files in the order of seq; the rest are damages.

    Raises:
        sqlite3.Error: the index takes nothing.

    """
    folding = Folding(connection)
    files = []
    for name in folder.names():
        with closing(day_file.open_to_read(folder.day(name))) as day:
            ends = day_file.ends(day)
            if ends is not None:
                files.append((ends[0].seq, ends[1].seq, name))
    files.sort()
    for _, last, name in files:
        if last <= folding.seq:
            continue
        with closing(day_file.open_to_read(folder.day(name))) as day:
            _, previous = day_file.origin(day)
            if not folding.seq:
                folding.hash = previous
            for batch in day_file.batches(day, folding.seq):
                if batch.follows(folding.hash):
                    folding.take(batch, name)
                else:
                    folding.skip(
                        name, batch.seq, batch.hash, "its hash is not that of what it holds and follows"
                    )
                if batch.seq % FLUSH_EVERY == 0:
                    folding.flush()
    folding.flush()
    return folding


def rebuild(folder: Folder, path: Path) -> sqlite3.Connection:
    """Make an index anew at ``path``, in place of whatever lies there, and return it open for writing.

    Raises:
        sqlite3.Error, OSError: it cannot be written.

    """
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    connection = index.open_to_write(path)
    try:
        catch_up(folder, connection)
    except BaseException:
        connection.close()
        raise
    return connection
