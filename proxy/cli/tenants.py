"""``pumpjack tenants``: what each customer's miners did, and what a month is worth to whom."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group
from rich.text import Text

from proxy.cli.activity import (
    MARKS,
    NOTHING,
    STYLES,
    WIDE,
    asked,
    at_option,
    cells,
    moment,
    period_option,
    report,
    told,
    words,
)
from proxy.cli.ledger_folder import ledger_folder, ledger_options, opened
from proxy.cli.month import Unsigned, month_report
from proxy.cli.month_files import ParquetMissing, csv_text, write_parquet
from proxy.cli.output import Exit, json_option, print_json
from proxy.cli.tables import Table, console, luck_text, rate_text, text
from proxy.cli.times import Month
from proxy.ledger.activity import NAMES, REFUSED_BY_POOL, Activity
from proxy.ledger.report import UNITS
from proxy.ledger.statistics import Rate, luck_of


@click.group()
def tenants() -> None:
    """Show what each customer's miners did; from the ledger, whether the program runs or not."""


@tenants.command("list")
@ledger_options
@click.option("--tenant", help="This one alone.")
@period_option
@at_option
@json_option
def list_tenants(
    path: Path | None, data: Path | None, tenant: str | None, period: int, at: int | None, as_json: bool
) -> None:
    """List the tenants with their upstreams, and the site as a whole; columns as in `miners list`.

    \b
    JSON: at, since, luck_since, site: {hashrate, shares, best, last, luck, reconciliation}, tenants: [tenant,
    name, accounting, workers, the same, upstreams: [upstream, the same]]
    """
    now = moment(at)
    with opened(ledger_folder(path, data)) as reader:
        answer = asked(reader, now, period, tenant)
        known = {found.id: found for found in reader.tenants()}
    site = next(iter(answer.by(lambda row: ("site",))), NOTHING)
    of_tenant = {activity.name[0]: activity for activity in answer.by(lambda row: (row.tenant,))}
    upstreams = answer.by(lambda row: (row.tenant, row.upstream))
    workers = {name: len({row.worker for row in answer.rows if row.tenant == name}) for name in of_tenant}
    names = sorted({name for name in known if tenant in (None, name)} | set(of_tenant))
    if as_json:
        listed: list[dict[str, Any]] = [
            {
                "tenant": name,
                "name": known[name].name if name in known else name,
                "accounting": known[name].accounting if name in known else None,
                "workers": workers.get(name, 0),
                **report(of_tenant.get(name, NOTHING)),
                "upstreams": [{"upstream": a.name[1], **report(a)} for a in upstreams if a.name[0] == name],
            }
            for name in names
        ]
        print_json({**told(answer, now), "site": report(site), "tenants": listed})
        return
    out = console()
    wide = out.width >= WIDE
    headings = cells(NOTHING, now, wide=wide)
    shown = Table("tenant", "upstream", "workers", *headings, left={"tenant", "upstream"})

    def add(tenant: str, upstream: str, workers: str, activity: Activity[Any], style: str = "") -> None:
        numbers = cells(activity, now, wide=wide).values()
        shown.add_row(tenant, upstream, workers, *numbers, style=style)

    for name in names:
        add(name, "", f"{workers.get(name, 0)}", of_tenant.get(name, NOTHING), "bold")
        for activity in upstreams:
            if activity.name[0] == name:
                add("", activity.name[1] or "(none)", "", activity)
    add("site", "", f"{sum(workers.values())}", site, "bold")
    said = [words(of_tenant.get(name, NOTHING), answer, name) for name in names]
    out.print(shown, "", *(line for lines in said for line in lines), *words(site, answer, "site"), sep="\n")


