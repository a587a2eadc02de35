"""The share hash in plain Python: the specification of the core.

``proxy.hotpath._compiled`` is its twin in C. Property tests hold the two equal in results and in errors, so
what a share is worth can be settled by reading this file. Nothing here is tuned for speed.

Byte order: ``bytes`` stand as they are hashed. Numbers of the header (version, ntime, nbits, nonce) are
plain integers of 32 bits, which the header holds little-endian. A digest is compared with a target as a
little-endian integer.

Errors, in both twins: ``TypeError`` for a wrong type, ``ValueError`` for a wrong length or range, found in
the order of the parameters. Types are exact: a bool is no nonce, and a subclass may not redefine equality.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

from proxy.hotpath.evidence import Evidence
from proxy.hotpath.lane import Lane, Window, deal
from proxy.hotpath.share_fold import ShareFold
from proxy.hotpath.shares import Assignment, Job, Tally, achieved_difficulty, judge

__all__ = [
    "MAX_BRANCHES",
    "MAX_EXTRANONCE_SIZE",
    "Assignment",
    "Evidence",
    "Job",
    "Lane",
    "PreparedJob",
    "ShareFold",
    "Tally",
    "Target",
    "Window",
    "achieved_difficulty",
    "deal",
    "implementation",
    "judge",
    "sha256d",
]

MAX_EXTRANONCE_SIZE: Final = 32
"""Most bytes of extranonce1 and extranonce2 together: twice the widest seen at a pool (7 + 8)."""

MAX_BRANCHES: Final = 64
"""Most merkle branches: 64 would be a block of 2**64 transactions; a full block of the smallest ones has 15.

It bounds the work that a pool's job can make of one share.
"""

_WORD: Final = (1 << 32) - 1
_TARGET: Final = (1 << 256) - 1


def sha256d(data: bytes) -> bytes:
    """Return the double SHA-256 of ``data``, 32 bytes in digest order."""
    _demand_bytes(data, "data")
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


@final
@dataclass(frozen=True, slots=True)
class Target:
    """The largest hash, as an integer, that still counts."""

    value: int
    """0..2**256-1."""

    def __post_init__(self) -> None:
        _demand_number(self.value, "value", _TARGET, "2**256-1")

    def met_by(self, digest: bytes) -> bool:
        """Return True if the 32-byte ``digest``, read as a little-endian integer, is at most the target."""
        _demand_bytes(digest, "digest", 32)
        return int.from_bytes(digest, "little") <= self.value


@final
@dataclass(frozen=True, slots=True, eq=False)
class PreparedJob:
    """All of a header that a miner does not roll: made once per ``mining.notify``, asked once per share."""

    coinb1: bytes
    """The coinbase transaction, without witness data, up to the extranonce."""
    coinb2: bytes
    """The coinbase transaction behind the extranonce."""
    extranonce_size: int
    """Bytes of extranonce1 and extranonce2 together: 0..MAX_EXTRANONCE_SIZE."""
    branches: Sequence[bytes]
    """Sibling hashes from the coinbase leaf to the root, 32 bytes each, digest order; kept as a tuple."""
    version: int
    """The version as the pool sent it; a share's own version is an argument of each method."""
    prevhash: bytes
    """The previous block's hash, 32 bytes as the header holds them: Stratum's word swap is already undone."""
    nbits: int
    """The network target in compact form."""

    def __post_init__(self) -> None:
        _demand_bytes(self.coinb1, "coinb1")
        _demand_bytes(self.coinb2, "coinb2")
        _demand_number(self.extranonce_size, "extranonce_size", MAX_EXTRANONCE_SIZE)
        # A tuple, so that the caller's list may change afterwards.
        object.__setattr__(self, "branches", tuple(self.branches))
        if len(self.branches) > MAX_BRANCHES:
            raise ValueError(f"at most {MAX_BRANCHES} branches, not {len(self.branches)}")
        for i, branch in enumerate(self.branches):
            _demand_bytes(branch, f"branches[{i}]", 32)
        _demand_number(self.version, "version", _WORD)
        _demand_bytes(self.prevhash, "prevhash", 32)
        _demand_number(self.nbits, "nbits", _WORD)

    def coinbase(self, extranonce: bytes) -> bytes:
        """Return the serialized coinbase transaction; its ``sha256d`` is its transaction id."""
        _demand_bytes(extranonce, "extranonce", self.extranonce_size)
        return self.coinb1 + extranonce + self.coinb2

    def merkle_root(self, extranonce: bytes) -> bytes:
        """Return the root over the coinbase and the branches, 32 bytes as the header holds them.

        The running hash is always on the left: the coinbase is a block's first transaction.
        """
        root = sha256d(self.coinbase(extranonce))
        for branch in self.branches:
            root = sha256d(root + branch)
        return root

    def header(self, extranonce: bytes, ntime: int, nonce: int, version: int) -> bytes:
        """Return the 80 bytes of the block header; ``version`` is the whole one, not its rolled bits."""
        _demand_bytes(extranonce, "extranonce", self.extranonce_size)
        _demand_number(ntime, "ntime", _WORD)
        _demand_number(nonce, "nonce", _WORD)
        _demand_number(version, "version", _WORD)
        return (
            version.to_bytes(4, "little")
            + self.prevhash
            + self.merkle_root(extranonce)
            + ntime.to_bytes(4, "little")
            + self.nbits.to_bytes(4, "little")
            + nonce.to_bytes(4, "little")
        )

    def share_hash(self, extranonce: bytes, ntime: int, nonce: int, version: int) -> bytes:
        """Return the header's hash, 32 bytes little-endian: ``Target.met_by`` judges it."""
        return sha256d(self.header(extranonce, ntime, nonce, version))

    def search(
        self, extranonce: bytes, ntime: int, version: int, first_nonce: int, count: int, target: Target
    ) -> int | None:
        """Return the first nonce whose share hash meets ``target``, or None; what a miner does.

        Tries ``first_nonce`` and the nonces after it, ``count`` (0..2**32) in all, but none past 2**32-1. The
        compiled twin lets other threads run meanwhile, and a signal's handler interrupt it.
        """
        _demand_bytes(extranonce, "extranonce", self.extranonce_size)
        _demand_number(ntime, "ntime", _WORD)
        _demand_number(version, "version", _WORD)
        _demand_number(first_nonce, "first_nonce", _WORD)
        _demand_number(count, "count", _WORD + 1)
        if not isinstance(target, Target):
            raise TypeError(f"target must be Target, not {type(target).__name__}")
        prefix = self.header(extranonce, ntime, 0, version)[:76]
        for nonce in range(first_nonce, min(first_nonce + count, _WORD + 1)):
            if target.met_by(sha256d(prefix + nonce.to_bytes(4, "little"))):
                return nonce
        return None


