"""What a pool remembers of one connection."""

from dataclasses import dataclass, field

from proxy.adapters.simulated.pool.work import Template
from proxy.units import Difficulty

_MOST_ISSUED = 256
_MOST_WORKERS = 10_000


@dataclass(frozen=True, slots=True)
class Issued:
    """A job as it was sent to one connection."""

    job_id: str
    template: Template
    difficulty: Difficulty
    extranonce1: bytes
    extranonce2_size: int
    mask: int
    """Version bits that the connection might roll when the job was sent."""


@dataclass(slots=True)
class Seat:
    """The state of one connection that its shares are judged by."""

    extranonce1: bytes = b""
    """Empty until subscribed."""
    extranonce2_size: int = 0
    session_id: str = ""
    mask: int = 0
    configured: bool = False
    """A version-rolling mask was granted."""
    wants_extranonce: bool = False
    difficulty: Difficulty = Difficulty(1.0)
    authorized: set[str] = field(default_factory=set)
    issued: dict[str, Issued] = field(default_factory=dict)
    """By job id, oldest first, bounded: what has fallen out is an unknown job."""
    least_since: dict[str, Difficulty] = field(default_factory=dict)
    """Least difficulty that was in force since the job was sent."""

    @property
    def subscribed(self) -> bool:
        """An extranonce1 was handed out."""
        return bool(self.extranonce1)

    def authorize(self, worker: str) -> bool:
        """Take a name; false if there are too many."""
        if worker not in self.authorized and len(self.authorized) >= _MOST_WORKERS:
            return False
        self.authorized.add(worker)
        return True

    def issue(self, job_id: str, template: Template) -> Issued:
        """Remember a job as sent now, and return it."""
        issued = Issued(job_id, template, self.difficulty, self.extranonce1, self.extranonce2_size, self.mask)
        self.issued[job_id] = issued
        self.least_since[job_id] = self.difficulty
        if len(self.issued) > _MOST_ISSUED:
            oldest = next(iter(self.issued))
            del self.issued[oldest], self.least_since[oldest]
        return issued

    def set_difficulty(self, difficulty: Difficulty) -> None:
        """Change the difficulty; shares of earlier jobs count at the lower of the two."""
        self.difficulty = difficulty
        for job_id, least in self.least_since.items():
            if difficulty < least:
                self.least_since[job_id] = difficulty
