"""Refusals in a row: when a pool that takes no share any more is to be left."""

from proxy.units import Seconds

FEW = 5
"""Refusals that are enough where they last: a site of few shares must not wait for twenty."""


class RejectStreak:
    """Counts a connection's refusals since the last share that its pool took."""

    __slots__ = ("_count", "_since")

    def __init__(self) -> None:
        self._count = 0
        self._since = Seconds(0)

    def ended(self) -> None:
        """Note that a share was taken."""
        self._count = 0

    def grew(self, now: Seconds, most: int, least_time: Seconds) -> bool:
        """Count a refusal; return whether the pool is to be left.

        That is after ``most`` of them over at least ``least_time``, or after a few over five times as long.
        """
        if self._count == 0:
            self._since = now
        self._count += 1
        lasted = now - self._since
        full = self._count >= most and lasted >= least_time
        return full or (self._count >= FEW and lasted >= 5 * least_time)
