"""Headers and hashes with ``hashlib`` alone, so that the pool checks the proxy's core and does not share it.

Bytes are in the order in which they are hashed; a digest read as a little-endian integer is what is
compared with a target.
"""

import hashlib
from collections.abc import Sequence


def double_sha256(data: bytes) -> bytes:
    """Return SHA-256 of SHA-256 of ``data``: 32 bytes, little-endian as a number."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def merkle_root(coinbase: bytes, branches: Sequence[bytes]) -> bytes:
    """Return the root over a coinbase without witness and its branches, which are used as given."""
    root = double_sha256(coinbase)
    for branch in branches:
        root = double_sha256(root + branch)
    return root


def header(version: int, previous: bytes, root: bytes, ntime: int, nbits: int, nonce: int) -> bytes:
    """Return the 80 bytes of a block header; ``previous`` is the digest of the block before."""
    return (
        version.to_bytes(4, "little")
        + previous
        + root
        + ntime.to_bytes(4, "little")
        + nbits.to_bytes(4, "little")
        + nonce.to_bytes(4, "little")
    )


def swapped_words(digest: bytes) -> bytes:
    """Return 32 bytes with the bytes of each 4-byte word turned round, as prevhash goes over the wire."""
    return b"".join(digest[at : at + 4][::-1] for at in range(0, 32, 4))


def number_of(digest: bytes) -> int:
    """Return a digest as the integer that is compared with a target."""
    return int.from_bytes(digest, "little")
