"""A month's account, made from a ledger."""

from __future__ import annotations

from typing import Any

from proxy.adapters.logs.printable import printable
from proxy.adapters.stores.ledger.damages import Damage
from proxy.adapters.stores.ledger.reading import Reader
from proxy.cli.times import iso, iso_ms
from proxy.ledger.report import UNITS, Account, Span, manifest, site_report, tenants_report

FORMAT = 1
"""Raised when a key of the report changes its meaning."""


class Unsigned(Exception):
    """The ledger is damaged within the time, and no operator has signed that off."""


def month_report(reader: Reader, since: int, until: int, *, now: int, tenant: str | None) -> dict[str, Any]:
    """Return the account of a month from ``since`` to ``until``, or to ``now``: seconds since 1970.

    Raises:
        Unsigned: the text names the ranges.
        LedgerDamaged, LedgerUnusable, sqlite3.Error: the ledger cannot be read.

    """
    damages = reader.damages(since, until)
    unsigned = [damage for damage in damages if damage.signed_by is None]
    if unsigned:
        raise Unsigned("\n".join([REFUSED, *(f"  {_named(damage)}" for damage in unsigned)]))
    accounts = [Account(found.id, found.name, found.accounting) for found in reader.tenants()]
    rows = reader.rows(since, until)
    ends = min(until, max(since, now))
    span = Span(max(1.0, ends - max(since, reader.began / 1000)), iso_ms)
    reports = tenants_report(rows, accounts, span)
    seq, root = reader.last
    made: dict[str, Any] = {
        "format": FORMAT,
        "month": iso(since)[:7],
        "since": iso(since),
        "until": iso(ends),
        "is_over": now >= until,
        "ledger": reader.ledger.hex(),
        "last_seq": seq,
        "last_hash": root.hex(),
        "units": UNITS,
        "luck_since": iso_ms(max(since * 1000, reader.luck_since)),
        **({} if tenant is not None else {"site": site_report(rows, span)}),
        "tenants": [report for report in reports if tenant in (None, report["tenant"])],
        "gaps": [
            {
                "since": iso_ms(gap.since),
                "until": iso_ms(gap.until),
                "shares": gap.shares,
                "difficulty": gap.difficulty,
                "cause": gap.cause,
            }
            for gap in reader.gaps(since, until)
        ],
        "damages": [
            {"day": d.day, "first": d.first, "last": d.last, "problem": d.problem, "signed_by": d.signed_by}
            for d in damages
        ],
    }
    return made | {"manifest": manifest(made)}


REFUSED = (
    "The ledger is damaged within this month, and nobody has signed that off (`pumpjack ledger check`, "
    "`pumpjack ledger signoff`):"
)


def _named(damage: Damage) -> str:
    where = f"batches {damage.first} to {damage.last}" if damage.last else "the whole file"
    return printable(f"{damage.day}: {where}: {damage.problem}")
