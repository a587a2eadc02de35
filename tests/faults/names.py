"""Names that want to be more than names, and what is harmless in a log, a terminal and a file."""

from __future__ import annotations

import json
import re

PLAIN = [
    '"',
    "'",
    '"\n',
    "\r\n",
    '\n{"event":"BlockFound","level":"error"}',
    "a\nb\rc\td\x0be\x0cf",
    "\x00",
    "\x00rig",
    "rig\x00.exe",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</td></table>",
    "&lt;b&gt;",
    "javascript:alert(1)",
    "=cmd()",
    "=cmd|'/c calc'!A1",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    '{le="',
    'x"} 1\nfoo{a="b',
    "{worker}",
    "{}",
    "{0.__class__}",
    "%s%n%x",
    "%(levelname)s",
    "${HOME}",
    "$(reboot)",
    "`reboot`",
    "; rm -rf /",
    "| mail",
    "%0a",
    "%00",
    "%2e%2e%2f",
    "../../../etc/passwd",
    "..\\..\\x",
    "/",
    "' OR 1=1 --",
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "\x1b]8;;http://evil\x1b\\link",
    "\x9b31m",
    "\x7f\x08\x08\x08",
    "\u202egir\u202c",
    "\u2066\u2067\u2069",
    "\u200b\u200d\ufeff",
    "\u2028\u2029\x85",
    "Zalgo\u0301\u0302\u0303\u0304",
    "рig",
    "全角",
    "😀",
    "[bold red]x[/bold red]",
    "[/]",
    "[/nothing]",
    "[link=http://evil]x[/link]",
    "[[",
    "\\[red]",
    ":smiley:",
    "x" * 300,
    "x" * 900,
    "a.b.c.d",
    ".",
    "..",
    "",
    " ",
    "\u00a0",
]
RAW = [
    b'"\\ud800"',
    b'"\\udfff\\ud800"',
    b'"\\u0000\\u001b[2J"',
    b'"\\u202e"',
    b'"\xff\xfe"',
    b'"\xed\xa0\x80"',
    b'"\xc0\xaf"',
    b'"\x01\x02"',
    b'"' + b"y" * (1 << 20) + b'"',
    b"7",
    b"null",
    b"[]",
    b"{}",
]
"""As JSON: what no Python string is, or only after some has been repaired."""

NAMES: list[bytes] = [
    *(json.dumps(name).encode() for name in PLAIN),
    *(json.dumps(name, ensure_ascii=False).encode() for name in PLAIN if not name.isascii()),
    *RAW,
]

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def lines_of(name: bytes) -> list[bytes]:
    """Return what a miner says that has this name everywhere; a name for itself, then one of the tenant's."""
    own = name if name[:1] != b'"' else b'"acme.' + name[1:]
    return [
        b'{"id":1,"method":"mining.subscribe","params":[%b,%b]}\n' % (name, name),
        b'{"id":2,"method":"mining.authorize","params":[%b,%b]}\n' % (name, name),
        b'{"id":3,"method":"mining.authorize","params":[%b,%b]}\n' % (own, name),
        b'{"id":4,"method":%b,"params":[%b]}\n' % (name, name),
        b'{"id":5,"method":"mining.submit","params":[%b,%b,%b,%b,%b]}\n' % (name, name, name, name, name),
        b'{"id":%b,"method":"mining.ping","params":[]}\n' % name,
    ]


def harmless(text: str) -> None:
    """Assert that nothing but printable ASCII and our own colours and newlines reaches a terminal."""
    left = _COLOURS.sub("", text).replace("\n", "")
    bad = sorted({c for c in left if not " " <= c <= "~"})
    assert not bad, f"{bad} in {left[:300]!r}"
