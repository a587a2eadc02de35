"""How fast sessions get their first work, so that a start-up does not flood a thin uplink.

A pool starts every connection at a low difficulty; thousands of ASICs at that difficulty are thousands
of shares a second on a satellite. So work is given as TCP gives segments: a few sessions, then twice as
many, as long as the shares that go upstream stay below what the uplink takes.
"""

from proxy.units import Seconds

STEP = Seconds(0.25)
"""Between two batches: long enough for first shares to be seen."""
FIRST_BATCH = 16
GREATEST_BATCH = 4096
RATE_WINDOW = Seconds(2.0)


class Pacer:
    """Decides how many waiting sessions may get work now."""

    __slots__ = ("_batch", "_rate", "_rated_at", "_stepped_at")

    def __init__(self, now: Seconds) -> None:
        self._batch = FIRST_BATCH
        self._stepped_at = Seconds(now - STEP)
        self._rate = 0.0
        self._rated_at = now

    def forwarded(self, now: Seconds) -> None:
        """Count a share that goes upstream."""
        self._rate = self.rate(now) + 1.0 / RATE_WINDOW
        self._rated_at = now

    def rate(self, now: Seconds) -> float:
        """Return the shares a second that went upstream lately (decays linearly over the window)."""
        return max(0.0, self._rate * (1.0 - (now - self._rated_at) / RATE_WINDOW))

    def admitted(
        self, waiting: int, longest_wait: Seconds, now: Seconds, *, most: float, hold: Seconds
    ) -> int:
        """Return how many of ``waiting`` sessions get work now.

        Above ``most`` shares a second none does, and the next batch is small again, but nobody waits
        longer than ``hold``: a pool that never raises its difficulty must not idle a site.
        """
        if waiting == 0 or now - self._stepped_at < STEP:
            return 0
        self._stepped_at = now
        if self.rate(now) > most:
            self._batch = FIRST_BATCH
            return min(waiting, FIRST_BATCH) if longest_wait > hold else 0
        batch = self._batch
        self._batch = min(GREATEST_BATCH, self._batch * 2)
        return min(waiting, batch)
