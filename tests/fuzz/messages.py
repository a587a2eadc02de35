"""Messages of the protocol with a member or two of another kind: what mutating text seldom comes upon."""

from __future__ import annotations

from typing import Final

from tests.fuzz.source import Source

VALUES: Final = (
    b"null", b"true", b"false", b"0", b"1", b"-1", b"2147483648", b"18446744073709551616", b"1e400",
    b"0.5", b"1e-300", b'""', b'"x"', b'"00"', b'"beef"', b'"ffffffff"', b'"fffffffff"',
    b'"' + b"0" * 64 + b'"',
    b'"\\ud800"', b'"\\u0000"', '"é"'.encode(), b"[]", b"[[]]", b"[1,2]", b'["00"]', b"{}", b'{"a":1}',
    b"[" * 64 + b"]" * 64, b'"' + b"x" * 300 + b'"', b"NaN", b"-0", b"9" * 400,
)  # fmt: skip

Template = tuple[str, tuple[bytes, ...]]
"""A method and its parameters."""

DOWNSTREAM: Final[tuple[Template, ...]] = (
    (
        "mining.submit",
        (b'"acme.rig1"', b'"8000001"', b'"00000000"', b'"65000000"', b'"00000001"', b'"00002000"'),
    ),
    ("mining.subscribe", (b'"cgminer/4.12"', b'"8000001"')),
    ("mining.authorize", (b'"acme.rig1"', b'"d=1024,x"')),
    ("mining.configure", (b'["version-rolling"]', b'{"version-rolling.mask":"1fffe000"}')),
    ("mining.configure", (b'["minimum-difficulty","info"]', b'{"minimum-difficulty.value":2048}')),
    ("mining.suggest_difficulty", (b"1024",)),
    ("mining.suggest_target", (b'"' + b"00" * 4 + b"ff" * 28 + b'"',)),
    ("mining.suggest_difficulty(512)", ()),
    ("client.get_version", ()),
)
UPSTREAM: Final[tuple[Template, ...]] = (
    (
        "mining.notify",
        (
            b'"j"', b'"' + b"00" * 32 + b'"', b'"0100"', b'"0200"', b'["' + b"11" * 32 + b'"]', b'"20000000"',
            b'"170331db"', b'"65000000"', b"true",
        ),
    ),
    ("mining.set_difficulty", (b"1024",)),
    ("mining.set_extranonce", (b'"beef"', b"4")),
    ("mining.set_version_mask", (b'"1fffe000"',)),
    ("client.reconnect", (b'"pool0"', b"3333", b"1")),
    ("client.show_message", (b'"hello"',)),
    ("mining.ping", ()),
)  # fmt: skip


def message(source: Source, templates: tuple[Template, ...]) -> bytes:
    """Return a line: a call, or the answer to one, with some of it replaced."""
    kind, identity = source.byte(), b"%d" % source.below(8)
    if kind & 1:
        identity = source.pick(VALUES)
    if kind & 6 == 6:
        result, error = source.pick(VALUES), source.pick(VALUES) if kind & 8 else b"null"
        if kind & 16:
            result = b"[%b,%b,%b]" % (result, source.pick(VALUES), source.pick(VALUES))
        return b'{"id":%b,"result":%b,"error":%b}\n' % (identity, result, error)
    method, plain = source.pick(templates)
    params = list(plain)
    for _ in range(kind >> 3 & 3):
        if params:
            params[source.below(len(params))] = source.pick(VALUES)
    if kind & 32:
        params = params[: source.below(10)]
    said = source.pick(VALUES) if kind & 192 == 192 else b"[%b]" % b",".join(params)
    return b'{"id":%b,"method":"%b","params":%b}\n' % (identity, method.encode(), said)


def stream(source: Source, templates: tuple[Template, ...]) -> bytes:
    """Return what a peer says: bytes as they stand, or messages by choice."""
    if source.flag(2):
        return source.rest()
    lines: list[bytes] = []
    while not source.is_empty and len(lines) < 16:
        lines.append(message(source, templates))
    return b"".join(lines)
