"""Mistakes in words: which key, what was given, what is allowed; never a secret."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from proxy.config.settings import Settings
from proxy.config.table import Table, allowed, is_optional, key_of, table_within

Place = tuple[str | int, ...]
"""Where a value stands in the file: ("tenant", 0, "upstream", 1, "url")."""

LONGEST_SHOWN = 80
MASK = "***"
_SECRET = re.compile(r"pass|passw|pwd|secret|token|credential", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=//)[^/\s]*@|^[^/\s@]*:[^/\s]*@")
# Consequences of another mistake, which is reported anyway.
_ECHOES = {"default_factory_not_called"}


def is_secret(place: Place) -> bool:
    """Say if what stands there must not be shown; misspelt names of secrets count."""
    name = str(place[-1]) if place else ""
    if name.endswith("_file"):
        return False
    return bool(_SECRET.search(name)) or bool(difflib.get_close_matches(name.lower(), ["password"], 1, 0.6))


def key_path(place: Place) -> str:
    """Return a place as environment variables spell it, too: tenant.0.upstream.1.url."""
    return ".".join(_printable(str(part)) or '""' for part in place)


def shown(value: object, place: Place) -> str:
    """Return a value for a message: on one line, short, secrets masked."""
    if isinstance(value, Mapping):
        return "a table"
    if is_secret(place) or any(is_secret((part,)) for part in place):
        return MASK
    if isinstance(value, list | tuple):
        if any(isinstance(item, list | tuple | Mapping) for item in value):
            return f"a list of {len(value)}"
        return _short("[" + ", ".join(shown(item, place) for item in value[:20]) + "]")
    if isinstance(value, str):
        return _short(json.dumps(_USER_INFO.sub(f"{MASK}@", _printable(value[:1000])), ensure_ascii=False))
    if isinstance(value, bool):
        return str(value).lower()
    # Python refuses to print integers beyond 4,300 digits.
    if isinstance(value, int) and value.bit_length() > 256:
        return "a number of more than 77 digits"
    return _short(str(value))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def field_at(place: Place) -> tuple[type[Table], FieldInfo | None]:
    """Return the table that a place lies in, and its field; None where the table has no such key."""
    table: type[Table] = Settings
    field: FieldInfo | None = None
    for index, part in enumerate(place):
        if isinstance(part, int):
            continue
        field = next((f for name, f in table.model_fields.items() if key_of(name, f) == part), None)
        if field is None:
            break
        inner = table_within(field)
        if inner is None or not any(isinstance(later, str) for later in place[index + 1 :]):
            break
        table = inner[0]
    return table, field


def keys_of(table: type[Table]) -> list[str]:
    """Return the keys of a table as the file spells them."""
    return [key_of(name, field) for name, field in table.model_fields.items()]


def value_at(raw: object, place: Place) -> object:
    """Return what the operator gave at a place; None if nothing."""
    for part in place:
        if isinstance(raw, Mapping):
            raw = raw.get(part)
        elif isinstance(raw, list) and isinstance(part, int) and part < len(raw):
            raw = raw[part]
        else:
            return None
    return raw


def wrong_values(
    error: ValidationError, raw: Mapping[str, Any], names: Mapping[Place, str]
) -> tuple[list[str], set[Place]]:
    """Return the mistakes of single values, and the places that hold them.

    Args:
        error: What the models said.
        raw: What the operator gave.
        names: How to call a place that did not come from the file: an option, an environment variable.

    """
    details = [item for item in error.errors(include_url=False) if item["type"] not in _ECHOES]
    # A list counts as too short for want of rows that are wrong, which is no mistake of its own.
    details = [
        item
        for item in details
        if item["type"] != "too_short" or not any(is_beneath(other["loc"], item["loc"]) for other in details)
    ]
    wrong = {item["loc"] for item in details}
    for parent in {place[:-1] for place in wrong if isinstance(place[-1], int)}:
        given = value_at(raw, parent)
        if isinstance(given, list) and all((*parent, index) in wrong for index in range(len(given))):
            wrong.add(parent)
    return [_in_words(item, raw, names) for item in details], wrong


def is_beneath(place: Place, above: Place) -> bool:
    """Say if ``place`` lies inside of ``above``, and is not the same."""
    return len(place) > len(above) and place[: len(above)] == above


def name_of(place: Place, names: Mapping[Place, str]) -> str:
    """Return what to call a place: its key path, and where it came from if that is not the file."""
    path = key_path(place)
    # A variable may also have put something inside of what is wrong.
    other = names.get(place) or next(
        (name for below, name in names.items() if is_beneath(below, place)), None
    )
    if other is None:
        return path
    return other if other.startswith("--") else f"{path} ({other})"


def _in_words(item: ErrorDetails, raw: Mapping[str, Any], names: Mapping[Place, str]) -> str:
    place, kind = item["loc"], item["type"]
    given = value_at(raw, place)
    name = name_of(place, names)
    table, field = field_at(place)
    if place[-1] == "fallback_user" and given is None:
        template = (*place[:-1], "user")
        text = (
            "leaves no name for workers that the pool refuses; put a name before {worker} or give "
            "fallback_user"
        )
        return f"{name_of(template, names)} = {shown(value_at(raw, template), template)}: {text}"
    if kind == "extra_forbidden":
        keys = keys_of(table)
        close = difflib.get_close_matches(str(place[-1]), keys, 1)
        guess = f" did you mean {close[0]}?" if close else ""
        return f"{name} = {shown(given, place)}: no such setting;{guess} allowed here: {', '.join(keys)}"
    if kind == "missing":
        return f"{name} is missing: must be {allowed(field)}" if field else f"{name} is missing"
    if kind == "too_short":
        return f"{name} is empty: at least one is needed"
    if kind == "value_error":
        context: dict[str, Any] = item.get("ctx", {})
        text = str(context.get("error", "not allowed"))
    elif field is None:
        text = "must be a table"
    elif isinstance(place[-1], int):
        text = "must be a table" if table_within(field) else f"must be {_each(field)}"
    else:
        text = f"must be {allowed(field)}"
    return f"{name} = {shown(given, place)}: {text}"


def _each(field: FieldInfo) -> str:
    return allowed(field).partition(", each ")[2]


def rebuilt(table: type[Table], given: object, wrong: Iterable[Place]) -> dict[str, Any]:
    """Return ``given`` with every wrong part replaced by a harmless one, so that the rest can be looked at.

    Unknown keys are left out; a value that is wrong or missing becomes its default, or its example where it
    has none; wrong elements of a list of values are left out.
    """
    bad = set(wrong)

    def table_at(shape: type[Table], value: object, place: Place) -> dict[str, Any]:
        source = value if isinstance(value, Mapping) else {}
        result: dict[str, Any] = {}
        for name, field in shape.model_fields.items():
            key = key_of(name, field)
            here = (*place, key)
            inner = table_within(field)
            if is_optional(field) and (not source.get(key) or here in bad):
                continue
            if inner is not None and inner[1]:
                items = source.get(key)
                rows: Sequence[object] = items if isinstance(items, list) and items else [{}]
                result[key] = [table_at(inner[0], row, (*here, index)) for index, row in enumerate(rows)]
            elif inner is not None:
                result[key] = table_at(inner[0], source.get(key), here)
            elif key in source and here not in bad:
                value_here = source[key]
                if isinstance(value_here, list):
                    value_here = [v for index, v in enumerate(value_here) if (*here, index) not in bad]
                result[key] = value_here
            elif field.is_required() or (field.default_factory is not None and here in bad):
                result[key] = field.examples[0] if field.examples else None
        return result

    return table_at(table, given, ())
