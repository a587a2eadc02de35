"""One share, explained: everything that follows from it and its job, and what each check says.

For people who want to know why a share counted or not; the verdict on live shares is ``verdict.judge``.
"""

from dataclasses import dataclass

from proxy.hotpath import PreparedJob, Target, sha256d
from proxy.mining.difficulty import difficulty_of, target_of, target_of_nbits
from proxy.mining.job import NTIME_WINDOW
from proxy.mining.verdict import Reason
from proxy.mining.version_rolling import BIP320_MASK, header_version, is_permitted
from proxy.units import Difficulty

_EVIDENT = Difficulty(1.0)
"""A hash this hard was searched for: nobody finds one in 2**32 by chance."""


@dataclass(frozen=True, slots=True)
class ShareWithJob:
    """A share and all of its job. Integers are of 32 bits."""

    coinb1: bytes
    coinb2: bytes
    branches: tuple[bytes, ...]
    """32 bytes each, digest order."""
    job_version: int
    prevhash: bytes
    """32 bytes, as the header holds them."""
    nbits: int
    job_ntime: int
    extranonce1: bytes
    extranonce2: bytes
    ntime: int
    nonce: int
    version_bits: int | None = None
    mask: int | None = None
    """The bits that the miner may roll; None where it is not known."""
    extranonce2_size: int | None = None
    """Bytes that the miner was told to send; None where it is not known."""
    difficulty: Difficulty | None = None
    """Of the share; None where it is not known."""
    upstream_difficulty: Difficulty | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the share is if its version bits are understood by some conventions."""

    conventions: tuple[str, ...]
    """All that lead here of "replace" (BIP 310), "OR" (ckpool), "XOR" (ESP-Miner); "job" without bits."""
    version: int
    header: bytes
    digest: bytes
    """Little-endian; people read it backwards."""

    @property
    def difficulty(self) -> Difficulty:
        """How hard the hash is."""
        return difficulty_of(int.from_bytes(self.digest, "little"))


@dataclass(frozen=True, slots=True)
class TargetCheck:
    """Whether the hash meets one of the targets."""

    name: str
    """Of "share", "upstream" and "network"."""
    target: int
    met: bool


@dataclass(frozen=True, slots=True)
class Check:
    """What one check says; in the order in which a live share is held to them."""

    name: str
    passed: bool | None
    """None: cannot be said from what is known."""
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that can be said of a share."""

    coinbase_txid: bytes
    """Little-endian; people read it backwards."""
    merkle_root: bytes
    """As the header holds it."""
    readings: tuple[Reading, ...]
    chosen: Reading
    targets: tuple[TargetCheck, ...]
    checks: tuple[Check, ...]

    @property
    def refusal(self) -> str | None:
        """What the first failing check says; None if none fails."""
        return next((f"{check.name}: {check.text}" for check in self.checks if check.passed is False), None)


def explain(share: ShareWithJob) -> Explanation:
    """Return what follows from a share; it need not be a valid one.

    Raises:
        ValueError: lengths or counts beyond what the core takes (``hotpath.MAX_BRANCHES``,
            ``hotpath.MAX_EXTRANONCE_SIZE``).

    """
    extranonce = share.extranonce1 + share.extranonce2
    job = PreparedJob(
        share.coinb1,
        share.coinb2,
        len(extranonce),
        share.branches,
        share.job_version,
        share.prevhash,
        share.nbits,
    )
    readings = tuple(
        Reading(
            conventions,
            version,
            job.header(extranonce, share.ntime, share.nonce, version),
            job.share_hash(extranonce, share.ntime, share.nonce, version),
        )
        for version, conventions in _versions(share).items()
    )
    chosen = _proven(readings, share.difficulty)
    targets = _targets(share, chosen)
    checks = (_widths(share), _ntime(share), _version_bits(share, chosen), _target(share, chosen))
    return Explanation(
        sha256d(job.coinbase(extranonce)), job.merkle_root(extranonce), readings, chosen, targets, checks
    )


