"""Days, closed and signed: Ed25519 over one line of text that says what a day holds and how it ends.

The line is made so that a third party can write it again from a day's file with nothing but SHA-256 and
msgpack.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from proxy.adapters.stores.ledger import database
from proxy.adapters.stores.ledger.days import Day, days, rows, steps
from proxy.adapters.stores.ledger.folder import Folder, flush_folder
from proxy.adapters.stores.ledger.walking import Bad
from proxy.errors import LedgerDamaged, LedgerUnusable

KEY_SIZE = 32


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """What is signed of a day."""

    ledger: bytes
    name: str
    first: int
    """Seq of the first batch, as ``last`` is of the last one."""
    last: int
    shares: int
    difficulty: float
    """Credited: the shares' credits, added up batch by batch in their order."""
    previous: bytes
    """Hash before the first batch."""
    root: bytes
    """Hash of the last batch."""

    @property
    def line(self) -> bytes:
        """The text that is signed."""
        return (
            f"pumpjack ledger day v1\nledger={self.ledger.hex()}\nname={self.name}\nfirst={self.first}\n"
            f"last={self.last}\nshares={self.shares}\ndifficulty={self.difficulty!r}\n"
            f"previous={self.previous.hex()}\nroot={self.root.hex()}\n"
        ).encode()


def private_key(path: Path) -> Ed25519PrivateKey:
    """Return the key for signing, made at the first use: for the owner alone, and durable before it is used.

    Raises:
        LedgerUnusable: the file holds no key.
        OSError: it can be neither read nor made.

    """
    try:
        return Ed25519PrivateKey.from_private_bytes(_key_bytes(path))
    except FileNotFoundError:
        _make_key(path)
    return Ed25519PrivateKey.from_private_bytes(_key_bytes(path))


def public_key(path: Path) -> bytes | None:
    """Return the 32 bytes that signatures are checked with, or None where no key was made yet.

    Raises:
        LedgerUnusable: the file holds no key.
        OSError: it cannot be read.

    """
    try:
        key = Ed25519PrivateKey.from_private_bytes(_key_bytes(path))
    except FileNotFoundError:
        return None
    return public_bytes(key)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the 32 bytes of a key that anybody may have."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def is_signed(day: ClosedDay, signature: bytes, public: bytes) -> bool:
    """Return whether the signature is that of the day, by the owner of the key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, day.line)
    except InvalidSignature:
        return False
    return True


def close_day(index: sqlite3.Connection, folder: Folder, name: str) -> ClosedDay:
    """Prove a day's file, sign it and note it in the index; its file is not appended to any more.

    Every batch is hashed and every credit added, a second for a million of shares: nothing for a thread
    that miners wait for. The transaction on ``index`` is short.

    Raises:
        LedgerDamaged: the day cannot be proven, so nobody should sign it.
        LedgerUnusable, OSError, sqlite3.Error: file, key or index cannot be used.

    """
    found = next((day for day in days(folder, rows(index)) if day.name == name), None)
    if found is None:
        raise LedgerDamaged(f"{name} holds no batch")
    day, first_at, last_at = _proven(folder, found)
    key = private_key(folder.signing_key)
    with database.transaction(index):
        index.execute(
            """
            INSERT OR REPLACE INTO days (
                name, first, last, first_at, last_at, shares, difficulty, bytes, previous, root, signature
            ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            (
                *(name, day.first, day.last, first_at, last_at, day.shares, day.difficulty),
                *(size_of(folder.day(name)), day.previous, day.root, key.sign(day.line)),
            ),
        )
    return day


def _proven(folder: Folder, day: Day) -> tuple[ClosedDay, int, int]:
    """Return a day as its file proves it, and the instants of its first and last batch (ms since 1970)."""
    if day.problem is not None or day.is_pruned:
        raise LedgerDamaged(f"{day.name} cannot be signed: {day.problem or 'it is pruned'}")
    assert day.first is not None and day.ledger is not None and day.previous is not None, "it was read"
    shares, difficulty = 0, 0.0
    first, last = None, None
    for step in steps(folder, day):
        if isinstance(step, Bad):
            raise LedgerDamaged(f"{day.name}, batches {step.first} to {step.last}: {step.problem}")
        shares += step.shares
        difficulty += step.credit
        first, last = first or step.batch, step.batch
    if first is None or last is None:
        raise LedgerDamaged(f"{day.name} holds no batch")
    closed = ClosedDay(day.ledger, day.name, day.first, last.seq, shares, difficulty, day.previous, last.hash)
    return closed, first.at, last.at


def size_of(path: Path) -> int:
    """Return the bytes that a database takes on the disk, what is not checkpointed included.

    Raises:
        OSError: it is not there.

    """
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


def _key_bytes(path: Path) -> bytes:
    data = path.read_bytes()
    if len(data) != KEY_SIZE:
        raise LedgerUnusable(f"{path} holds no key of Pumpjack's: it has {len(data)} bytes, not {KEY_SIZE}")
    return data


def _make_key(path: Path) -> None:
    # Written beside and linked: whoever sees the name sees the whole key, and of two makers one wins.
    data = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(beside, path)
    except FileExistsError:
        pass  # the other one's key is as good
    finally:
        beside.unlink()
    flush_folder(path.parent)
