"""What shares are held against, and the verdict: the specification in plain Python.

``proxy.hotpath._compiled`` has the same classes in C, where the lane reaches them without Python. Byte order
and errors are those of ``proxy.hotpath.reference``. Instants are monotonic seconds.
"""

import math
from typing import TYPE_CHECKING, Final

from proxy.hotpath.reasons import REASONS, Reason
from proxy.hotpath.version_bits import candidates, header_version, is_permitted

if TYPE_CHECKING:
    from proxy.hotpath.reference import PreparedJob, Target

NTIME_WINDOW: Final = 7000
"""Most seconds that ntime may run ahead of the job's (ckpool); never compared with a clock of ours,
because boxes off the grid drift. A site may allow less: what the ledger holds is audited by this."""
_LAST_WORD: Final = (1 << 32) - 1

_DIFFICULTY_ONE: Final = float(0xFFFF << 208)


def achieved_difficulty(digest: bytes) -> float:
    """Return the difficulty of a 32-byte hash: what it would have been worth, at most 0xffff * 2**208.

    In doubles, limb by limb from the most significant one, so that both twins round alike.
    """
    value = 0.0
    for at in range(28, -1, -4):
        value = value * 4294967296.0 + int.from_bytes(digest[at : at + 4], "little")
    return _DIFFICULTY_ONE / max(value, 1.0)


def _key_of(digest: bytes) -> int:
    """Return what a share is remembered by: 63 bits of its digest's low half; its zeros are in the high one.

    That a new share has those of one of 500,000 others by chance has a probability of 500,000 / 2**63.
    """
    return int.from_bytes(digest[:8], "big") | 1


class Job:
    """One job of an upstream: prepared for hashing, its targets, and the memory of what it credited."""

    __slots__ = (
        "_credited",
        "is_forgotten",
        "last_ntime",
        "network_target",
        "ntime",
        "prepared",
        "rollable",
        "stale_at",
        "upstream_target",
    )

    def __init__(
        self, prepared: "PreparedJob", ntime: int, upstream_target: "Target", network_target: "Target"
    ) -> None:
        self.prepared = prepared
        self.ntime = ntime
        self.last_ntime = min(ntime + NTIME_WINDOW, _LAST_WORD)
        """The greatest ntime that its shares may have."""
        self.upstream_target = upstream_target
        self.network_target = network_target
        self.rollable = 0
        """The version bits that the upstream lets miners roll."""
        self.stale_at = math.inf
        """Its shares count up to this instant."""
        self.is_forgotten = False
        """Nobody knows its ids any more: a share of it is not even hashed."""
        self._credited: set[int] = set()

    def is_stale_at(self, now: float) -> bool:
        """Return whether its shares no longer count."""
        return now > self.stale_at

    def is_duplicate(self, digest: bytes) -> bool:
        """Return whether a share with this header hash was credited before."""
        return _key_of(digest) in self._credited

    def remember(self, digest: bytes) -> None:
        """Note that a share with this header hash has been credited."""
        self._credited.add(_key_of(digest))

    def share_credits(self, other: "Job") -> None:
        """Remember together with ``other``, whose shares make the same headers."""
        self._credited = other._credited

    def forget(self) -> None:
        """Let go of what it remembers: its shares are refused unseen from now on."""
        self.is_forgotten = True
        self._credited = set()

    @property
    def credited_shares(self) -> int:
        """How many shares of this job have been credited."""
        return len(self._credited)


class Assignment:
    """A job as sessions were given it under one id, one target and one mask; shared by all that are alike."""

    __slots__ = ("credit", "job", "job_id", "mask", "origin", "target")

    def __init__(
        self, job: Job, job_id: str, target: "Target", credit: float, mask: int, origin: object
    ) -> None:
        self.job = job
        self.job_id = job_id
        self.target = target
        self.credit = credit
        """Difficulty assigned with the job. A luckier hash earns no more."""
        self.mask = mask
        """Version bits granted to the session when the job was sent."""
        self.origin = origin
        """What the relay made it of; of no concern here."""