@tenants.command("report")
@ledger_options
@click.option("--month", "span", type=Month(), required=True, help="As 2026-11, in UTC.")
@click.option("--tenant", help="This one alone; its part of the site stays the same.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, a line for each worker.")
@click.option("--parquet", type=click.Path(path_type=Path, dir_okay=False), help="Write this Parquet file.")
@json_option
@click.pass_context
def report_month(
    context: click.Context,
    path: Path | None,
    data: Path | None,
    span: tuple[int, int],
    tenant: str | None,
    as_csv: bool,
    parquet: Path | None,
    as_json: bool,
) -> None:
    """Account for a month: what each tenant and each worker is credited.

    Credited is, by the tenant's accounting, what we accepted (local) or what its pool accepted (pool). Each
    tenant's month is 1,000,000,000 micro-units that its workers share by credited difficulty, and so is the
    site's among the tenants: whole numbers by largest remainder, none made and none lost. The account is
    refused, with exit code 1, while the ledger is damaged within the month and nobody has signed that off.

    \b
    JSON: format, month, since, until, is_over, ledger, last_seq, last_hash, units, luck_since, tenants:
    [tenant, name, accounting, micro_units, credited_difficulty, local_difficulty, pool_difficulty, shares,
    hashrate: {hashes_per_second, relative_error}, best, last,
    luck: {blocks, expected, ratio, error, at_most},
    forwarded: {accepted, rejected, unknown, unsent: {shares, difficulty}, borne_by},
    reconciliation: {z, verdict, text}, upstreams: [upstream, shares, hashrate, best, last, luck, forwarded,
    reconciliation], workers: [worker, micro_units, credited_difficulty, local_difficulty, pool_difficulty,
    shares, hashrate, best, last, luck, reconciliation: {z, verdict}]], gaps, damages, site (not with
    --tenant): local_difficulty, pool_difficulty, shares, hashrate, best, last, luck, reconciliation;
    manifest, the SHA-256 of all the rest as JSON in ASCII with sorted keys and without spaces.
    Hashrates are means of the time that is accounted for; those of the last 5 minutes, hour and day are in
    `tenants list` and `miners list`.
    """
    if as_csv + as_json + (parquet is not None) > 1:
        raise click.UsageError("choose one of --csv, --json and --parquet")
    try:
        with (
            Console(stderr=True).status("reading the ledger"),
            opened(ledger_folder(path, data)) as reader,
        ):
            made = month_report(reader, *span, now=int(time.time()), tenant=tenant)
        if parquet is not None:
            write_parquet(made, parquet)
    except (Unsigned, ParquetMissing, OSError) as error:
        if as_json:
            print_json({"error": str(error)})
        click.echo(str(error), err=True)
        context.exit(Exit.FAILURE)
    if as_json:
        print_json(made)
    elif as_csv:
        click.echo(csv_text(made), nl=False)
    elif parquet is not None:
        click.echo(f"wrote {parquet}; manifest {made['manifest']}")
    else:
        console().print(_view(made))


def _view(made: dict[str, Any]) -> Group:
    until = "" if made["is_over"] else f", not over: up to {made['until']}"
    headings = ("credited", "share", "accepted", "refused", "forwarded", "by pool", "z", "hashrate", "best")
    shown = Table("tenant / worker", *headings, left={"tenant / worker"})
    words = []
    for tenant in made["tenants"]:
        shown.add_row(f"{tenant['tenant']} ({tenant['accounting']})", *_cells(tenant), style="bold")
        for worker in tenant["workers"]:
            shown.add_row(f"  {worker['worker']}", *_cells(worker))
        words.append(text(f"{tenant['tenant']}: {_forwarded(tenant)}"))
        words += _compared(tenant, tenant["tenant"])
        for upstream in tenant["upstreams"]:
            words += _compared(upstream, f"{tenant['tenant']} at {upstream['upstream']}")
    if "site" in made:
        words += _compared(made["site"], "site")
    if made["luck_since"] > made["since"]:
        words.append(text(f"blocks are counted from {made['luck_since']} on", "yellow"))
    words += [
        text(f"gap from {gap['since']} to {gap['until']}: {gap['shares']} shares, {gap['cause']}", "yellow")
        for gap in made["gaps"]
    ]
    words += [
        text(
            f"damage in {d['day']}, batches {d['first']} to {d['last']}, signed off by {d['signed_by']}",
            "yellow",
        )
        for d in made["damages"]
    ]
    return Group(
        text(f"{made['month']}{until}", "bold"),
        shown,
        "",
        *words,
        text(f"manifest {made['manifest']}", "dim"),
    )


def _cells(entry: dict[str, Any]) -> list[str]:
    shares, compared = entry["shares"], entry["reconciliation"]
    refused = sum(shares[name] for name in ("stale", "duplicate", "low", "unauthorized", "other"))
    by_pool = {name: count for name, count in shares.items() if name.startswith("pool_") or name == "unsent"}
    refused_there = sum(shares[NAMES[outcome]] for outcome in REFUSED_BY_POOL)
    mean = entry["hashrate"]
    return [
        f"{entry['credited_difficulty']:.12g}",
        f"{entry['micro_units'] / UNITS * 100:.7f} %",
        f"{shares['accepted']}",
        f"{refused}",
        f"{sum(by_pool.values())}",
        f"{refused_there}",
        f"{MARKS[compared['verdict']]}{compared['z']:+.1f}" if any(by_pool.values()) else "",
        rate_text(Rate(mean["hashes_per_second"], mean["relative_error"] or math.inf)),
        f"{entry['best']:.4g}" if entry["best"] else "",
    ]


def _compared(entry: dict[str, Any], name: str) -> list[Text]:
    compared = entry["reconciliation"]
    return [
        text(f"{name}: {compared['text']}", STYLES[compared["verdict"]]),
        text(f"{name}: {luck_text(luck_of(entry['luck']['blocks'], entry['luck']['expected']))}"),
    ]


def _forwarded(tenant: dict[str, Any]) -> str:
    ends = tenant["forwarded"]
    parts = [f"{name} {ends[name]['shares']}" for name in ("accepted", "rejected", "unknown", "unsent")]
    return f"of those that went up {', '.join(parts)}; the {ends['borne_by']} bears what was not accepted"
