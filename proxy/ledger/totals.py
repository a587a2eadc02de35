"""Sums of shares, put together as somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple, TypeVar

from proxy.ledger.fold import Sum
from proxy.ledger.outcomes import Outcome

Name = TypeVar("Name", bound=Hashable)


class Row(NamedTuple):
    """The shares of one worker with one upstream that came to one end."""

    tenant: str
    worker: str
    upstream: str
    """Empty where there was none; ``?`` where nobody knows, as for tenants."""
    outcome: Outcome
    sum: Sum


Ends = dict[Outcome, Sum]
"""The shares of somebody, by what became of them."""


def by(rows: Iterable[Row], name: Callable[[Row], Name]) -> dict[Name, Ends]:
    """Return the sums of each outcome, by whatever ``name`` makes of a row, in the order of first sight."""
    found: dict[Name, Ends] = {}
    for row in rows:
        ends = found.setdefault(name(row), {})
        if row.outcome in ends:
            include(ends[row.outcome], row.sum)
        else:
            ends[row.outcome] = row.sum.copy()
    return found


def of(ends: Ends, *wanted: Outcome) -> Sum:
    """Return the sum of some outcomes together; of one, it is the one that is there."""
    if len(wanted) == 1:
        return ends.get(wanted[0]) or Sum()
    together = Sum()
    for outcome in wanted:
        if outcome in ends:
            include(together, ends[outcome])
    return together


def include(whole: Sum, part: Sum) -> None:
    """Add a sum to another."""
    whole.add(part.count, part.difficulty, part.square, part.best, part.last, part.expected, part.blocks)