class Tally:
    """Verdicts counted: *judged* is ours, *settled* is the pool's later answer, never one counter."""

    __slots__ = (
        "_refused",
        "accepted",
        "accepted_difficulty",
        "accepted_square",
        "blocks",
        "rejected_difficulty",
    )

    def __init__(self) -> None:
        self.accepted = 0
        self.accepted_difficulty = 0.0
        self.accepted_square = 0.0
        """Sum of the squared credits: how certain a hashrate is that was measured with them."""
        self.rejected_difficulty = 0.0
        self.blocks = 0
        self._refused = [0] * len(REASONS)

    @property
    def rejected(self) -> dict[Reason, int]:
        """Refused submits by reason, those that occurred."""
        return {reason: count for reason, count in zip(REASONS, self._refused, strict=True) if count}

    @property
    def refused(self) -> int:
        """Refused submits."""
        return sum(self._refused)

    @property
    def judged(self) -> int:
        """Submits that got a verdict."""
        return self.accepted + self.refused

    def accept(self, credit: float) -> None:
        """Count an accepted share."""
        self.accepted += 1
        self.accepted_difficulty += credit
        self.accepted_square += credit * credit

    def reject(self, reason: Reason, difficulty: float) -> None:
        """Count a refused submit."""
        self._refused[REASONS.index(reason)] += 1
        self.rejected_difficulty += difficulty


Found = tuple[Reason | None, bytes, int, bool, bool]
"""Reason (None: the share counts), digest, version of the header, meets upstream's target, is a block."""


def judge(
    job: Job,
    extranonce: bytes,
    ntime: int,
    nonce: int,
    bits: int | None,
    target: "Target",
    granted: int,
    mask: int,
    masks_ever: int,
    first_mask: int,
    *,
    authorized: bool,
    stale: bool,
) -> Found:
    """Return the verdict on a share; one that counts is remembered, so that it counts once.

    Where version bits are claimed and the plain reading misses the target, the readings of other firmware are
    tried: a hash that meets the target proves its own reading (a few more hashes, on failures only).

    Args:
        job: What it is held against.
        extranonce: Everything in the job's hole.
        ntime: Of the header, as are ``nonce`` and ``bits``.
        nonce: 32 bits.
        bits: Version bits as they were submitted, or None.
        target: Of the job as it was sent to that session.
        granted: Version bits that the session had when the job was sent.
        mask: Version bits that it has now.
        masks_ever: Every bit that it was ever granted: a miner may ignore a later, narrower mask.
        first_mask: What it was granted first: a miner deaf to set_version_mask goes on under that.
        authorized: Whether the worker may submit here.
        stale: Whether the job no longer counts.

    Raises:
        ValueError: the extranonce has not the width of the job's hole.

    """
    prepared = job.prepared
    readings = _readings(job, bits, granted, mask, masks_ever, first_mask)
    version = readings[0]
    digest = prepared.share_hash(extranonce, ntime, nonce, version)
    met = target.met_by(digest)
    # Bits granted once and no more do no harm where the version is right: so do the job's own, sent back.
    bits_permitted = not (bits or 0) & ~((granted | mask | masks_ever) & job.rollable)
    for reading in () if met else readings[1:]:
        other = prepared.share_hash(extranonce, ntime, nonce, reading)
        if target.met_by(other):
            digest, version, met, bits_permitted = other, reading, True, True
            break
    reason: Reason | None = None
    if not authorized:
        reason = Reason.UNAUTHORIZED
    elif stale:
        reason = Reason.STALE
    elif not job.ntime <= ntime <= job.last_ntime:
        reason = Reason.NTIME
    elif not bits_permitted:
        reason = Reason.VERSION_BITS
    elif job.is_duplicate(digest):
        reason = Reason.DUPLICATE
    elif not met:
        reason = Reason.LOW_DIFFICULTY
    else:
        job.remember(digest)
    return reason, digest, version, job.upstream_target.met_by(digest), job.network_target.met_by(digest)


def _readings(
    job: Job, bits: int | None, granted: int, mask: int, masks_ever: int, first_mask: int
) -> list[int]:
    """Return the header versions that the claim may mean, likeliest first, each once.

    First replacing under the mask of the job, as BIP 310 has it; then under the mask of now and the one that
    was granted first; then OR and XOR. All within what was ever granted and this job's pool allows: a
    failover may have narrowed the mask.
    """
    version, rollable = job.prepared.version, job.rollable
    if bits is None:
        return [version]
    ever = masks_ever & rollable
    plain = header_version(version, granted & rollable, bits)
    others = [
        header_version(version, each & rollable, bits) for each in (mask, first_mask) if each & rollable
    ]
    others += candidates(version, ever, bits)
    return list(dict.fromkeys([plain, *(each for each in others if is_permitted(each, version, ever))]))
