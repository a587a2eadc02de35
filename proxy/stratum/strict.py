"""What JSON a miner may send: a bounded part of it, without anything that readers disagree about.

Readers of JSON differ over duplicate keys, NaN, numbers beyond 64 bits, lone surrogates and other encodings
than UTF-8; whatever two of them read differently is a way past a check. Here they are errors. Nesting is
bounded by what Stratum needs, so that a line is checked in one pass without recursion.
"""

import json
import math
import re
from functools import cache

from proxy.stratum.sizes import GREATEST_DEPTH, LEAST_DEPTH, MOST_DEPTH

MOST_COMMAS, MOST_QUOTES, MOST_ESCAPES = 64, 256, 256
"""In a line, the first two outside of strings. What is read value by value is bounded like its bytes, or 4
KiB of ``1,1,1`` cost as much as sixty pings. A ``mining.configure`` with all extensions of BIP 310 has about
ten commas and 40 quotes, a name at most 256 characters."""
# Every repetition is possessive (Python 3.11): nothing is tried twice, so the time is linear in the line.
_SPACE = r"[ \t\n\r]*+"
_PAIR = r"[dD](?:[0-7][0-9a-fA-F]{2}|[89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
_ESCAPE = rf'\\(?:["\\/bfnrt]|u(?:[0-9a-cefA-CEF][0-9a-fA-F]{{3}}|{_PAIR}))'
_PLAIN = r'[^"\\\x00-\x1f]*+'
_STRING = rf'"{_PLAIN}(?:{_ESCAPE}{_PLAIN})*+"'
_NUMBER = r"-?+(?:0|[1-9][0-9]{0,19}+)(?:\.[0-9]{1,40}+)?+(?:[eE][-+]?+[0-9]{1,3}+)?+"
_SCALAR = rf"(?:{_STRING}|{_NUMBER}|true|false|null)"


def _nested(depth: int) -> str:
    """Return the pattern of a value with at most ``depth`` levels of arrays and objects."""
    value = _SCALAR
    for _ in range(depth):
        # A comma must be followed by another item, the last item by the bracket: the item stands here once.
        item = rf"{value}{_SPACE}(?:,{_SPACE}(?!\])|(?=\]))"
        member = rf"{_STRING}{_SPACE}:{_SPACE}{value}{_SPACE}(?:,{_SPACE}(?!\}})|(?=\}}))"
        array = rf"\[{_SPACE}(?:{item})*+\]"
        table = rf"\{{{_SPACE}(?:{member})*+\}}"
        value = rf"(?:{_SCALAR}|{array}|{table})"
    return value


@cache
def shape(depth: int) -> re.Pattern[str]:
    """Return the pattern of a line of at most ``depth`` levels.

    Raises:
        ValueError: fewer levels than a message has, or more than a pattern can be made for.

    """
    if not LEAST_DEPTH <= depth <= GREATEST_DEPTH:
        raise ValueError(f"{LEAST_DEPTH} to {GREATEST_DEPTH} levels, not {depth}")
    return re.compile(rf"{_SPACE}{_nested(depth)}{_SPACE}")


shape(MOST_DEPTH)  # now, and not with the first miner's first line
_PERHAPS_TOO_GREAT = re.compile(r"-[0-9]{19}|[0-9]{20}|[eE]\+?[0-9]{3}")
"""Only lines with such digits pay for a look at each number."""


class _Refused(ValueError):
    """A value that JSON allows and this does not."""


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused("a key stands twice in one object")
    return members


def _integer(digits: str) -> int:
    number = int(digits)
    if not -(1 << 63) <= number < 1 << 64:
        raise _Refused("an integer has more than 64 bits")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _Refused("a number is beyond every bound")
    return number


def _is_crowded(line: bytes) -> bool:
    """Return whether a line has more values or escapes than any that miners send."""
    if line.count(b"\\") > MOST_ESCAPES:
        return True
    if line.count(b",") <= MOST_COMMAS and line.count(b'"') <= MOST_QUOTES:
        return False
    # Without escapes every second part between quotes is the inside of a string.
    parts = line.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
    return len(parts) > MOST_QUOTES + 1 or sum(part.count(b",") for part in parts[::2]) > MOST_COMMAS


def fault(line: bytes, depth: int = MOST_DEPTH) -> str | None:
    """Return what is wrong with a line, or None if it is JSON that every reader reads alike.

    UTF-8 without byte order mark; at most ``depth`` levels, and as many values as ``MOST_COMMAS`` part;
    no NaN and no infinity, integers of at most 64 bits, no lone surrogates, no key twice in an object.
    """
    if _is_crowded(line):
        return "too many values"
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    if shape(depth).fullmatch(text) is None:
        return f"no JSON of at most {depth} levels with plain numbers"
    try:
        if _PERHAPS_TOO_GREAT.search(text):
            json.loads(text, object_pairs_hook=_members, parse_int=_integer, parse_float=_finite)
        else:
            json.loads(text, object_pairs_hook=_members)
    except _Refused as error:
        return f"{error}"
    return None
