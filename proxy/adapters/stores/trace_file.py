"""The governor's trace on the disk: written beside the program, bounded, and read again.

A file is ``MAGIC``, then frames: four bytes of length, big-endian, and as many of msgpack under zlib. One
that is cut at its end, by a crash or while it is written, is read up to there.
"""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack

from proxy.beside import Beside

FILE_NAME = "power-trace.bin"
MAGIC = b"PJTRACE1"
MOST_WAITING = 60
"""Entries, a minute of them; a disk that is behind by more loses some, and they are counted."""
MOST_FRAME = 64 << 20
MOST_ENTRY = 512 << 20
"""Bytes: ten times what 50,000 miners take."""
FAREWELL = 2.0
"""Seconds that the last entries get at the end."""


class TraceFile:
    """Takes entries at once and raises nothing; a thread of its own writes them.

    Each beginning puts the file before it in the place of ``power-trace.old.bin``, so that two are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self.begun = 0
        """Files."""
        self._file: io.FileIO | None = None
        self._whole = 0
        """Bytes of the file that are whole frames."""
        self._beside = Beside("trace", self._take, MOST_WAITING, self._end)
        self._beside.start()

    @property
    def lost(self) -> int:
        """Entries that had no room or could not be written."""
        return self._beside.lost

    def put(self, entry: dict[str, Any], *, first: bool = False, anew: bool = False) -> None:
        """Take an entry, if there is room for it.

        Args:
            entry: Plain data.
            first: It needs none before it, and may be the first of a file.
            anew: It is to be the first of a new file.

        """
        if self._beside.has_room:
            self._beside.put((msgpack.packb(entry), first, anew))
        else:
            self.lose()  # and not packed for nothing

    def close(self) -> None:
        """Write what waits, if the disk takes it soon."""
        self._beside.close(FAREWELL)

    def lose(self) -> None:
        """Count an entry that is not written."""
        self._beside.lose()

    def _take(self, entry: tuple[bytes, bool, bool]) -> None:
        packed, first, anew = entry
        if anew or (first and self._file is None):
            self._begin()
        if self._file is None:
            self.lose()  # its beginning was lost: it would be of no use
        else:
            frame = zlib.compress(packed, 1)
            self._write(self._file, len(frame).to_bytes(4, "big") + frame)

    def _begin(self) -> None:
        self._end()
        if self.path.exists():
            self.path.replace(self.path.with_suffix(".old.bin"))
        self._file = io.FileIO(self.path, "w")
        self._whole = 0
        self.begun += 1
        self._write(self._file, MAGIC)

    def _write(self, file: io.FileIO, content: bytes) -> None:
        """Write all of it, or nothing.

        Raises:
            OSError: the disk does not take it; without a file, neither can what there was be mended.

        """
        left = memoryview(content)
        try:
            while left:
                left = left[file.write(left) :]
        except OSError:
            try:
                file.truncate(self._whole)
                file.seek(self._whole)
            except OSError:
                self._end()
            raise
        self._whole += len(content)

    def _end(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # nothing of it waits in a buffer
                file.close()


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what a file holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no trace.

    """
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ValueError("it does not begin as a trace does")
        while len(length := file.read(4)) == 4:
            size = int.from_bytes(length, "big")
            if size > MOST_FRAME:
                raise ValueError(f"a frame of {size} bytes, more than {MOST_FRAME}")
            frame = file.read(size)
            if len(frame) < size:
                return
            yield _unpacked(frame)


def _unpacked(frame: bytes) -> dict[str, Any]:
    whole = zlib.decompressobj()
    try:
        packed = whole.decompress(frame, MOST_ENTRY)
        entry = msgpack.unpackb(packed) if whole.eof else None
    except (zlib.error, msgpack.UnpackException, ValueError, RecursionError) as error:
        raise ValueError(f"a frame that is none ({type(error).__name__}: {error})") from error
    if not isinstance(entry, dict):
        raise ValueError("a frame that holds no entry")
    return entry
