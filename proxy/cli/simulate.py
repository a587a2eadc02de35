"""``pumpjack simulate``: a policy steers a simulated plant in virtual time, and is measured by its truth."""

from __future__ import annotations

import sys
import textwrap
from importlib.resources import files
from math import inf, isnan
from pathlib import Path
from typing import Any

import click

from proxy.cli.output import Exit, json_option, print_json
from proxy.cli.progress import parts_bar
from proxy.errors import ConfigError
from proxy.plant.parameters import Parameters, load
from proxy.simulation.policies import POLICIES
from proxy.simulation.report import EVERY, ORACLE, Against, Result, against, result
from proxy.simulation.scenarios import SCENARIOS
from proxy.simulation.trace import Trace
from proxy.simulation.trace import read as read_trace
from proxy.simulation.world import Setting, World, world

ALL = "all"
DAY_S = 86_400.0
MOST_BYTES = 64_000_000
FIGURES = (
    "violation_ws",
    "worst_excess_w",
    "genset_trips",
    "min_hz",
    "max_hz",
    "energy_used_ratio",
    "hashes",
    "oracle_ratio",
    "switches_per_miner_day",
    "jain",
    "sla_minutes_missed",
)

_HELP = """Prove the governor on a simulated plant, beside other policies.

Wells, header, generator sets, feeders, meters and miners are simulated, second by second in virtual time;
whoever steers them knows nominal values and what instruments tell, the truth is drawn around them by the
seed. Figures count against the truth. docs/simulation.md says what each of them means.

\b
Scenarios:
{scenarios}

\b
Policies:
{policies}

Exit code 1: the policy `ours` did worse than the panic reference, or a swept corner failed.
"""


def _rows(rows: dict[str, str]) -> str:
    width = max(map(len, rows)) + 2
    lines = []
    for name, text in rows.items():
        lines += textwrap.wrap(
            f"{name:<{width}}{text}", 92, subsequent_indent=" " * width, break_on_hyphens=False
        )
    return "\n".join(lines)


_POLICY_HELP = {name: kind.help for name, kind in POLICIES.items()} | {
    ORACLE: "an upper bound with perfect foresight (a linear program): steers nothing",
    ALL: "all of these, side by side",
}


@click.command(
    help=_HELP.format(
        scenarios=_rows({name: row.help for name, row in SCENARIOS.items()}), policies=_rows(_POLICY_HELP)
    )
)
@click.option("--scenario", type=click.Choice(list(SCENARIOS)), default="steady", show_default=True)
@click.option("--miners", type=click.IntRange(1, 20_000), default=100, show_default=True, metavar="N")
@click.option(
    "--days",
    type=click.FloatRange(0.001, 366.0),
    default=0.25,
    show_default=True,
    metavar="D",
    help="Length of the run, parts of a day are taken.",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, metavar="K")
@click.option("--policy", type=click.Choice([*EVERY, ALL]), default="ours", show_default=True)
@click.option(
    "--fleet",
    type=click.Choice(["mixed", "luxos", "sleep-only", "homogeneous", "every"]),
    help="Left out: the scenario's, mixed.",
)
@click.option(
    "--budget-share",
    type=click.FloatRange(0.0, 2.0, min_open=True),
    metavar="X",
    help="An order caps the fleet at this part of its default draw, for the whole run.",
)
@click.option("--plant", type=click.Path(path_type=Path), metavar="F", help="A plant file of your own, TOML.")
@click.option(
    "--trace",
    type=click.Path(path_type=Path),
    metavar="F",
    help="A recorded supply, CSV with the header seconds,kw or seconds,gas_factor.",
)
@click.option("--svg", type=click.Path(path_type=Path), metavar="F", help="Draw the run into this file.")
@click.option(
    "--alone", is_flag=True, help="Run neither panic reference nor oracle beside it: a third of the time."
)
@click.option("--sweep", is_flag=True, help="Take every assumed figure of the plant to both ends.")
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes of a sweep."
)
@json_option
def simulate(
    scenario: str,
    miners: int,
    days: float,
    seed: int,
    policy: str,
    fleet: str | None,
    budget_share: float | None,
    plant: Path | None,
    trace: Path | None,
    svg: Path | None,
    alone: bool,
    sweep: bool,
    jobs: int,
    as_json: bool,
) -> None:
    """Run it and print the figures."""
    for option, number in (("--days", days), ("--budget-share", budget_share)):
        if number is not None and isnan(number):
            raise click.UsageError(f"{option}: nan is no number")
    text = _text(plant) if plant else _shipped()
    recorded = None if trace is None else _trace(trace)
    setting = Setting(
        scenario=SCENARIOS[scenario],
        miners=miners,
        duration_s=float(max(1, round(days * DAY_S))),
        seed=seed,
        fleet=fleet,
        budget_share=inf if budget_share is None else budget_share,
        trace=recorded,
    )
    if svg is not None and (policy in {ALL, ORACLE} or sweep):
        raise click.UsageError("--svg draws one policy's run: name the policy")
    if sweep:
        if policy in {ALL, ORACLE}:
            raise click.UsageError("--sweep looks at one policy that steers: name it")
        _sweep(text, plant, setting, policy, jobs, as_json=as_json)
        return
    site = world(_plant(text, plant), setting)
    found = _compared(site, alone=alone) if policy == ALL else [_one(site, policy, alone=alone)]
    if svg is not None:
        _draw(svg, found[0])
    _print(found, as_json=as_json)
    if any(one.policy == "ours" and one.failures for one in found):
        sys.exit(Exit.FAILURE)


