"""A month's account: what each tenant and each of its workers is credited, and how sure that is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    _share_out(reports)
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
        for worker, ends in by(rows, lambda row: row.worker).items()
    ]
    workers.sort(key=lambda worker: str(worker["worker"]))
    _share_out(workers)
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
    ends = {
        "accepted": of(ends, Outcome.POOL_ACCEPTED),
        "rejected": of(ends, *REFUSED_BY_POOL),
        "unknown": of(ends, Outcome.POOL_UNKNOWN),
        "unsent": of(ends, Outcome.UNSENT),
    }
    return {
        name: {"shares": total.count, "difficulty": total.difficulty} for name, total in ends.items()
    } | {"borne_by": "tenant" if account.accounting == POOL else "operator"}


def _reconciliation(ends: Ends) -> dict[str, Any]:
    ...


def _share_out(entries: list[dict[str, Any]]) -> None:
    """Give each entry its part of the whole."""
    parts = apportion([entry["credited_difficulty"] for entry in entries], UNITS)
    for entry, part in zip(entries, parts, strict=True):
        entry["micro_units"] = part
