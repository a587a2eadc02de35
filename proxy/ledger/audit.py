"""Credited shares, hashed again: what disagrees with the record. This is the specification.

``hotpath.plain_credits`` and ``hotpath.plain_audit`` do the same, in C, for messages that are packed as the
hot path packs them, and return None for any other: then what stands here does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntFlag

from proxy import hotpath
from proxy.hotpath import NTIME_WINDOW, Job, Target, achieved_difficulty, share_hashes
from proxy.ledger.records import Flags, Share, shares_of
from proxy.units import Difficulty


class Finding(IntFlag):
    """What is not as recorded; ``ext/audit.pxi`` has the same numbers."""

    NO_JOB = 1
    """Its job is not known, or made for another width of extranonce: it was not hashed."""
    NO_SESSION = 2
    ENDED = 4
    """Its job's block was over long before: whether it is there twice was not looked at."""
    EXTRANONCE = 8
    """It does not begin as the session's must."""
    NTIME = 16
    CREDIT = 32
    """The hash does not meet the difficulty that was credited."""
    ACHIEVED = 64
    """The hash has another difficulty than recorded."""
    FORWARDED = 128
    """Flagged and not good for the pool, or the reverse."""
    BLOCK = 256
    """Flagged and no block, or the reverse."""
    DUPLICATE = 512
    """The same header was credited before."""


WORDS = {
    Finding.NO_JOB: "its job is not known",
    Finding.NO_SESSION: "its session is not known",
    Finding.ENDED: "its job's block was over long before",
    Finding.EXTRANONCE: "its extranonce is not of its session",
    Finding.NTIME: "its ntime is out of range",
    Finding.CREDIT: "its hash does not meet the difficulty that was credited",
    Finding.ACHIEVED: "its hash has another difficulty than recorded",
    Finding.FORWARDED: "flagged wrongly: whether the pool's difficulty was met",
    Finding.BLOCK: "flagged wrongly: whether it is a block",
    Finding.DUPLICATE: "the same header was credited before",
}
"""Of each finding, for people."""


class Targets(dict[float, Target | None]):
    """The target of each credit, made when it is first asked for; None of what is no difficulty."""

    MOST = 10_000

    def __init__(self, target_of: Callable[[Difficulty], int]) -> None:
        """``target_of`` is that of the room ``mining``, which this one does not know."""
        super().__init__()
        self._target_of = target_of

    def __missing__(self, credit: float) -> Target | None:
        if len(self) >= self.MOST:
            self.clear()
        try:
            target = Target(self._target_of(Difficulty(credit)))
        except ValueError:
            target = None
        self[credit] = target
        return target


def credited(shares: bytes) -> tuple[int, float]:
    """Return how many shares a message holds, and the sum of their credits, added in their order.

    Raises:
        LedgerDamaged: these are no shares.

    """
    found = hotpath.plain_credits(shares)
    if found is not None:
        return found
    decoded, credit = shares_of(shares), 0.0
    for share in decoded:
        credit += share.credit
    return len(decoded), credit


def audit(
    shares: bytes, jobs: Mapping[str, Job], extranonces: Mapping[int, tuple[bytes, ...]], targets: Targets
) -> tuple[int, list[tuple[int, int]]]:
    """Return how many shares a message holds, and the findings on those that disagree, by place.

    Jobs remember what they are shown, so that a header is found that comes twice; those that can have equal
    headers are told to (``Job.share_credits``).

    Args:
        shares: As they stand in a batch.
        jobs: By the id under which miners got them.
        extranonces: What extranonces of a session may begin with, by its number.
        targets: Of credits.

    Raises:
        LedgerDamaged: these are no shares.

    """
    found = hotpath.plain_audit(shares, jobs, extranonces, targets)
    if found is not None:
        return found
    return specified(shares_of(shares), jobs, extranonces, targets)


def specified(
    shares: Sequence[Share],
    jobs: Mapping[str, Job],
    extranonces: Mapping[int, tuple[bytes, ...]],
    targets: Targets,
) -> tuple[int, list[tuple[int, int]]]:
    """As ``audit``, of shares that are decoded."""
    hashable = [_job_of(share, jobs) for share in shares]
    digests = share_hashes(
        [
            (job.prepared, share.extranonce, share.ntime, share.nonce, share.version)
            for share, job in zip(shares, hashable, strict=True)
            if job is not None
        ]
    )
    findings, done = [], 0
    for place, (share, job) in enumerate(zip(shares, hashable, strict=True)):
        finding = _of_session(share, extranonces)
        if job is None:
            finding |= Finding.NO_JOB
        else:
            finding |= _of_hash(share, job, digests[32 * done : 32 * done + 32], targets)
            done += 1
        if finding:
            findings.append((place, int(finding)))
    return len(shares), findings


def _job_of(share: Share, jobs: Mapping[str, Job]) -> Job | None:
    job = jobs.get(share.job_id)
    words = (share.ntime, share.nonce, share.version)
    if job is None or len(share.extranonce) != job.prepared.extranonce_size:
        return None
    return job if all(0 <= word < 1 << 32 for word in words) else None


def _of_session(share: Share, extranonces: Mapping[int, tuple[bytes, ...]]) -> Finding:
    told = extranonces.get(share.session)
    if told is None:
        return Finding.NO_SESSION
    return Finding(0) if share.extranonce.startswith(told) else Finding.EXTRANONCE


def _of_hash(share: Share, job: Job, digest: bytes, targets: Targets) -> Finding:
    finding = Finding(0)
    if not job.ntime <= share.ntime <= job.ntime + NTIME_WINDOW:
        finding |= Finding.NTIME
    target = targets[share.credit]
    if target is None or not target.met_by(digest):
        finding |= Finding.CREDIT
    if achieved_difficulty(digest) != share.achieved:
        finding |= Finding.ACHIEVED
    is_block = job.network_target.met_by(digest)
    if is_block != bool(share.flags & Flags.BLOCK):
        finding |= Finding.BLOCK
    # A block goes up although the pool's difficulty is greater, as on networks for tests.
    if (is_block or job.upstream_target.met_by(digest)) != bool(share.flags & Flags.FORWARDED):
        finding |= Finding.FORWARDED
    if job.is_forgotten:
        finding |= Finding.ENDED
    elif job.is_duplicate(digest):
        finding |= Finding.DUPLICATE
    else:
        job.remember(digest)
    return finding


def words_of(finding: int) -> list[str]:
    """Return what was found, in words."""
    return [words for each, words in WORDS.items() if finding & each]
