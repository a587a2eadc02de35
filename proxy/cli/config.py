"""``pumpjack config``: write, check and show configuration files."""

import os
from pathlib import Path

import click

from proxy.cli.output import Exit, json_option, print_json
from proxy.errors import ConfigError

config_option = click.option(
    "-c",
    "--config",
    "path",
    required=True,
    envvar="PUMPJACK_CONFIG",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Configuration file (TOML); $PUMPJACK_CONFIG if left out.",
)


@click.group()
def config() -> None:
    """Write, check and show configuration files.

    \b
    Start with:  pumpjack config init > site.toml
    then:        pumpjack config check -c site.toml
    """


@config.command()
@config_option
@json_option
@click.pass_context
def check(context: click.Context, path: Path, as_json: bool) -> None:
    """List every mistake of a configuration file at once.

    Exit code 0 if there is none, else 3. A WARNING is of what is possible and hardly meant. The environment
    (PUMPJACK_...) counts, as it does for "run".
    """
    from proxy.config import doors, load

    try:
        settings = load(path, os.environ)
    except ConfigError as error:
        if not as_json:
            raise
        print_json({"ok": False, "file": _name(path), "mistakes": error.mistakes})
        context.exit(Exit.BAD_CONFIGURATION)
    power = settings.power
    capacity: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    if power is not None:
        from proxy.config.power_doubts import power_doubts
        from proxy.config.power_site import capacity_lines

        capacity, warnings = capacity_lines(settings, power), power_doubts(settings, power)
    listeners = [(str(door.endpoint), door.tenant) for door in doors(settings)]
    if as_json:
        print_json(
            {
                "ok": True,
                "file": _name(path),
                "mistakes": [],
                "warnings": warnings,
                "site": settings.site.id,
                "listeners": [{"address": address, "tenant": tenant} for address, tenant in listeners],
                "tenants": [
                    {
                        "id": t.id,
                        "user_match": t.user_match,
                        "upstreams": [f"{u.name} {u.url}" for u in t.upstreams],
                    }
                    for t in settings.tenants
                ],
                "power": None if power is None else {"control": power.control, "capacity": capacity},
            }
        )
        return
    click.echo(f"{_name(path)}: no mistakes")
    click.echo(f"site        {settings.site.id}, data in {_name(settings.site.data_dir)}")
    for address, owner in listeners:
        click.echo(f"listener    {address}  {f'tenant {owner}' if owner else 'tenant by user name'}")
    for tenant in settings.tenants:
        match = f"  users {tenant.user_match}" if tenant.user_match else ""
        click.echo(f"tenant      {tenant.id}{match}")
        for number, upstream in enumerate(tenant.upstreams, 1):
            click.echo(f"  {number}. {upstream.name}  {upstream.url}  as {upstream.user}")
    if power is None:
        click.echo("power       not governed: there is no [power]")
    else:
        acts = "acts: work follows the power" if power.control == "act" else "advises: nothing is gated"
        click.echo(f"power       {acts}; reserve {power.reserve}")
    for line in (*capacity, *(f"WARNING     {warning}" for warning in warnings)):
        click.echo(line)


@config.command()
@config_option
@json_option
def show(path: Path, as_json: bool) -> None:
    """Show the effective settings: every default filled in, secrets masked."""
    from proxy.config import load
    from proxy.config.template import effective, effective_values

    settings = load(path, os.environ)
    if as_json:
        print_json(effective_values(settings))
    else:
        click.echo(effective(settings), nl=False)


@config.command()
@json_option
def schema(as_json: bool) -> None:
    """Print the JSON schema of the file, for editors; it is JSON with and without --json."""
    from proxy.config.template import schema as schema_of_file

    print_json(schema_of_file())


@config.command()
@json_option
def init(as_json: bool) -> None:
    """Print a commented configuration file: every setting with its default, unit and reason.

    It passes "config check" as it stands; the tenant and pool in it are examples.
    """
    from proxy.config.template import template

    if as_json:
        print_json({"toml": template()})
    else:
        click.echo(template(), nl=False)


def _name(path: Path) -> str:
    return click.format_filename(path)
