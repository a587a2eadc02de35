"""What a simulated miner has counted, over all of its connections."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

UNCODED = 0
"""Key of refusals whose error was a word and not a number."""


@dataclass(slots=True)
class Counters:
    """Plain numbers; they only ever grow."""

    found: int = 0
    """Shares that met the difficulty in force."""
    withheld: int = 0
    """Found but not submitted: the firmware cannot, or the connection was gone."""
    submitted: int = 0
    accepted: int = 0
    credited: float = 0.0
    """Sum of the difficulties of accepted shares, as assigned with their jobs."""
    rejected: Counter[int] = field(default_factory=Counter)
    """By error code; words under ``UNCODED``."""
    unanswered: int = 0
    """Submitted on connections that ended before the answer. See also ``SimulatedMiner.pending``."""
    hashes: int = 0
    too_hard: int = 0
    """Share times drawn that passed without a share, because finding one for real would cost too much."""
    connects: int = 0
    """Connections that came about."""
    failed_connects: int = 0
    disconnects: int = 0
    """Connections that ended; by whom is in ``left``."""
    left: Counter[str] = field(default_factory=Counter)
    """Connections that this miner ended itself, by reason."""
    jobs: int = 0
    clean_jobs: int = 0
    ignored_jobs: int = 0
    """Jobs beyond what the firmware copes with."""
    difficulties: int = 0
    """mining.set_difficulty received."""
    set_extranonces: int = 0
    set_version_masks: int = 0
    reconnects_asked: int = 0
    """client.reconnect received."""
    messages_shown: int = 0
    lines_in: int = 0
    lines_out: int = 0
    violations: Counter[str] = field(default_factory=Counter)
    """What the other side did that it must not, by kind."""

    @property
    def answered(self) -> int:
        """Submits that were answered."""
        return self.accepted + self.rejected.total()

    @property
    def reconnects(self) -> int:
        """Connections after the first."""
        return max(0, self.connects - 1)

    def summary(self) -> dict[str, object]:
        """Return the counters as JSON can hold them."""
        plain: dict[str, object] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            plain[each.name] = (
                {str(key): n for key, n in value.items()} if isinstance(value, Counter) else value
            )
        return plain | {"answered": self.answered}


def total(parts: Iterable[Counters]) -> Counters:
    """Return the sums over many miners."""
    whole = Counters()
    for part in parts:
        for each in fields(part):
            value = getattr(part, each.name)
            if isinstance(value, Counter):
                getattr(whole, each.name).update(value)
            else:
                setattr(whole, each.name, getattr(whole, each.name) + value)
    return whole
