"""Folds what lies behind the index's watermark, and makes a lost index anew."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from proxy.adapters.stores.ledger import day_file, index
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.folding import Folding
from proxy.adapters.stores.ledger.spans import spans

FLUSH_EVERY = 5000
"""Batches folded in one transaction."""


def catch_up(folder: Folder, connection: sqlite3.Connection) -> Folding:
    """Fold the proven batches behind the watermark, across files in the order of seq; the rest are damages.

    Raises:
        sqlite3.Error: the index takes nothing.

    """
    folding = Folding(connection)
    valid, _ = spans(folder)
    for span in valid:
        if span.last <= folding.seq:
            continue
        with closing(day_file.open_to_read(folder.day(span.name))) as day:
            if not folding.seq:
                folding.hash = span.previous
            for batch in day_file.batches(day, folding.seq):
                if batch.seq > span.last:
                    break
                if batch.follows(folding.hash):
                    folding.take(batch, span.name)
                else:
                    problem = "its hash is not that of what it holds and follows"
                    folding.skip(span.name, batch.seq, batch.hash, problem)
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
