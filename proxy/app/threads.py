"""How long a thread of ours may keep the loop from running: half a millisecond, not Python's five.

Threads beside the loop compute in Python too, the governor above all. The loop lets go of the interpreter in
each of its turns, and gets it back after this long: beside a thread that computes all the time one turn in a
hundred took nine milliseconds with Python's interval, and no longer than alone with this one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_INTERVAL = 0.0005
"""Seconds."""


@contextmanager
def brief_turns() -> Iterator[None]:
    """Let threads compute for a short time each while this lasts."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
