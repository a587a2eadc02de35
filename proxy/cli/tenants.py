"""``pumpjack tenants``: what each customer's miners did, and what a month is worth to whom."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from proxy.adapters.stores.ledger.found import Damage
from proxy.adapters.stores.ledger.reading import Reader
from proxy.cli.activity import HEADINGS, asked, at_option, cells, moment, period_option, report
from proxy.cli.ledger_folder import ledger_folder, ledger_options, opened
from proxy.cli.month_files import csv_text, write_parquet
from proxy.cli.output import Exit, json_option, print_json
from proxy.cli.tables import table, text
from proxy.cli.times import Month, iso, iso_ms
from proxy.ledger.report import UNITS, Account, manifest, tenants_report


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
    r"""List tenants with their upstreams, and the site as a whole.

    \b
    JSON: at, since, site: {hashrate, shares, best, last}, tenants: [tenant, name, accounting, the same,
    workers, upstreams: [upstream, the same]]; as in `miners list`
    """
    now = moment(at)
    with opened(ledger_folder(path, data)) as reader:
        answer = asked(reader, now, period, tenant)
        known = [found for found in reader.tenants() if tenant in (None, found.id)]
    site = next(iter(answer.by(lambda row: ("site",))), NOTHING)
    by_tenant = {activity.name[0]: activity for activity in answer.by(lambda row: (row.tenant,))}
    upstreams = answer.by(lambda row: (row.tenant, row.upstream))
    ...
