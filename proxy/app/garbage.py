"""Python's search for garbage, kept short: it stops the loop, at 10,000 miners for half a second.

Nothing that comes and goes with a miner, a share or a job needs it: reference counts free all of that (a test
counts what is left). What is rare may, the exception of a dial for example. So the youngest objects are
searched as ever; what survives is searched once, where that is quick, and then never again.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

NEVER = 1 << 30
"""As a threshold: the search that Python would begin on its own, at any time."""
QUICK = 2
"""Searches of the youngest since the last look, each at some 700 new objects: with fewer, what survived them
is searched within a millisecond or two."""


@contextmanager
def brief_searches() -> Iterator[None]:
    """Leave only the search of the youngest objects to Python while this lasts."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(thresholds[0], NEVER, NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def look() -> None:
    """Search what survived since the last look, if that is little, and set it aside. Call it each second."""
    if gc.get_count()[1] <= QUICK:
        gc.collect(1)
    gc.freeze()
