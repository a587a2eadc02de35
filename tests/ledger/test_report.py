"""A month's account: nothing made, nothing lost, and provable."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.ledger.fold import Sum
from proxy.ledger.outcomes import Outcome
from proxy.ledger.report import UNITS, Account, Span, manifest, tenants_report
from proxy.ledger.totals import Row

ACCOUNTS = [Account("acme", "Acme", "local"), Account("zeta", "Zeta", "pool")]


def row(
    tenant: str,
    worker: str,
    outcome: Outcome,
    count: int = 1,
    difficulty: float = 1.0,
    upstream: str = "pool",
) -> Row:
    square = difficulty * difficulty / count
    return Row(tenant, worker, upstream, outcome, Sum(count, difficulty, square, difficulty, 1))


SPAN = Span(3600.0, str)

rows = st.lists(
    st.builds(
        row,
        st.sampled_from(["acme", "zeta", "?"]),
        st.text(max_size=3),
        st.sampled_from(list(Outcome)),
        st.integers(1, 1000),
        st.integers(1, 1 << 40).map(float),
        st.sampled_from(["pool", "other", ""]),
    ),
    max_size=20,
)


@given(rows=rows)
def test_units_add_up_to_the_whole_or_to_nothing(rows: list[Row]) -> None:
    reports = tenants_report(rows, ACCOUNTS, SPAN)
    for entries in (reports, *(report["workers"] for report in reports)):
        credited = sum(entry["credited_difficulty"] for entry in entries)
        assert sum(entry["micro_units"] for entry in entries) == (UNITS if credited else 0)


@given(rows=rows)
def test_every_share_is_in_the_account_of_its_tenant_and_worker(rows: list[Row]) -> None:
    reports = tenants_report(rows, ACCOUNTS, SPAN)
    for outcome in Outcome:
        name, expected = outcome.name.lower(), sum(r.sum.count for r in rows if r.outcome is outcome)
        assert sum(report["shares"][name] for report in reports) == expected
        workers = (worker for report in reports for worker in report["workers"])
        assert sum(worker["shares"][name] for worker in workers) == expected


@given(rows=rows, chance=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows: list[Row], chance: Any) -> None:
    mixed = rows.copy()
    chance.shuffle(mixed)
    assert tenants_report(mixed, ACCOUNTS, SPAN) == tenants_report(rows, ACCOUNTS, SPAN)


def test_a_tenant_is_credited_by_its_accounting() -> None:
    rows = [
        row(tenant, "rig", outcome, difficulty=difficulty)
        for tenant in ("acme", "zeta")
        for outcome, difficulty in ((Outcome.ACCEPTED, 300.0), (Outcome.POOL_ACCEPTED, 100.0))
    ]
    acme, zeta = tenants_report(rows, ACCOUNTS, SPAN)
    assert (acme["credited_difficulty"], zeta["credited_difficulty"]) == (300.0, 100.0)
    assert (acme["micro_units"], zeta["micro_units"]) == (750_000_000, 250_000_000)
    assert (acme["forwarded"]["borne_by"], zeta["forwarded"]["borne_by"]) == ("operator", "tenant")


def test_what_became_of_forwarded_shares_is_told_apart() -> None:
    ends = [Outcome.POOL_ACCEPTED, Outcome.POOL_LOW, Outcome.POOL_STALE, Outcome.POOL_UNKNOWN, Outcome.UNSENT]
    (acme, _) = tenants_report([row("acme", "rig", end, 2, 8.0) for end in ends], ACCOUNTS, SPAN)
    found = acme["forwarded"]
    assert {name: found[name]["shares"] for name in ("accepted", "rejected", "unknown", "unsent")} == {
        "accepted": 2,
        "rejected": 4,
        "unknown": 2,
        "unsent": 2,
    }


def test_all_that_met_the_pools_target_is_held_against_our_count() -> None:
    ours = row("acme", "rig", Outcome.ACCEPTED, 1000, 500.0)
    theirs = [row("acme", "rig", end, 50, 50.0) for end in (Outcome.POOL_ACCEPTED, Outcome.POOL_UNKNOWN)]
    (acme, _) = tenants_report([ours, *theirs], ACCOUNTS, SPAN)
    assert acme["reconciliation"]["z"] == pytest.approx((500 - 100) / math.sqrt(500))
    assert acme["reconciliation"]["verdict"] == "alarm"
    assert acme["upstreams"][0]["reconciliation"] == acme["reconciliation"]


def test_a_tenant_without_a_share_is_listed_with_nothing() -> None:
    reports = tenants_report([], ACCOUNTS, SPAN)
    assert [(report["tenant"], report["micro_units"]) for report in reports] == [("acme", 0), ("zeta", 0)]


@given(rows=rows, which=st.randoms(use_true_random=False))
def test_a_manifest_notices_any_change_but_not_the_way_it_is_written(rows: list[Row], which: Any) -> None:
    made = {"month": "2026-11", "tenants": tenants_report(rows, ACCOUNTS, SPAN)}
    made["manifest"] = manifest(made)
    assert manifest(json.loads(json.dumps(made, indent=3))) == made["manifest"]
    entry = which.choice(made["tenants"])
    entry["micro_units"] += 1
    assert manifest(made) != made["manifest"]
