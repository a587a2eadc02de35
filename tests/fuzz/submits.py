"""Lines that miners might send, by a fuzzer's choices: submits of real jobs, bent in every known way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from proxy.hotpath import NTIME_WINDOW
from tests.fuzz.source import Source

NAMES: Final = (
    "acme.rig1",
    "acme",
    "acme." + "r" * 62,
    "acme." + "r" * 63,
    "acme." + "r" * 64,
    "acme." + "r" * 250,
    "acme." + "r" * 251,
    "acme." + "r" * 252,
    "acm\\u0065.rig1",
    "acmé.rig1",
    "acme.rig\\\\1",
    "acme.<rig>",
    "0.rig",
    "",
    "\\ud800",
    "acme.rig1 ",
)
"""As they stand between the quotes of a line."""

IDS: Final = (
    b"null", b"0", b"-1", b"-0", b"007", b"1.0", b"1e3", b"true", b'"x"', b'""', b'"\\n"', '"é"'.encode(),
    b"[1]", b"{}", b"", b"123456789012345678", b"1234567890123456789", b"12345678901234567890",
    b"-123456789012345678", b"-9223372036854775808", b"-9223372036854775809", b"18446744073709551616",
    b'"' + b"i" * 62 + b'"', b'"' + b"i" * 63 + b'"', b"9" * 64, b"nul", b"nullx", b"+1", b'"\x7f"', b'"\t"',
)  # fmt: skip

WORDS: Final = (
    b'"0000000"', b'"000000000"', b'"0x000000"', b'" 0000000"', b'"0000_000"', b'"+0000000"', b'"ABCDEF01"',
    b'"abcdefAB"', b'"0000000g"', b'"0000000@"', b'"000000`0"', b"null", b"0", b'""', b'"\\u0030000000"',
    b"1.5", '"0000000é"'.encode(),
)  # fmt: skip
"""What may stand in place of eight hex digits."""

GAPS: Final = (b"", b" ", b"\t", b"  ", b"\r", b"\n", b"\x0b", b"\x00", b"\xc2\xa0", b"/**/")
ENDS: Final = (b"\n", b"\r\n", b"\r\r\n", b" \n", b"\n\n", b" \r\n", b"", b"\x00\n", b"}\n", b",\n")
VERSIONS: Final = (b'"2.0"', b"null", b"2", b'"\\u0032"', b'""')


def call(identity: int, method: str, params: str) -> bytes:
    """Return the line of a call."""
    return b'{"id":%d,"method":"%b","params":%b}\n' % (identity, method.encode(), params.encode())


SUBSCRIBE: Final = call(3, "mining.subscribe", '["cgminer/4.12"]')
FOLLOW: Final = call(2, "mining.extranonce.subscribe", "[]")
CONFIGURE: Final = call(4, "mining.configure", '[["version-rolling"],{"version-rolling.mask":"1fffe000"}]')
OTHERS: Final = (
    call(1, "mining.ping", "[]"),
    FOLLOW,
    SUBSCRIBE,
    CONFIGURE,
    call(5, "mining.configure", '[["version-rolling"],{"version-rolling.mask":"00ff0000"}]'),
    call(6, "mining.suggest_difficulty", "[2.3283064365386963e-10]"),
    call(7, "mining.suggest_difficulty", "[9.313225746154785e-10]"),
    b'{"id":8,"result":true,"error":null}\n',
    call(9, "eth_submitWork", "[]"),
    b"GET / HTTP/1.1\r\n",
    call(10, "mining.submit", '["acme.rig1"]'),
    call(11, "mining.submit", "{}"),
    call(12, "mining.configure", '[["version-rolling"],{"version-rolling.mask":"ffffffff"}]'),
    b"\n\r\n",
    call(13, "client.get_version", "[]"),
    b" " * 1100 + b"\n",
)


@dataclass(frozen=True, slots=True)
class Aim:
    """What a submit must say to be a share of a job."""

    job_id: str
    extranonce2_size: int
    ntime: int
    mask: int
    worker: str = NAMES[0]
    ntime_window: int = NTIME_WINDOW


NOTHING: Final = Aim("000000", 4, 0x65000000, 0)


def submit_line(source: Source, aim: Aim) -> bytes:
    """Return a submit at ``aim``; plain unless the source says otherwise."""
    nonce, style = source.byte(), source.byte()
    odd = [bool(style >> bit & 1) for bit in range(8)]
    extranonce2 = (bytes(aim.extranonce2_size) + bytes([nonce & 3]))[-aim.extranonce2_size :]
    ntime, nonce_text, bits = b'"%08x"' % aim.ntime, b'"%08x"' % nonce, b""
    worker, job_id, identity = aim.worker.encode(), aim.job_id.encode(), b"%d" % nonce
    if odd[0]:
        identity = source.pick(IDS) if source.flag(2) else b"%d" % source.word()
    if odd[1]:
        bits = _bits(source, aim)
    if odd[2]:
        ntime = _ntime(source, aim)
    if odd[3]:
        worker = source.pick(NAMES).encode()
    if odd[4]:
        job_id = _job_id(source, aim)
    if odd[5]:
        extranonce2, nonce_text = _extranonce2(source, extranonce2), _nonce(source)
    extranonce2_text = extranonce2.hex().encode()
    if odd[5] and source.flag(4):
        extranonce2_text = extranonce2_text.upper() if source.flag(2) else extranonce2_text[:-1]
    params = [b'"%b"' % worker, b'"%b"' % job_id, b'"%b"' % extranonce2_text, ntime, nonce_text]
    if bits:
        params.append(bits)
    line = _joined(source, identity, params, odd=odd[6])
    end = source.pick(ENDS) if odd[6] else b"\n"
    return edited(source, line) + end if odd[7] else line + end


def _bits(source: Source, aim: Aim) -> bytes:
    kind = source.below(4)
    if kind == 0:
        return b'"%08x"' % (source.word() & aim.mask)
    if kind == 1:
        return b'"%08x"' % (0x20000000 | source.word() & aim.mask)
    return b'"%08x"' % source.word() if kind == 2 else source.pick(WORDS)


def _ntime(source: Source, aim: Aim) -> bytes:
    kind = source.below(4)
    if kind == 0:
        return b'"%08x"' % (aim.ntime + source.byte())
    if kind == 1:
        return b'"%08x"' % (aim.ntime + source.pick((-1, *range(aim.ntime_window - 1, aim.ntime_window + 2))))
    return b'"%08X"' % source.word() if kind == 2 else source.pick(WORDS)


def _nonce(source: Source) -> bytes:
    return source.pick(WORDS) if source.flag(4) else b'"%08X"' % source.word()


def _job_id(source: Source, aim: Aim) -> bytes:
    plain = aim.job_id.encode()
    choices = (plain[:-1], plain + b"0", b"", plain.replace(b"0", b"\\u0030", 1), b"j1", b"0" * 64, b"0" * 65)
    return source.pick(choices)


def _extranonce2(source: Source, plain: bytes) -> bytes:
    kind = source.below(6)
    return (plain, plain[1:], plain + b"\0", bytes(32), bytes(33), source.take(len(plain)))[kind]


def _joined(source: Source, identity: bytes, params: list[bytes], *, odd: bool) -> bytes:
    """Return the members as one object: in another order, with others among them, with gaps."""
    gap = source.pick(GAPS) if odd else b""
    members = [
        b'"id":%b%b' % (gap, identity),
        b'"method":%b"mining.submit"' % gap,
        b'"params":%b[%b]' % (gap, (gap + b"," + gap).join(params)),
    ]
    if odd:
        extra = source.below(16)
        if extra < 5:
            members.append(b'"jsonrpc":%b' % VERSIONS[extra])
        elif extra < 8:
            members.append(members[extra - 5])
        elif extra < 12:
            members.append((b'"result":null', b'"worker":"x"', b'"reject-reason":"x"', b'"":""')[extra - 8])
        first = source.below(len(members))
        members = members[first:] + members[:first]
        if source.flag(2):
            members.reverse()
    return b"{%b%b%b}" % (gap, (b"," + gap).join(members), gap)


def edited(source: Source, line: bytes) -> bytes:
    """Return a line after a few edits of single bytes."""
    text = bytearray(line)
    for _ in range(1 + source.below(4)):
        at, kind = source.byte() * (1 + len(text) // 256) % (len(text) + 1), source.below(4)
        if kind == 0:
            text[at:at] = source.take(1)
        elif kind == 1:
            del text[at : at + 1]
        elif kind == 2:
            text[at : at + 1] = source.take(1)
        else:
            text[at:at] = text[at : at + source.byte()]
    return bytes(text)
