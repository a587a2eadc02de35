"""Credited shares summed up as they lie in a batch: the specification in plain Python.

``proxy.hotpath._compiled`` has the same class in C, which takes the bytes apart that ``ext/record.c`` writes
and leaves every other msgpack of the same values to ``share_codec.decoded``.
"""

from typing import Final

MOST_DIFFICULTY: Final = 2.0**256
"""Above any that exists: the square is still a number, and so is the sum of as many as there can be."""

Key = tuple[int, str, str]
"""Session, worker, job id: whom a share is credited to, and to which pool it belongs."""

Forwarded = tuple[int, int, Key]
"""Place in the batch, number under which it goes to the pool, key."""

Sum = tuple[int, str, str, int, float, float, float, int]
"""Session, worker, job id; count, credit, sum of the squared credits, best achieved, last instant."""


class ShareFold:
    """Sums of credited shares by session, worker and job."""

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        self._sums: dict[Key, tuple[int, float, float, float, int]] = {}

    def __len__(self) -> int:
        """Return how many sums ``drain`` would return."""
        return len(self._sums)

    def add(self, shares: bytes, at: int) -> list[Forwarded]:
        """Add the shares of a batch drawn ``at`` milliseconds since 1970; return those that go to a pool.

        Raises:
            LedgerDamaged: these are no shares; nothing was added.
            TypeError: ``shares`` is not ``bytes``.

        """
        if type(shares) is not bytes:
            raise TypeError(f"shares must be bytes, not {type(shares).__name__}")
        from proxy.hotpath.share_codec import decoded  # noqa: PLC0415 - msgspec is slow to import

        forwarded: list[Forwarded] = []
        for place, (number, key, credit, achieved) in enumerate(decoded(shares)):
            count, total, square, best, last = self._sums.get(key, (0, 0.0, 0.0, 0.0, at))
            total, square = total + credit, square + credit * credit
            self._sums[key] = count + 1, total, square, max(best, achieved), max(last, at)
            if number:
                forwarded.append((place, number, key))
        return forwarded

    def drain(self) -> list[Sum]:
        """Return the sums in the order in which their first shares came, and begin anew."""
        sums = [(*key, *values) for key, values in self._sums.items()]
        self._sums.clear()
        return sums
