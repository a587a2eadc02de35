"""What miners say: a line becomes one typed request, and nothing a miner sends raises.

Values keep the strings of the wire where only the session knows the widths they must have.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from proxy.stratum import strict
from proxy.stratum.jsonrpc import Json, Malformed, hex_bytes, hex_u32, open_envelope, params_of
from proxy.stratum.sizes import MOST_DEPTH, MOST_NAME


@dataclass(frozen=True, slots=True)
class Bounds:
    """Sizes inside a miner's line.

    Raises:
        ValueError: a depth that no line could have, or texts shorter than what the lane takes uncut.

    """

    depth: int = MOST_DEPTH
    """Levels of arrays and objects."""
    text: int = MOST_NAME
    """Characters of a user name, password, user agent or session id that are kept; the rest is cut."""

    def __post_init__(self) -> None:
        """Have the pattern of lines ready before the first line comes."""
        strict.shape(self.depth)
        if self.text < MOST_NAME:
            raise ValueError(f"texts of at least {MOST_NAME} characters, not {self.text}")


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Subscribe:
    """``mining.subscribe [user agent, session id, ...]``; every member optional."""

    id: bytes
    user_agent: str
    session_id: str | None


@dataclass(frozen=True, slots=True)
class Authorize:
    """``mining.authorize [worker, password]``."""

    id: bytes
    worker: str
    password: str


@dataclass(frozen=True, slots=True)
class Configure:
    """``mining.configure [extensions, parameters]`` (BIP 310)."""

    id: bytes
    extensions: tuple[str, ...]
    mask: int | None
    """What the miner asks to roll: ffffffff where it names no mask, None where what it names is none."""
    minimum_difficulty: float | None


@dataclass(frozen=True, slots=True)
class Submit:
    """``mining.submit [worker, job id, extranonce2, ntime, nonce, version bits]``, canonical."""

    id: bytes
    worker: str
    job_id: str
    extranonce2: bytes
    ntime: int
    nonce: int
    version_bits: int | None


@dataclass(frozen=True, slots=True)
class BadSubmit:
    """A submit from which no header can be built; counted as a rejected share."""

    id: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class SubscribeExtranonce:
    """``mining.extranonce.subscribe``: this miner follows ``mining.set_extranonce``."""

    id: bytes


@dataclass(frozen=True, slots=True)
class SuggestDifficulty:
    """``mining.suggest_difficulty [number]``; None where it was no usable number."""

    id: bytes
    difficulty: float | None


@dataclass(frozen=True, slots=True)
class SuggestTarget:
    """``mining.suggest_target [hex]``, 256 bits big-endian; None where it was not that."""

    id: bytes
    target: int | None


@dataclass(frozen=True, slots=True)
class MultiVersion:
    """``mining.multi_version [n]``, an Antminer dialect of 2017: answered true and ignored."""

    id: bytes


@dataclass(frozen=True, slots=True)
class GetVersion:
    """``client.get_version`` asked of us."""

    id: bytes


@dataclass(frozen=True, slots=True)
class Ping:
    """``mining.ping``: answered ``pong``."""

    id: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply to something we said; nothing follows from it."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A method we do not serve (``mining.get_transactions``, ``eth_*``): answered, never a reason to drop."""

    id: bytes
    method: str


Request = (
    Subscribe
    | Authorize
    | Configure
    | Submit
    | BadSubmit
    | SubscribeExtranonce
    | SuggestDifficulty
    | SuggestTarget
    | MultiVersion
    | GetVersion
    | Ping
    | Answer
    | Unknown
    | Malformed
)


def parse(line: bytes, bounds: Bounds = BOUNDS) -> Request:
    """Return what a miner's line says; a line that says nothing is ``Malformed``."""
    wrong = strict.fault(line, bounds.depth)
    if wrong is not None:
        return Malformed(b"null", f"not a JSON-RPC line: {wrong}")
    envelope = open_envelope(line)
    if isinstance(envelope, Malformed):
        return envelope
    if bytes(envelope.id) in (b"true", b"false"):
        return Malformed(b"null", "id must be a number, a string or null")
    method = envelope.method
    if method is None:
        answered = bytes(envelope.result) or bytes(envelope.error) != b"null"
        return Answer() if answered else Malformed(bytes(envelope.id), "neither a method nor a result")
    reader = _READERS.get(method)
    if reader is not None:
        return reader(bytes(envelope.id), params_of(envelope), bounds.text)
    if method.startswith("mining.suggest_difficulty("):
        # A firmware of the field writes its call this way; ckpool takes it too (stratifier.c).
        return SuggestDifficulty(bytes(envelope.id), _number(method[26:].rstrip(")")))
    return Unknown(bytes(envelope.id), method[: bounds.text])


