"""What a worker, a tenant, an upstream or a site has been doing: hashrates, and what became of the shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from proxy.ledger.outcomes import Outcome
from proxy.ledger.statistics import Rate, rate
from proxy.ledger.totals import Ends, Row, by, of

WINDOWS = {"5m": 300, "1h": 3600, "24h": 86400}
"""Seconds of each hashrate, by the name under which it is shown."""
REFUSED_BY_POOL = (Outcome.POOL_REJECTED, Outcome.POOL_STALE, Outcome.POOL_DUPLICATE, Outcome.POOL_LOW)
SETTLED = (Outcome.POOL_ACCEPTED, *REFUSED_BY_POOL, Outcome.POOL_UNKNOWN, Outcome.UNSENT)
"""All ends of shares that met the pool's target."""
NAMES = {outcome: outcome.name.lower() for outcome in Outcome}
"""What each end is called wherever it is shown."""

Name = TypeVar("Name", bound=tuple[str, ...])


@dataclass(frozen=True, slots=True)
class Activity(Generic[Name]):
    """Of one worker, tenant or upstream."""

    name: Name
    rates: Mapping[str, Rate]
    """By the names of ``WINDOWS``."""
    ends: Ends
    """Of the shares of a longer time."""

    @property
    def best(self) -> float:
        """The greatest difficulty achieved; 0 before the first share."""
        return of(self.ends, Outcome.ACCEPTED).best

    @property
    def last(self) -> int:
        """Milliseconds since 1970 of the last credited share; 0 before the first."""
        return of(self.ends, Outcome.ACCEPTED).last


def activities(
    rows: Iterable[Row],
    windows: Mapping[str, tuple[int, Sequence[Row]]],
    name: Callable[[Row], Name],
) -> list[Activity[Name]]:
    """Return the activity of each whose name a row bears, in the order of names.

    ``windows`` are the seconds that each one really has, for it was widened to whole minutes, and its rows.
    """
    rates = {window: (seconds, by(its, name)) for window, (seconds, its) in windows.items()}
    return [
        Activity(
            who,
            {window: _rate(sums.get(who, {}), seconds) for window, (seconds, sums) in rates.items()},
            ends,
        )
        for who, ends in sorted(by(rows, name).items())
    ]


def counts(ends: Ends) -> dict[str, int]:
    """Return how many shares came to each end, by the end's name; all are there."""
    return {name: ends[outcome].count if outcome in ends else 0 for outcome, name in NAMES.items()}


def _rate(ends: Ends, seconds: int) -> Rate:
    accepted = of(ends, Outcome.ACCEPTED)
    return rate(accepted.difficulty, accepted.square, seconds)
