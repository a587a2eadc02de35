"""What passes as JSON that every reader reads alike is that, and what is written plainly passes.

The reader here is Python's, which takes more: so what it reads is looked at again, value by value.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final

from proxy.stratum.sizes import MOST_DEPTH
from proxy.stratum.strict import fault
from tests.fuzz.faults import Fault
from tests.fuzz.messages import DOWNSTREAM, stream
from tests.fuzz.source import Source

Value = object
MOST_DIGITS: Final = 20
"""Of a number that is written plainly."""


def run(data: bytes) -> None:
    """Hold each line of ``data`` against Python's reader."""
    for line in stream(Source(data), DOWNSTREAM).split(b"\n"):
        check(line)


def check(line: bytes) -> None:
    """Compare one line."""
    cause = fault(line)
    try:
        value: Value = json.loads(line.decode(), object_pairs_hook=_members)
        trouble = _trouble(value, 0)
    except (ValueError, RecursionError) as error:
        value, trouble = None, f"{error}"
    if cause is None and trouble:
        raise Fault(f"{line!r} passes, but: {trouble}")
    if cause is not None and not trouble and _is_plain(line, value):
        raise Fault(f"{line!r} is refused as {cause}")


def _members(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _trouble(value: Value, depth: int) -> str:
    """Return what readers may disagree about in a value, or nothing."""
    inside: list[Value] = []
    match value:
        case str():
            return "a lone surrogate" if re.search("[\ud800-\udfff]", value) else ""
        case bool() | None:
            return ""
        case int():
            return "" if -(1 << 63) <= value < 1 << 64 else "an integer beyond 64 bits"
        case float():
            return "" if math.isfinite(value) else "not a number, or beyond every bound"
        case list():
            inside = value
        case dict():
            inside = [*value.keys(), *value.values()]
        case _:
            raise AssertionError(f"JSON has no {type(value)}")
    if depth == MOST_DEPTH:
        return "too deep"
    return next(filter(None, (_trouble(each, depth + 1) for each in inside)), "")


def _is_plain(line: bytes, value: Value) -> bool:
    """Return whether a line is what a plain writer makes of the value: its numbers are short, too."""
    longest = max(map(len, re.findall(rb"[0-9]+", line)), default=0)
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return written == line and longest <= MOST_DIGITS
