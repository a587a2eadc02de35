"""What was found to be damaged, as the index keeps it: settled by nobody until it is signed off."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from proxy.adapters.stores.ledger import database, index
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.walking import UNREADABLE, Bad

INDEX = "index"
"""Stands for a day's name where the index itself is what is wrong."""
MOST = 1000
"""Found in one check and noted; a file that is all noise has no end of them."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A range that is not what was written."""

    id: int | None
    """By which it is signed off; None where the index could not take it."""
    day: str
    first: int
    last: int
    problem: str
    signed_by: str | None = None
    signed_at: int | None = None
    """Seconds since 1970."""
    remark: str | None = None


def noted(folder: Folder, found: Sequence[Bad]) -> list[Damage]:
    """Note what was found, in one short transaction, and return all damages that are known now.

    One that was noted before is not noted again; what is wrong with the index itself not at all, for that is
    mended by making it anew. Without an index that can be written, what was found is returned as it is.
    """
    every = [Damage(None, bad.day, bad.first, bad.last, bad.problem) for bad in found[:MOST]]
    new = [damage for damage in every if damage.day != INDEX]
    if not folder.index.exists():
        return every
    try:
        with closing(
            index.open_to_write(folder.index) if new else index.open_to_read(folder.index)
        ) as connection:
            if new:
                with database.transaction(connection):
                    _note(connection, new)
            return [*known(connection), *(damage for damage in every if damage.day == INDEX)]
    except UNREADABLE:
        return every  # that the index cannot be used is among them, or it is another's to write


def known(connection: sqlite3.Connection) -> list[Damage]:
    """Return all damages of an index, in the order of their ranges.

    Raises:
        sqlite3.Error: it cannot be read.

    """
    columns = ", ".join(Damage.__slots__)
    return [Damage(*row) for row in connection.execute(f"SELECT {columns} FROM damages ORDER BY first, id")]


def sign_off(connection: sqlite3.Connection, number: int, by: str, remark: str, at: int) -> Damage | None:
    """Note that an operator answers for a damage, and return it; None if there is none of that number.

    ``at`` is in seconds since 1970. Who signed first stays.

    Raises:
        sqlite3.Error: it is not durable.

    """
    with database.transaction(connection):
        connection.execute(
            "UPDATE damages SET signed_by = ?, signed_at = ?, remark = ? WHERE id = ? AND signed_by IS NULL",
            (by, at, remark, number),
        )
    return next((damage for damage in known(connection) if damage.id == number), None)


def _note(connection: sqlite3.Connection, found: Sequence[Damage]) -> None:
    for damage in found:
        connection.execute(
            """
            INSERT INTO damages (day, first, last, found_at, problem)
            SELECT ?, ?, ?, ?, ? WHERE NOT EXISTS (
                SELECT 1 FROM damages WHERE day = ? AND first <= ? AND last >= ?
            )
            """,
            (
                *(damage.day, damage.first, damage.last, int(time.time()), damage.problem),
                *(damage.day, damage.first, damage.last),
            ),
        )
