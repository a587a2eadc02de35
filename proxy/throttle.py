"""How often something may happen: a burst at once, and then one each interval."""

from proxy.units import Seconds


class Throttle:
    """A leaky bucket, by its theoretical arrival time. No clock: ``now`` is monotonic and passed in."""

    __slots__ = ("_spent_until", "owed")

    def __init__(self) -> None:
        self.owed = False
        """Whether the last that asked had to wait."""
        self._spent_until = float("-inf")
        """When all that happened will be forgotten."""

    def admits(self, now: Seconds, interval: Seconds, burst: int = 1) -> bool:
        """Return whether one more may happen now, and count it if it may."""
        self.owed = now < self._spent_until - (burst - 1) * interval
        if not self.owed:
            self._spent_until = max(self._spent_until, now) + interval
        return not self.owed
