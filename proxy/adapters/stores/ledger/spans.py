"""Which batches of which file are valid: the order of the files, and where each of them ends."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import zip_longest

from proxy.adapters.stores.ledger import day_file
from proxy.adapters.stores.ledger.folder import Folder, order_of
from proxy.errors import LedgerUnusable


@dataclass(frozen=True, slots=True)
class Span:
    """The batches of one file that count."""

    name: str
    first: int
    last: int
    previous: bytes
    """The hash of the batch before the first."""
    root: bytes
    """The hash of the last batch."""


def spans(folder: Folder) -> tuple[list[Span], dict[str, str]]:
    """Return the valid part of every file in the order of ``seq``, and what is wrong with those unreadable.

    A batch that the disk did not confirm is written again at the beginning of the next file: should it stand
    in the earlier file after all, it is void there. So a file ends where the next one begins.
    """
    found: list[Span] = []
    unreadable: dict[str, str] = {}
    for name in folder.names():
        try:
            with closing(day_file.open_to_read(folder.day(name))) as connection:
                _, previous = day_file.origin(connection)
                ends = day_file.ends(connection)
        except (sqlite3.Error, LedgerUnusable, TypeError, UnicodeError) as error:
            unreadable[name] = f"{error}"
            continue
        if ends is not None:
            found.append(Span(name, ends[0].seq, ends[1].seq, previous, ends[1].hash))
    found.sort(key=lambda span: (span.first, *order_of(span.name)))
    valid: list[Span] = []
    for span, following in zip_longest(found, found[1:]):
        if following is None or span.last < following.first:
            valid.append(span)
        elif span.first < following.first:
            valid.append(replace(span, last=following.first - 1, root=following.previous))
    return valid, unreadable
