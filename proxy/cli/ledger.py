"""``pumpjack ledger``: prove it, back it up, give old days up, hand it to somebody else."""

from __future__ import annotations

import fcntl
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import click

from proxy.adapters.logs.printable import printable
from proxy.adapters.stores.ledger import checking, damages, exporting, pruning
from proxy.adapters.stores.ledger import index as index_file
from proxy.adapters.stores.ledger.backup import backup as make_backup
from proxy.adapters.stores.ledger.checking import Report
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.index_process import alone
from proxy.adapters.stores.ledger.rebuilding import rebuilt
from proxy.cli.ledger_folder import UNUSABLE, ledger_folder, ledger_options
from proxy.cli.output import Exit, json_option, print_json
from proxy.cli.progress import bytes_bar
from proxy.cli.times import Instant, iso, iso_ms
from proxy.errors import LedgerUnusable
from proxy.ledger.retention import Age

FOREVER = 1 << 62


@click.group()
def ledger() -> None:
    """Check, back up, prune and export the ledger, whether the program runs or not."""


@ledger.command()
@ledger_options
@click.option(
    "--rebuild-index", is_flag=True, help="Make the index anew from the days first; the program must not run."
)
@json_option
@click.pass_context
def check(
    context: click.Context, path: Path | None, data: Path | None, rebuild_index: bool, as_json: bool
) -> None:
    """Prove every batch by its hash, every closed day by its signature, and the index by both.

    Nothing is repaired or cut off. What is bad is named by its range of batches and noted; settlement refuses
    the range until `pumpjack ledger signoff`. Exit code 1 while a problem is not signed off.
    """
    folder = ledger_folder(path, data)
    try:
        if rebuild_index:
            _rebuild(folder)
        with bytes_bar("checking", checking.size(folder)) as told:
            report = checking.check(folder, told)
    except UNUSABLE as error:
        raise click.ClickException(f"the ledger cannot be checked: {error}") from error
    if as_json:
        print_json(_report(report))
    else:
        _print(report)
    if not report.ok:
        context.exit(Exit.FAILURE)


def _rebuild(folder: Folder) -> None:
    from proxy.app.program import LOCK_NAME

    with (folder.root.parent / LOCK_NAME).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LedgerUnusable(
                "the program is running, and writes the index itself: stop it first"
            ) from error
        with alone(folder):
            kept = rebuilt(folder)
    if kept is not None:
        click.echo(f"the index that was there is kept as {kept}", err=True)


def _report(report: Report) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "shares": report.credited.shares + report.refused,
        "accepted": report.credited.shares,
        "refused": report.refused,
        "credited_difficulty": report.credited.difficulty,
        "first": None if report.first_at is None else iso_ms(report.first_at),
        "last": None if report.last_at is None else iso_ms(report.last_at),
        "batches": report.batches,
        "superseded": report.superseded,
        "root": report.root.hex(),
        "ledger": None if report.ledger is None else report.ledger.hex(),
        "public_key": None if report.public_key is None else report.public_key.hex(),
        "signed_days": report.signed_days,
        "pruned": {
            "days": report.pruned_days,
            "accepted": report.pruned.shares,
            "credited_difficulty": report.pruned.difficulty,
        },
        "watermark": None
        if report.watermark is None
        else {"seq": report.watermark[0], "hash": report.watermark[1].hex()},
        "problems": [
            {
                "id": problem.id,
                "day": problem.day,
                "first": problem.first,
                "last": problem.last,
                "problem": printable(problem.problem),
                "signed_off": problem.signed_by is not None,
                "signed_by": problem.signed_by,
                "remark": problem.remark,
            }
            for problem in report.problems
        ],
    }


def _print(report: Report) -> None:
    facts = _report(report)
    for name in ("accepted", "refused", "credited_difficulty", "first", "last", "batches", "root", "ledger"):
        click.echo(f"{name.replace('_', ' '):<20}{facts[name]}")
    click.echo(f"{'public key':<20}{facts['public_key']}")
    click.echo(f"{'days':<20}{report.signed_days} signed, {report.pruned_days} pruned")
    if report.pruned_days:
        accepted, difficulty = report.pruned.shares, report.pruned.difficulty
        click.echo(f"{'pruned days':<20}{accepted} accepted, {difficulty} credited difficulty beside")
    for problem in report.problems:
        state = "" if problem.signed_by is None else f" (signed off by {printable(problem.signed_by)})"
        number = "" if problem.id is None else f"{problem.id}: "
        click.echo(
            f"PROBLEM {number}{problem.day}, batches {problem.first} to {problem.last}: "
            f"{printable(problem.problem)}{state}"
        )
    click.echo("ok" if report.ok else "NOT OK")
    if any(problem.id is not None and problem.signed_by is None for problem in report.problems):
        click.echo("What is understood is signed off with `pumpjack ledger signoff ID`.", err=True)


