"""The verdict on a share: first the hash, then policy, so that no block is lost to a rule of ours.

The order is that of the architecture: everything from which a header can be built is hashed; only then
come worker, staleness, ntime and version bits, duplicate, and the target of the job *as it was sent to
that session*.
"""

from dataclasses import dataclass

from proxy import hotpath
from proxy.hotpath import Assignment, Job, Reason, Target
from proxy.units import Difficulty

__all__ = ["Claim", "Judgement", "Reason", "Standing", "Terms", "judge"]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a miner says it found."""

    extranonce: bytes
    """Everything in the job's hole: lease and the miner's own extranonce2."""
    ntime: int
    nonce: int
    version_bits: int | None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a session's shares of one job are judged by, where there is no whole assignment."""

    target: Target
    credit: Difficulty
    """Assigned with the job. A luckier hash earns no more."""
    mask: int
    """Version bits granted to the session when the job was sent."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the session is, beside the share: decided by the relay."""

    authorized: bool
    stale: bool
    mask: int
    """Version bits granted now; a share in flight may use these or those of its job."""
    masks_ever: int
    """Every bit that this session was ever granted: a miner may ignore a later, narrower mask."""
    first_mask: int = 0
    """What it was granted first: a miner deaf to set_version_mask goes on to replace under that."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a claim turned out to be."""

    reason: Reason | None
    """None: the share counts."""
    digest: bytes
    version: int
    """Of the header that was hashed."""
    meets_upstream: bool
    is_block: bool
    """Decided before and apart from ``reason``: such a share goes upstream whatever we think of it."""

    @property
    def accepted(self) -> bool:
        """Whether the share counts towards the miner's work."""
        return self.reason is None


def judge(job: Job, claim: Claim, terms: Terms | Assignment, standing: Standing) -> Judgement:
    """Return the verdict on ``claim``; an accepted share is remembered so that it counts once.

    The rules are those of ``proxy.hotpath.shares.judge``, which the lane applies too.

    Raises:
        ValueError: the extranonce has not the width of the job's hole.

    """
    found = hotpath.judge(
        job,
        claim.extranonce,
        claim.ntime,
        claim.nonce,
        claim.version_bits,
        terms.target,
        terms.mask,
        standing.mask,
        standing.masks_ever,
        standing.first_mask,
        authorized=standing.authorized,
        stale=standing.stale,
    )
    return Judgement(*found)
