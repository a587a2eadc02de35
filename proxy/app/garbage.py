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
QUICK = 1000
"""Objects that are searched within some tenths of a millisecond."""


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


def glance() -> None:
    """Search the youngest, some dozens of objects: call it fifty times a second.

    Python searches by itself when 700 more were made than freed. Where miners come and go that is a matter of
    chance: thousands pile up before, and are searched all at once.
    """
    gc.collect(0)


def look() -> None:
    """Search what survived since the last look, if that is little, and set it aside. Call it each second."""
    if len(gc.get_objects(generation=1)) <= QUICK:
        gc.collect(1)
    gc.freeze()
