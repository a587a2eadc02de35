"""Counts of what pools answered, never in one counter with our verdicts (``proxy.hotpath.Tally``)."""

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(slots=True)
class Settlements:
    """What became of the shares that were to go to a pool."""

    forwarded: int = 0
    """Sent at least once."""
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    """Sent, and the connection ended before an answer, with no way left to ask."""
    unsent: int = 0
    """Credited, but the connection was lost before they could be sent and did not resume."""
    doubled: int = 0
    """Answers to a share that had been answered before."""
    reasons: dict[str, int] = field(default_factory=dict)

    MOST_REASONS: ClassVar[int] = 32

    @property
    def settled(self) -> int:
        """Forwarded shares with an outcome."""
        return self.accepted + self.rejected + self.unknown

    def refuse(self, text: str) -> None:
        """Count a share that the pool refused, by the pool's words (bounded)."""
        self.rejected += 1
        key = text if text in self.reasons or len(self.reasons) < self.MOST_REASONS else "other"
        self.reasons[key] = self.reasons.get(key, 0) + 1
