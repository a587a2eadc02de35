"""``pumpjack version``."""

import platform
import ssl
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

import click

from proxy import __version__
from proxy.cli.output import Exit, json_option, print_json


def _core() -> tuple[str | None, str]:
    """Return the core's implementation, or None and what is wrong with it."""
    try:
        from proxy import hotpath
    except ImportError as error:  # a compiled core that does not load; never silently replaced
        return None, f"unusable: {error}"
    name = hotpath.implementation()
    if hotpath.COMPILED:
        return name, name
    return name, f"{name} (SLOW: the compiled core is not in use)"


def _uvloop() -> str | None:
    try:
        return installed_version("uvloop")
    except PackageNotFoundError:
        return None


@click.command()
@json_option
@click.pass_context
def version(context: click.Context, as_json: bool) -> None:
    """Show versions, and which core validates shares."""
    core, core_text = _core()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    loop, machine = _uvloop(), f"{platform.system()} {platform.machine()}"
    if as_json:
        print_json(
            {
                "version": __version__,
                "hot_path": core,
                "hot_path_note": core_text,
                "python": python,
                "uvloop": loop,
                "openssl": ssl.OPENSSL_VERSION,
                "machine": machine,
            }
        )
    else:
        for name, text in (
            ("pumpjack", __version__),
            ("share core", core_text),
            ("python", python),
            ("uvloop", loop or "not installed"),
            ("openssl", ssl.OPENSSL_VERSION),
            ("machine", machine),
        ):
            click.echo(f"{name:<12}{text}")
    if core is None:
        context.exit(Exit.FAILURE)
