"""A month's account: what each tenant and each of its workers is credited, and how sure that is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.ledger.activity import REFUSED_BY_POOL, counts, luck, luck_figures, rate_figures, reconciliation
from proxy.ledger.apportion import apportion
from proxy.ledger.outcomes import Outcome
from proxy.ledger.statistics import rate
from proxy.ledger.totals import Ends, Row, by, of

UNITS = 1_000_000_000
"""Micro-units that a tenant's month is divided into among its workers, and the site's among its tenants."""
LOCAL, POOL = "local", "pool"
"""How a tenant is credited: when we accept a share, or when its pool does."""


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant as its report needs it."""

    id: str
    name: str
    accounting: str


@dataclass(frozen=True, slots=True)
class Span:
    """The time that is accounted for."""

    seconds: float
    """Of it, as far as the ledger was there: what hashrates are means of."""
    instant: Callable[[int], str]
    """Says milliseconds since 1970 as the report does."""


def tenants_report(rows: Sequence[Row], accounts: Sequence[Account], span: Span) -> list[dict[str, Any]]:
    """Return each tenant's account of some time as plain JSON values, ordered by id.

    ``rows`` of a tenant that is not among ``accounts`` are credited when we accept them.
    """
    known = {account.id: account for account in accounts}
    known |= {row.tenant: Account(row.tenant, row.tenant, LOCAL) for row in rows if row.tenant not in known}
    of_tenant: dict[str, list[Row]] = {name: [] for name in sorted(known)}
    for row in _ordered(rows):
        of_tenant[row.tenant].append(row)
    reports = [_tenant(known[name], its, span) for name, its in of_tenant.items()]
    _share_out(reports, "tenant")
    return reports


def site_report(rows: Sequence[Row], span: Span) -> dict[str, Any]:
    """Return the same of all tenants together, but for what is credited: that has two meanings."""
    whole = by(_ordered(rows), lambda row: "site").get("site", {})
    return {
        "local_difficulty": of(whole, Outcome.ACCEPTED).difficulty,
        "pool_difficulty": of(whole, Outcome.POOL_ACCEPTED).difficulty,
        "shares": counts(whole),
        **_figures(whole, span),
        "reconciliation": _reconciliation(whole),
    }


def _ordered(rows: Sequence[Row]) -> list[Row]:
    """Return rows in an order of their own: the last digits of a sum, and so the manifest, depend on it."""
    return sorted(
        rows,
        key=lambda row: (*row[:4], row.sum.count, row.sum.difficulty, row.sum.square, row.sum.expected),
    )


def manifest(report: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, of a report's canonical JSON without its ``manifest``.

    Canonical: keys in order, no spaces, ASCII, numbers as Python's ``repr`` has them.
    """
    content = {key: value for key, value in report.items() if key != "manifest"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _tenant(account: Account, rows: list[Row], span: Span) -> dict[str, Any]:
    workers = [
        {
            "worker": worker,
            **_credit(account, ends),
            "shares": counts(ends),
            **_figures(ends, span),
            "reconciliation": _verdict(ends),
        }
        for worker, ends in sorted(by(rows, lambda row: row.worker).items())
    ]
    _share_out(workers, "worker")
    whole = by(rows, lambda row: account.id).get(account.id, {})
    return {
        "tenant": account.id,
        "name": account.name,
        "accounting": account.accounting,
        **_credit(account, whole),
        "shares": counts(whole),
        **_figures(whole, span),
        "forwarded": _forwarded(account, whole),
        "reconciliation": _reconciliation(whole),
        "upstreams": [
            {
                "upstream": name,
                "shares": counts(its),
                **_figures(its, span),
                "forwarded": _forwarded(account, its),
                "reconciliation": _reconciliation(its),
            }
            for name, its in sorted(by(rows, lambda row: row.upstream).items())
            if name
        ],
        "workers": workers,
    }


def _credit(account: Account, ends: Ends) -> dict[str, float]:
    local, pool = of(ends, Outcome.ACCEPTED).difficulty, of(ends, Outcome.POOL_ACCEPTED).difficulty
    return {
        "credited_difficulty": pool if account.accounting == POOL else local,
        "local_difficulty": local,
        "pool_difficulty": pool,
    }


def _forwarded(account: Account, ends: Ends) -> dict[str, Any]:
    """Return what became of the shares that met the pool's target, and who bears those without an answer."""
    became = {
        "accepted": of(ends, Outcome.POOL_ACCEPTED),
        "rejected": of(ends, *REFUSED_BY_POOL),
        "unknown": of(ends, Outcome.POOL_UNKNOWN),
        "unsent": of(ends, Outcome.UNSENT),
    }
    return {
        **{name: {"shares": found.count, "difficulty": found.difficulty} for name, found in became.items()},
        "borne_by": "tenant" if account.accounting == POOL else "operator",
    }


def _figures(ends: Ends, span: Span) -> dict[str, Any]:
    accepted = of(ends, Outcome.ACCEPTED)
    mean = rate(accepted.difficulty, accepted.square, span.seconds)
    return {
        "hashrate": rate_figures(mean),
        "best": accepted.best or None,
        "last": span.instant(accepted.last) if accepted.last else None,
        "luck": luck_figures(luck(ends)),
    }


def _verdict(ends: Ends) -> dict[str, Any]:
    found = reconciliation(ends)
    return {"z": found.z, "verdict": found.verdict.value}


def _reconciliation(ends: Ends) -> dict[str, Any]:
    return {**_verdict(ends), "text": reconciliation(ends).sentence}


def _share_out(entries: list[dict[str, Any]], key: str) -> None:
    """Give each entry its part of the whole: of nothing, where nobody is credited."""
    weights = {entry[key]: entry["credited_difficulty"] for entry in entries}
    parts = apportion(UNITS if any(weights.values()) else 0, weights)
    for entry in entries:
        entry["micro_units"] = parts[entry[key]]
