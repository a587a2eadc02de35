"""Which days' batches are given up: whole ones, from the oldest on, and only what is safe to lose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kept:
    """A day's file as it stands on the disk."""

    name: str
    last: int
    """Seq of its last batch."""
    last_at: int
    """Milliseconds since 1970 of its last batch."""
    bytes: int
    is_signed_off: bool = True
    """Whether no damage of it waits for an operator: until then its file is what he looks at."""


def to_prune(
    days: Sequence[Kept], watermark: int, *, before: int | None = None, most_bytes: int | None = None
) -> list[Kept]:
    """Return the days to give up, the oldest first.

    The last one is being written and stays, as does one that is not folded up to its end, and all behind it:
    what is left is always the end of the chain without a gap.

    Args:
        days: All that are there, in the order of their batches.
        watermark: Seq up to which batches are folded.
        before: Days that ended before this instant (ms since 1970) are given up.
        most_bytes: So many are given up that those left take at most this.

    """
    room = sum(day.bytes for day in days)
    chosen = []
    for day in days[:-1]:
        is_old = before is not None and day.last_at < before
        is_much = most_bytes is not None and room > most_bytes
        if not (is_old or is_much) or day.last > watermark or not day.is_signed_off:
            break
        chosen.append(day)
        room -= day.bytes
    return chosen
