"""``pumpjack status``: what the running proxy is doing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from proxy.adapters.control.asking import ask
from proxy.cli.data_dir import data_dir_of
from proxy.cli.output import Unreachable, json_option, print_json
from proxy.cli.screen import session_table, state_view


@click.command()
@click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path), help="The running site's configuration."
)
@click.option("--data", type=click.Path(path_type=Path), help="The running program's data directory.")
@click.option("--sessions", is_flag=True, help="List every miner.")
@json_option
def status(path: Path | None, data: Path | None, sessions: bool, as_json: bool) -> None:
    """Show what the running proxy is doing: upstreams, sessions, hashrate, shares."""
    folder = data_dir_of(path, data)
    try:
        state: dict[str, Any] = ask(folder, sessions=sessions)
    except (OSError, ValueError) as error:
        if as_json:
            print_json({"error": f"no running pumpjack answers in {folder}"})
        raise Unreachable(f"no running pumpjack answers in {folder} ({error})") from error
    if as_json:
        print_json(state)
        return
    console = Console()
    console.print(state_view(state))
    if "session_list" in state:
        console.print(session_table(state["session_list"]))
    elif sessions:
        console.print("the list of miners is left out while memory is short")
