"""The configuration as text, made from the models: a commented template, effective settings, a schema."""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from proxy.config.settings import Settings
from proxy.config.table import Table, allowed, is_optional, key_of, notes_of, table_within, unit_of
from proxy.config.values import Endpoint, duration_text

WIDTH = 100

_HEAD = """\
# Configuration of Pumpjack, a Stratum proxy for mining sites that make their own electricity.
#
# Every setting is listed with its default; remove the "#" before a key to change it. Tables that may be left
# out stand behind "## ": remove that from all of their lines, and adapt what is an EXAMPLE.
# Durations are seconds, or text such as "90s", "5m", "2h". Relative paths start at this file's folder.
# Each key can be overridden by an environment variable: PUMPJACK_STRATUM__START_DIFFICULTY=16384,
# PUMPJACK_TENANT__0__UPSTREAM__0__PASSWORD=... (rows of [[tables]] are counted from 0).
# Check this file with: pumpjack config check -c FILE
#
# The tenant at the end is an EXAMPLE: put your pool and your account there.
"""
_EXAMPLE = "# EXAMPLE - replace by your own:"


def toml_value(value: object) -> str:
    """Return a value as TOML writes it; secrets masked.

    Raises:
        TypeError: there is no way to write it (None, for one).

    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        # JSON escapes are TOML escapes; only DEL, which JSON leaves as it is, is not allowed.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Path | Endpoint | SecretStr):
        return toml_value(str(value))
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    raise TypeError(f"no TOML for {type(value).__name__}")


def _written(field: FieldInfo, value: object) -> str:
    """Return a setting's value as an operator would write it: durations as text."""
    if unit_of(field) == "seconds" and isinstance(value, float):
        return toml_value(duration_text(value))
    return toml_value(value)


def template() -> str:
    """Return a commented configuration file with every setting; it is valid as it stands."""
    return "\n".join([_HEAD, *_commented(Settings, (), array=False)]) + "\n"


def _commented(table: type[Table], path: tuple[str, ...], *, array: bool) -> Iterator[str]:
    indent = "  " * (len(path) - 1) if array else ""
    later: list[tuple[FieldInfo, str, type[Table], bool]] = []
    for name, field in table.model_fields.items():
        key = key_of(name, field)
        inner = table_within(field)
        if inner is not None:
            later.append((field, key, *inner))
            continue
        yield ""
        yield from (f"{indent}{line}" for line in _setting(key, field))
    for field, key, inner_table, inner_array in later:
        here = (*path, key)
        deeper = "  " * (len(here) - 1) if inner_array else ""
        yield ""
        header = ".".join(here)
        lines = [
            f"{deeper}# {field.description}",
            f"{deeper}[[{header}]]" if inner_array else f"{deeper}[{header}]",
            *_commented(inner_table, here, array=inner_array),
        ]
        if is_optional(field) and not path:
            lines = [f"## {line}".rstrip() for line in lines]
        yield from lines


def _setting(key: str, field: FieldInfo) -> list[str]:
    notes, unit = notes_of(field), unit_of(field)
    lines = _wrapped(field.description or "")
    facts = [f"Must be {allowed(field)}."]
    if unit:
        facts.append(f"Unit: {unit}.")
    if notes.reason:
        facts.append(f"Why this default: {notes.reason}.")
    if notes.restart:
        facts.append("A change needs a restart.")
    lines += _wrapped(" ".join(facts))
    if field.is_required():
        return [*lines, _EXAMPLE, f"{key} = {_written(field, notes.example)}"]
    if field.default is PydanticUndefined or field.default is None:
        return [*lines, f"# No fixed default. For example: {key} = {_written(field, notes.example)}"]
    default = field.default
    shown = default.get_secret_value() if isinstance(default, SecretStr) else default
    return [*lines, f"# {key} = {_written(field, shown)}"]


def _wrapped(text: str) -> list[str]:
    return [
        f"# {line}" for line in textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    ]


def effective_values(settings: Settings) -> dict[str, Any]:
    """Return all settings as plain values, spelt as in the file, secrets masked."""
    return settings.model_dump(mode="json", by_alias=True)


def effective(settings: Settings) -> str:
    """Return all settings as TOML, every default written out, secrets masked."""
    return "\n".join(_shown(settings, (), array=False)) + "\n"


def _shown(table: BaseModel, path: tuple[str, ...], *, array: bool) -> Iterator[str]:
    indent = "  " * (len(path) - 1) if array else ""
    later: list[tuple[str, BaseModel, bool]] = []
    for name, field in type(table).model_fields.items():
        key, value = key_of(name, field), getattr(table, name)
        if isinstance(value, BaseModel):
            later.append((key, value, False))
        elif table_within(field) is not None and value is not None:
            later += [(key, row, True) for row in value]
        elif value is None:
            yield f"{indent}# {key} is not set"
        else:
            yield f"{indent}{key} = {_written(field, value)}"
    for key, inner, inner_array in later:
        here = (*path, key)
        header = ".".join(here)
        deeper = "  " * (len(here) - 1) if inner_array else ""
        yield ""
        yield f"{deeper}[[{header}]]" if inner_array else f"{deeper}[{header}]"
        yield from _shown(inner, here, array=inner_array)


def schema() -> dict[str, Any]:
    """Return the JSON schema of the file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pumpjack site configuration",
        **{key: value for key, value in Settings.model_json_schema(by_alias=True).items() if key != "title"},
    }
