"""The pool's verdict on one mining.submit."""

from collections.abc import Container
from dataclasses import dataclass

from proxy.adapters.simulated.pool.header import double_sha256, number_of
from proxy.adapters.simulated.pool.seat import Issued, Seat
from proxy.adapters.simulated.pool.settings import PoolSettings
from proxy.adapters.simulated.pool.truth import LATE_BLOCK, Refusal
from proxy.adapters.simulated.wire import hex_bytes, hex_word
from proxy.mining.difficulty import difficulty_of, target_of, target_of_nbits
from proxy.units import Difficulty

_NOT_SUBSCRIBED = Refusal(25, "Not subscribed")
_UNAUTHORIZED = Refusal(24, "Unauthorized worker")
_UNKNOWN_JOB = Refusal(21, "Job not found")
_STALE = Refusal(21, "Stale")
_STALE_BLOCK = Refusal(21, LATE_BLOCK)
_DUPLICATE = Refusal(22, "Duplicate share")
_LOW = Refusal(23, "Low difficulty share")


@dataclass(frozen=True, slots=True)
class Good:
    """A share that counts."""

    worker: str
    job_id: str
    header: bytes
    digest: bytes
    difficulty: Difficulty
    achieved: Difficulty
    is_block: bool


@dataclass(frozen=True, slots=True)
class _Claim:
    """A submit from which a header can be built."""

    worker: str
    issued: Issued
    header: bytes


def judged(
    params: object, seat: Seat, height: int, known: Container[bytes], settings: PoolSettings
) -> Good | Refusal:
    """Return the verdict on a submit's params.

    Args:
        params: As decoded; anything.
        seat: The connection's state.
        height: Of the block under construction: jobs for an earlier one are stale.
        known: Digests that were accepted before.
        settings: Window of ntime, convention of the version bits.

    """
    if not seat.subscribed:
        return _NOT_SUBSCRIBED
    claim = _claim(params, seat, settings)
    if isinstance(claim, Refusal):
        return claim
    digest = double_sha256(claim.header)
    template = claim.issued.template
    is_block = number_of(digest) <= target_of_nbits(template.nbits)
    if template.height != height:
        return _STALE_BLOCK if is_block else _STALE
    if digest in known:
        return _DUPLICATE
    difficulty = _credit(digest, claim.issued, seat)
    if difficulty is None:
        return _LOW
    achieved = difficulty_of(number_of(digest))
    return Good(claim.worker, claim.issued.job_id, claim.header, digest, difficulty, achieved, is_block)


def _claim(params: object, seat: Seat, settings: PoolSettings) -> _Claim | Refusal:
    if not isinstance(params, list) or len(params) not in (5, 6):
        return Refusal(20, "Malformed submit")
    worker, job_id = params[0], params[1]
    if not isinstance(worker, str) or worker not in seat.authorized:
        return _UNAUTHORIZED
    issued = seat.issued.get(job_id) if isinstance(job_id, str) else None
    if issued is None:
        return _UNKNOWN_JOB
    extranonce2 = hex_bytes(params[2], issued.extranonce2_size)
    ntime, nonce = hex_word(params[3]), hex_word(params[4])
    if extranonce2 is None:
        return Refusal(20, "Incorrect size of extranonce2")
    if ntime is None or nonce is None:
        return Refusal(20, "Malformed ntime or nonce")
    if not issued.template.ntime <= ntime <= issued.template.ntime + settings.ntime_window:
        return Refusal(20, "ntime out of range")
    version = _version(params, issued, seat, settings)
    if isinstance(version, Refusal):
        return version
    header = issued.template.header(issued.extranonce1 + extranonce2, ntime, nonce, version)
    return _Claim(worker, issued, header)


def _version(params: list[object], issued: Issued, seat: Seat, settings: PoolSettings) -> int | Refusal:
    """Return the header's version by the pool's convention."""
    job_version = issued.template.version
    if len(params) == 5:
        if settings.require_version_bits and seat.configured:
            return Refusal(20, "Version bits missing")
        return job_version
    bits = hex_word(params[5])
    if bits is None:
        return Refusal(20, "Malformed version bits")
    # A mask that changed a moment ago: shares in flight may use either.
    mask = next((mask for mask in (issued.mask, seat.mask) if not bits & ~mask), None)
    if mask is None:
        return Refusal(20, "Version bits outside of the mask")
    return job_version | bits if settings.or_convention else job_version & ~mask | bits


def _credit(digest: bytes, issued: Issued, seat: Seat) -> Difficulty | None:
    """Return the difficulty that the share counts for: its job's, or a lower one set since, or None."""
    for difficulty in (issued.difficulty, seat.least_since[issued.job_id]):
        if number_of(digest) <= target_of(difficulty):
            return difficulty
    return None
