"""What a fuzzer's bytes mean: choices, one after the other, so that a changed byte changes one choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Choice = TypeVar("Choice")


class Source:
    """Bytes that are used up. What comes after their end is zero: the plainest of every choice."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to choose by."""
        return self._at >= len(self._data)

    def byte(self) -> int:
        """Return the next byte."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def below(self, count: int) -> int:
        """Return a number in ``range(count)``; ``count`` is at most 256."""
        return self.byte() % count

    def flag(self, one_in: int) -> bool:
        """Return True once in so many."""
        return self.byte() % one_in == one_in - 1

    def word(self) -> int:
        """Return 32 bits."""
        return int.from_bytes(self.take(4).ljust(4, b"\0"), "big")

    def take(self, size: int) -> bytes:
        """Return up to ``size`` bytes as they stand."""
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def text(self) -> bytes:
        """Return some bytes as they stand, at most 255: their number comes first."""
        return self.take(self.byte())

    def rest(self) -> bytes:
        """Return everything that is left."""
        return self.take(len(self._data))

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Return one of ``choices``."""
        return choices[self.below(len(choices))]