def _one(site: World, policy: str, *, alone: bool) -> Result:
    reference = policy == "ours" and not alone
    oracle = policy == ORACLE or (policy != "panic" and not alone)
    runs = (policy != ORACLE) + reference + oracle
    with parts_bar(f"simulating {policy}", runs * site.setting.duration_s) as told:
        beside = against(site, reference=reference, oracle=oracle, told=told)
        _needed(policy, beside)
        return result(site, policy, beside, told)


def _compared(site: World, *, alone: bool) -> list[Result]:
    runs = len(POLICIES) + (not alone)
    with parts_bar("simulating", runs * site.setting.duration_s) as told:
        beside = against(site, reference=True, oracle=not alone, told=told)
        names = [name for name in EVERY if name != ORACLE or beside.most_hashes is not None]
        return [result(site, name, beside, told) for name in names]


def _needed(policy: str, beside: Against) -> None:
    if policy == ORACLE and beside.most_hashes is None:
        raise click.ClickException(beside.note)


def _print(found: list[Result], *, as_json: bool) -> None:
    facts = [one.facts() for one in found]
    if as_json:
        print_json(facts[0] if len(facts) == 1 else facts)
        return
    if len(facts) == 1:
        width = max(map(len, facts[0])) + 2
        for name, value in facts[0].items():
            if name not in {"failures", "note"}:
                click.echo(f"{name.replace('_', ' '):<{width}}{_figure(value)}")
    else:
        _table(facts)
    for note in {one.against.note for one in found if one.against.note}:
        click.echo(note, err=True)
    for one in found:
        for failure in one.failures if one.policy == "ours" else ():
            click.echo(f"WORSE than the panic reference: {failure}", err=True)


def _table(facts: list[dict[str, Any]]) -> None:
    from proxy.cli.tables import Table, console

    head = facts[0]
    click.echo(
        f"{head['scenario']}, {head['miners']} miners ({head['fleet']}), seed {head['seed']}, "
        f"{head['virtual_s'] / 3600:g} h simulated, plant {head['plant_hash'][:12]}"
    )
    shown = Table("figure", *(row["policy"] for row in facts), left={"figure"})
    for name in FIGURES:
        shown.add_row(name.replace("_", " "), *(_figure(row.get(name)) for row in facts))
    console().print(shown)


def _figure(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e15 else f"{value:.5g}"


def _draw(path: Path, one: Result) -> None:
    from proxy.simulation.plot import svg

    if one.run is None:
        raise click.UsageError("the oracle has no run to draw")
    setting = one.world.setting
    title = (
        f"{setting.scenario.name}, policy {one.policy}: {setting.miners} simulated miners "
        f"({one.world.fleet.kind}), seed {setting.seed}, plant {one.world.parameters.digest[:12]}"
    )
    try:
        path.write_text(svg(one.run.series, title), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from error


def _sweep(text: str, plant: Path | None, setting: Setting, policy: str, jobs: int, *, as_json: bool) -> None:
    from proxy.simulation.sweep import corners, sweep

    _plant(text, plant)  # its mistakes, before any process is started
    found = []
    with parts_bar(f"sweeping {policy}", len(corners(text, setting))) as told:
        for finding in sweep(text, setting, policy, jobs):
            found.append(finding)
            told(1.0)
            if finding.failures:  # told at once: a sweep takes hours
                corner = finding.corner
                click.echo(
                    f"{corner.key} at its {corner.end} {corner.value:g}: {'; '.join(finding.failures)}",
                    err=as_json,
                )
    failed = sorted((one for one in found if one.failures), key=lambda one: (one.corner.key, one.corner.end))
    impossible = [one for one in found if one.impossible]
    if as_json:
        print_json(
            {
                "simulated": True,
                "scenario": setting.scenario.name,
                "policy": policy,
                "miners": setting.miners,
                "seed": setting.seed,
                "corners": len(found),
                "impossible": [
                    {"key": one.corner.key, "value": one.corner.value, "why": one.impossible}
                    for one in impossible
                ],
                "failed": [
                    {
                        "key": one.corner.key,
                        "end": one.corner.end,
                        "value": one.corner.value,
                        "failures": list(one.failures),
                    }
                    for one in failed
                ],
            }
        )
    else:
        click.echo(f"{len(found)} corners, {len(impossible)} impossible, {len(failed)} failed")
    if failed:
        sys.exit(Exit.FAILURE)


def _shipped() -> str:
    return files("proxy.plant").joinpath("plant.toml").read_text(encoding="utf-8")


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise click.ClickException(f"{path} is larger than {MOST_BYTES:,} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{path} is no UTF-8 text (byte {error.start})") from error


def _plant(text: str, path: Path | None) -> Parameters:
    try:
        return load(text)
    except ConfigError as error:
        raise ConfigError([f"{path or 'plant.toml'}: {mistake}" for mistake in error.mistakes]) from error


def _trace(path: Path) -> Trace:
    try:
        return read_trace(_text(path))
    except ConfigError as error:
        raise ConfigError([f"{path}: {mistake}" for mistake in error.mistakes]) from error
