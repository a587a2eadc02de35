"""The settlements of the index, held against their own chain."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from proxy.ledger.chain import GENESIS, settled

CHUNK = 1000
"""Rows read in one short transaction."""


def broken(index: sqlite3.Connection) -> Iterator[tuple[int, int]]:
    """Yield id and batch (0 where it is not known) of each settlement that is not what was written.

    Ids rise by one, so that one which is missing is found at the next.

    Raises:
        sqlite3.Error: they cannot be read.

    """
    previous, last = GENESIS, 0
    while True:
        rows = index.execute(
            "SELECT id, run, number, seq, place, outcome, reason, at, hash FROM settlements"
            " WHERE id > ? ORDER BY id LIMIT ?",
            (last, CHUNK),
        ).fetchall()
        for number, *row, digest in rows:
            if settled(previous, *row) != digest:
                yield number, row[2] or 0
            previous, last = digest, number
        if len(rows) < CHUNK:
            return