def effective_mask(share: ShareWithJob) -> int:
    """Return the mask that the share is held to: that of BIP 320 where bits came without one."""
    return BIP320_MASK if share.mask is None else share.mask


def _versions(share: ShareWithJob) -> dict[int, tuple[str, ...]]:
    bits = share.version_bits
    if bits is None:
        return {share.job_version: ("job",)}
    found: dict[int, tuple[str, ...]] = {}
    for convention, version in (
        ("replace", header_version(share.job_version, effective_mask(share), bits)),
        ("OR", share.job_version | bits),
        ("XOR", share.job_version ^ bits),
    ):
        found[version] = (*found.get(version, ()), convention)
    return found


def _proven(readings: tuple[Reading, ...], difficulty: Difficulty | None) -> Reading:
    """Return the reading whose hash proves itself; the first (BIP 310) if none does."""
    wanted = Target(target_of(difficulty or _EVIDENT))
    return next((reading for reading in readings if wanted.met_by(reading.digest)), readings[0])


def _targets(share: ShareWithJob, reading: Reading) -> tuple[TargetCheck, ...]:
    named = [
        ("share", None if share.difficulty is None else target_of(share.difficulty)),
        ("upstream", None if share.upstream_difficulty is None else target_of(share.upstream_difficulty)),
        ("network", target_of_nbits(share.nbits)),
    ]
    return tuple(
        TargetCheck(name, target, Target(target).met_by(reading.digest))
        for name, target in named
        if target is not None
    )


def _widths(share: ShareWithJob) -> Check:
    length, wanted = len(share.extranonce2), share.extranonce2_size
    if wanted is not None and length != wanted:
        return Check(
            "widths and hex", False, f"{Reason.SHAPE.text}: extranonce2 has {length} bytes, not {wanted}"
        )
    known = "as told" if wanted is not None else "what was told is not known"
    return Check(
        "widths and hex", True, f"whole bytes of hex throughout; extranonce2 has {length} bytes ({known})"
    )


def _ntime(share: ShareWithJob) -> Check:
    ahead = share.ntime - share.job_ntime
    if 0 <= ahead <= NTIME_WINDOW:
        return Check("ntime", True, f"{ahead} s after the job's, at most {NTIME_WINDOW} s are allowed")
    where = f"{ahead} s after" if ahead > 0 else f"{-ahead} s before"
    return Check(
        "ntime", False, f"{Reason.NTIME.text}: {where} the job's, 0 to {NTIME_WINDOW} s after are allowed"
    )


def _version_bits(share: ShareWithJob, reading: Reading) -> Check:
    bits, mask = share.version_bits, effective_mask(share)
    assumed = " (assumed, by BIP 320)" if share.mask is None else ""
    if bits is None:
        rolled = "" if share.mask is None else ", although rolling was negotiated: some pools refuse that"
        return Check("version bits", True, f"none sent, so the job's version stands{rolled}")
    outside = bits & ~mask
    how = " = ".join(reading.conventions)
    if not outside:
        return Check(
            "version bits", True, f"{bits:08x} lies inside the mask {mask:08x}{assumed}; read by {how}"
        )
    if reading.conventions[0] != "replace" and is_permitted(reading.version, share.job_version, mask):
        text = (
            f"{bits:08x} has bits outside the mask {mask:08x}{assumed}, but read by {how} nothing outside "
            "changes"
        )
        return Check("version bits", True, text)
    text = f"{Reason.VERSION_BITS.text}: {bits:08x} has {outside:08x} outside {mask:08x}{assumed}"
    return Check("version bits", False, text)


def _target(share: ShareWithJob, reading: Reading) -> Check:
    found = f"the hash has difficulty {reading.difficulty:.10g}"
    if share.difficulty is None:
        return Check("target", None, f"{found}; the share's difficulty is not known")
    wanted = f"{share.difficulty:.10g} is asked for"
    if Target(target_of(share.difficulty)).met_by(reading.digest):
        return Check("target", True, f"{found}, {wanted}")
    return Check("target", False, f"{Reason.LOW_DIFFICULTY.text}: {found}, {wanted}")
