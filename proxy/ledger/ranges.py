"""Which roll-ups answer for a range of time: the coarsest that lie whole within it, each moment once."""

from __future__ import annotations

from typing import NamedTuple

MINUTE, HOUR, DAY = 60, 3600, 86400
"""Seconds."""
HOURS_KEPT = 90 * DAY
"""Roll-ups by hour; those by minute are kept for 48 hours, those by day for ever."""
BY_MINUTES = 6 * HOUR
"""Longer ranges begin with a whole hour: the minutes of 5,000 workers are many, and change little."""


class Part(NamedTuple):
    """A piece of a range, and the roll-up that answers for it."""

    name: str
    """``minute``, ``hour`` or ``day``."""
    since: int
    until: int
    """Seconds since 1970; the end is not within."""


def parts_of(since: int, until: int, hours_end: int, days_end: int) -> list[Part]:
    """Return what a range of seconds since 1970, widened to whole minutes, is made of, in its order.

    Hours are rolled up to ``hours_end``, a whole hour, and days to ``days_end``, a whole day; minutes are
    not needed to have come to an end.
    """
    levels = (("day", DAY, days_end), ("hour", HOUR, hours_end))
    return _parts(since // MINUTE * MINUTE, -(-until // MINUTE) * MINUTE, levels)


def _parts(since: int, until: int, levels: tuple[tuple[str, int, int], ...]) -> list[Part]:
    if since >= until:
        return []
    if not levels:
        return [Part("minute", since, until)]
    (name, length, end), finer = levels[0], levels[1:]
    first, last = -(-since // length) * length, min(until // length * length, end)
    if first >= last:
        return _parts(since, until, finer)
    return [*_parts(since, first, finer), Part(name, first, last), *_parts(last, until, finer)]


def beginning(since: int, now: int) -> int:
    """Return the latest instant up to ``since`` from which a range is still known exactly at ``now``.

    A whole minute within six hours, a whole hour within 89 days, a whole day before that.
    """
    if now - since <= BY_MINUTES:
        return since // MINUTE * MINUTE
    return since // HOUR * HOUR if now - since <= HOURS_KEPT - DAY else since // DAY * DAY
