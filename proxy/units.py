"""Units as types, so that a naked float does not cross a module border."""

from typing import NewType

Seconds = NewType("Seconds", float)
"""Monotonic seconds: an instant of the running process, or a duration."""

Difficulty = NewType("Difficulty", float)
"""How many times harder than the bdiff-1 target (0xffff * 2**208); fractional for tiny miners."""

HashesPerSecond = NewType("HashesPerSecond", float)
"""Double SHA-256 evaluations of a block header each second."""
