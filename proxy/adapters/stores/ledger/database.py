"""How the ledger's files are opened: SQLite in WAL mode, flushed at each commit, each with its schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from proxy.adapters.stores.ledger.folder import flush_folder
from proxy.errors import LedgerUnusable

BUSY = 5.0
"""Seconds to wait for another process's short transaction on the index."""
WAL_LIMIT = 64 << 20
"""Bytes to which a write-ahead log is cut after a checkpoint."""
WRITING = (
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 0",
    f"PRAGMA journal_size_limit = {WAL_LIMIT}",
    f"PRAGMA busy_timeout = {int(BUSY * 1000)}",
)
"""What each connection that writes is told; that there is a write-ahead log stands in the file."""
SUFFIXES = ("", "-wal", "-shm")
"""Of a database's files; the one that is listed goes first, for without it the others are nothing."""


def files_of(path: Path) -> list[Path]:
    """Return the files that a database may have, whether they are there or not."""
    return [path.with_name(f"{path.name}{suffix}") for suffix in SUFFIXES]


def create(
    path: Path,
    application: int,
    migrations: Sequence[str],
    fill: Callable[[sqlite3.Connection], object] = lambda connection: None,
) -> None:
    """Make a file that is not there; ``fill`` writes what it begins with. See ``write``.

    It gets its name once it is whole: a full disk, or a power cut, leaves no file then that nobody could tell
    from a damaged one. When this returns, it is durable.

    Raises:
        OSError, sqlite3.Error: the disk does not take it.

    """
    unfinished = path.with_suffix(".new")
    left = (*files_of(unfinished), unfinished.with_name(f"{unfinished.name}-journal"))
    for file in (*left, *files_of(path)[1:]):  # a log of another file's would be taken for this one's
        file.unlink(missing_ok=True)
    with closing(write(unfinished, application, migrations)) as connection:
        fill(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    unfinished.rename(path)
    flush_folder(path.parent)


def write(path: Path, application: int, migrations: Sequence[str]) -> sqlite3.Connection:
    """Open a file for writing, make it if it is not there, and bring its schema up to date.

    ``migrations`` are scripts; a file that has seen the first n has ``user_version`` n. Checkpoints are the
    caller's business: they would fall into a commit that somebody waits for. Transactions are explicit.

    Raises:
        LedgerUnusable: a later version, or another program, made the file.
        sqlite3.Error: it cannot be opened.

    """
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    try:
        is_new = not connection.execute("PRAGMA schema_version").fetchone()[0]
        if is_new:
            connection.execute(f"PRAGMA application_id = {application}")
        _demand(connection, path, application, len(migrations))
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in WRITING:
            connection.execute(statement)
        seen = connection.execute("PRAGMA user_version").fetchone()[0]
        for number, script in enumerate(migrations[seen:], seen + 1):
            connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def read(path: Path, application: int, versions: int) -> sqlite3.Connection:
    """Open a file for reading; whoever writes it is not disturbed.

    Raises:
        LedgerUnusable: a later version, or another program, made the file.
        sqlite3.Error: it is not there or cannot be opened.

    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False)
    try:
        _demand(connection, path, application, versions)
    except BaseException:
        connection.close()
        raise
    return connection


def _demand(connection: sqlite3.Connection, path: Path, application: int, versions: int) -> None:
    (found,) = connection.execute("PRAGMA application_id").fetchone()
    if found != application:
        raise LedgerUnusable(f"{path} is not a file of this kind of Pumpjack's")
    (seen,) = connection.execute("PRAGMA user_version").fetchone()
    if seen > versions:
        raise LedgerUnusable(f"{path} was written by a later version of Pumpjack")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Commit what is done within, all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
