"""Where a ledger goes on: what its files and its index say when the program starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from proxy.adapters.stores.ledger import day_file, index, standing
from proxy.adapters.stores.ledger.days import Day, DayRow, days, ledger_of, rows
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.walking import UNREADABLE
from proxy.adapters.stores.ledger.writer import Last
from proxy.ledger.chain import GENESIS

AHEAD = 1_000_000_000
"""Numbers that are passed over where batches may stand that nobody can read: more than any index is behind,
for it is more than a site that is always busy writes in half a year."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A ledger to be gone on with."""

    last: Last
    problems: list[str]
    """What an operator should know: files that cannot be read are left as they are."""


def opened(folder: Folder) -> Opened:
    """Return the end of the chain; a ledger that is not there yet is made.

    No number is given twice: where the end cannot be read the chain goes on far behind it.

    Raises:
        LedgerUnusable, OSError, sqlite3.Error: the folder cannot be used.

    """
    folder.make()
    known, watermark, ledger = _of_index(folder)
    ordered = days(folder, known)
    problems = [f"{folder.day(day.name)}: {day.problem}" for day in ordered if day.problem is not None]
    seq, digest = _end(folder, ordered)
    if watermark[0] > seq or any(day.last is None or day.last > seq for day in ordered):
        end, (seq, digest) = seq, max((seq, digest), watermark)
        seq += AHEAD
        problems.append(f"what stands behind batch {end} cannot be read: the chain goes on with {seq + 1}")
    return Opened(Last(ledger_of(ordered) or ledger or os.urandom(16), seq, digest), problems)


def _of_index(folder: Folder) -> tuple[list[DayRow], tuple[int, bytes], bytes]:
    """Return the days' rows, the watermark and the ledger's id; nothing where the index cannot be read."""
    try:
        with closing(index.open_to_read(folder.index)) as connection:
            return rows(connection), standing.watermark(connection), standing.value(connection, "ledger")
    except UNREADABLE:
        return [], (0, GENESIS), b""


def _end(folder: Folder, ordered: Sequence[Day]) -> tuple[int, bytes]:
    """Return seq and hash of the last batch that a file or a closed day's row tells."""
    for day in reversed(ordered):
        found = _end_of(folder, day)
        if found is not None:
            return found
    return 0, GENESIS


def _end_of(folder: Folder, day: Day) -> tuple[int, bytes] | None:
    if day.is_there:
        try:
            with closing(day_file.open_to_read(folder.day(day.name))) as connection:
                found = connection.execute("SELECT seq, hash FROM batches WHERE seq = ?", (day.last,))
                seq, digest = found.fetchone() or (0, b"")
                if digest:
                    return seq, digest
        except UNREADABLE:
            pass  # it counts as what cannot be read
    return None if day.row is None else (day.row.last, day.row.root)
