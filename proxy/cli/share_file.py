"""Reads the shares of ``pumpjack explain``: JSON that anyone may have written, so every mistake is listed."""

import json
import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

from proxy.hotpath import MAX_EXTRANONCE_SIZE
from proxy.mining.difficulty import GREATEST_DIFFICULTY, LEAST_DIFFICULTY
from proxy.mining.explain import ShareWithJob
from proxy.stratum.jsonrpc import hex_bytes, hex_u32
from proxy.units import Difficulty

LARGEST_FILE = 16 * 1024 * 1024
MOST_SHARES = 10_000
MOST_BRANCHES = 32
MOST_COINBASE = 100_000
LONGEST_SHOWN = 60

Value = TypeVar("Value")


def shares_in(content: bytes) -> tuple[list[object], bool]:
    """Return the shares of a file as plain JSON values, and whether it holds a list of them.

    Raises:
        ValueError: it holds none; the text says why.

    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 text (byte {error.start})") from None
    try:
        value = json.loads(text, parse_constant=_refused_constant, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"is not usable JSON: {_printable(str(error))}") from None
    if not isinstance(value, list):
        return [value], False
    if not value:
        raise ValueError("is an empty list: at least one share is needed")
    if len(value) > MOST_SHARES:
        raise ValueError(f"holds {len(value)} shares, {MOST_SHARES} at most are taken")
    return value, True


def _refused_constant(name: str) -> object:
    raise ValueError(f"{name} is no number")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in table if names.count(name) > 1)
        raise ValueError(f"key {shown(twice)} appears twice")
    return table


def shown(value: object) -> str:
    """Return a value for a message: on one line, short, in ASCII."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        text = json.dumps(value[: LONGEST_SHOWN * 2])
    elif isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return "a number of more than 77 digits"
    else:
        text = json.dumps(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()[:200]


class _Reader:
    """Takes values out of one share and collects what is wrong with them."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def take(
        self,
        name: str,
        value: object,
        read: Callable[[Any], Value | None],
        allowed: str,
        *,
        given: bool = True,
    ) -> Value | None:
        """Return what ``read`` makes of a value; where that is None, note a mistake."""
        if not given:
            self.mistakes.append(f"{name} is missing: must be {allowed}")
            return None
        result = read(value)
        if result is None:
            self.mistakes.append(f"{name} = {shown(value)}: must be {allowed}")
        return result


_WORD = "8 hex digits"


def share_of(
    value: object, difficulty: Difficulty | None, upstream_difficulty: Difficulty | None
) -> ShareWithJob | list[str]:
    """Return the share that a JSON object describes, or all its mistakes.

    Difficulties that are given here go before those of the object.
    """
    if not isinstance(value, dict):
        return [f"{shown(value)}: must be an object with notify, extranonce1, extranonce2, ntime and nonce"]
    reader = _Reader()

    def needed(key: str, read: Callable[[Any], Value | None], allowed: str) -> Value | None:
        return reader.take(key, value.get(key), read, allowed, given=key in value)

    def optional(key: str, read: Callable[[Any], Value | None], allowed: str) -> Value | None:
        return None if value.get(key) is None else reader.take(key, value[key], read, allowed)

    notify = needed("notify", _list_of_eight, "a list: the parameters of mining.notify, at least 8")
    job = _job_of(notify, reader)
    span = f"hex of {{}} to {MAX_EXTRANONCE_SIZE} bytes, two digits each"
    extranonce1 = needed("extranonce1", lambda v: hex_bytes(v, most=MAX_EXTRANONCE_SIZE), span.format(0))
    extranonce2 = needed(
        "extranonce2", lambda v: hex_bytes(v, least=1, most=MAX_EXTRANONCE_SIZE), span.format(1)
    )
    ntime, nonce = needed("ntime", hex_u32, _WORD), needed("nonce", hex_u32, _WORD)
    bits, mask = optional("version_bits", hex_u32, _WORD), optional("mask", hex_u32, _WORD)
    size = optional("extranonce2_size", _size_of, "a whole number from 1 to 16")
    hard = "a number, at least 2^-32 and at most 2^200"
    own = optional("difficulty", difficulty_of, hard)
    upstream = optional("upstream_difficulty", difficulty_of, hard)
    if (
        extranonce1 is not None
        and extranonce2 is not None
        and len(extranonce1 + extranonce2) > MAX_EXTRANONCE_SIZE
    ):
        reader.mistakes.append(
            f"extranonce1 and extranonce2 together: must be at most {MAX_EXTRANONCE_SIZE} bytes"
        )
    if reader.mistakes:
        return reader.mistakes
    # Whatever is None here was listed as a mistake above.
    return ShareWithJob(
        **cast(dict[str, Any], job),
        extranonce1=cast(bytes, extranonce1),
        extranonce2=cast(bytes, extranonce2),
        ntime=cast(int, ntime),
        nonce=cast(int, nonce),
        version_bits=bits,
        mask=mask,
        extranonce2_size=size,
        difficulty=difficulty or own,
        upstream_difficulty=upstream_difficulty or upstream,
    )


def _job_of(notify: list[object] | None, reader: _Reader) -> dict[str, object]:
    if notify is None:
        return {}
    half = f"hex of at most {MOST_COINBASE} bytes, two digits each"
    prevhash = reader.take("notify[1] (prevhash)", notify[1], _hash_of, "64 hex digits")
    coinb1 = reader.take("notify[2] (coinb1)", notify[2], lambda v: hex_bytes(v, most=MOST_COINBASE), half)
    coinb2 = reader.take("notify[3] (coinb2)", notify[3], lambda v: hex_bytes(v, most=MOST_COINBASE), half)
    branches = reader.take(
        "notify[4] (merkle branches)", notify[4], _list_of_branches, f"a list of {MOST_BRANCHES} at most"
    )
    nodes = [
        reader.take(f"notify[4][{index}] (merkle branch)", branch, _hash_of, "64 hex digits")
        for index, branch in enumerate(branches or [])
    ]
    return {
        "prevhash": prevhash and b"".join(prevhash[i : i + 4][::-1] for i in range(0, 32, 4)),
        "coinb1": coinb1,
        "coinb2": coinb2,
        "branches": tuple(nodes),
        "job_version": reader.take("notify[5] (version)", notify[5], hex_u32, _WORD),
        "nbits": reader.take("notify[6] (nbits)", notify[6], hex_u32, _WORD),
        "job_ntime": reader.take("notify[7] (ntime)", notify[7], hex_u32, _WORD),
    }


def _hash_of(value: Any) -> bytes | None:
    return hex_bytes(value, least=32, most=32)


def _list_of_eight(value: object) -> list[object] | None:
    return value if isinstance(value, list) and len(value) >= 8 else None


def _list_of_branches(value: object) -> list[object] | None:
    return value if isinstance(value, list) and len(value) <= MOST_BRANCHES else None


def _size_of(value: object) -> int | None:
    return value if type(value) is int and 1 <= value <= 16 else None


def difficulty_of(value: object) -> Difficulty | None:
    """Return a difficulty, or None if the value is none that could be meant."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # An integer is compared before it is converted: float() of a huge one overflows.
    if not LEAST_DIFFICULTY <= value <= GREATEST_DIFFICULTY or not math.isfinite(value):
        return None
    return Difficulty(float(value))
