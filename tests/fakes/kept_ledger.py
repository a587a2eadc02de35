"""A ledger on disk that was folded up to some batch, as a running program leaves it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from proxy.adapters.stores.ledger import index
from proxy.adapters.stores.ledger.catching_up import catch_up
from proxy.adapters.stores.ledger.folder import Folder


def fold(folder: Folder, now: int | None = None) -> None:
    """Fold all that is there into the index; with ``now``, seconds since 1970, roll up what is over then."""
    with closing(index.open_to_write(folder.index)) as connection:
        folding = catch_up(folder, connection)
        if now is not None:
            folding.roll(now)


def meddle(folder: Folder, statement: str, *values: object) -> None:
    """Change the index as no program of ours does."""
    with closing(index.open_to_write(folder.index)) as connection:
        connection.execute(statement, values)


def data_of(folder: Folder) -> Path:
    """Return the data directory."""
    return folder.root.parent
