"""Work in a thread beside the loop that leaves the interpreter to it half of the time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

WORK = 0.0005
"""Seconds of work until a rest of the same length."""


def gently(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items, with a rest now and then: what is done between two of them counts as work.

    SQLite lets go of the interpreter for each row and takes it again at once, before a loop that waits for it
    has woken up: the loop gets no turn for milliseconds, whatever Python's switch interval is.
    """
    began = time.perf_counter()
    for item in items:
        yield item
        worked = time.perf_counter() - began
        if worked > WORK:
            time.sleep(worked)
            began = time.perf_counter()
