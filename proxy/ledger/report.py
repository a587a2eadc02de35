"""A month's account: what each tenant and each of its workers is credited, and how sure that is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.ledger.activity import REFUSED_BY_POOL, SETTLED, counts
from proxy.ledger.apportion import apportion
from proxy.ledger.outcomes import Outcome
from proxy.ledger.reconcile import reconcile
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


def tenants_report(rows: Sequence[Row], accounts: Sequence[Account]) -> list[dict[str, Any]]:
    """Return each tenant's account of some time as plain JSON values, ordered by id.

    ``rows`` of a tenant that is not among ``accounts`` are credited when we accept them.
    """
    known = {account.id: account for account in accounts}
    known |= {row.tenant: Account(row.tenant, row.tenant, LOCAL) for row in rows if row.tenant not in known}
    of_tenant: dict[str, list[Row]] = {name: [] for name in sorted(known)}
    for row in rows:
        of_tenant[row.tenant].append(row)
    reports = [_tenant(known[name], its) for name, its in of_tenant.items()]
    _share_out(reports, "tenant")
    return reports


def manifest(report: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, of a report's canonical JSON without its ``manifest``.

    Canonical: keys in order, no spaces, ASCII, numbers as Python's ``repr`` has them.
    """
    content = {key: value for key, value in report.items() if key != "manifest"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _tenant(account: Account, rows: list[Row]) -> dict[str, Any]:
    workers = [
        {"worker": worker, **_credit(account, ends), "shares": counts(ends)}
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
        "forwarded": _forwarded(account, whole),
        "reconciliation": _reconciliation(whole),
        "upstreams": [
            {"upstream": name, "forwarded": _forwarded(account, its), "reconciliation": _reconciliation(its)}
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


def _reconciliation(ends: Ends) -> dict[str, Any]:
    local, met = of(ends, Outcome.ACCEPTED), of(ends, *SETTLED)
    found = reconcile(local.difficulty, met.difficulty, met.square)
    return {"z": found.z, "verdict": found.verdict.value, "text": found.sentence}


def _share_out(entries: list[dict[str, Any]], key: str) -> None:
    """Give each entry its part of the whole: of nothing, where nobody is credited."""
    weights = {entry[key]: entry["credited_difficulty"] for entry in entries}
    parts = apportion(UNITS if any(weights.values()) else 0, weights)
    for entry in entries:
        entry["micro_units"] = parts[entry[key]]
