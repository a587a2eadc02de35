"""A job: everything of a header that a miner does not roll, and what its shares are held against."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from proxy.hotpath import PreparedJob, Target
from proxy.mining.difficulty import target_of, target_of_nbits
from proxy.units import Difficulty

NTIME_WINDOW = 7000
"""Seconds that ntime may run ahead of the job's (ckpool); never compared with a clock of ours,
because boxes off the grid drift."""

_DIGEST_KEY = slice(0, 16)
"""A digest's low half: a share's zeros are in the high one. 128 bits do not collide by chance."""


@dataclass(slots=True, eq=False)
class Job:
    """One job of an upstream, prepared once for all the sessions that work on it."""

    prepared: PreparedJob
    ntime: int
    upstream_difficulty: Difficulty
    """In force when the pool sent this job."""
    version_mask: int | None
    """What the upstream allows to roll; None where it granted nothing."""
    network_target: Target = field(init=False)
    upstream_target: Target = field(init=False)
    _credited: set[bytes] = field(init=False, default_factory=set)
    """Low halves of the digests of shares credited so far; freed with the job."""

    def __post_init__(self) -> None:
        self.network_target = Target(target_of_nbits(self.prepared.nbits))
        self.upstream_target = Target(target_of(self.upstream_difficulty))

    @property
    def version(self) -> int:
        """The block version before any rolling."""
        return self.prepared.version

    @property
    def rollable(self) -> int:
        """The upstream's version mask, 0 where it granted none."""
        return self.version_mask or 0

    def is_duplicate(self, digest: bytes) -> bool:
        """Return whether a share with this header hash was credited before."""
        return digest[_DIGEST_KEY] in self._credited

    def remember(self, digest: bytes) -> None:
        """Note that a share with this header hash has been credited."""
        self._credited.add(digest[_DIGEST_KEY])

    def share_credits(self, other: "Job") -> None:
        """Remember together with ``other``, whose shares make the same headers."""
        self._credited = other._credited

    @property
    def credited_shares(self) -> int:
        """How many shares of this job have been credited."""
        return len(self._credited)


def prepare(
    *,
    coinb1: bytes,
    coinb2: bytes,
    extranonce_size: int,
    branches: Sequence[bytes],
    version: int,
    prevhash: bytes,
    nbits: int,
    ntime: int,
    upstream_difficulty: Difficulty,
    version_mask: int | None,
) -> Job:
    """Return the job whose coinbase has a hole of ``extranonce_size`` bytes between its halves.

    ``coinb1`` carries the upstream's extranonce1 and padding at its end; ``prevhash`` is in header
    order; the other integers are 32-bit.
    """
    prepared = PreparedJob(coinb1, coinb2, extranonce_size, branches, version, prevhash, nbits)
    return Job(prepared, ntime, upstream_difficulty, version_mask)