@ledger.command()
@ledger_options
@click.argument("number", metavar="ID", type=int)
@click.option("--by", required=True, help="Who answers for it.")
@click.option("--remark", required=True, help="What happened, and what is to be paid.")
@json_option
def signoff(path: Path | None, data: Path | None, number: int, by: str, remark: str, as_json: bool) -> None:
    """Answer for a problem that `ledger check` names by ID: its range may be settled then."""
    folder = ledger_folder(path, data)
    try:
        with closing(index_file.open_to_write(folder.index)) as connection:
            damage = damages.sign_off(connection, number, printable(by), printable(remark), int(time.time()))
    except UNUSABLE as error:
        raise click.ClickException(f"the index cannot be written: {error}") from error
    if damage is None:
        raise click.ClickException(f"there is no problem {number}: see `pumpjack ledger check`")
    signed_at = None if damage.signed_at is None else iso(damage.signed_at)
    facts = {"id": damage.id, "by": damage.signed_by, "at": signed_at, "remark": damage.remark}
    if as_json:
        print_json(facts)
    else:
        click.echo(f"{damage.id} signed off by {damage.signed_by} at {signed_at}: {damage.remark}")


@ledger.command()
@ledger_options
@click.argument("target", metavar="DEST", type=click.Path(path_type=Path))
@json_option
def backup(path: Path | None, data: Path | None, target: Path, as_json: bool) -> None:
    """Copy the ledger to DEST, which must not exist; it is a data directory then.

    The key for signing goes along: keep the copy as you keep the ledger.
    """
    folder = ledger_folder(path, data)
    try:
        size = checking.size(folder)
        with bytes_bar("copying", size) as told:
            make_backup(folder, target, told)
    except UNUSABLE as error:
        raise click.ClickException(f"no backup was made: {error}") from error
    if as_json:
        print_json({"backup": str(target), "days": Folder.of(target).names()})
    else:
        click.echo(
            f"{len(Folder.of(target).names())} days in {target}; prove them: ledger check --data {target}"
        )


@ledger.command()
@ledger_options
@click.option(
    "--keep-days",
    type=click.IntRange(1, 36_500),
    help="Give up days that ended longer ago, but never the last N with shares.",
)
@click.option("--keep-bytes", type=click.IntRange(0), help="Give up as many as must, so that these are left.")
@click.option("--dry-run", is_flag=True, help="Say what would go.")
@json_option
def prune(
    path: Path | None,
    data: Path | None,
    keep_days: int | None,
    keep_bytes: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Give up the raw batches of whole days, from the oldest on; sums and signed roots stay.

    Shares of such a day can no longer be explained or verified: export or back it up before. A day stays
    that is open, not yet folded into the index, or has a problem that is not signed off.
    """
    if keep_days is None and keep_bytes is None:
        raise click.UsageError("say what to keep: --keep-days N or --keep-bytes N")
    folder = ledger_folder(path, data)
    now = time.time()
    too_old = None if keep_days is None else Age(keep_days, int(now * 1000))
    pruned = []
    try:
        with closing(index_file.open_to_write(folder.index)) as connection:
            if not dry_run:
                pruning.finish(folder, connection)
            for day in pruning.choose(folder, connection, too_old=too_old, most_bytes=keep_bytes):
                if not dry_run:
                    pruning.prune(folder, connection, day, int(now))
                pruned.append(day)
    except UNUSABLE as error:
        for day in pruned:
            click.echo(f"{day.name} was pruned", err=True)
        raise click.ClickException(f"no more was pruned: {error}") from error
    if as_json:
        days = [{"day": day.name, "last": day.last, "bytes": day.bytes} for day in pruned]
        print_json({"dry_run": dry_run, "pruned": days})
        return
    for day in pruned:
        click.echo(f"{day.name}  {day.bytes / 1e6:.1f} MB{'  would go' if dry_run else ''}")
    click.echo(f"{len(pruned)} days, {sum(day.bytes for day in pruned) / 1e6:.1f} MB")


@ledger.command()
@ledger_options
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--from", "since", type=Instant(), default=0, help="From this time on (UTC, ISO).")
@click.option("--to", "until", type=Instant(), default=FOREVER // 1000, help="Before this time.")
@json_option
@click.pass_context
def export(
    context: click.Context,
    path: Path | None,
    data: Path | None,
    target: Path,
    since: int,
    until: int,
    as_json: bool,
) -> None:
    """Write FILE, JSON lines that anybody can prove: every batch, chained, and the days' signatures.

    docs/ledger.md says how to prove it. FILE must not exist. Exit code 1 if batches had to be left out.
    """
    folder = ledger_folder(path, data)
    try:
        size = checking.size(folder)
        with target.open("x", encoding="ascii") as file:
            try:
                with bytes_bar("exporting", size) as told:
                    last = exporting.export(folder, file, since * 1000, until * 1000, told)
            except BaseException:
                with suppress(OSError):
                    target.unlink()
                raise
    except UNUSABLE as error:
        raise click.ClickException(f"nothing was exported: {error}") from error
    if as_json:
        print_json(last)
    else:
        click.echo(f"{last['batches']} batches with {last['shares']} shares in {target}")
        for bad in last["left_out"]:
            where = f"{bad['day']}, batches {bad['first']} to {bad['last']}"
            click.echo(f"LEFT OUT {where}: {printable(bad['problem'])}", err=True)
    if last["left_out"]:
        context.exit(Exit.FAILURE)
