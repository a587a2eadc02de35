"""Lines out of a byte stream."""

from collections.abc import Iterator


class LineBuffer:
    """Cuts a byte stream into lines, whatever the segments; never holds more than one line's limit."""

    __slots__ = ("limit", "overflowed", "partial")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Most bytes of a line, newline not counted. May be changed whenever a line has been taken."""
        self.overflowed = False
        """True once a line, finished or not, was longer than the limit: disconnect this peer."""
        self.partial: bytearray | None = None
        """The beginning of a line that is not complete yet."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that ``data`` completes; whoever stops taking lines must not feed again."""
        at = 0
        while at < len(data):
            line, at = self.cut(data, at)
            if line is not None:
                yield line

    def cut(self, data: bytes, start: int) -> tuple[bytes | None, int]:
        """Return the line that ``data[start:]`` completes first, without newline, and where to go on.

        Where it completes none, it is kept; then, or behind an overflow, the line is None and the place the
        end of ``data``. A carriage return before the newline is dropped, and so are empty lines. Each line
        is held against the limit when its turn comes, so that a login in the line before counts, however
        the bytes were cut.
        """
        while not self.overflowed:
            end = data.find(b"\n", start)
            piece = data[start:] if end < 0 else data[start:end]
            if self.partial is not None:
                self.partial += piece
            length = len(piece) if self.partial is None else len(self.partial)
            if length > self.limit:
                self.overflowed, self.partial = True, None
            elif end < 0:
                if self.partial is None and piece:
                    self.partial = bytearray(piece)
                break
            else:
                line = (piece if self.partial is None else bytes(self.partial)).rstrip(b"\r")
                start, self.partial = end + 1, None
                if line:
                    return line, start
        return None, len(data)
