r"""``ledger export``: one file of JSON lines that anybody can prove with SHA-256, msgpack and Ed25519.

First line: ``format``, ``ledger``, ``public_key`` (hex), ``from``, ``to`` (ISO, as asked for), ``first``
(seq of the first batch), ``previous`` (hash before it). Then a line for each batch: ``seq``, ``run``,
``at``, ``count``, ``notes``, ``shares``, ``hash``, bytes in base64; and behind a closed day one with its
``line``, which is signed, and its ``signature``. Last line: ``batches``, ``shares``, ``root``; a file
without it is not whole.

Files are exported from their first batch on, because that tells what lives: jobs and sessions of all shares
are in the export. Batches of the range that cannot be proven are not exported; the last line names them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import IO, Any

from proxy.adapters.stores.ledger import day_file, index
from proxy.adapters.stores.ledger.days import Day, DayRow, days, rows, steps
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.signing import ClosedDay, public_key
from proxy.adapters.stores.ledger.walking import UNREADABLE, Bad, Proven

FORMAT = "pumpjack ledger export 1"


def export(
    folder: Folder,
    file: IO[str],
    since: int = 0,
    until: int = 1 << 62,
    progress: Callable[[int], None] = lambda read: None,
) -> dict[str, Any]:
    """Write the batches from ``since`` on and before ``until`` (ms since 1970), and return the last line.

    Raises:
        OSError: the ledger cannot be read, or the file not be written.
        LedgerUnusable: the signing key is none.

    """
    exporter = _Exporter(file, until, progress)
    chosen = _chosen(folder, since, until)
    public = public_key(folder.signing_key)
    first = chosen[0] if chosen else None
    exporter.line(
        {
            "format": FORMAT,
            "ledger": None if first is None or first.ledger is None else first.ledger.hex(),
            "public_key": None if public is None else public.hex(),
            "from": _iso(since),
            "to": _iso(until),
            "first": None if first is None else first.first,
            "previous": None if first is None or first.previous is None else first.previous.hex(),
        }
    )
    for day in chosen:
        exporter.day(folder, day)
    return exporter.end()


def _chosen(folder: Folder, since: int, until: int) -> list[Day]:
    """Return the files that hold some of the range."""
    known: list[DayRow] = []
    if folder.index.exists():
        with closing(index.open_to_read(folder.index)) as connection:
            known = rows(connection)
    chosen = []
    for day in days(folder, known):
        ends = None if day.is_pruned else _ends(folder, day)
        if not day.is_pruned and (ends is None or (ends[1] >= since and ends[0] < until)):
            chosen.append(day)
    return chosen


def _ends(folder: Folder, day: Day) -> tuple[int, int] | None:
    """Return when a day began and ended, ms since 1970; None where nobody can say."""
    if day.row is not None:
        return day.row.first_at, day.row.last_at
    try:
        with closing(day_file.open_to_read(folder.day(day.name))) as connection:
            found = day_file.ends(connection)
    except UNREADABLE:
        return None
    return None if found is None else (found[0].at, found[1].at)


class _Exporter:
    """Writes lines, and counts what it has written."""

    def __init__(self, file: IO[str], until: int, progress: Callable[[int], None]) -> None:
        self._file = file
        self._until = until
        self._progress = progress
        self._batches = self._shares = 0
        self._root: bytes | None = None
        self._bad: list[Bad] = []

    def line(self, value: dict[str, Any]) -> None:
        """Write one object."""
        self._file.write(json.dumps(value, separators=(",", ":")) + "\n")

    def day(self, folder: Folder, day: Day) -> None:
        """Write what a file holds before the end of the range."""
        for step in steps(folder, day):
            if isinstance(step, Bad):
                self._bad.append(step)
            elif step.batch.at >= self._until:
                return
            else:
                self._batch(step)
        if day.is_there and day.row is not None and day.row.signature is not None:
            self._signed(day.row, day.ledger or b"", day.row.signature)

    def _signed(self, row: DayRow, ledger: bytes, signature: bytes) -> None:
        closed = ClosedDay(
            ledger, row.name, row.first, row.last, row.shares, row.difficulty, row.previous, row.root
        )
        self.line({"line": closed.line.decode(), "signature": signature.hex()})

    def _batch(self, step: Proven) -> None:
        batch = step.batch
        self.line(
            {
                "seq": batch.seq,
                "run": batch.run.hex(),
                "at": batch.at,
                "count": step.shares,
                "notes": base64.b64encode(batch.notes).decode(),
                "shares": base64.b64encode(batch.shares).decode(),
                "hash": batch.hash.hex(),
            }
        )
        self._batches += 1
        self._shares += step.shares
        self._root = batch.hash
        self._progress(step.size)

    def end(self) -> dict[str, Any]:
        """Write the last line, and return it."""
        last = {
            "batches": self._batches,
            "shares": self._shares,
            "root": None if self._root is None else self._root.hex(),
            "left_out": [
                {"day": bad.day, "first": bad.first, "last": bad.last, "problem": bad.problem}
                for bad in self._bad
            ],
        }
        self.line(last)
        return last


def _iso(at: int) -> str | None:
    """Return an instant as text; None of one that stands for no limit."""
    try:
        return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
    except (OverflowError, ValueError):
        return None
