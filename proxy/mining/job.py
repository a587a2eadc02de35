"""A job: everything of a header that a miner does not roll, and what its shares are held against."""

from collections.abc import Sequence

from proxy import hotpath
from proxy.hotpath import NTIME_WINDOW, PreparedJob, Target
from proxy.mining.difficulty import target_of, target_of_nbits
from proxy.units import Difficulty

__all__ = ["NTIME_WINDOW", "Job", "prepare"]


class Job(hotpath.Job):
    """One job of an upstream, prepared once for all the sessions that work on it."""

    __slots__ = ("_mask_granted", "upstream_difficulty")

    def __init__(
        self,
        prepared: PreparedJob,
        ntime: int,
        upstream_difficulty: Difficulty,
        version_mask: int | None,
        ntime_window: int = NTIME_WINDOW,
    ) -> None:
        """``upstream_difficulty`` is the one in force when the pool sent this job.

        Shares may have an ntime up to ``ntime_window`` seconds after the job's.
        """
        upstream, network = target_of(upstream_difficulty), target_of_nbits(prepared.nbits)
        super().__init__(prepared, ntime, Target(upstream), Target(network))
        self.last_ntime = min(ntime + ntime_window, self.last_ntime)
        self.upstream_difficulty = upstream_difficulty
        self.version_mask = version_mask

    @property
    def version(self) -> int:
        """The block version before any rolling."""
        return self.prepared.version

    @property
    def version_mask(self) -> int | None:
        """What the upstream allows to roll; None where it granted nothing."""
        return self.rollable if self._mask_granted else None

    @version_mask.setter
    def version_mask(self, mask: int | None) -> None:
        self._mask_granted = mask is not None
        self.rollable = mask or 0


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
    ntime_window: int = NTIME_WINDOW,
) -> Job:
    """Return the job whose coinbase has a hole of ``extranonce_size`` bytes between its halves.

    ``coinb1`` carries the upstream's extranonce1 and padding at its end; ``prevhash`` is in header
    order; the other integers are 32-bit.
    """
    prepared = PreparedJob(coinb1, coinb2, extranonce_size, branches, version, prevhash, nbits)
    return Job(prepared, ntime, upstream_difficulty, version_mask, ntime_window)
