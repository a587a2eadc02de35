"""``pumpjack demo``: the whole job on a simulated site, needing no miner and no pool."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import click
import uvloop
from rich.console import Console
from rich.live import Live

from proxy import hotpath
from proxy.adapters.logs import events as logs
from proxy.adapters.logs.writer import Writer
from proxy.app.demo import Demo, Outcome
from proxy.app.demo_configuration import DemoError, DemoSettings
from proxy.app.room import StartError
from proxy.app.scenarios import SCENARIOS
from proxy.cli.demo_screen import DemoScreen, outcome_text, progress_text, steer_text
from proxy.cli.output import Exit, json_option, print_json
from proxy.units import Seconds

_REFRESH = Seconds(0.5)
_PROGRESS = Seconds(5.0)
_HEADLESS_DURATION = 30.0

_HELP = """Show it all on a simulated site; needs no miner and no pool.

Simulated pools are real Stratum servers on 127.0.0.1, the proxy is the real one (on 127.0.0.1:3333 or the
next free port), and simulated miners find genuine shares by real SHA-256 at a low difficulty. There are two
tenants, acme and borealis, told apart by user name, each with a primary and a backup pool. Timers for
failover are much shorter than in the field: acme's primary pool is back after 2 s of good behaviour, not
after 5 minutes.

\b
Scenarios (times at speed 1; told again every 30 s while the demo lasts):
{scenarios}

At the end miners stop hashing, every share under way is answered and settled, and three books are
compared: the miners', the proxy's and the pools'. The exit code is 1 if they disagree.

\b
found      shares that the miners found
judged     of these, got the proxy's verdict     answered  told to the miner
forwarded  sent to a pool                        settled   answered by the pool, or (unknown)
                                                           the connection broke before
lost       sent by a miner but never answered, or forwarded but never settled
doubled    credited, settled, answered or accepted twice, or refused by a pool as duplicates
repeated   sent again after a broken connection, recognised by the pool: settled once
unsent     credited, but the pool's connection broke before they could be sent
"""


def _scenario_lines() -> str:
    width = max(map(len, SCENARIOS)) + 2
    lines = []
    for name, row in SCENARIOS.items():
        lines += textwrap.wrap(
            f"{name:<{width}}{row.help}", 76, subsequent_indent=" " * width, break_on_hyphens=False
        )
    return "\n".join(lines)


@click.command(help=_HELP.format(scenarios=_scenario_lines()))
@click.option("--miners", type=click.IntRange(1, 10_000), default=60, show_default=True, metavar="N")
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 20.0),
    default=1.0,
    show_default=True,
    metavar="X",
    help="Scales the pools' blocks and jobs, the miners' hashrates and share rates, and the scenario.",
)
@click.option(
    "--duration",
    type=click.FloatRange(1.0, 7 * 86400.0),
    metavar="S",
    help="Seconds; left out: until Ctrl-C, or 30 s where there is no screen.",
)
@click.option(
    "--scenario",
    type=click.Choice(list(SCENARIOS)),
    default="steady",
    show_default=True,
    help="What happens to the pools; see above.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=1,
    show_default=True,
    metavar="N",
    help="Of everything that is drawn. Timing, so the order of events, remains the machine's.",
)
@click.option("--headless", is_flag=True, help="Draw no screen; so it is where there is no terminal.")
@json_option
def demo(
    miners: int,
    speed: float,
    duration: float | None,
    scenario: str,
    seed: int,
    headless: bool,
    as_json: bool,
) -> None:
    """Run the demo and end with its exit code."""
    # JSON is alone on standard output, so the screen goes where there is room for it.
    stream = sys.stderr if as_json else sys.stdout
    headless = headless or not stream.isatty()
    if duration is None and headless:
        duration = _HEADLESS_DURATION
    settings = DemoSettings(
        miners, speed, None if duration is None else Seconds(duration), SCENARIOS[scenario], seed
    )
    try:
        _ = settings.timetable
    except ValueError as error:
        raise click.UsageError(f"--duration {duration:g}: {error}") from error
    if not hotpath.COMPILED:
        click.echo(
            "The compiled core is missing: the simulated miners are slow, and so is the proxy.", err=True
        )
    try:
        with tempfile.TemporaryDirectory(prefix="pumpjack-demo-") as folder:
            outcome = _run(settings, Path(folder), None if headless else stream)
    except (DemoError, StartError, asyncio.CancelledError) as error:
        click.echo(f"Error: {str(error) or 'stopped at once; nothing was compared'}", err=True)
        sys.exit(Exit.FAILURE)
    _report(outcome, as_json=as_json)


def _report(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print_json(outcome.summary())
    else:
        click.echo(outcome_text(outcome))
    if outcome.violations:
        if as_json:
            for text in outcome.violations:
                click.echo(f"The books disagree: {text}", err=True)
        sys.exit(Exit.FAILURE)


def _run(settings: DemoSettings, folder: Path, screen: TextIO | None) -> Outcome:
    # Log lines would tear the screen, and be most of what a pipe gets.
    with (folder / "demo.log").open("w") as file, Writer(file) as log:
        logs.configure(log)
        return uvloop.run(_watched(settings, folder, screen))


async def _watched(settings: DemoSettings, folder: Path, screen: TextIO | None) -> Outcome:
    """Run the demo beside whatever shows it."""
    demo = Demo(settings, folder)
    running = asyncio.create_task(demo.run())
    _obey_signals(demo.stop, running)
    if screen is None:
        return await _with_progress(demo, running)
    console = Console(file=screen)
    with Live(DemoScreen(demo), console=console, screen=True, auto_refresh=False) as live:
        while not running.done():
            live.refresh()
            await asyncio.wait([running], timeout=_REFRESH)
    return await running


def _obey_signals(stop: Callable[[], None], running: asyncio.Task[Outcome]) -> None:
    """Let the first signal end the demo as it should, and a second one at once."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def first() -> None:
        stop()
        for number in numbers:
            loop.add_signal_handler(number, running.cancel)

    for number in numbers:
        loop.add_signal_handler(number, first)


async def _with_progress(demo: Demo, running: asyncio.Task[Outcome]) -> Outcome:
    """Tell on standard error, now and then, how far it is."""
    announced = False
    while True:
        await asyncio.wait([running], timeout=_PROGRESS if announced else _REFRESH)
        if running.done():
            return await running
        state = demo.state()
        if state is None or not state["listeners"]:
            continue
        if not announced:
            announced = True
            doors = " and ".join(f"{door['host']}:{door['port']}" for door in state["listeners"])
            click.echo(
                f"Simulated site: {demo.settings.miners} simulated miners mine through "
                f"stratum+tcp://{doors}; scenario {demo.settings.scenario.name}, "
                f"seed {demo.settings.seed}\n{steer_text(demo)}",
                err=True,
            )
        click.echo(progress_text(demo), err=True)
