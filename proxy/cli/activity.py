"""Hashrates and counts as ``miners`` and ``tenants`` ask for them and show them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click
from rich.text import Text

from proxy.adapters.stores.ledger.reading import Reader
from proxy.cli.tables import luck_text, rate_text, text
from proxy.cli.times import Instant, Period, ago, iso, iso_ms
from proxy.ledger.activity import (
    REFUSED_BY_POOL,
    SETTLED,
    WINDOWS,
    Activity,
    activities,
    counts,
    luck_figures,
    rate_figures,
)
from proxy.ledger.ranges import MINUTE, beginning
from proxy.ledger.reconcile import Verdict
from proxy.ledger.statistics import rate
from proxy.ledger.totals import Row, of

Name = TypeVar("Name", bound=tuple[str, ...])

WIDE = 150
"""Columns of a terminal from which on there is room for everything."""
NOTHING: Activity[Any] = Activity((), {name: rate(0.0, 0.0, length) for name, length in WINDOWS.items()}, {})
"""Of one who has done nothing."""
MARKS = {Verdict.OK.value: "", Verdict.WARN.value: "!", Verdict.ALARM.value: "!!"}
STYLES = {Verdict.OK.value: "", Verdict.WARN.value: "yellow", Verdict.ALARM.value: "bold red"}
"""Of how far our count and the pool's are apart."""

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
    """Seconds of each, and its rows."""
    luck_since: int
    """Milliseconds since 1970 from which on blocks are counted."""

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
    # What was before the first batch is no time without work: a new site's day begins with it.
    began = reader.began // 1000 if reader.began // 1000 < now else 0
    windows = {
        name: (now - max(found[length][0], began), found[length][1]) for name, length in WINDOWS.items()
    }
    return Answer(*found[period], windows, reader.luck_since)


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
        **({"forwarded": f"{of(activity.ends, *SETTLED).count}"} if wide else {}),
        "pool": f"{of(activity.ends, *REFUSED_BY_POOL).count}",
        **({"z": z_text(activity)} if wide else {}),
        "best": f"{activity.best:.4g}" if activity.best else "",
        "last share": f"{ago(now - activity.last / 1000)} ago" if activity.last else "none",
    }


def z_text(activity: Activity[Any]) -> str:
    """Return by how many standard deviations our count is above the pool's; ``!!`` is an alarm."""
    found = activity.reconciliation
    return f"{MARKS[found.verdict.value]}{found.z:+.1f}" if found.upstream else ""


def words(activity: Activity[Any], answer: Answer, name: str) -> list[Text]:
    """Return in words how lucky somebody was, and whether our count agrees with the pool's."""
    found = activity.reconciliation
    since = max(answer.since * 1000, answer.luck_since)
    counted = f", counted from {iso_ms(since)} on" if answer.luck_since > answer.since * 1000 else ""
    return [
        text(f"{name}: {found.sentence}", STYLES[found.verdict.value]),
        text(f"{name}: {luck_text(activity.luck)}{counted}"),
    ]


def told(answer: Answer, now: int) -> dict[str, Any]:
    """Return what JSON says of an answer as a whole."""
    luck_since = iso_ms(max(answer.since * 1000, answer.luck_since))
    return {"at": iso(now), "since": iso(answer.since), "luck_since": luck_since}


def report(activity: Activity[Any]) -> dict[str, Any]:
    """Return what JSON says of an activity."""
    compared = activity.reconciliation
    return {
        "hashrate": {window: rate_figures(found) for window, found in activity.rates.items()},
        "shares": counts(activity.ends),
        "best": activity.best or None,
        "last": iso_ms(activity.last) if activity.last else None,
        "luck": luck_figures(activity.luck),
        "reconciliation": {"z": compared.z, "verdict": compared.verdict.value},
    }
