"""The verdict on a share: first the hash, then policy, so that no block is lost to a rule of ours.

The order is that of the architecture: everything from which a header can be built is hashed; only then
come worker, staleness, ntime and version bits, duplicate, and the target of the job *as it was sent to
that session*.
"""

from dataclasses import dataclass
from enum import Enum

from proxy.hotpath import Target
from proxy.mining.job import NTIME_WINDOW, Job
from proxy.mining.version_rolling import candidates, header_version, is_permitted
from proxy.units import Difficulty


class Reason(Enum):
    """Why a share earns nothing: the code and the text of the answer."""

    SHAPE = (20, "Malformed share")
    NTIME = (20, "ntime out of range")
    VERSION_BITS = (20, "Version bits outside the mask")
    STALE = (21, "Job not found")
    DUPLICATE = (22, "Duplicate share")
    LOW_DIFFICULTY = (23, "Low difficulty share")
    UNAUTHORIZED = (24, "Unauthorized worker")
    NOT_SUBSCRIBED = (25, "Not subscribed")

    @property
    def code(self) -> int:
        """The Stratum error code."""
        return self.value[0]

    @property
    def text(self) -> str:
        """The words beside the code."""
        return self.value[1]


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
    """What a session's shares of one job are judged by; shared by all sessions with equal terms."""

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


def judge(job: Job, claim: Claim, terms: Terms, standing: Standing) -> Judgement:
    """Return the verdict on ``claim``; an accepted share is remembered so that it counts once.

    Where version bits are claimed and the plain reading misses the target, the readings of other firmware are
    tried: a hash that meets the target proves its own reading (a few more hashes, on failures only).

    Raises:
        ValueError: the extranonce has not the width of the job's hole.

    """
    readings = _readings(job, claim, terms, standing)
    version = readings[0]
    digest = job.prepared.share_hash(claim.extranonce, claim.ntime, claim.nonce, version)
    met = terms.target.met_by(digest)
    # Bits granted once and no more do no harm where the version is right: so do the job's own, sent back.
    granted = (terms.mask | standing.mask | standing.masks_ever) & job.rollable
    bits_permitted = not (claim.version_bits or 0) & ~granted
    for reading in () if met else readings[1:]:
        other = job.prepared.share_hash(claim.extranonce, claim.ntime, claim.nonce, reading)
        if terms.target.met_by(other):
            digest, version, met, bits_permitted = other, reading, True, True
            break
    reason = _policy(job, claim, standing, digest, met=met, bits_permitted=bits_permitted)
    if reason is None:
        job.remember(digest)
    return Judgement(
        reason, digest, version, job.upstream_target.met_by(digest), job.network_target.met_by(digest)
    )


def _readings(job: Job, claim: Claim, terms: Terms, standing: Standing) -> list[int]:
    """Return the header versions that the claim may mean, likeliest first, each once.

    First replacing under the mask of the job, as BIP 310 has it; then under the mask of now and the one that
    was granted first; then OR and XOR. All within what was ever granted and this job's pool allows: a
    failover may have narrowed the mask.
    """
    bits = claim.version_bits
    if bits is None:
        return [job.version]
    ever = standing.masks_ever & job.rollable
    plain = header_version(job.version, terms.mask & job.rollable, bits)
    masks = [mask & job.rollable for mask in (standing.mask, standing.first_mask)]
    others = [header_version(job.version, mask, bits) for mask in masks if mask]
    others += candidates(job.version, ever, bits)
    return list(dict.fromkeys([plain, *(each for each in others if is_permitted(each, job.version, ever))]))


def _policy(
    job: Job, claim: Claim, standing: Standing, digest: bytes, *, met: bool, bits_permitted: bool
) -> Reason | None:
    if not standing.authorized:
        return Reason.UNAUTHORIZED
    if standing.stale:
        return Reason.STALE
    if not job.ntime <= claim.ntime <= job.ntime + NTIME_WINDOW:
        return Reason.NTIME
    if not bits_permitted:
        return Reason.VERSION_BITS
    if job.is_duplicate(digest):
        return Reason.DUPLICATE
    if not met:
        return Reason.LOW_DIFFICULTY
    return None
