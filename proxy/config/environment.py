"""Environment variables over the file: PUMPJACK_SITE__ID, PUMPJACK_TENANT__0__UPSTREAM__1__PASSWORD.

Only names with a double underscore are settings: PUMPJACK_CONFIG and the like are switches of the program.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proxy.config.mistakes import Place, field_at
from proxy.config.table import is_list

PREFIX = "PUMPJACK_"
MOST_ROWS = 1000


def overlaid(
    raw: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[dict[str, Any], dict[Place, str], list[str]]:
    """Return the file's content with the environment laid over it, what came from where, and mistakes.

    Lists are written as in TOML or separated by commas; rows of [[tables]] are counted from 0, and the next
    free number adds one.
    """
    result = dict(raw)
    names: dict[Place, str] = {}
    mistakes: list[str] = []
    for name in sorted(environment, key=_in_order):
        if not name.startswith(PREFIX) or "__" not in name[len(PREFIX) :]:
            continue
        parts = name[len(PREFIX) :].lower().split("__")
        place: Place = tuple(int(p) if p.isascii() and p.isdigit() and len(p) < 5 else p for p in parts)
        try:
            _put(result, place, _value(place, environment[name]))
        except ValueError as error:
            mistakes.append(f"{name}: {error}")
            continue
        names[place] = name
    return result, names, mistakes


def _in_order(name: str) -> list[tuple[int, str]]:
    # TENANT__10 after TENANT__9, for rows can only be added in order.
    return [(len(part), part) if part.isdigit() else (0, part) for part in name.split("__")]


def _value(place: Place, text: str) -> object:
    field = field_at(place)[1]
    if field is None or not is_list(field) or isinstance(place[-1], int):
        return text
    if text.lstrip().startswith("["):
        try:
            return tomllib.loads(f"list = {text}")["list"]
        except (ValueError, RecursionError):
            raise ValueError("must be a list as in TOML, or values separated by commas") from None
    return [part.strip() for part in text.split(",") if part.strip()]


def _put(tree: dict[str, Any], place: Place, value: object) -> None:
    """Set a value in a tree whose top is ours; every other level is copied before it is changed."""
    level: Any = tree
    for index, part in enumerate(place):
        last = index == len(place) - 1
        if isinstance(level, dict):
            part = str(part)
            new: object = [] if not last and isinstance(place[index + 1], int) else {}
            old = level.get(part, new)
        elif isinstance(level, list) and isinstance(part, int):
            if part > len(level) or part >= MOST_ROWS:
                raise ValueError(f"there is no row {part}; the next one is {len(level)}")
            if part == len(level):
                level.append({})
            old = level[part]
        else:
            raise ValueError("there is no such setting: rows of [[tables]] are counted, as TENANT__0__ID")
        if last:
            level[part] = value
            return
        if not isinstance(old, dict | list):
            raise ValueError("there is no such setting: a plain value stands above it")
        level[part] = old.copy()
        level = level[part]


def default_data_dir(environment: Mapping[str, str], *, is_root: bool) -> Path:
    """Return the folder for data if none is configured."""
    if is_root:
        return Path("/var/lib/pumpjack")
    state = environment.get("XDG_STATE_HOME", "")
    if Path(state).is_absolute():
        return Path(state) / "pumpjack"
    home = environment.get("HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home()) / ".local" / "state" / "pumpjack"
