"""``./dev bench``: asks one question or all of them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click
from rich.console import Console

from benchmarks import fanout, ledger, memory, submit, validation
from benchmarks.machine import cores, environment
from benchmarks.programs import Broken
from benchmarks.report import Progress, document, show

QUESTIONS = {
    "validation": (validation.measured, "hashing a share, one or many, beside the processor's limit"),
    "submit": (submit.measured, "a share from socket to answer, beside C servers"),
    "ledger": (ledger.measured, "making a share durable, beside a C server's submit"),
    "memory": (memory.measured, "a session, idle and busy, of 10,000"),
    "fanout": (fanout.measured, "a new job to 10,000 miners, beside a bare write loop"),
}
HELP = (
    "Measure what Pumpjack costs, as ratios: one question by its name, or all of them.\n\n\b\n"
    + "\n".join(f"{name:12}{what}" for name, (_, what) in QUESTIONS.items())
    + "\n\nA missed goal comes with a profile and is no failure; exit code 1 means that something could not "
    "be measured. What the ratios mean is in docs/benchmarks.md."
)


@click.command(help=HELP)
@click.argument("name", type=click.Choice(list(QUESTIONS)), required=False)
@click.option("--quick", is_flag=True, help="Fewer and shorter rounds: under two minutes, with more noise.")
@click.option(
    "--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write every round here."
)
def bench(name: str | None, quick: bool, file: Path | None) -> None:
    os.sched_setaffinity(0, {cores().others})
    answers = {}
    try:
        with Progress() as progress:
            for question in [name] if name else QUESTIONS:
                measured, _ = QUESTIONS[question]
                answers[question] = measured(progress.say, quick=quick)
    except Broken as broken:
        raise click.ClickException(f"nothing was measured: {broken}") from broken
    show(answers, Console())
    if file is not None:
        file.write_text(json.dumps(document(answers, environment(quick)), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(bench(prog_name="./dev bench"))
