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
from proxy.cli.times import Instant, Period, ago, iso
from proxy.errors import OrderRefused

Command = TypeVar("Command", bound=Callable[..., Any])
_SHOWN = 20
_BY_HAND = ("operator", "cap_kw", "nominal")
"""Caps that a status tells in other lines, or that always hold."""


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
    if state is None:
        return
    click.echo(_advice(state))
    for miner in state["miners"]:
        here = "" if miner["session"] is not None else "  (away)"
        told = f"works, {miner['told_w']:,.0f} W" if miner["work"] else "no work"
        locked = f"  (locked out: {miner['circuit']})" if miner["locked_out"] else ""
        click.echo(f"{miner['id']:<40} {told}, of {miner['ceiling_w']:,.0f} W{here}{locked}")


@power.command()
@site_options
def why(path: Path | None, data: Path | None, as_json: bool) -> None:
    """Show the last decisions, each with the constraint that bound it, and alarms."""
    state = _asked(path, data, as_json, "why")
    if state is None:
        return
    click.echo(_advice(state))
    click.echo(f"now        {state['sentence']}")
    lines = [*cap_lines(state["caps"], _BY_HAND), *order_lines(state["orders"])]
    click.echo("\n".join(lines))
    for decision in state["decisions"][-_SHOWN:]:
        click.echo(
            f"{iso(decision['at'])}  {decision['what']:<9} [{decision['bound']}] {decision['sentence']}"
        )
    for alarm in state["alarms"][-_SHOWN:]:
        click.echo(f"{iso(alarm['at'])}  ALARM {alarm['kind']}: {alarm['sentence']}")


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


def _advice(state: dict[str, Any]) -> str:
    if state["control"] == "act":
        return "control    act: work follows the power"
    return "control    advise: nothing is gated; this is what would be done"


def status_lines(state: dict[str, Any]) -> list[str]:
    """Return a status in words."""
    miners, source, curtailed = state["miners"], state["source"], state["curtailed"]
    lines = [
        _advice(state),
        f"budget     {_kw(state['budget_kw'])} of {_kw(state['wanted_kw'])} wanted; "
        f"bound by {state['bound'] or 'nothing'}",
        f"why        {state['sentence']}",
        f"proven     {_kw(state['proven_kw'])} at most; {_kw(state['expected_kw'])} expected",
        f"miners     {miners['here']} here, {miners['withheld']} of them without work for want of power"
        + (f", {miners['locked_out']} locked out" if miners["locked_out"] else ""),
    ]
    for tenant in state["tenants"]:
        owed = f", owed {tenant['owed_kwh']:,.1f} kWh" if tenant["owed_kwh"] else ""
        lines.append(
            f"tenant     {tenant['id']}: {tenant['here']} here, {tenant['withheld']} without work, "
            f"guaranteed {tenant['guarantee_kw']:,.1f} kW{owed}"
        )
    if source is not None:
        problem = f"; {source['problem']}" if source["problem"] else ""
        lines.append(f"source     {_kw(source['kw'])}, {ago(source['age_s'])} old{problem}")
    if (price := state["price"]) is not None:
        told = "unknown" if price["per_mwh"] is None else f"{price['per_mwh']:g} for a MWh"
        problem = f"; {price['problem']}" if price["problem"] else ""
        lines.append(f"price      {told}, {ago(price['age_s'])} old{problem}")
    if curtailed is not None:
        lines.append(
            f"curtailed  for {ago(curtailed['since_s'])}, {curtailed['missing_kwh']:,.2f} kWh not offered"
        )
    lines += cap_lines(state["caps"], _BY_HAND)
    lines += order_lines(state["orders"])
    silent = state["governor"]["silent_s"]
    if silent is None or silent > 5:
        lines.append("governor   SILENT: nobody new gets work; look at the log")
    return lines + [f"alarm      {alarm['sentence']}" for alarm in state["alarms"]]


def order_lines(orders: dict[str, Any]) -> list[str]:
    """Return the orders that hold or will, in words."""
    lines = []
    idle = " (NOT IN FORCE: control = advise gates nothing)" if orders["control"] == "advise" else ""
    if (cap := orders.get("cap")) is not None:
        lines.append(
            f"cap        {cap['kw']:g} kW until {iso(cap['until_s'])} ({ago(cap['left_s'])}), "
            f"by {cap['who']}: {cap['reason']}"
        )
    for key, word in (("held", "hold"), ("stopped", "STOP")):
        if (told := orders.get(key)) is not None:
            lines.append(f"{word:<10} by {told['who']}: {told['reason']}{idle}")
    for name, one in orders["curtailments"].items():
        lines.append(
            f"order      {name}: {one['kw']:g} kW from {iso(one['from_s'])} until {iso(one['until_s'])}, "
            f"by {one['who']}: {one['reason']}"
        )
    lines += [
        f"lockout    {circuit}, by {told['who']}: {told['reason']}{idle}"
        for circuit, told in orders["lockouts"].items()
    ]
    return lines or ["orders     none"]


def cap_lines(caps: list[dict[str, Any]], without: tuple[str, ...]) -> list[str]:
    """Return the caps that hold now, the strictest first, in words."""
    shown = [each for each in caps if each["by"] not in without]
    return [f"{each['by']:<10} {each['kw']:g} kW now: {each['sentence']}" for each in shown]


def _kw(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.1f} kW"
