"""Lines out of a byte stream."""

from collections.abc import Iterator


class LineBuffer:
    """Cuts a byte stream into lines, whatever the segments; never holds more than one line's limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Most bytes of a line, newline not counted. May be changed whenever a line has been taken."""
        self.overflowed = False
        """True once a line, finished or not, was longer than the limit: disconnect this peer."""
        self._partial = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        r"""Yield the lines that ``data`` completes, without newlines; nothing behind an overflow.

        A carriage return before the newline is dropped, and so are empty lines. Each line is held
        against the limit when its turn comes, so that a login in the line before counts, however the
        bytes were cut. Whoever stops taking lines must not feed again.
        """
        if self.overflowed:
            return
        *complete, rest = data.split(b"\n")
        for piece in complete:
            if self._partial:
                self._partial += piece
                piece = bytes(self._partial)
                self._partial.clear()
            if len(piece) > self.limit:
                self.overflowed = True
                return
            line = piece.rstrip(b"\r")
            if line:
                yield line
        self._partial += rest
        if len(self._partial) > self.limit:
            self.overflowed = True
            self._partial.clear()
