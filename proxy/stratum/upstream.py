"""What pools say: a line becomes one typed message, or a ``ProtocolViolation`` that names the nonsense.

Every size is bounded here, once (cgminer's CVE-2014-4502 and -4503 were such numbers).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from proxy.errors import ProtocolViolation
from proxy.stratum.jsonrpc import (
    Envelope,
    Json,
    Malformed,
    encode,
    error_line,
    hex_bytes,
    hex_u32,
    open_envelope,
    params_of,
    result_line,
    value_of,
)

AGENT = "pumpjack"
"""How we introduce ourselves."""
MOST_JOB_ID = 64
"""Longest job id taken. They are opaque: AntPool's look like ``0xc01490b3b0_184``."""
MOST_EXTRANONCE1 = 32
"""Bytes; pools use 4 to 12."""
MOST_TEXT = 1024
"""Characters of a pool's message that are kept for the log."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a pool may send and still be taken for one."""

    branches: int = 32
    """Of a merkle tree: a block of 2**32 transactions; ESP-Miner holds as many."""
    coinbase: int = 100_000
    """Bytes of both coinbase halves; a block's 4 MB of weight allow 1 MB, no pool sends 10 KB."""
    extranonce2_least: int = 2
    """Bytes: less leaves a miner nothing to roll."""
    extranonce2_most: int = 16
    """Bytes: more does not fit into the 100 of a coinbase script beside a pool's own."""
    difficulty_least: float = 2.0**-28
    """A lower one is taken for this one, or every hash would go up."""
    difficulty_most: float = 2.0**60
    """A higher one is taken for this one: thousands of times the network's of 2026."""


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Notify:
    """A job as the pool sent it. ``prevhash`` is in header order, the word swap already undone."""

    job_id: str
    prevhash: bytes
    coinb1: bytes
    coinb2: bytes
    branches: tuple[bytes, ...]
    version: int
    nbits: int
    ntime: int
    clean: bool


@dataclass(frozen=True, slots=True)
class SetDifficulty:
    """The difficulty of the jobs to come."""

    difficulty: float
    """Within the bounds."""
    asked: float
    """As the pool set it."""


@dataclass(frozen=True, slots=True)
class SetExtranonce:
    """The extranonce of the jobs to come."""

    extranonce1: bytes
    extranonce2_size: int


@dataclass(frozen=True, slots=True)
class SetVersionMask:
    """The version bits that this pool allows from now on."""

    mask: int


@dataclass(frozen=True, slots=True)
class Reconnect:
    """``client.reconnect``: any member may be missing."""

    host: str | None
    port: int | None
    wait: float


@dataclass(frozen=True, slots=True)
class ShowMessage:
    """A text for the operator."""

    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A call that wants an answer: ``client.get_version``, ``mining.ping`` or something unknown."""

    id: bytes
    method: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a pool said no, in whichever of the four shapes it said it."""

    code: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to our request ``id``; ``refusal`` is None where the pool did not refuse."""

    id: int | None
    result: Json
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A notification that means nothing to us."""

    method: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The result of our subscribe."""

    session_id: str | None
    extranonce1: bytes
    extranonce2_size: int


PoolMessage = (
    Notify
    | SetDifficulty
    | SetExtranonce
    | SetVersionMask
    | Reconnect
    | ShowMessage
    | Query
    | Reply
    | Ignored
)


def parse(line: bytes, bounds: Bounds = BOUNDS) -> PoolMessage:
    """Return what a pool's line says, if it keeps to ``bounds``.

    Raises:
        ProtocolViolation: it is no message, or a message with impossible content.

    """
    envelope = open_envelope(line)
    if isinstance(envelope, Malformed):
        raise ProtocolViolation(envelope.reason)
    if envelope.method is None:
        return _reply(envelope)
    reader = _READERS.get(envelope.method)
    if reader is not None:
        return reader(params_of(envelope), bounds)
    if bytes(envelope.id) != b"null":
        return Query(bytes(envelope.id), envelope.method[:MOST_TEXT])
    return Ignored(envelope.method[:MOST_TEXT])


def answer_to(query: Query) -> bytes:
    """Return the line that answers a pool's call."""
    match query.method:
        case "client.get_version":
            return result_line(query.id, encode(AGENT))
        case "mining.ping":
            return result_line(query.id, b'"pong"')
        case _:
            return error_line(query.id, -3, "Method not found")


