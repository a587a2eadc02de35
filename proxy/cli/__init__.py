"""The command ``pumpjack``. Sub-commands are imported when used, for imports are slow on small boxes."""

from importlib import import_module

import click
from typing_extensions import override

from proxy import __version__
from proxy.cli.output import BadConfiguration, print_json
from proxy.errors import ConfigError

COMMANDS = {
    "run": ("proxy.cli.run:run", "Run the proxy: miners connect here, shares go to the pools."),
    "demo": ("proxy.cli.demo:demo", "Show it all on a simulated site; needs no miner and no pool."),
    "simulate": (
        "proxy.cli.simulate:simulate",
        "Prove the governor on a simulated plant, beside other policies.",
    ),
    "status": ("proxy.cli.status:status", "Show what the running proxy is doing."),
    "power": ("proxy.cli.power:power", "See what the governor does and why; cap, hold, stop, release."),
    "config": ("proxy.cli.config:config", "Write, check and show configuration files."),
    "ledger": ("proxy.cli.ledger:ledger", "Check, back up, prune and export the ledger."),
    "explain": (
        "proxy.cli.explain:explain",
        "Explain a share: its header and hash, and what each check says.",
    ),
    "miners": ("proxy.cli.miners:miners", "Show what each worker has been doing."),
    "tenants": ("proxy.cli.tenants:tenants", "Show what each tenant did; account for a month."),
    "shares": ("proxy.cli.shares:shares", "Show, explain and verify credited shares."),
    "version": ("proxy.cli.version:version", "Show versions, and which core validates shares."),
}
"""Name of each command: where it is, and its line of help."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which help shows them."""
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]} is no command")
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words before the command, and remember whether JSON is asked for behind it."""
        ctx.meta[_JSON] = "--json" in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            _tell(ctx, error)
            raise

    @override
    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a bad configuration ends any of them with exit code 3."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            _tell(ctx, error)
            raise
        except ConfigError as error:
            raise BadConfiguration(error.mistakes) from error


_JSON = "pumpjack.json"


def _tell(ctx: click.Context, error: click.UsageError) -> None:
    """Print a wrong usage as every other error is with ``--json``: a script reads stdout."""
    if ctx.meta[_JSON]:
        print_json({"error": error.format_message()})


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 failure, 2 usage, 3 bad configuration, 4 unreachable.",
)
@click.version_option(__version__, prog_name="pumpjack", message="%(prog)s %(version)s")
def main() -> None:
    """Pumpjack: the Stratum proxy of mining sites that make their own electricity."""