def _subscribe(identity: bytes, params: list[Json], most: int) -> Subscribe:
    session_id = params[1] if len(params) > 1 and isinstance(params[1], str) else None
    return Subscribe(identity, _text(params, 0, most), session_id[:most] if session_id else None)


def _authorize(identity: bytes, params: list[Json], most: int) -> Authorize:
    return Authorize(identity, _text(params, 0, most), _text(params, 1, most))


def _configure(identity: bytes, params: list[Json], most: int) -> Configure:
    asked = params[0] if params and isinstance(params[0], list) else []
    options = params[1] if len(params) > 1 and isinstance(params[1], dict) else {}
    named = options.get("version-rolling.mask")
    mask = _mask(named) if isinstance(named, str) else 0xFFFFFFFF
    minimum = options.get("minimum-difficulty.value")
    return Configure(
        identity,
        tuple(name[:most] for name in asked[:32] if isinstance(name, str)),
        mask,
        _number(minimum),
    )


def _submit(identity: bytes, params: list[Json], most: int) -> Submit | BadSubmit:
    if len(params) < 5:
        return BadSubmit(identity, "submit needs worker, job id, extranonce2, ntime and nonce")
    worker, job_id, extranonce2_hex, ntime_hex, nonce_hex = params[:5]
    if not isinstance(worker, str) or not isinstance(job_id, str):
        return BadSubmit(identity, "worker and job id must be strings")
    extranonce2 = hex_bytes(extranonce2_hex, most=32)
    ntime, nonce = hex_u32(ntime_hex), hex_u32(nonce_hex)
    if extranonce2 is None or ntime is None or nonce is None:
        return BadSubmit(identity, "extranonce2, ntime and nonce must be hex of their exact widths")
    bits_hex = params[5] if len(params) > 5 else None
    bits = None if bits_hex is None else hex_u32(bits_hex)
    if bits is None and bits_hex is not None:
        return BadSubmit(identity, "version bits must be eight hex digits")
    # Cut as at its login, or a long name would be authorised and its every share refused.
    return Submit(identity, worker[:most], job_id, extranonce2, ntime, nonce, bits)


def _suggest_target(identity: bytes, params: list[Json], _: int) -> SuggestTarget:
    target = hex_bytes(params[0] if params else None, least=32, most=32)
    return SuggestTarget(identity, None if target is None else int.from_bytes(target, "big"))


_READERS: dict[str, Callable[[bytes, list[Json], int], Request]] = {
    "mining.submit": _submit,
    "mining.subscribe": _subscribe,
    "mining.authorize": _authorize,
    "mining.configure": _configure,
    "mining.extranonce.subscribe": lambda identity, params, _: SubscribeExtranonce(identity),
    "mining.suggest_difficulty": lambda identity, params, _: SuggestDifficulty(
        identity, _number(params[0] if params else None)
    ),
    "mining.suggest_target": _suggest_target,
    "mining.multi_version": lambda identity, params, _: MultiVersion(identity),
    "client.get_version": lambda identity, params, _: GetVersion(identity),
    "mining.ping": lambda identity, params, _: Ping(identity),
    "mining.pong": lambda identity, params, _: Answer(),
}


def _text(params: list[Json], index: int, most: int) -> str:
    value = params[index] if len(params) > index else None
    return value[:most] if isinstance(value, str) else ""


def _number(value: Json) -> float | None:
    """Return a finite positive number (numeric strings too), or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and (len(value) > 32 or not value.isascii() or "_" in value):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _mask(value: Json) -> int | None:
    """Return a version mask of one to eight hex digits: some firmware drops the leading zeros."""
    return hex_u32(value.rjust(8, "0")) if isinstance(value, str) and 1 <= len(value) <= 8 else None
