"""Lines come out of a byte stream alike however it is cut, and no more than one line's limit is ever held."""

from __future__ import annotations

from proxy.stratum.framing import LineBuffer
from tests.fuzz.faults import Fault
from tests.fuzz.source import Source


def run(data: bytes) -> None:
    """Cut ``data`` by its first bytes, and compare with what splitting at newlines gives."""
    source = Source(data)
    limit = source.byte()
    cuts = [source.byte() for _ in range(source.below(16))]
    stream = source.rest()
    expected, overflows = _expected(stream, limit)
    lines: list[bytes] = []
    buffer, at = LineBuffer(limit), 0
    for size in [*cuts, len(stream)]:
        lines.extend(buffer.feed(stream[at : at + size]))
        at += size
        held = len(buffer.partial or b"")
        if held > limit:
            raise Fault(f"holds {held} bytes at limit {limit}")
    if (lines, buffer.overflowed) != (expected, overflows):
        raise Fault(
            f"{stream!r} cut by {cuts} at limit {limit}: {lines}, {buffer.overflowed}; want {expected}"
        )


def _expected(stream: bytes, limit: int) -> tuple[list[bytes], bool]:
    lines: list[bytes] = []
    *whole, partial = stream.split(b"\n")
    for piece in whole:
        if len(piece) > limit:
            return lines, True
        if piece.rstrip(b"\r"):
            lines.append(piece.rstrip(b"\r"))
    return lines, len(partial) > limit
