"""Small files that must be whole after a power cut."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from proxy.adapters.stores.ledger.folder import flush_folder

EACH_S = 60.0
"""Seconds between two looks at what may have changed: so much of it may be forgotten by a power cut."""

Content = TypeVar("Content")


def keep(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of what is there, durably, all of it or nothing.

    Raises:
        OSError: the disk does not take it; what was there is there still.

    """
    whole = path.with_suffix(".new")
    with whole.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    whole.replace(path)
    flush_folder(path.parent)


def kept(path: Path, shape: type[Content]) -> Content | None:
    """Return what is there; None where there is no file.

    Raises:
        OSError: the disk does not tell.
        ValueError: it is of another shape.

    """
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return None
    return msgspec.json.decode(found, type=shape)


class KeptFile(Generic[Content]):
    """A JSON file of one shape that is written now and then, when something changed."""

    def __init__(self, path: Path, shape: type[Content], empty: Content) -> None:
        self.path = path
        self.content = empty
        """As it is on the disk."""
        self.keeping = threading.Lock()
        """For whoever changes it: the end of the program may come while a thread still writes."""
        self._shape = shape

    def load(self) -> None:
        """Take what is there; nothing where there is no file.

        Raises:
            OSError: the disk does not tell.
            ValueError: it is of another shape.

        """
        found = kept(self.path, self._shape)
        if found is not None:
            self.content = found

    def keep(self, content: Content) -> None:
        """Write it, if it is another one. Slow: not for the loop; and with ``keeping`` held.

        Raises:
            OSError: the disk does not take it.

        """
        if content != self.content:
            keep(self.path, msgspec.json.encode(content))
            self.content = content