def share_hashes(shares: Sequence[tuple[PreparedJob, bytes, int, int, int]]) -> bytes:
    """Return the share hashes of many shares, 32 bytes each, in their order; for audits.

    A share is the tuple of its job and of what ``PreparedJob.share_hash`` takes: extranonce, ntime, nonce,
    version. The first bad share raises what that would. The compiled twin lets other threads run
    meanwhile, and a signal's handler interrupt it.
    """
    digests = []
    for i, share in enumerate(tuple(shares)):
        if type(share) is not tuple:
            raise TypeError(f"shares[{i}] must be tuple, not {type(share).__name__}")
        if len(share) != 5:
            raise ValueError(f"shares[{i}] must have 5 fields, not {len(share)}")
        job, extranonce, ntime, nonce, version = share
        if type(job) is not PreparedJob:
            raise TypeError(f"job must be PreparedJob, not {type(job).__name__}")
        digests.append(job.share_hash(extranonce, ntime, nonce, version))
    return b"".join(digests)


def plain_credits(shares: bytes) -> tuple[int, float] | None:
    """Return None: ``ledger.audit.credited`` does it then. The compiled twin takes a batch's plain messages.

    Plain is what the hot path writes; of that it returns the number of shares and the sum of their credits.
    """
    _demand_bytes(shares, "shares")
    return None


def plain_audit(
    shares: bytes,
    jobs: Mapping[str, Job],
    extranonces: Mapping[int, tuple[bytes, ...]],
    targets: Mapping[float, Target | None],
) -> tuple[int, list[tuple[int, int]]] | None:
    """Return None: ``ledger.audit.audit`` does it then, the specification of what the compiled twin does.

    That one lets other threads run while it hashes.
    """
    _demand_bytes(shares, "shares")
    return None


def implementation() -> str:
    """Return what computes the hashes: "python" here; compiled, "sha-ni", "armv8-sha2" or "portable-c"."""
    return "python"


def bulk_implementation() -> str:
    """Return what ``share_hashes`` uses: "python" here; compiled, "avx512-x32" (32 at a time) or such."""
    return "python"


def _demand_bytes(value: object, name: str, size: int | None = None) -> None:
    if type(value) is not bytes:
        raise TypeError(f"{name} must be bytes, not {type(value).__name__}")
    if size is not None and len(value) != size:
        raise ValueError(f"{name} must have {size} bytes, not {len(value)}")


def _demand_number(value: object, name: str, greatest: int, spelled: str | None = None) -> None:
    if type(value) is not int:
        raise TypeError(f"{name} must be int, not {type(value).__name__}")
    if not 0 <= value <= greatest:
        raise ValueError(f"{name} must be in 0..{spelled or greatest}")
