"""``pumpjack shares``: credited shares one by one, from the ledger."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from typing_extensions import override

from proxy.adapters.logs.printable import printable
from proxy.adapters.stores.ledger.found import FoundShare, SeenShare, ShareId
from proxy.adapters.stores.ledger.shares import UNKNOWN, Follower
from proxy.cli.explain import explanation_lines, explanation_report
from proxy.cli.ledger_folder import ledger_folder, ledger_options, opened, readable
from proxy.cli.output import Exit, json_option, print_json
from proxy.cli.shares_verify import verify
from proxy.cli.tables import text
from proxy.cli.times import iso_ms
from proxy.ledger.records import Flags, SessionBegan, Share, WorkReceived
from proxy.mining.explain import Explanation, ShareWithJob
from proxy.mining.explain import explain as explanation_of
from proxy.mining.version_rolling import BIP320_MASK
from proxy.units import Difficulty

PAUSE = 0.5
"""Seconds between two looks at what is new: the program commits some fifty times in each."""
CLOSE_ENOUGH = 1e-9
"""The recorded difficulty is a double made from the same hash."""


class ShareIdType(click.ParamType[ShareId]):
    """A share's id on the command line."""

    name = "id"

    @override
    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> ShareId:
        """Return the id that a text names."""
        try:
            return ShareId.read(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group()
def shares() -> None:
    """Show, explain and verify credited shares; from the ledger, whether the program runs or not."""


@shares.command()
@ledger_options
@click.option("-n", "most", type=click.IntRange(1, 100_000), default=20, show_default=True, help="How many.")
@click.option("--follow", is_flag=True, help="Go on with those that come, until interrupted.")
@click.option("--tenant", help="Of this tenant alone.")
@json_option
def tail(
    path: Path | None, data: Path | None, most: int, follow: bool, tenant: str | None, as_json: bool
) -> None:
    """Show the last credited shares, the latest last.

    \b
    JSON: a list, or with --follow a line for each: id, at, tenant, worker, session, job, credit, achieved,
    forwarded, block
    """
    folder = ledger_folder(path, data)
    with opened(folder) as reader:
        last = reader.shares.latest(most, tenant)
        # The tenants of all sessions that may still send shares, for the ledger is let go of here.
        follower = Follower(folder, reader.last[0], reader.shares.tenants())
    if as_json and not follow:
        print_json([_report(seen) for seen in last])
        return
    show = _json_line if as_json else _line
    while True:
        for seen in last:
            if tenant in (None, seen.tenant):
                click.echo(show(seen))
        if not follow:
            return
        pause()
        with readable():
            last = follower.news()


def pause() -> None:
    """Wait until it is worth looking again."""
    time.sleep(PAUSE)


@shares.command("explain")
@click.argument("which", metavar="ID", type=ShareIdType())
@ledger_options
@json_option
@click.pass_context
def explain_share(
    context: click.Context, which: ShareId, path: Path | None, data: Path | None, as_json: bool
) -> None:
    """Explain a credited share by its ID, as 1234-0: hash, checks, account, and its end at the pool.

    Exit code 1 if the ledger does not hold it, or its hash is not worth what is recorded.

    \b
    JSON: id, at, day, run, tenant, worker, session, address, software, upstream, work, job, credit, achieved,
    forwarded, block, settlement: {outcome, reason, at}, agrees, explanation: as of `pumpjack explain`
    """
    with opened(ledger_folder(path, data)) as reader:
        found = reader.shares.find(which)
        is_pruned = found is None and reader.shares.is_pruned(which)
    if found is None:
        why = "its day was pruned" if is_pruned else "the ledger holds no such share"
        if as_json:
            print_json({"id": str(which), "error": why})
        click.echo(f"share {which}: {why}", err=True)
        context.exit(Exit.FAILURE)
    explanation = (
        None if found.work is None else explanation_of(share_with_job(found.share, found.work, found.session))
    )
    agrees = explanation is not None and _agrees(explanation, found.share)
    if as_json:
        told = None if explanation is None else explanation_report(explanation)
        print_json({**_account(found), "agrees": agrees, "explanation": told})
    else:
        console = Console()
        console.print(*(text(line) for line in _account_lines(found)), sep="\n")
        if explanation is None:
            console.print("The ledger does not tell the share's job: its hash cannot be made again.")
        else:
            console.print(*(text(line) for line in explanation_lines("hash", explanation)), sep="\n")
            if not agrees:
                console.print("The hash is not worth what is recorded: run `pumpjack shares verify`.")
    if not agrees:
        context.exit(Exit.FAILURE)


def share_with_job(share: Share, work: WorkReceived, session: SessionBegan | None) -> ShareWithJob:
    """Return a recorded share as it can be hashed again.

    The version is recorded as the header had it. Which bits the miner was allowed to roll is not: those of
    BIP 320 are taken for it, and whatever else it rolled.
    """
    cut = len(session.extranonce1) if session is not None else 0
    rolled = share.version ^ work.version
    mask = BIP320_MASK | rolled
    return ShareWithJob(
        coinb1=work.coinb1,
        coinb2=work.coinb2,
        branches=work.branches,
        job_version=work.version,
        prevhash=work.prevhash,
        nbits=work.nbits,
        job_ntime=work.ntime,
        extranonce1=share.extranonce[:cut],
        extranonce2=share.extranonce[cut:],
        ntime=share.ntime,
        nonce=share.nonce,
        version_bits=share.version & mask if rolled else None,
        mask=mask if rolled & ~BIP320_MASK else None,
        extranonce2_size=work.extranonce_size - cut,
        difficulty=Difficulty(share.credit),
        upstream_difficulty=Difficulty(work.difficulty),
    )


def _agrees(explanation: Explanation, share: Share) -> bool:
    """Return whether the hash meets the credit, and is worth what is recorded."""
    achieved = explanation.chosen.difficulty
    is_credited = all(check.met for check in explanation.targets if check.name == "share")
    return is_credited and abs(achieved - share.achieved) <= CLOSE_ENOUGH * achieved


# --- as people and programs read it ---------------------------------------------------------------------


def _report(seen: SeenShare) -> dict[str, Any]:
    share = seen.share
    return {
        "id": str(seen.id),
        "at": iso_ms(seen.at),
        "tenant": seen.tenant,
        "worker": share.worker,
        "session": share.session,
        "job": share.job_id,
        "credit": share.credit,
        "achieved": share.achieved,
        "forwarded": bool(share.flags & Flags.FORWARDED),
        "block": bool(share.flags & Flags.BLOCK),
    }


def _json_line(seen: SeenShare) -> str:
    return json.dumps(_report(seen))


def _line(seen: SeenShare) -> str:
    share = seen.share
    ends = " block" if share.flags & Flags.BLOCK else " forwarded" if share.flags & Flags.FORWARDED else ""
    who = printable(f"{seen.tenant}/{share.worker}")
    return f"{iso_ms(seen.at)}  {seen.id!s:>14}  {share.credit:>12g} {share.achieved:>14.6g}  {who}{ends}"


def _account(found: FoundShare) -> dict[str, Any]:
    session, settlement = found.session, found.settlement
    seen = SeenShare(found.id, found.at, UNKNOWN if session is None else session.tenant, found.share)
    return {
        **_report(seen),
        "day": found.day,
        "run": found.run.hex(),
        "address": None if session is None else session.address,
        "software": None if session is None else session.user_agent,
        "upstream": None if found.work is None else found.work.upstream,
        "work": None if found.work is None else found.work.work,
        "settlement": None
        if settlement is None
        else {
            "outcome": settlement.outcome.name.lower(),
            "reason": settlement.reason,
            "at": iso_ms(settlement.at),
        },
    }


def _account_lines(found: FoundShare) -> list[str]:
    account = _account(found)
    settlement = account["settlement"]
    if settlement is not None:
        end = f"{settlement['outcome']} at {settlement['at']} {settlement['reason']}".rstrip()
    else:
        end = "not settled yet" if account["forwarded"] else "not sent: it does not meet the pool's target"
    return [
        f"share {account['id']}, committed {account['at']}, in {account['day']}",
        f"  tenant        {account['tenant']}",
        f"  worker        {account['worker']}",
        f"  session       {account['session']} of run {account['run']}",
        f"  miner         {account['address']}, {account['software']}",
        f"  upstream      {account['upstream']}, job {account['job']}",
        f"  credited      {account['credit']:g}",
        f"  achieved      {account['achieved']:.10g}",
        f"  at the pool   {end}",
    ]


shares.add_command(verify)
