"""Where a ledger goes on: what its files say when the program starts."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass

from proxy.adapters.stores.ledger import day_file
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.spans import spans
from proxy.adapters.stores.ledger.writer import Last
from proxy.ledger.chain import GENESIS


@dataclass(frozen=True, slots=True)
class Opened:
    """A ledger to be gone on with."""

    last: Last
    unreadable: dict[str, str]
    """Files that cannot be read, with the reason: they are left as they are."""


def opened(folder: Folder) -> Opened:
    """Return the end of the chain; a ledger that is not there yet is made.

    Raises:
        LedgerUnusable, OSError, sqlite3.Error: the folder cannot be used.

    """
    folder.make()
    valid, unreadable = spans(folder)
    if not valid:
        return Opened(Last(os.urandom(16), 0, GENESIS), unreadable)
    end = valid[-1]
    with closing(day_file.open_to_read(folder.day(end.name))) as connection:
        ledger, _ = day_file.origin(connection)
    return Opened(Last(ledger, end.last, end.root), unreadable)
