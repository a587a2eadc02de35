"""Writes the log beside the program: no full disk stops it, and no reader that is gone or does not read."""

from __future__ import annotations

import os
import select
from types import TracebackType
from typing import Self, TextIO

from proxy.beside import Beside

MOST_WAITING = 1_000
"""Lines; more are lost and counted. A storm's second has some forty, a slow disk is behind by less."""
FAREWELL = 1.0
"""Seconds that the last lines get at the end: who does not read the log keeps nobody from ending."""


class Writer:
    """A text stream for log lines whose ``write`` returns at once and raises nothing.

    Lines go to ``stream``, which must have a descriptor, from a thread of its own, in their order. ``lost``
    counts those that could not be written or had no room; whoever makes lines can tell it in the next.
    """

    def __init__(self, stream: TextIO) -> None:
        stream.flush()
        self._stream = stream
        self._fd = stream.fileno()
        self._torn = False
        """The last line was written in part: the next begins with the end of it."""
        self._beside = Beside("log", self._put, MOST_WAITING)

    def __enter__(self) -> Self:
        self._beside.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beside.close(FAREWELL)

    @property
    def lost(self) -> int:
        """Lines that had no room or could not be written."""
        return self._beside.lost

    def isatty(self) -> bool:
        """Return whether a person reads it."""
        return self._stream.isatty()

    def write(self, text: str) -> int:
        """Take a line, if there is room for it."""
        self._beside.put(text.encode(errors="backslashreplace"))
        return len(text)

    def flush(self) -> None:
        """Nothing waits but what the thread is about to write."""

    def _put(self, line: bytes) -> None:
        left = memoryview(b"\n" + line if self._torn else line)
        while left:
            try:
                left = left[os.write(self._fd, left) :]
            except BlockingIOError:
                # Somebody who shares our terminal made it so.
                waiting = select.poll()
                waiting.register(self._fd, select.POLLOUT)
                waiting.poll()
                continue
            self._torn = bool(left)
