"""What a ledger needs now and then: days that are over are signed, old ones given up for those to come."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from proxy.adapters.stores.ledger.days import days, rows
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.pruning import choose, finish, prune
from proxy.adapters.stores.ledger.signing import close_day
from proxy.errors import LedgerDamaged
from proxy.ledger.retention import Age


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
    for day in days(folder, rows(index))[:-1]:  # the last one is being written
        if day.is_there and (day.row is None or day.row.signature is None):
            try:
                close_day(index, folder, day.name)
            except LedgerDamaged as damage:
                problems.append(f"day {day.name} cannot be signed: {damage}")
    too_old = Age(retention.days, now)
    for old in choose(folder, index, too_old=too_old, most_bytes=retention.most_bytes):
        try:
            prune(folder, index, old, now // 1000)
        except LedgerDamaged as damage:
            problems.append(f"day {old.name} is not given up: {damage}")
            break
    return problems
