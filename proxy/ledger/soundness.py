"""What a batch may claim, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.errors import LedgerDamaged
from proxy.ledger.chain import Batch
from proxy.ledger.records import (
    AnyNote,
    Gap,
    JobIssued,
    SessionBegan,
    SessionEnded,
    ShareSettled,
    SharesRefused,
    WorkReceived,
)

MOST_NUMBER = (1 << 63) - 1
"""What SQLite can hold."""
MOST_DIFFICULTY = 2.0**256


def demand_sound(batch: Batch, notes: Iterable[AnyNote]) -> None:
    """Refuse a batch whose claims the index cannot hold: numbers of 63 bits, difficulties that exist.

    Raises:
        LedgerDamaged: it has such.

    """
    numbers: list[int] = [batch.seq, batch.at]
    difficulties: list[float] = []
    for note in notes:
        match note:
            case WorkReceived():
                numbers.append(note.work)
                difficulties.append(note.difficulty)
            case JobIssued():
                numbers.append(note.work)
            case SessionBegan() | SessionEnded():
                numbers.append(note.session)
            case ShareSettled():
                numbers += (note.number, note.session, note.work)
                difficulties.append(note.difficulty)
            case SharesRefused():
                numbers += (note.session, note.count)
                difficulties.append(note.difficulty)
            case Gap():
                numbers += (note.since, note.until, note.shares)
                difficulties.append(note.difficulty)
            case _:
                pass
    if not all(0 <= number <= MOST_NUMBER for number in numbers):
        raise LedgerDamaged("a number is out of range")
    if not all(0.0 <= difficulty <= MOST_DIFFICULTY for difficulty in difficulties):
        raise LedgerDamaged("a difficulty is out of range")
