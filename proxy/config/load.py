"""From a TOML file, from options, or from plain values to ``Settings``; or every mistake at once."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from proxy.config.environment import default_data_dir, overlaid
from proxy.config.mistakes import Place, is_beneath, name_of, rebuilt, wrong_values
from proxy.config.routing import with_routing
from proxy.config.rules import conflicts, password_in
from proxy.config.settings import Settings
from proxy.errors import ConfigError

LARGEST_FILE = 4 * 1024 * 1024


def load(path: Path, environment: Mapping[str, str]) -> Settings:
    """Return the configuration of a file with the environment laid over it.

    Raises:
        ConfigError: with every mistake.

    """
    return _settings(_content(path), environment, base=path.absolute().parent)


def from_pool_options(
    pool: str,
    user: str,
    password: str | None = None,
    listen: str | None = None,
    data: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Return the configuration of ``run --pool ... --user ...``: one tenant with one pool.

    Options beat the environment.

    Raises:
        ConfigError: with every mistake, calling settings by the names of their options.

    """
    raw, names, mistakes = overlaid({}, environment or {})
    options: list[tuple[str, Place, str | None]] = [
        ("--pool", ("tenant", 0, "upstream", 0, "url"), pool),
        ("--user", ("tenant", 0, "upstream", 0, "user"), user),
        ("--password", ("tenant", 0, "upstream", 0, "password"), password),
        ("--listen", ("stratum", "listen", 0), listen),
        ("--data", ("site", "data_dir"), None if data is None else os.fspath(data)),
    ]
    upstream: dict[str, Any] = {"name": "pool", "url": pool, "user": user}
    if password is not None:
        upstream["password"] = password
    if "tenant" in raw:
        mistakes.append(
            "PUMPJACK_TENANT__...: cannot be used together with --pool; write a configuration file"
        )
    raw["tenant"] = [{"id": "main", "upstream": [upstream]}]
    names = {place: name for place, name in names.items() if place[0] != "tenant"}
    for key, table, value in (
        ("listen", "stratum", None if listen is None else [listen]),
        ("data_dir", "site", None if data is None else os.fspath(data)),
    ):
        if value is not None:
            inner = raw.get(table)
            raw[table] = {**(inner if isinstance(inner, dict) else {}), key: value}
    names |= {place: name for name, place, value in options if value is not None}
    return settings_from(raw, base=Path.cwd(), environment=environment or {}, names=names, mistakes=mistakes)


def _content(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror or type(error).__name__})"]) from None
    if len(content) > LARGEST_FILE:
        raise ConfigError([f"{path}: must not be larger than {LARGEST_FILE} bytes"])
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}: must be UTF-8 text; line {line} is not"]) from None
    except RecursionError:
        raise ConfigError([f"{path}: is nested too deeply"]) from None
    except ValueError as error:
        # tomllib says where, and quotes at most a key; integers beyond Python's limit end here, too.
        raise ConfigError([f"{path}: is not TOML: {error}"]) from None


def _settings(raw: Mapping[str, Any], environment: Mapping[str, str], base: Path) -> Settings:
    merged, names, mistakes = overlaid(raw, environment)
    return settings_from(merged, base=base, environment=environment, names=names, mistakes=mistakes)


def settings_from(
    raw: Mapping[str, Any],
    *,
    base: Path,
    environment: Mapping[str, str] | None = None,
    names: Mapping[Place, str] | None = None,
    mistakes: list[str] | None = None,
) -> Settings:
    """Return the settings that plain values (spelt as in the file) stand for.

    Args:
        raw: What a TOML parser would give.
        base: Where relative paths start.
        environment: Used for the default of ``site.data_dir`` only.
        names: What to call places whose value did not come from a file.
        mistakes: Found before; they are reported with those found here.

    Raises:
        ConfigError: with every mistake.

    """
    names, found = names or {}, list(mistakes or [])
    whole = _with_data_dir(raw, environment or os.environ)
    settings, said, wrong = _read(whole, {"base": base}, names)
    found += said
    settings = with_routing(settings)
    for conflict in conflicts(settings):
        # What stands in the place of a wrong value is ours and must not be held against the operator.
        if not any(
            place == bad or is_beneath(place, bad) or (conflict.is_whole and is_beneath(bad, place))
            for place in conflict.places
            for bad in wrong
        ):
            found.append(f"{name_of(conflict.places[0], names)} {conflict.text}")
    if found:
        raise ConfigError(found)
    return _with_passwords(settings)


def _read(
    raw: Mapping[str, Any], context: dict[str, Any], names: Mapping[Place, str]
) -> tuple[Settings, list[str], set[Place]]:
    """Return the settings, harmless values in place of wrong ones; the mistakes; and where they are."""
    mistakes: list[str] = []
    wrong: set[Place] = set()
    candidate: Mapping[str, Any] = raw
    while True:
        try:
            return Settings.model_validate(candidate, context=context), mistakes, wrong
        except ValidationError as error:
            # A default that is computed from a wrong value shows its own mistake in the second round only.
            said, places = wrong_values(error, raw, names)
            if places <= wrong:
                raise
            mistakes += said
            wrong |= places
            candidate = rebuilt(Settings, raw, wrong)


def _with_data_dir(raw: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    site = raw.get("site", {})
    if not isinstance(site, Mapping) or "data_dir" in site:
        return dict(raw)
    folder = str(default_data_dir(environment, is_root=os.geteuid() == 0))
    return {**raw, "site": {**site, "data_dir": folder}}


def _with_passwords(settings: Settings) -> Settings:
    tenants = []
    for tenant in settings.tenants:
        upstreams = []
        for upstream in tenant.upstreams:
            if upstream.password_file is not None:
                try:
                    secret = SecretStr(password_in(upstream.password_file))
                except (OSError, ValueError) as error:  # changed since it was checked a moment ago
                    raise ConfigError([f"{upstream.password_file}: {error}"]) from None
                upstream = upstream.model_copy(update={"password": secret})
            upstreams.append(upstream)
        tenants.append(tenant.model_copy(update={"upstreams": tuple(upstreams)}))
    return settings.model_copy(update={"tenants": tuple(tenants)})
