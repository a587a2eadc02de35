"""``pumpjack run``: the proxy on a real site."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import click
import structlog
import uvloop

from proxy import hotpath
from proxy.adapters.logs import events as logs
from proxy.adapters.logs.writer import Writer
from proxy.app.program import Program
from proxy.app.room import StartError
from proxy.cli.output import Exit
from proxy.config.load import from_pool_options, load
from proxy.config.settings import Settings
from proxy.errors import ConfigError


@click.command()
@click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path), help="The site's configuration (TOML)."
)
@click.option(
    "--pool", metavar="URL", help="Run without a file: stratum+tcp://HOST:PORT or stratum+ssl://HOST:PORT."
)
@click.option(
    "--user", metavar="NAME", help="With --pool: user name at the pool; {worker} stands for the miner's."
)
@click.option("--password", metavar="P", help="With --pool: password at the pool.")
@click.option("--listen", metavar="HOST:PORT", help="With --pool: where miners connect (0.0.0.0:3333).")
@click.option("--data", type=click.Path(path_type=Path), help="With --pool: folder for what Pumpjack writes.")
@click.option("--allow-pure-python", is_flag=True, help="Run although the compiled core is missing (slow).")
def run(
    path: Path | None,
    pool: str | None,
    user: str | None,
    password: str | None,
    listen: str | None,
    data: Path | None,
    allow_pure_python: bool,
) -> None:
    """Run the proxy: miners connect here, shares go to the pools.

    SIGHUP reads the configuration again. SIGTERM lets miners go one after another within a minute, commits
    and answers what is pending, waits a few seconds for the pools' answers and ends. A second one lets all
    miners go at once, the next ends at once.
    """
    if path is None and (pool is None or user is None):
        raise click.UsageError("give a configuration with -c FILE, or a pool with --pool URL --user NAME")
    if path is not None and any(value is not None for value in (pool, user, password, listen, data)):
        raise click.UsageError("-c FILE goes with none of --pool, --user, --password, --listen, --data")
    require_core(allow_pure_python=allow_pure_python)

    def read() -> Settings:
        if path is not None:
            return load(path, os.environ)
        assert pool is not None and user is not None
        return from_pool_options(pool, user, password, listen, data, os.environ)

    settings = read()
    try:
        with Writer(sys.stderr) as log:
            logs.configure(log)
            uvloop.run(_serve(settings, read if path is not None else None))
    except StartError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(Exit.FAILURE)


def require_core(*, allow_pure_python: bool) -> None:
    """Refuse to serve miners with the slow core unless that is wanted.

    Raises:
        click.ClickException: the compiled core is missing and nobody asked to do without.

    """
    if hotpath.COMPILED or allow_pure_python:
        return
    raise click.ClickException(
        "the compiled core is missing, and the Python one is several times slower. Install a C compiler and "
        "reinstall (./dev setup), or say --allow-pure-python."
    )


async def _serve(settings: Settings, read: object) -> None:
    program = Program(settings)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        begins = not program.is_stopping
        if not program.stop():
            os._exit(Exit.FAILURE)
        log = structlog.get_logger()
        if begins:
            hard = program.settings.stratum.timers.drain_hard
            # By the system, and by a signal that nobody handles: the loop, a thread or the disk may hang.
            signal.setitimer(signal.ITIMER_REAL, hard)
            log.info("stopping: another signal ends it sooner", ends_within_s=hard)
        else:
            log.info("stopping: all miners are let go now, another signal ends at once")

    def reload() -> None:
        log = structlog.get_logger()
        if not callable(read):
            log.warning("reload: this program was started without a configuration file")
            return
        try:
            program.reload(read())
        except ConfigError as error:
            log.error("reload: the configuration has mistakes and was not applied", mistakes=error.mistakes)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    await program.run()
