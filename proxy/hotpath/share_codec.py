"""Shares of a batch by the generic decoder, the fold's last resort; apart, for msgspec is slow to import."""

from typing import Annotated, Final

import msgspec

from proxy.errors import LedgerDamaged
from proxy.hotpath.share_fold import MOST_DIFFICULTY, Key

_Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""What SQLite can hold."""
_Difficulty = Annotated[float, msgspec.Meta(ge=0.0, le=MOST_DIFFICULTY)]
"""A NaN is not greater than anything, so it is none either."""

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises of bytes that are not what they should be: no UTF-8, or arrays in arrays in arrays."""


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
