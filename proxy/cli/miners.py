"""``pumpjack miners``: what each worker has been doing, from the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from proxy.adapters.stores.ledger.found import SessionSpan
from proxy.cli.activity import (
    NOTHING,
    WIDE,
    asked,
    at_option,
    cells,
    moment,
    period_option,
    refused,
    report,
    told,
    words,
)
from proxy.cli.ledger_folder import ledger_folder, ledger_options, opened
from proxy.cli.output import Exit, json_option, print_json
from proxy.cli.tables import Table, console, text
from proxy.cli.times import iso, iso_ms
from proxy.ledger.activity import Activity

SORTS: dict[str, Callable[[Activity[Any]], Any]] = {
    "name": lambda activity: activity.name,
    "hashrate": lambda activity: -activity.rates["1h"].hashes_per_second,
    "last": lambda activity: activity.last,
    "rejected": lambda activity: -refused(activity),
}
"""How the list can be ordered: the largest hashrate, the longest silent, the most rejected first."""


@click.group()
def miners() -> None:
    """Show what each worker has been doing; from the ledger, whether the program runs or not."""


@miners.command("list")
@ledger_options
@click.option("--tenant", help="Of this tenant alone.")
@click.option("--sort", type=click.Choice(list(SORTS)), default="name", show_default=True)
@click.option("--all", "is_all", is_flag=True, help="Those without a share or session in the period, too.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=1000, show_default=True)
@period_option
@at_option
@json_option
def list_miners(
    path: Path | None,
    data: Path | None,
    tenant: str | None,
    sort: str,
    is_all: bool,
    limit: int,
    period: int,
    at: int | None,
    as_json: bool,
) -> None:
    """List the workers that had a share within the period, accepted or refused; with --all every one.

    Hashrates come with one standard deviation. Beside them are counts of the period: accepted, stale,
    duplicate, low and other are our verdict, "pool" is what the pool refused of those that went up
    ("forwarded"); z is by how many standard deviations our count is above the pool's, ! from 3, !! from 4.5.
    On a terminal of less than 150 columns there is less of it.

    \b
    JSON: at, since, luck_since, total (listed without --limit), silent (left out without --all), miners:
    [tenant, worker, hashrate: {5m, 1h, 24h: {hashes_per_second, relative_error}}, shares: {accepted, stale,
    duplicate, low, unauthorized, other, pool_accepted, pool_rejected, pool_unknown, unsent, pool_stale,
    pool_duplicate, pool_low}, best, last, luck: {blocks, expected, ratio, error, at_most},
    reconciliation: {z, verdict}]
    """
    now = moment(at)
    with opened(ledger_folder(path, data)) as reader:
        answer = asked(reader, now, period, tenant)
        every = reader.workers(tenant)
    active = answer.by(lambda row: (row.tenant, row.worker))
    heard = {activity.name for activity in active}
    silent = [replace(NOTHING, name=name) for name in every if name not in heard]
    found = [*active, *silent] if is_all else active
    chosen = sorted(sorted(found, key=SORTS["name"]), key=SORTS[sort])[:limit]
    left_out = 0 if is_all else len(silent)
    if as_json:
        listed = [{"tenant": a.name[0], "worker": a.name[1], **report(a)} for a in chosen]
        print_json({**told(answer, now), "total": len(found), "silent": left_out, "miners": listed})
        return
    out = console()
    wide = out.width >= WIDE
    headings = cells(NOTHING, now, wide=wide)
    shown = Table("worker", "tenant", *headings, left={"worker", "tenant"})
    for activity in chosen:
        tenant, worker = activity.name
        shown.add_row(worker, tenant, *cells(activity, now, wide=wide).values())
    out.print(shown)
    if len(chosen) < len(found):
        click.echo(f"{len(chosen)} of {len(found)} workers; --limit shows more")
    if left_out:
        click.echo(f"{left_out} more had no share since {iso(answer.since)}; --all shows them")


@miners.command()
@click.argument("miner", metavar="TENANT/WORKER")
@ledger_options
@click.option("--sessions", "most", type=click.IntRange(1, 10_000), default=20, show_default=True)
@period_option
@at_option
@json_option
@click.pass_context
def show(
    context: click.Context,
    miner: str,
    path: Path | None,
    data: Path | None,
    most: int,
    period: int,
    at: int | None,
    as_json: bool,
) -> None:
    """Show one worker: by upstream, and its last sessions.

    \b
    JSON: at, since, luck_since, tenant, worker, all that `miners list` has, upstreams: [upstream, the same],
    sessions: [began, ended, cause, address, software]
    """
    tenant, _, worker = miner.partition("/")
    now = moment(at)
    with opened(ledger_folder(path, data)) as reader:
        answer = asked(reader, now, period, tenant, worker)
        sessions = reader.sessions(tenant, worker, most)
        is_known = bool(answer.rows or sessions) or (tenant, worker) in reader.workers(tenant)
    if not is_known:
        if as_json:
            print_json({"error": "the ledger has never heard of this worker"})
        click.echo(f"The ledger has never heard of worker {miner!a}: see `pumpjack miners list`.", err=True)
        context.exit(Exit.FAILURE)
    whole = next(iter(answer.by(lambda row: (row.tenant, row.worker))), NOTHING)
    upstreams = answer.by(lambda row: (row.upstream,))
    if as_json:
        print_json(
            {
                **told(answer, now),
                "tenant": tenant,
                "worker": worker,
                **report(whole),
                "upstreams": [{"upstream": activity.name[0], **report(activity)} for activity in upstreams],
                "sessions": [_session(span) for span in sessions],
            }
        )
        return
    out = console()
    wide = out.width >= WIDE
    shown = Table("upstream", *cells(NOTHING, now, wide=wide), left={"upstream"})
    for activity in upstreams:
        shown.add_row(activity.name[0] or "(none)", *cells(activity, now, wide=wide).values())
    shown.add_row("all", *cells(whole, now, wide=wide).values(), style="bold")
    out.print(
        text(miner, "bold"), shown, "", *words(whole, answer, worker), "", _session_table(sessions), sep="\n"
    )


def _session(span: SessionSpan) -> dict[str, Any]:
    return {
        "began": iso_ms(span.began),
        "ended": None if span.ended is None else iso_ms(span.ended),
        "cause": span.cause,
        "address": span.address,
        "software": span.user_agent,
    }


def _session_table(sessions: list[SessionSpan]) -> Table:
    columns = ("session began", "ended", "cause", "address", "software")
    shown = Table(*columns, left=columns)
    for span in sessions:
        shown.add_row(
            iso_ms(span.began),
            "" if span.ended is None else iso_ms(span.ended),
            span.cause or "",
            span.address,
            span.user_agent,
        )
    return shown
