"""Hashrates and counts as ``miners`` and ``tenants`` ask for them and show them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from proxy.adapters.stores.ledger.reading import Reader
from proxy.cli.tables import rate_text
from proxy.cli.times import Instant, Period, ago, iso_ms
from proxy.ledger.activity import REFUSED_BY_POOL, WINDOWS, Activity, activities, counts
from proxy.ledger.ranges import MINUTE, beginning
from proxy.ledger.statistics import rate
from proxy.ledger.totals import Row, of

Name = TypeVar("Name", bound=tuple[str, ...])

WIDE = 140
"""Columns of a terminal from which on there is room for everything."""
NOTHING: Activity[Any] = Activity((), {name: rate(0.0, 0.0, length) for name, length in WINDOWS.items()}, {})
"""Of one who has done nothing."""

period_option = click.option(
    "--period", type=Period(), default="24h", show_default=True, help="Count shares of so long: 90m, 24h, 7d."
)
at_option = click.option("--at", type=Instant(), help="As of this time, in UTC; now if left out.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the ledger says of a period and of the windows of hashrates."""

    since: int
    """Seconds since 1970: the beginning of the period, widened to what is still known exactly."""
    rows: list[Row]
    windows: dict[str, tuple[int, list[Row]]]

    def by(self, name: Callable[[Row], Name]) -> list[Activity[Name]]:
        """Return the activity of each whose name a row bears, in the order of names."""
        return activities(self.rows, self.windows, name)


def moment(at: int | None) -> int:
    """Return the time that is meant, in seconds since 1970: now, or the beginning of the minute given."""
    return int(time.time()) if at is None else at // MINUTE * MINUTE


def asked(reader: Reader, now: int, period: int, tenant: str | None, worker: str | None = None) -> Answer:
    """Ask a ledger for what was before ``now``, seconds since 1970."""

    def rows(length: int) -> tuple[int, list[Row]]:
        since = beginning(now - length, now)
        return since, reader.rows(since, now, tenant=tenant, worker=worker)

    found = {length: rows(length) for length in {*WINDOWS.values(), period}}
    windows = {name: (now - found[length][0], found[length][1]) for name, length in WINDOWS.items()}
    return Answer(*found[period], windows)


def refused(activity: Activity[Any]) -> int:
    """Return how many shares were refused by us."""
    return sum(found.count for outcome, found in activity.ends.items() if outcome.is_ours and outcome)


def cells(activity: Activity[Any], now: int, *, wide: bool) -> dict[str, str]:
    """Return what a table says of an activity, by the names of its columns; not ``wide``, it is less."""
    count = counts(activity.ends)
    refusals = {name: count[name] for name in ("stale", "duplicate", "low")}
    refusals["other"] = count["other"] + count["unauthorized"]
    windows = list(WINDOWS) if wide else ["1h"]
    return {
        **{f"hashrate {window}": rate_text(activity.rates[window]) for window in windows},
        "accepted": f"{count['accepted']}",
        **({name: f"{number}" for name, number in refusals.items()} if wide else {}),
        **({} if wide else {"refused": f"{sum(refusals.values())}"}),
        "pool": f"{of(activity.ends, *REFUSED_BY_POOL).count}",
        "best": f"{activity.best:.4g}" if activity.best else "",
        "last share": f"{ago(now - activity.last / 1000)} ago" if activity.last else "none",
    }


def report(activity: Activity[Any]) -> dict[str, Any]:
    """Return what JSON says of an activity."""
    return {
        "hashrate": {
            window: {
                "hashes_per_second": found.hashes_per_second,
                "relative_error": found.error if found.hashes_per_second else None,
            }
            for window, found in activity.rates.items()
        },
        "shares": counts(activity.ends),
        "best": activity.best or None,
        "last": iso_ms(activity.last) if activity.last else None,
    }
