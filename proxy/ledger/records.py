"""What the ledger keeps, as msgpack: a batch holds shares, as the hot path wrote them, and notes on the rest.

Both are arrays of arrays, one message each, so that any reader of msgpack can take them apart. Fields are
only ever added at the end, with a default: old batches stay readable for ever. docs/ledger.md lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntFlag

import msgspec

from proxy.errors import LedgerDamaged
from proxy.hotpath.share_codec import UNREADABLE


class Flags(IntFlag):
    """What else is true of a share."""

    FORWARDED = 1
    """It met the pool's target and goes up under its number."""
    BLOCK = 2
    """It met the network's target."""


class Share(msgspec.Struct, frozen=True, array_like=True):
    """A share that was credited: everything that its hash needs, but for the job."""

    number: int
    """Under which it goes to the pool; 0 if it does not."""
    session: int
    worker: str
    job_id: str
    extranonce: bytes
    """The bytes in the coinbase's hole: the session's extranonce1 and the miner's extranonce2."""
    ntime: int
    nonce: int
    version: int
    """Of the header, with the bits that the miner rolled."""
    credit: float
    """The difficulty that was assigned with the job."""
    achieved: float
    flags: int


class Note(msgspec.Struct, frozen=True, array_like=True):
    """Something else worth keeping."""


class RunBegan(Note, frozen=True, array_like=True, tag=1):
    """The program has started, or a day's file begins: what lives is told again in the notes behind it."""

    version: str
    site: str
    core: str
    """The implementation that checks shares."""


class TenantKnown(Note, frozen=True, array_like=True, tag=2):
    """A customer of this run."""

    tenant: str
    name: str
    accounting: str
    """``local``: credited when we accept a share; ``pool``: when its pool does."""


class WorkReceived(Note, frozen=True, array_like=True, tag=3):
    """A pool's job as miners get it; every share of it can be hashed again from this."""

    work: int
    tenant: str
    upstream: str
    """The pool's name in the configuration."""
    connection: int
    version: int
    prevhash: bytes
    """In header order."""
    coinb1: bytes
    """With the pool's extranonce1, and padding, at its end."""
    coinb2: bytes
    extranonce_size: int
    branches: tuple[bytes, ...]
    nbits: int
    ntime: int
    difficulty: float
    """The pool's, when the job came."""


class JobIssued(Note, frozen=True, array_like=True, tag=4):
    """An id under which miners got a work."""

    job_id: str
    work: int


class SessionBegan(Note, frozen=True, array_like=True, tag=5):
    """A miner has logged in, or its extranonce1 has changed."""

    session: int
    tenant: str
    worker: str
    user_agent: str
    address: str
    extranonce1: bytes


class SessionEnded(Note, frozen=True, array_like=True, tag=6):
    """A miner has gone."""

    session: int
    cause: str


class ShareSettled(Note, frozen=True, array_like=True, tag=7):
    """What became of a share at the pool."""

    number: int
    session: int
    worker: str
    work: int
    outcome: str
    """``accepted``, ``rejected``, ``unknown`` (sent, and nobody will answer) or ``unsent``."""
    reason: str
    difficulty: float
    """The pool's, which the share had met."""


class SharesRefused(Note, frozen=True, array_like=True, tag=8):
    """Shares of one miner that we refused since the last of these; always counted, never one by one."""

    session: int
    tenant: str
    worker: str
    upstream: str
    """The pool that it worked for; empty where there was none."""
    reason: str
    """The name of a ``hotpath.Reason`` in lower case."""
    count: int
    difficulty: float


class RefusalSampled(Note, frozen=True, array_like=True, tag=9):
    """What a miner sent that was refused, as it came; a few a second at most."""

    session: int
    tenant: str
    worker: str
    sent: bytes


class Gap(Note, frozen=True, array_like=True, tag=10):
    """No disk took anything for a while: what was answered meanwhile, and is not kept otherwise."""

    since: int
    """Milliseconds since 1970."""
    until: int
    shares: int
    difficulty: float
    cause: str


class ClockStepped(Note, frozen=True, array_like=True, tag=11):
    """The system's clock was set while the program ran."""

    seconds: float


class WorkGated(Note, frozen=True, array_like=True, tag=12):
    """Miners of a tenant were given no work any more for want of power, or work again, or were sent away."""

    action: str
    """``withhold``, ``release`` or ``disconnect``."""
    tenant: str
    sessions: tuple[int, ...]
    cause: str


class SiteCurtailed(Note, frozen=True, array_like=True, tag=13):
    """Power was short from here on, or is not any more; why, in the words of whoever decided."""

    began: bool
    budget_w: float
    wanted_w: float
    """What the miners that were there could have drawn."""
    bound: str
    sentence: str
    kwh: float
    """When it ended: what they could have used and were not offered."""


AnyNote = (
    RunBegan
    | TenantKnown
    | WorkReceived
    | JobIssued
    | SessionBegan
    | SessionEnded
    | ShareSettled
    | SharesRefused
    | RefusalSampled
    | Gap
    | ClockStepped
    | WorkGated
    | SiteCurtailed
)

_shares = msgspec.msgpack.Decoder(tuple[Share, ...])
_notes = msgspec.msgpack.Decoder(tuple[AnyNote, ...])
pack = msgspec.msgpack.Encoder().encode
"""Return a note, or a share, as the bytes that stand in a batch."""


def joined(count: int, records: bytes | bytearray) -> bytes:
    """Return ``count`` packed records, one behind the other, as one message."""
    return b"\xdd" + count.to_bytes(4, "big") + records


def message(records: Iterable[Note | Share]) -> bytes:
    """Return records as one message."""
    packed = [pack(record) for record in records]
    return joined(len(packed), b"".join(packed))


def shares_of(data: bytes) -> Sequence[Share]:
    """Return the shares of a batch.

    Raises:
        LedgerDamaged: these are no shares.

    """
    try:
        return _shares.decode(data)
    except UNREADABLE as error:
        raise LedgerDamaged(f"no shares: {error}") from error


def notes_of(data: bytes) -> Sequence[AnyNote]:
    """Return the notes of a batch.

    Raises:
        LedgerDamaged: these are no notes.

    """
    try:
        return _notes.decode(data)
    except UNREADABLE as error:
        raise LedgerDamaged(f"no notes: {error}") from error