def subscribed(result: Json, bounds: Bounds = BOUNDS) -> Subscribed:
    """Read the result of a subscribe in all its shapes.

    The first member may be a list of pairs, one flat pair, empty or null, in any order.

    Raises:
        ProtocolViolation: extranonce1 or its partner's size is unusable.

    """
    if not isinstance(result, list) or len(result) < 3:
        raise ProtocolViolation("subscribe was answered without extranonce")
    extranonce1, size = _extranonce(result[1], result[2], bounds)
    return Subscribed(_session_id(result[0]), extranonce1, size)


def granted_mask(result: Json) -> int | None:
    """Return the version mask that a configure reply grants, or None where it grants none."""
    if not isinstance(result, dict) or result.get("version-rolling") is not True:
        return None
    mask = result.get("version-rolling.mask")
    return hex_u32(mask.rjust(8, "0")) if isinstance(mask, str) else None


def _reply(envelope: Envelope) -> Reply:
    if not bytes(envelope.result) and bytes(envelope.error) == b"null":
        raise ProtocolViolation("neither a method nor a result")
    identity = value_of(envelope.id)
    result = value_of(envelope.result)
    error = value_of(envelope.error)
    refusal = _refusal(error)
    if error is None and bytes(envelope.error) != b"null":
        refusal = Refusal(None, "refused with an error that cannot be read")
    if refusal is None and result is False:
        refusal = Refusal(None, (envelope.reject_reason or "refused without a reason")[:MOST_TEXT])
    return Reply(identity if type(identity) is int else None, result, refusal)


def _refusal(error: Json) -> Refusal | None:
    """Read an error: ``[code, text, ...]``, a bare string, or ``{code, message}``."""
    if error is None or error is False or error in ([], "", {}):
        return None
    if isinstance(error, list):
        return Refusal(_code(error[0]), str(error[1])[:MOST_TEXT] if len(error) > 1 else "")
    if isinstance(error, dict):
        return Refusal(_code(error.get("code")), str(error.get("message", ""))[:MOST_TEXT])
    return Refusal(None, str(error)[:MOST_TEXT])


def _notify(params: list[Json], bounds: Bounds) -> Notify:
    if len(params) < 9:
        raise ProtocolViolation("notify needs nine parameters")
    job_id, prevhash_hex, coinb1_hex, coinb2_hex, branches_hex, version_hex, nbits_hex, ntime_hex = params[:8]
    if not isinstance(job_id, str) or not 0 < len(job_id) <= MOST_JOB_ID:
        raise ProtocolViolation("notify has no usable job id")
    prevhash = hex_bytes(prevhash_hex, least=32, most=32)
    coinb1, coinb2 = hex_bytes(coinb1_hex, most=bounds.coinbase), hex_bytes(coinb2_hex, most=bounds.coinbase)
    version, nbits, ntime = hex_u32(version_hex), hex_u32(nbits_hex), hex_u32(ntime_hex)
    if prevhash is None or coinb1 is None or coinb2 is None:
        raise ProtocolViolation("notify has a bad previous hash or coinbase")
    if len(coinb1) + len(coinb2) > bounds.coinbase:
        raise ProtocolViolation(f"notify has a coinbase of more than {bounds.coinbase} bytes")
    if version is None or nbits is None or ntime is None:
        raise ProtocolViolation("notify has a bad version, nbits or ntime")
    if not isinstance(branches_hex, list) or len(branches_hex) > bounds.branches:
        raise ProtocolViolation("notify has no usable merkle branches")
    branches = tuple(_branch(branch) for branch in branches_hex)
    swapped = b"".join(prevhash[i : i + 4][::-1] for i in range(0, 32, 4))
    # More than nine parameters occur; the clean flag is always the last (ESP-Miner's tests).
    return Notify(job_id, swapped, coinb1, coinb2, branches, version, nbits, ntime, params[-1] in (True, 1))


