"""Lines out of a byte stream."""


class LineBuffer:
    """Cuts a byte stream into lines, whatever the segments; never holds more than one line's limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Most bytes of a line, newline not counted. May be changed between feeds."""
        self.overflowed = False
        """True once a line, finished or not, was longer than the limit: disconnect this peer."""
        self._partial = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        r"""Return the lines that ``data`` completes, without newlines; nothing behind an overflow.

        A carriage return before the newline is dropped, and so are empty lines.
        """
        if self.overflowed:
            return []
        *complete, rest = data.split(b"\n")
        lines: list[bytes] = []
        for piece in complete:
            if self._partial:
                self._partial += piece
                piece = bytes(self._partial)
                self._partial.clear()
            if len(piece) > self.limit:
                self.overflowed = True
                return lines
            line = piece.rstrip(b"\r")
            if line:
                lines.append(line)
        self._partial += rest
        if len(self._partial) > self.limit:
            self.overflowed = True
            self._partial.clear()
        return lines
