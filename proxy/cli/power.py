"""``pumpjack power``: what the governor of the running proxy does, why, and what it is told."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from proxy.adapters.control.asking import ask_power
from proxy.cli.data_dir import data_dir_of
from proxy.cli.output import Unreachable, json_option, print_json
from proxy.cli.power_replay import replay
from proxy.cli.power_text import (
    BY_HAND,
    advice_line,
    alarm_line,
    cap_lines,
    miner_line,
    order_lines,
    plan_lines,
    status_lines,
    waiting_lines,
)
from proxy.cli.times import Instant, Period, iso
from proxy.errors import OrderRefused

Command = TypeVar("Command", bound=Callable[..., Any])
_SHOWN = 20


def site_options(command: Command) -> Command:
    """Add the options that say which running program is meant, and ``--json``."""
    for option in (
        json_option,
        click.option("--data", type=click.Path(path_type=Path), help="The running program's data directory."),
        click.option(
            "-c",
            "--config",
            "path",
            type=click.Path(path_type=Path),
            help="The running site's configuration.",
        ),
    ):
        command = option(command)
    return command


reason_option = click.option("--reason", required=True, metavar="TEXT", help="Kept in the log.")


@click.group()
def power() -> None:
    """See what the governor does and why, and tell it what to do."""


@power.command()
@site_options
def status(path: Path | None, data: Path | None, as_json: bool) -> None:
    """Show what miners may draw, what bounds it, and who goes without."""
    state = _asked(path, data, as_json, "status")
    if state is not None:
        click.echo("\n".join(status_lines(state)))


@power.command()
@site_options
def plan(path: Path | None, data: Path | None, as_json: bool) -> None:
    """Show what each miner is told."""
    state = _asked(path, data, as_json, "plan")
    if state is not None:
        click.echo("\n".join(plan_lines(state)))


@power.command()
@click.argument("miner", required=False)
@site_options
def why(miner: str | None, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Show the last decisions, each with the constraint that bound it, and alarms.

    With MINER, its id as "power plan" shows it or its worker's name: what holds that one, and until when.
    """
    if miner is not None:
        _why_miner(miner, path, data, as_json)
        return
    state = _asked(path, data, as_json, "why")
    if state is None:
        return
    click.echo(advice_line(state))
    click.echo(f"now        {state['sentence']}")
    lines = [
        *cap_lines(state["caps"], BY_HAND),
        *order_lines(state["orders"]),
        *waiting_lines(state["waiting"]),
    ]
    click.echo("\n".join(lines))
    for decision in state["decisions"][-_SHOWN:]:
        click.echo(
            f"{iso(decision['at'])}  {decision['what']:<9} [{decision['bound']}] {decision['sentence']}"
        )
    for alarm in state["alarms"][-_SHOWN:]:
        click.echo(alarm_line(alarm))


def _why_miner(name: str, path: Path | None, data: Path | None, as_json: bool) -> None:
    state = _answer(path, data, as_json, "plan")
    found = [each for each in state["miners"] if name in names_of(each["id"])]
    if not found:
        problem = f"no miner is called {name!r}: pumpjack power plan lists them"
        if as_json:
            print_json({"error": problem})
        raise click.ClickException(problem)
    if as_json:
        print_json({"control": state["control"], "miners": found})
        return
    click.echo("\n".join([advice_line(state), *map(miner_line, found)]))


def names_of(miner: str) -> tuple[str, str, str]:
    """Return what a miner ``tenant/worker@address`` may be called."""
    whole, _, worker = miner.rpartition("@")[0].partition("/")
    return miner, f"{whole}/{worker}", worker


