"""``pumpjack explain``."""

from typing import BinaryIO

import click
from typing_extensions import override

from proxy.cli.output import Exit, json_option, print_json
from proxy.cli.share_file import LARGEST_FILE, difficulty_of, share_of, shares_in, shown
from proxy.mining.difficulty import difficulty_of as difficulty_of_target
from proxy.mining.explain import Explanation, Reading
from proxy.mining.explain import explain as explanation_of
from proxy.units import Difficulty


class DifficultyType(click.ParamType[Difficulty]):
    """A difficulty on the command line."""

    name = "difficulty"

    @override
    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Difficulty:
        """Return the difficulty that a text stands for."""
        try:
            difficulty = difficulty_of(float(str(value)))
        except ValueError:
            difficulty = None
        if difficulty is None:
            self.fail(f"{shown(value)} is no number from 2^-32 to 2^200", param, ctx)
        return difficulty


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--difficulty", type=DifficultyType(), help="Difficulty the share was asked for.")
@click.option("--upstream-difficulty", type=DifficultyType(), help="Difficulty the pool asks for.")
@json_option
@click.pass_context
def explain(
    context: click.Context,
    file: BinaryIO,
    difficulty: Difficulty | None,
    upstream_difficulty: Difficulty | None,
    as_json: bool,
) -> None:
    """Explain a share: its header and hash, which targets it meets, what each check says.

    FILE (- for standard input) holds one JSON object or a list of them, with the keys

    \b
      notify        the parameters of mining.notify, a list
      extranonce1   hex, as the pool gave it
      extranonce2, ntime, nonce   hex, as the miner submitted them
      version_bits  hex, if the miner submitted it
      mask          hex, the bits it may roll; 1fffe000 if left out
      extranonce2_size, difficulty, upstream_difficulty   numbers, if known

    Other keys are ignored. Exit code 1 if the file holds something that is no share; a share that would be
    refused is explained all the same.
    """
    content = file.read(LARGEST_FILE + 1)
    try:
        if len(content) > LARGEST_FILE:
            raise ValueError(f"is larger than {LARGEST_FILE} bytes")
        items, is_list = shares_in(content)
    except ValueError as error:
        if as_json:
            print_json({"mistakes": [f"the file {error}"]})
        else:
            click.echo(f"The file {error}", err=True)
        context.exit(Exit.FAILURE)
    bad = 0
    reports: list[dict[str, object]] = []
    for number, item in enumerate(items, 1):
        share = share_of(item, difficulty, upstream_difficulty)
        title = item.get("name") if isinstance(item, dict) else None
        given = title if isinstance(title, str) else None
        name = f"share {number}" + (f" {shown(given)}" if given is not None else "")
        if isinstance(share, list):
            bad += 1
            reports.append({"share": number, "name": given, "mistakes": share})
            if not as_json:
                for mistake in share:
                    click.echo(f"{name}: {mistake}", err=True)
            continue
        explanation = explanation_of(share)
        if as_json:
            reports.append({"share": number, "name": given, **explanation_report(explanation)})
        else:
            click.echo("\n".join([*explanation_lines(name, explanation), ""]))
    if as_json:
        print_json(reports if is_list else reports[0])
    if bad:
        context.exit(Exit.FAILURE)


def _reading(reading: Reading) -> dict[str, object]:
    return {
        "convention": list(reading.conventions),
        "version": f"{reading.version:08x}",
        "header": reading.header.hex(),
        "hash": reading.digest[::-1].hex(),
        "difficulty": reading.difficulty,
    }


def explanation_report(explanation: Explanation) -> dict[str, object]:
    """Return what JSON says of a share; hashes are in the order in which people read them."""
    return {
        **_reading(explanation.chosen),
        "merkle_root": explanation.merkle_root.hex(),
        "coinbase_txid": explanation.coinbase_txid[::-1].hex(),
        "targets": [
            {
                "name": check.name,
                "difficulty": difficulty_of_target(check.target) if check.target else None,
                "target": f"{check.target:064x}",
                "met": check.met,
            }
            for check in explanation.targets
        ],
        "checks": [{"name": c.name, "passed": c.passed, "text": c.text} for c in explanation.checks],
        "refused": explanation.refusal,
        "readings": [_reading(reading) for reading in explanation.readings],
    }


_MARKS = {True: "ok", False: "FAIL", None: "?"}


def explanation_lines(name: str, explanation: Explanation) -> list[str]:
    """Return what a person reads of a share; ``name`` is the first line."""
    chosen = explanation.chosen
    lines = [
        name,
        f"  header        {chosen.header.hex()}",
        f"  version       {chosen.version:08x} ({_convention(chosen)})",
        f"  merkle root   {explanation.merkle_root.hex()} (as in the header)",
        f"  coinbase txid {explanation.coinbase_txid[::-1].hex()}",
        f"  hash          {chosen.digest[::-1].hex()}",
        f"  difficulty    {chosen.difficulty:.10g}",
    ]
    if len(explanation.readings) > 1:
        lines.append("  The conventions for version bits differ here:")
        lines += [
            f"    {' = '.join(r.conventions):<14}{r.version:08x}  hash {r.digest[::-1].hex()}  difficulty "
            f"{r.difficulty:.6g}"
            for r in explanation.readings
        ]
    lines.append("  targets")
    for check in explanation.targets:
        how_hard = (
            f"difficulty {difficulty_of_target(check.target):.10g}" if check.target else "can never be met"
        )
        lines.append(f"    {check.name:<10}{'met' if check.met else 'not met':<9}{how_hard}")
    lines.append("  checks")
    lines += [f"    {_MARKS[check.passed]:<6}{check.name:<16}{check.text}" for check in explanation.checks]
    return lines


def _convention(reading: Reading) -> str:
    if reading.conventions == ("job",):
        return "the job's own; no version bits were submitted"
    return "read by " + " = ".join(reading.conventions)
