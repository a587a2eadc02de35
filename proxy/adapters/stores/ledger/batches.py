"""Batches across the files of all days, for readers: a file that cannot be read is named, the others are."""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from proxy.adapters.stores.ledger import day_file
from proxy.adapters.stores.ledger.folder import Folder
from proxy.errors import LedgerUnusable
from proxy.ledger.chain import Batch
from proxy.ledger.records import AnyNote, notes_of

EMPTY = 5
"""Bytes of a message that holds nothing."""


@dataclass(frozen=True, slots=True)
class DayFile:
    """A file, and what it holds."""

    name: str
    path: Path
    first: int
    """Seq of its first batch."""
    last: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that is there and cannot be read."""

    name: str
    problem: str


def day_files(folder: Folder, without: Container[str] = ()) -> tuple[list[DayFile], list[Unreadable]]:
    """Return the files that hold batches, in the order of seq, but for some; and those that are broken."""
    found, broken = [], []
    for name in folder.names():
        if name in without:
            continue
        path = folder.day(name)
        try:
            with closing(day_file.open_to_read(path)) as connection:
                ends = day_file.ends(connection)
        except (LedgerUnusable, sqlite3.Error) as error:
            broken.append(Unreadable(name, str(error)))
            continue
        if ends is not None:
            found.append(DayFile(name, path, ends[0].seq, ends[1].seq))
    return sorted(found, key=lambda file: file.first), broken


def behind(files: list[DayFile], seq: int) -> Iterator[tuple[DayFile, Batch]]:
    """Yield the batches behind ``seq``, each with its file, in their order; nothing is checked.

    Raises:
        LedgerUnusable, sqlite3.Error: a file cannot be read.

    """
    for file in files:
        if file.last > seq:
            with closing(day_file.open_to_read(file.path)) as connection:
                for batch in day_file.batches(connection, max(seq, file.first - 1)):
                    yield file, batch


def backwards(files: list[DayFile]) -> Iterator[Batch]:
    """Yield the batches from the last one back; nothing is checked.

    Raises:
        LedgerUnusable, sqlite3.Error: a file cannot be read.

    """
    for file in reversed(files):
        with closing(day_file.open_to_read(file.path)) as connection:
            before = file.last + 1
            while rows := connection.execute(
                "SELECT seq, run, at, notes, shares, hash FROM batches WHERE seq < ? ORDER BY seq DESC LIMIT ?",
                (before, day_file.CHUNK),
            ).fetchall():
                for row in rows:
                    yield Batch(*row)
                before = rows[-1][0]


def batch_of(files: list[DayFile], seq: int) -> tuple[DayFile, Batch] | None:
    """Return a batch and its file, or None if no file has it.

    Raises:
        LedgerUnusable, sqlite3.Error: its file cannot be read.

    """
    for file in files:
        if file.first <= seq <= file.last:
            with closing(day_file.open_to_read(file.path)) as connection:
                row = connection.execute(
                    "SELECT seq, run, at, notes, shares, hash FROM batches WHERE seq = ?", (seq,)
                ).fetchone()
            if row is not None:
                return file, Batch(*row)
    return None


def told(file: DayFile, until: Batch) -> Iterator[AnyNote]:
    """Yield the notes of a batch's run in its file, from this batch back to the file's beginning.

    What a share needs is told in the same file, for each can be read without the others.

    Raises:
        LedgerDamaged, LedgerUnusable, sqlite3.Error: they cannot be read.

    """
    with closing(day_file.open_to_read(file.path)) as connection:
        before = until.seq + 1
        while rows := connection.execute(
            "SELECT seq, notes FROM batches WHERE seq < ? AND run = ? AND length(notes) > ? "
            "ORDER BY seq DESC LIMIT ?",
            (before, until.run, EMPTY, day_file.CHUNK),
        ).fetchall():
            for before, notes in rows:
                yield from reversed(notes_of(notes))