@power.command()
@click.option("--kw", type=click.FloatRange(min=0.0), required=True, metavar="N", help="For all miners.")
@click.option("--for", "period", type=Period(), required=True, metavar="TIME", help="As 90m, 2h, 1d.")
@reason_option
@site_options
def cap(kw: float, period: int, reason: str, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Let miners draw no more than so many kW for a while; it outlives a restart."""
    _order(path, data, as_json, "cap", reason, kw=kw, seconds=float(period))


@power.command()
@click.option("--kw", type=click.FloatRange(min=0.0), required=True, metavar="N", help="For all miners.")
@click.option(
    "--from", "start", type=Instant(), required=True, metavar="TIME", help="UTC, as 2026-11-26T16:00:00Z."
)
@click.option("--for", "period", type=Period(), required=True, metavar="TIME", help="As 90m, 2h, 1d.")
@click.option("--name", required=True, metavar="TEXT", help="By which it is shown, replaced and released.")
@reason_option
@site_options
def order(
    kw: float,
    start: int,
    period: int,
    name: str,
    reason: str,
    path: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Meet a curtailment that is known beforehand: the load is down when it begins.

    It outlives a restart. One of the same name is replaced.
    """
    seconds, from_s = float(period), float(start)
    _order(path, data, as_json, "order", reason, kw=kw, seconds=seconds, from_s=from_s, name=name)


@power.command()
@reason_option
@site_options
def hold(reason: str, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Raise nothing until it is released; reductions go on."""
    _order(path, data, as_json, "hold", reason)


@power.command()
@reason_option
@site_options
def stop(reason: str, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Emergency: everything down by the fastest way there is, and nothing up until it is released."""
    _order(path, data, as_json, "stop", reason)


@power.command()
@click.option("--only", type=click.Choice(["cap", "hold", "stop"]), help="End this one alone.")
@click.option("--order", "name", metavar="NAME", help="End the curtailment of this name alone.")
@reason_option
@site_options
def release(
    only: str | None, name: str | None, reason: str, path: Path | None, data: Path | None, as_json: bool
) -> None:
    """End cap, hold and stop: miners get work again as far as there is power.

    Curtailments stay unless one is named, and lockouts hold on.
    """
    _order(path, data, as_json, "release", reason, only=only, name=name)


@power.command()
@click.argument("circuit")
@click.option("--off", is_flag=True, help="End it; nothing else does.")
@reason_option
@site_options
def lockout(
    circuit: str, off: bool, reason: str, path: Path | None, data: Path | None, as_json: bool
) -> None:
    """Keep the miners of a circuit, and of all that it feeds, down until ``--off``; it outlives a restart.

    This is no isolation: software takes work and watts from miners, and the circuit stays live. Lock and tag
    its breaker, and test for voltage, before anybody touches it.
    """
    _order(path, data, as_json, "unlock" if off else "lockout", reason, circuit=circuit)


power.add_command(replay)


def _order(
    path: Path | None, data: Path | None, as_json: bool, order: str, reason: str, **more: float | str | None
) -> None:
    body = {"reason": reason, "who": getpass.getuser(), **more}
    state = _answer(path, data, as_json, order, body)
    if as_json:
        print_json(state)
    else:
        click.echo("\n".join(order_lines(state)))
    if state["control"] == "advise":
        click.echo('Note: control = "advise": this is advice only, nothing is gated.', err=True)


def _asked(path: Path | None, data: Path | None, as_json: bool, name: str) -> dict[str, Any] | None:
    """Return a view; None where it was printed as JSON."""
    state = _answer(path, data, as_json, name)
    if not as_json:
        return state
    print_json(state)
    return None


def _answer(
    path: Path | None, data: Path | None, as_json: bool, name: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return what the running program answers; it is an error also in JSON where it refuses."""
    folder = data_dir_of(path, data)
    try:
        return ask_power(folder, name, body)
    except OrderRefused as error:
        if as_json:
            print_json({"error": str(error)})
        raise click.ClickException(str(error)) from error
    except (OSError, ValueError) as error:
        if as_json:
            print_json({"error": f"no running pumpjack answers in {folder}"})
        raise Unreachable(f"no running pumpjack answers in {folder} ({error})") from error
