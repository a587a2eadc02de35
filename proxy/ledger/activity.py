"""What a worker, a tenant, an upstream or a site has been doing: hashrates, and what became of the shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from proxy.ledger.outcomes import Outcome
from proxy.ledger.reconcile import Reconciliation, reconcile
from proxy.ledger.statistics import Luck, Rate, luck_of, rate
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

    @property
    def luck(self) -> Luck:
        """Blocks among the credited shares, against those that these were worth."""
        return luck(self.ends)

    @property
    def reconciliation(self) -> Reconciliation:
        """What we credited against what met the pool's target."""
        return reconciliation(self.ends)


def luck(ends: Ends) -> Luck:
    """Return the luck of somebody's credited shares."""
    accepted = of(ends, Outcome.ACCEPTED)
    return luck_of(accepted.blocks, accepted.expected)


def reconciliation(ends: Ends) -> Reconciliation:
    """Return how far somebody's credited shares and those that met the pool's target are apart."""
    met = of(ends, *SETTLED)
    return reconcile(of(ends, Outcome.ACCEPTED).difficulty, met.difficulty, met.square)


def rate_figures(rate: Rate) -> dict[str, Any]:
    """Return what JSON says of a hashrate; nothing is known of the error of none."""
    error = rate.error if rate.hashes_per_second else None
    return {"hashes_per_second": rate.hashes_per_second, "relative_error": error}


def luck_figures(found: Luck) -> dict[str, Any]:
    """Return what JSON says of luck: nine digits, the rest hangs on the order in which doubles were added."""
    numbers = {
        "expected": found.expected,
        "ratio": found.ratio,
        "error": found.error,
        "at_most": found.at_most,
    }
    rounded = {name: None if value is None else float(f"{value:.9g}") for name, value in numbers.items()}
    return {"blocks": found.found, **rounded}


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
