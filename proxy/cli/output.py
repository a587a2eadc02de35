"""How every command ends and speaks: exit codes, mistakes, JSON."""

import json
from collections.abc import Sequence
from enum import IntEnum
from typing import IO, Any

import click
from typing_extensions import override


class Exit(IntEnum):
    """Exit codes of all commands."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    BAD_CONFIGURATION = 3
    UNREACHABLE = 4


class BadConfiguration(click.ClickException):
    """The configuration has mistakes; all are printed."""

    exit_code = Exit.BAD_CONFIGURATION

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("the configuration cannot be used")
        self.mistakes = list(mistakes)

    @override
    def show(self, file: IO[Any] | None = None) -> None:
        """Print every mistake to stderr."""
        count = len(self.mistakes)
        click.echo(f"Bad configuration, {count} mistake{'s' if count != 1 else ''}:", file=file, err=True)
        for mistake in self.mistakes:
            click.echo(f"  {mistake}", file=file, err=True)


class Unreachable(click.ClickException):
    """Something that should answer does not: the running program, a pool."""

    exit_code = Exit.UNREACHABLE


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
"""The option every command has; its parameter is ``as_json``."""


def print_json(value: object) -> None:
    """Print a value as JSON on stdout, in ASCII so that any terminal and pipe takes it."""
    import msgspec

    try:
        # Indented in C: of 5,000 workers the standard library takes half a second for that.
        text = msgspec.json.format(json.dumps(value), indent=2)
    except msgspec.DecodeError:
        text = json.dumps(value, indent=2)  # a lone surrogate, of a name on the command line
    click.echo(text)
