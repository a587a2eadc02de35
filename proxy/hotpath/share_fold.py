"""Credited shares summed up as they lie in a batch: the specification in plain Python.

``proxy.hotpath._compiled`` has the same class in C, which takes the bytes apart that ``ext/record.c`` writes
and leaves every other msgpack of the same values to ``decoded``.
"""

from typing import Annotated, Final

import msgspec

from proxy.errors import LedgerDamaged

MOST_DIFFICULTY: Final = 2.0**256
"""Above any that exists: the square is still a number, and so is the sum of as many as there can be."""

_Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""What SQLite can hold."""
_Difficulty = Annotated[float, msgspec.Meta(ge=0.0, le=MOST_DIFFICULTY)]
"""A NaN is not greater than anything, so it is none either."""

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises of bytes that are not what they should be: no UTF-8, or arrays in arrays in arrays."""

Key = tuple[int, str, str]
"""Session, worker, job id: whom a share is credited to, and to which pool it belongs."""

Forwarded = tuple[int, int, Key]
"""Place in the batch, number under which it goes to the pool, key."""

Sum = tuple[int, str, str, int, float, float, float, int]
"""Session, worker, job id; count, credit, sum of the squared credits, best achieved, last instant."""


class _Share(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A share as it is recorded; fields that a later version adds at the end are skipped."""

    number: _Number
    session: _Number
    worker: str
    job_id: str
    extranonce: bytes
    ntime: int
    nonce: int
    version: int
    credit: _Difficulty
    achieved: _Difficulty
    flags: int


_pack = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(tuple[_Share, ...])


def decoded(shares: bytes) -> list[tuple[int, Key, float, float]]:
    """Return number, key, credit and achieved difficulty of each share in a message, however it is encoded.

    Raises:
        LedgerDamaged: these are no shares, or one claims what none can have.

    """
    try:
        found = _decoder.decode(shares)
    except UNREADABLE as error:
        raise LedgerDamaged(f"no shares: {error}") from error
    return [
        (share.number, (share.session, share.worker, share.job_id), share.credit, share.achieved)
        for share in found
    ]


def packed(key: Key) -> bytes:
    """Return a key as it stands in a share that the hot path wrote: what the compiled twin finds sums by."""
    session, worker, job_id = key
    return _pack(session) + _pack(worker) + _pack(job_id)


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
