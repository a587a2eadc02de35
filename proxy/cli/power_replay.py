"""``pumpjack power replay``: goes through a trace of the governor again."""

from __future__ import annotations

from pathlib import Path

import click

from proxy.cli.output import Exit, json_option, print_json


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
@click.pass_context
def replay(context: click.Context, file: Path, as_json: bool) -> None:
    """Step the governor through a trace, and say whether each plan is the recorded one.

    FILE is power-trace.bin of a data directory (power.trace = true), or power-trace.old.bin. Exit code 0 if
    all are equal to the last bit, 1 at the first that is not.
    """
    from proxy.adapters.stores.trace_file import entries
    from proxy.governor.replay import compare

    ticks = skipped = 0
    difference: str | None = None
    at_s: float | None = None
    try:
        for compared in compare(entries(file)):
            if compared is None:
                skipped += 1
                continue
            ticks += 1
            if compared.difference:
                difference, at_s = compared.difference, compared.now
                break
    except (OSError, ValueError) as error:
        problem = f"{click.format_filename(file)} cannot be replayed: {error}"
        if as_json:
            print_json({"error": problem})
        raise click.ClickException(problem) from error
    equal = difference is None and ticks > 0
    if as_json:
        print_json(
            {"equal": equal, "ticks": ticks, "skipped": skipped, "at_s": at_s, "difference": difference}
        )
    elif difference is not None:
        click.echo(f"tick {ticks:,}, at {at_s:.3f} s by its clock, is DIFFERENT\n  {difference}")
    else:
        told = "every plan is the recorded one" if ticks else "there is nothing to compare"
        click.echo(f"{ticks:,} ticks: {told}")
    if skipped and not as_json:
        click.echo(f"{skipped:,} ticks before a beginning were left out")
    context.exit(Exit.OK if equal else Exit.FAILURE)
