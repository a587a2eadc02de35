"""JSON lines and strict hexadecimal, as both simulated sides use them."""

from collections import deque
from dataclasses import dataclass
from typing import Literal

import msgspec

from proxy.units import Seconds

MOST_LINE = 1 << 20
"""Most bytes of one line that a simulated side reads; honest lines are far below."""

_HEX = frozenset("0123456789abcdefABCDEF")

Message = dict[str, object]
"""One JSON object of a line. What the keys hold is checked where it is used."""


def decoded(line: bytes) -> Message | None:
    """Return the JSON object that ``line`` holds; None for everything else, whatever the bytes are."""
    try:
        # A ValueError is a DecodeError or a UnicodeDecodeError; deep nesting is a RecursionError.
        message = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    identity = message.get("id")
    if isinstance(identity, int) and identity.bit_length() > 63:
        return None  # it could not be echoed: msgspec writes 64 bits
    return message


def encoded(message: Message, *, spaced: bool = False) -> bytes:
    """Return ``message`` as one line with its newline, keys in their order.

    ``spaced`` puts a blank after each comma and colon, as jansson (so cgminer) does.
    """
    line = msgspec.json.encode(message)
    return (msgspec.json.format(line, indent=0) if spaced else line) + b"\n"


def hex_bytes(text: object, size: int | None = None) -> bytes | None:
    """Return the bytes that hex ``text`` spells; None unless every digit is one, and the size is ``size``."""
    # bytes.fromhex alone accepts blanks, and int(text, 16) accepts signs and underscores.
    if not isinstance(text, str) or len(text) % 2 or not _HEX.issuperset(text):
        return None
    if size is not None and len(text) != 2 * size:
        return None
    return bytes.fromhex(text)


def hex_word(text: object) -> int | None:
    """Return the 32-bit integer that exactly eight hex digits spell, or None."""
    word = hex_bytes(text, 4)
    return None if word is None else int.from_bytes(word, "big")


def real_number(value: object) -> float | None:
    """Return a JSON number above zero as a float (a string of one too), or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 < number < float("inf") else None


def plain_number(value: float) -> int | float:
    """Return ``value`` as an int when it is whole, as pools write their difficulties."""
    return int(value) if value == int(value) and value < 2**53 else value


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it went over a connection."""

    at: Seconds
    connection: int
    """Number of the connection, counted by the recording side from 1."""
    direction: Literal["in", "out"]
    """As seen by the side that records."""
    data: bytes
    """Without the newline."""


class Traffic:
    """The last lines of a simulated side, at most ``keep`` of them; records nothing when that is 0."""

    def __init__(self, keep: int) -> None:
        self.lines: deque[Line] = deque(maxlen=keep)
        self._records = keep > 0

    def record(self, at: Seconds, connection: int, direction: Literal["in", "out"], data: bytes) -> None:
        """Keep the line, or the several lines, of ``data``."""
        if not self._records:
            return
        self.lines.extend(Line(at, connection, direction, line) for line in data.splitlines() if line)
