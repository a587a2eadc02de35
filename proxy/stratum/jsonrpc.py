"""One line of JSON-RPC as Stratum V1 speaks it: the envelope, strict scalars, replies.

The only module that handles untyped JSON. An id is kept as the bytes in which it came and echoed
verbatim, because miners send numbers, strings and null, and repeat them (stratum-mining has rows
of bugs from re-formatted ids).
"""

import re
from dataclasses import dataclass
from typing import Any

import msgspec

Json = Any
"""What a JSON value decodes to: the border behind which everything is typed."""

MOST_ID_BYTES = 64
"""An id is echoed, so its length is bounded: the longest one seen in the field has 20 bytes."""

_NULL = msgspec.Raw(b"null")
_HEX = re.compile(r"[0-9a-fA-F]*\Z", re.ASCII)


class Envelope(msgspec.Struct):
    """The members of a JSON-RPC line, none of them judged yet."""

    id: msgspec.Raw = _NULL
    method: str | None = None
    params: msgspec.Raw = _NULL
    result: msgspec.Raw = msgspec.Raw(b"")
    """Empty where the line has no result at all, which is not the same as a null one."""
    error: msgspec.Raw = _NULL
    reject_reason: str | None = msgspec.field(name="reject-reason", default=None)


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no message. ``id`` is what the answer must carry."""

    id: bytes
    reason: str


_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode

# msgspec raises DecodeError for bad JSON and bad UTF-8; deep nesting ends in RecursionError.
_NOT_JSON = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def open_envelope(line: bytes) -> Envelope | Malformed:
    """Return the members of a line, or why it is no JSON-RPC message; raises nothing."""
    try:
        envelope = _decode_envelope(line)
    except _NOT_JSON as error:
        return Malformed(b"null", f"not a JSON-RPC line: {error}")
    identity = bytes(envelope.id)
    if len(identity) > MOST_ID_BYTES or identity[:1] in (b"{", b"[") or not identity.isascii():
        return Malformed(b"null", "id must be a number, a string or null")
    return envelope


def value_of(raw: msgspec.Raw) -> Json:
    """Return the decoded value of a raw member, or None where it is not decodable JSON."""
    try:
        return _decode(raw)
    except _NOT_JSON:
        return None


def params_of(envelope: Envelope) -> list[Json]:
    """Return the positional parameters; missing, null or misshapen ones become an empty list."""
    params = value_of(envelope.params)
    return params if isinstance(params, list) else []


def hex_bytes(text: Json, *, least: int = 0, most: int) -> bytes | None:
    """Return the bytes of a hex string of ``least`` to ``most`` bytes, or None.

    Strict where ``bytes.fromhex`` is not: no spaces, no underscores, no other scripts' digits.
    """
    if not isinstance(text, str) or len(text) % 2 or not least <= len(text) // 2 <= most:
        return None
    if not _HEX.match(text):
        return None
    return bytes.fromhex(text)


def hex_u32(text: Json) -> int | None:
    """Return the integer of exactly eight hex digits (big-endian, as the wire has it), or None."""
    raw = hex_bytes(text, least=4, most=4)
    return None if raw is None else int.from_bytes(raw, "big")


def result_line(identity: bytes, result: bytes) -> bytes:
    """Return a reply; ``result`` is JSON. The error key is always there (NiceHash insists)."""
    return b'{"id":%b,"result":%b,"error":null}\n' % (identity, result)


def error_line(identity: bytes, code: int, message: str, result: bytes = b"null") -> bytes:
    """Return a refusal with one of the error codes 20 to 25 or -3."""
    return b'{"id":%b,"result":%b,"error":[%d,%b,null]}\n' % (identity, result, code, encode(message))


def notification_line(method: str, params: list[Json]) -> bytes:
    """Return a message that wants no answer; the id is null and present (NiceHash insists)."""
    return b'{"id":null,"method":%b,"params":%b}\n' % (encode(method), encode(params))


def request_line(identity: int, method: str, params: list[Json]) -> bytes:
    """Return a call that the peer answers under ``identity``."""
    return b'{"id":%d,"method":%b,"params":%b}\n' % (identity, encode(method), encode(params))
