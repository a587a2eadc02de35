"""What a ledger needs now and then: days that are over are signed, old ones given up for those to come."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from proxy.adapters.stores.ledger.days import rows
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.pruning import choose, finish, prune
from proxy.adapters.stores.ledger.signing import close_day
from proxy.adapters.stores.ledger.spans import spans
from proxy.errors import LedgerDamaged

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept of the raw batches; roll-ups, settlements and signed roots stay."""

    days: float = 30.0
    most_bytes: int = 50_000_000_000


def keep_house(folder: Folder, index: sqlite3.Connection, retention: Retention, now: int) -> list[str]:
    """Sign the days that are over and give up what is too old or too much; ``now`` is in ms since 1970.

    Returns what an operator should know: days that cannot be signed, because they cannot be proven.

    Raises:
        LedgerUnusable, OSError, sqlite3.Error: files, key or index cannot be used.

    """
    finish(folder, index)
    problems = []
    signed = {row.name for row in rows(index) if row.signature is not None}
    valid, _ = spans(folder)
    for span in valid[:-1]:  # the last one is being written
        if span.name not in signed:
            try:
                close_day(index, folder, span.name)
            except LedgerDamaged as damage:
                problems.append(f"day {span.name} cannot be signed: {damage}")
    before = now - int(retention.days * DAY_MS)
    for day in choose(folder, index, before=before, most_bytes=retention.most_bytes):
        try:
            prune(folder, index, day, now // 1000)
        except LedgerDamaged as damage:
            problems.append(f"day {day.name} is not given up: {damage}")
            break
    return problems
