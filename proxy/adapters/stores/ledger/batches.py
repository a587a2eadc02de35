"""Batches across the files of all days, for readers; nothing is checked here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from proxy.adapters.stores.ledger import day_file
from proxy.adapters.stores.ledger.days import Day
from proxy.adapters.stores.ledger.folder import Folder
from proxy.ledger.chain import Batch
from proxy.ledger.records import AnyNote, notes_of

EMPTY = 5
"""Bytes of a message that holds nothing."""


class Span(NamedTuple):
    """The batches of one file that count."""

    name: str
    first: int
    last: int


class Batches:
    """The files as they were when looked through; one that breaks raises LedgerUnusable or sqlite3.Error."""

    def __init__(self, folder: Folder, days: Sequence[Day]) -> None:
        self._folder = folder
        self.days = days
        self.spans = [
            Span(day.name, day.first, day.last)
            for day in days
            if day.is_there and day.first is not None and day.last is not None
        ]

    def behind(self, seq: int) -> Iterator[tuple[Span, Batch]]:
        """Yield the batches behind ``seq``, each with its file, in their order."""
        for span in self.spans:
            if span.last > seq:
                with closing(day_file.open_to_read(self._folder.day(span.name))) as connection:
                    for batch in day_file.batches(connection, max(seq, span.first - 1)):
                        if batch.seq > span.last:
                            break
                        yield span, batch

    def backwards(self) -> Iterator[Batch]:
        """Yield the batches from the last one back."""
        for span in reversed(self.spans):
            with closing(day_file.open_to_read(self._folder.day(span.name))) as connection:
                before = span.last + 1
                while rows := connection.execute(
                    f"SELECT {day_file.COLUMNS} FROM batches WHERE seq < ? ORDER BY seq DESC LIMIT ?",
                    (before, day_file.CHUNK),
                ).fetchall():
                    for row in rows:
                        yield Batch(*row)
                    before = rows[-1][0]

    def find(self, seq: int) -> tuple[Span, Batch] | None:
        """Return a batch and its file, or None if no file has it."""
        for span in self.spans:
            if span.first <= seq <= span.last:
                with closing(day_file.open_to_read(self._folder.day(span.name))) as connection:
                    row = connection.execute(
                        f"SELECT {day_file.COLUMNS} FROM batches WHERE seq = ?", (seq,)
                    ).fetchone()
                if row is not None:
                    return span, Batch(*row)
        return None

    def told(self, span: Span, until: Batch) -> Iterator[AnyNote]:
        """Yield the notes of a batch's run, from this batch back to the beginning of its file.

        What a share needs is told in the same file, for each can be read without the others.

        Raises:
            LedgerDamaged: there are bytes that are no notes.

        """
        with closing(day_file.open_to_read(self._folder.day(span.name))) as connection:
            before = until.seq + 1
            while rows := connection.execute(
                "SELECT seq, notes FROM batches WHERE seq < ? AND run = ? AND length(notes) > ? "
                "ORDER BY seq DESC LIMIT ?",
                (before, until.run, EMPTY, day_file.CHUNK),
            ).fetchall():
                for _, notes in rows:
                    yield from reversed(notes_of(notes))
                before = rows[-1][0]
