"""Batches, chained: each has a SHA-256 over itself and the one before, so that nothing can change unseen."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

GENESIS = bytes(32)
"""What stands before the first batch of a ledger."""
_HEAD = struct.Struct(">QQII")
_SETTLED = struct.Struct(">QQQQIII")


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit window made durable."""

    seq: int
    """Rises by one through the whole ledger, from 1. A share's id is this and its place, from 0."""
    run: bytes
    """Eight bytes of chance for each start of the program: sessions and works are numbered within it."""
    at: int
    """Milliseconds since 1970 when the window was drawn."""
    notes: bytes
    shares: bytes
    """Messages: see ``records``."""
    hash: bytes

    def follows(self, previous: bytes) -> bool:
        """Return whether the hash is right, given that of the batch before."""
        return self.hash == chained(previous, self.seq, self.run, self.at, self.notes, self.shares)


def chained(previous: bytes, seq: int, run: bytes, at: int, notes: bytes, shares: bytes) -> bytes:
    """Return the hash of a batch.

    SHA-256 over the hash before it, ``seq``, ``at``, both lengths (big endian: 8, 8, 4, 4 bytes), ``run``,
    ``notes``, ``shares``. Lengths come first, so that no byte can wander from one field to the next.
    """
    head = _HEAD.pack(seq, at, len(notes), len(shares))
    return hashlib.sha256(b"".join((previous, head, run, notes, shares))).digest()


def settled(
    previous: bytes,
    run: bytes,
    number: int,
    seq: int | None,
    place: int | None,
    outcome: int,
    reason: str,
    at: int,
) -> bytes:
    """Return the hash of a settlement, given that of the one before it; ``GENESIS`` is before the first.

    SHA-256 over the hash before it, ``number``, ``seq``, ``place`` (both 0 where the share's batch is not
    known), ``at``, ``outcome``, both lengths (big endian: 8, 8, 8, 8, 4, 4, 4 bytes), ``run``, ``reason`` in
    UTF-8.
    """
    words = reason.encode()
    head = _SETTLED.pack(number, seq or 0, place or 0, at, outcome, len(run), len(words))
    return hashlib.sha256(b"".join((previous, head, run, words))).digest()
