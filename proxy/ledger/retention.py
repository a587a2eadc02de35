"""Which days' batches are given up: whole ones, from the oldest on, and only what is safe to lose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Age:
    """What is too old: it ended so many days ago, and so many later dates have batches.

    The second keeps a clock that leaps ahead from making everything old at once.
    """

    days: float
    now: int
    """Milliseconds since 1970."""

    def is_reached(self, day: Kept, later: Sequence[Kept]) -> bool:
        """Return whether a day is too old, where these follow it."""
        dates = {other.date for other in later} - {day.date}
        return day.last_at < self.now - self.days * DAY_MS and len(dates) >= math.floor(self.days)


@dataclass(frozen=True, slots=True)
class Kept:
    """A day's file as it stands on the disk."""

    name: str
    date: str
    """Of a clock that may have been wrong: a day may have several files."""
    last: int
    """Seq of its last batch."""
    last_at: int
    """Milliseconds since 1970 of its last batch."""
    bytes: int
    is_signed_off: bool = True
    """Whether no damage of it waits for an operator: until then its file is what he looks at."""


def to_prune(
    days: Sequence[Kept], watermark: int, *, too_old: Age | None = None, most_bytes: int | None = None
) -> list[Kept]:
    """Return the days to give up, the oldest first.

    The last one is being written and stays, as does one that is not folded up to its end, and all behind it:
    what is left is always the end of the chain without a gap.

    Args:
        days: All that are there, in the order of their batches.
        watermark: Seq up to which batches are folded.
        too_old: Days that are, are given up.
        most_bytes: So many are given up that those left take at most this.

    """
    room = sum(day.bytes for day in days)
    chosen = []
    for place, day in enumerate(days[:-1], 1):
        is_old = too_old is not None and too_old.is_reached(day, days[place:])
        is_much = most_bytes is not None and room > most_bytes
        if not (is_old or is_much) or day.last > watermark or not day.is_signed_off:
            break
        chosen.append(day)
        room -= day.bytes
    return chosen
