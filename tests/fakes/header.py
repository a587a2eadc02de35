"""The arithmetic of a share, written a second time and with hashlib only: what the code is held against."""

import hashlib
from collections.abc import Sequence
from typing import Any

DIFFICULTY_ONE = 0xFFFF << 208


def sha256d(data: bytes) -> bytes:
    """Return the double SHA-256."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def header_of(
    notify: Sequence[Any], extranonce1: str, extranonce2: str, ntime: int, nonce: int, version: int
) -> bytes:
    """Return the 80 bytes that a share claims, from a notify's parameters as they stand on the wire."""
    prevhash, coinb1, coinb2, branches, nbits = notify[1], notify[2], notify[3], notify[4], notify[6]
    root = sha256d(bytes.fromhex(coinb1 + extranonce1 + extranonce2 + coinb2))
    for branch in branches:
        root = sha256d(root + bytes.fromhex(branch))
    words = [bytes.fromhex(prevhash[i : i + 8])[::-1] for i in range(0, 64, 8)]
    return (
        version.to_bytes(4, "little")
        + b"".join(words)
        + root
        + ntime.to_bytes(4, "little")
        + bytes.fromhex(nbits)[::-1]
        + nonce.to_bytes(4, "little")
    )


def hash_of(header: bytes) -> int:
    """Return a header's hash as the number that is compared with a target."""
    return int.from_bytes(sha256d(header), "little")


def target_at(difficulty: float) -> int:
    """Return the greatest hash of a difficulty that is a power of two."""
    numerator, denominator = float(difficulty).as_integer_ratio()
    return min((1 << 256) - 1, DIFFICULTY_ONE * denominator // numerator)


def search(header: bytes, target: int, first: int = 0, *, misses: bool = False) -> int:
    """Return the first nonce from ``first`` on whose hash meets ``target`` (or misses it)."""
    start = hashlib.sha256(header[:64])
    for nonce in range(first, first + (1 << 22)):
        inner = start.copy()
        inner.update(header[64:76] + nonce.to_bytes(4, "little"))
        met = int.from_bytes(hashlib.sha256(inner.digest()).digest(), "little") <= target
        if met is not misses:
            return nonce
    raise AssertionError("no such nonce in four million: the test's difficulty is wrong")
