"""The wall clock beside the monotonic one: intervals are never counted on it, and its jumps are told."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

JUMP_S = 3.0
"""A wall clock that runs apart by more has been set; slewing moves both clocks of a machine alike [A]."""


class OrderClock:
    """Unix seconds as each order counts them: from when it was taken, by the monotonic clock.

    A wall clock that is set ends no order early. Each order keeps its own distance of the two clocks: one
    that is given after a jump is written down, and counted, in the time of the clock as it is then.
    """

    def __init__(self, wall: Callable[[], float], steady: Callable[[], float]) -> None:
        """Begin without orders.

        Args:
            wall: Unix seconds.
            steady: Monotonic seconds, that go on while the program is stopped.

        """
        self.wall = wall
        self._steady = steady
        self._ahead_s: dict[object, float] = {}
        """By order: Unix less monotonic seconds when it was taken."""

    def take(self, orders: Iterable[object]) -> None:
        """Remember the orders that hold; those that are known go on by their own time, all others go."""
        ahead_s = self.wall() - self._steady()
        self._ahead_s = {order: self._ahead_s.get(order, ahead_s) for order in orders}

    def now(self, order: object) -> float:
        """Return the Unix time by which an order counts that was taken."""
        return self._steady() + self._ahead_s[order]

    def times(self, order: object) -> tuple[float, ...]:
        """Return that, and the wall clock's if it is another: a contract may begin by either."""
        own, wall = self.now(order), self.wall()
        return (own,) if abs(own - wall) <= JUMP_S else (own, wall)


class WallWatch:
    """Notices that the wall clock was set."""

    def __init__(self, wall: Callable[[], float], steady: Callable[[], float]) -> None:
        self._wall = wall
        self._steady = steady
        self._ahead_s = wall() - steady()

    def jumped_s(self) -> float:
        """Return by how much it was set since the last jump, once; 0 else. Negative is back."""
        ahead_s = self._wall() - self._steady()
        jump_s = ahead_s - self._ahead_s
        if not math.isfinite(jump_s) or abs(jump_s) <= JUMP_S:
            return 0.0
        self._ahead_s = ahead_s
        return jump_s


def jump_told(jump_s: float, windows: Iterable[str]) -> str:
    """Return the alarm of a jump.

    Args:
        jump_s: By how much; negative is back.
        windows: Names of the calendar, which follows the wall clock.

    """
    names = ", ".join(windows)
    follows = f"; the calendar follows the clock ({names}), look at it" if names else ""
    way = "forward" if jump_s > 0 else "back"
    return f"the wall clock jumped {way} by {abs(jump_s):,.0f} s: no order for a while ends early{follows}"
