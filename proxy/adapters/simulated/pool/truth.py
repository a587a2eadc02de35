"""What really happened at a simulated pool, whatever it answered."""

from collections import Counter, deque
from dataclasses import dataclass, field

from proxy.units import Difficulty, Seconds

_MOST_NAMES = 10_000
_MOST_BLOCKS = 10_000

LATE_BLOCK = "Stale block"
"""Reason of refusal of a share that would have been a block, had it come before the other one."""


@dataclass(frozen=True, slots=True)
class AcceptedShare:
    """A share that the pool's own check found good."""

    digest: bytes
    """Header hash, little-endian."""
    header: bytes
    """The 80 bytes."""
    worker: str
    job_id: str
    connection: int
    difficulty: Difficulty
    """Credited: that of the job as sent, or a lower one set since."""
    achieved: Difficulty
    at: Seconds


@dataclass(frozen=True, slots=True)
class Refusal:
    """A share, or a request, that the pool does not take."""

    code: int
    """20 other, 21 stale, 22 duplicate, 23 low difficulty, 24 unauthorized, 25 not subscribed, -3 unknown."""
    reason: str


@dataclass(slots=True)
class Truth:
    """The pool's books. Counters run for ever; single shares are kept up to ``remember``."""

    remember: int
    submits: int = 0
    accepted: int = 0
    credited: float = 0.0
    """Sum of the credited difficulties."""
    rejected: Counter[int] = field(default_factory=Counter)
    """By error code."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Rejected by the words that were given."""
    shares: dict[bytes, AcceptedShare] = field(default_factory=dict)
    """Accepted shares by digest, oldest first."""
    workers: Counter[str] = field(default_factory=Counter)
    """Accepted shares by name; names past a bound are counted under ``""``."""
    blocks: deque[AcceptedShare] = field(default_factory=lambda: deque(maxlen=_MOST_BLOCKS))
    blocks_found: int = 0
    answered_true: int = 0
    answered_false: int = 0

    @property
    def duplicates(self) -> int:
        """Shares that came twice."""
        return self.rejected[22]

    @property
    def late_blocks(self) -> int:
        """Shares that met nbits, but for a height at which there was a block already."""
        return self.reasons[LATE_BLOCK]

    def accept(self, share: AcceptedShare) -> None:
        """Enter a good share."""
        self.accepted += 1
        self.credited += share.difficulty
        name = share.worker if share.worker in self.workers or len(self.workers) < _MOST_NAMES else ""
        self.workers[name] += 1
        self.shares[share.digest] = share
        if len(self.shares) > self.remember:
            del self.shares[next(iter(self.shares))]

    def block(self, share: AcceptedShare) -> None:
        """Enter a share that is a block on the tip."""
        self.blocks_found += 1
        self.blocks.append(share)

    def refuse(self, refusal: Refusal) -> None:
        """Enter a refused share."""
        self.rejected[refusal.code] += 1
        self.reasons[refusal.reason] += 1

    def summary(self) -> dict[str, object]:
        """Return the counters as JSON can hold them."""
        return {
            "submits": self.submits,
            "accepted": self.accepted,
            "credited": self.credited,
            "rejected": {str(code): count for code, count in sorted(self.rejected.items())},
            "reasons": dict(self.reasons),
            "duplicates": self.duplicates,
            "blocks": self.blocks_found,
            "late_blocks": self.late_blocks,
            "answered_true": self.answered_true,
            "answered_false": self.answered_false,
        }
