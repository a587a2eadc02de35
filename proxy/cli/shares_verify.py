"""``pumpjack shares verify``: every credited share hashed again."""

from __future__ import annotations

import time
from pathlib import Path

import click

from proxy.adapters.logs.printable import printable
from proxy.adapters.stores.ledger import checking
from proxy.adapters.stores.ledger.verifying import Verification
from proxy.adapters.stores.ledger.verifying import verify as verification
from proxy.cli.ledger_folder import UNUSABLE, ledger_folder, ledger_options
from proxy.cli.output import Exit, json_option, print_json
from proxy.cli.progress import bytes_bar
from proxy.cli.times import Instant


@click.command()
@ledger_options
@click.option("--from", "since", type=Instant(), default=0, help="Batches from this time on (UTC, ISO).")
@click.option("--to", "until", type=Instant(), default=1 << 52, help="Batches before this time.")
@click.option("--tenant", help="Shares of this tenant alone.")
@json_option
@click.pass_context
def verify(
    context: click.Context,
    path: Path | None,
    data: Path | None,
    since: int,
    until: int,
    tenant: str | None,
    as_json: bool,
) -> None:
    """Hash every credited share again, and name those that are not what the ledger says.

    Checked are: the credited difficulty, the achieved one, that no header is credited twice, what went to the
    pool, what is a block, the session's extranonce, ntime. Exit code 1 if anything disagrees.
    """
    folder = ledger_folder(path, data)
    began = time.perf_counter()
    try:
        with bytes_bar("hashing", checking.size(folder)) as told:
            found = verification(folder, since * 1000, until * 1000, tenant, told)
    except UNUSABLE as error:
        raise click.ClickException(f"the shares cannot be verified: {error}") from error
    took = time.perf_counter() - began
    if as_json:
        print_json(_report(found, took))
    else:
        _print(found, took)
    if not found.ok:
        context.exit(Exit.FAILURE)


def _report(found: Verification, took: float) -> dict[str, object]:
    return {
        "ok": found.ok,
        "shares": found.shares,
        "batches": found.batches,
        "first": found.first,
        "last": found.last,
        "seconds": round(took, 3),
        "disagreeing": found.disagreeing,
        "disagreements": [{"share": each.id, "problems": each.problems} for each in found.disagreements],
        "not_proven": [
            {"day": bad.day, "first": bad.first, "last": bad.last, "problem": printable(bad.problem)}
            for bad in found.bad
        ],
    }


def _print(found: Verification, took: float) -> None:
    for each in found.disagreements:
        click.echo(f"{each.id}: {'; '.join(each.problems)}")
    if found.disagreeing > len(found.disagreements):
        click.echo(f"... and {found.disagreeing - len(found.disagreements)} more")
    for bad in found.bad:
        click.echo(f"NOT HASHED {bad.day}, batches {bad.first} to {bad.last}: {printable(bad.problem)}")
    click.echo(
        f"{found.shares} shares of {found.batches} batches hashed again in {took:.1f} s, "
        f"{found.disagreeing} disagree"
    )