def _branch(branch_hex: Json) -> bytes:
    branch = hex_bytes(branch_hex, least=32, most=32)
    if branch is None:
        raise ProtocolViolation("notify has a bad merkle branch")
    return branch


def _set_difficulty(params: list[Json], bounds: Bounds) -> SetDifficulty:
    difficulty = params[0] if params else None
    if isinstance(difficulty, bool) or not isinstance(difficulty, int | float):
        raise ProtocolViolation("set_difficulty without a number")
    if not (difficulty > 0 and difficulty < 2.0**200 and math.isfinite(difficulty)):
        raise ProtocolViolation(f"impossible difficulty {str(difficulty)[:40]}")
    within = max(bounds.difficulty_least, min(bounds.difficulty_most, float(difficulty)))
    return SetDifficulty(within, float(difficulty))


def _set_extranonce(params: list[Json], bounds: Bounds) -> SetExtranonce:
    if len(params) < 2:
        raise ProtocolViolation("set_extranonce needs two parameters")
    return SetExtranonce(*_extranonce(params[0], params[1], bounds))


def _set_version_mask(params: list[Json], _: Bounds) -> SetVersionMask:
    text = params[0] if params else None
    mask = hex_u32(text.rjust(8, "0")) if isinstance(text, str) else None
    if mask is None:
        raise ProtocolViolation("set_version_mask without a mask")
    return SetVersionMask(mask)


def _reconnect(params: list[Json], _: Bounds) -> Reconnect:
    host = params[0][:MOST_TEXT] if params and isinstance(params[0], str) and params[0] else None
    port_value = params[1] if len(params) > 1 else None
    wait = params[2] if len(params) > 2 else 0
    port_text = str(port_value)
    port = int(port_text) if port_text.isascii() and port_text.isdigit() and len(port_text) <= 5 else None
    seconds = float(wait) if isinstance(wait, int | float) and 0 <= wait <= 3600 else 0.0
    return Reconnect(host, port if port is None or 0 < port < 65536 else None, seconds)


def _show_message(params: list[Json], _: Bounds) -> ShowMessage:
    return ShowMessage(params[0][:MOST_TEXT] if params and isinstance(params[0], str) else "")


_READERS: dict[str, Callable[[list[Json], Bounds], PoolMessage]] = {
    "mining.notify": _notify,
    "mining.set_difficulty": _set_difficulty,
    "mining.set_extranonce": _set_extranonce,
    "mining.set_version_mask": _set_version_mask,
    "client.reconnect": _reconnect,
    "client.show_message": _show_message,
}


def _extranonce(extranonce1_hex: Json, size: Json, bounds: Bounds) -> tuple[bytes, int]:
    extranonce1 = hex_bytes(extranonce1_hex, most=MOST_EXTRANONCE1)
    if extranonce1 is None:
        raise ProtocolViolation("unusable extranonce1")
    least, most = bounds.extranonce2_least, bounds.extranonce2_most
    if type(size) is not int or not least <= size <= most:
        raise ProtocolViolation(f"extranonce2 size must be {least} to {most}, not {str(size)[:40]}")
    return extranonce1, size


def _session_id(subscriptions: Json) -> str | None:
    """Return the id beside ``mining.notify``, from a list of pairs or a flat pair."""
    if not isinstance(subscriptions, list):
        return None
    pairs = subscriptions if subscriptions and isinstance(subscriptions[0], list) else [subscriptions]
    for pair in pairs:
        if (
            isinstance(pair, list)
            and len(pair) == 2
            and pair[0] == "mining.notify"
            and isinstance(pair[1], str)
        ):
            return pair[1][:MOST_TEXT]
    return None


def _code(value: Json) -> int | None:
    return value if type(value) is int and abs(value) < 1 << 31 else None
