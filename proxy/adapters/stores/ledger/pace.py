"""How long a commit window is open: longer on a slow disk, so that it flushes for more shares at once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from proxy.units import Seconds

REMEMBERED = 128
"""Flushes that are looked back upon: some seconds."""
LATE_REMEMBERED = 1024
"""Answers of so many windows are, too: what is to be one in a hundred is seldom."""
EACH = 16
"""Commits between two looks: sorting is not for each."""
LATE_AT_MOST = 0.01
"""Of all answers, so many may take longer than a window."""
STEPS = 16
"""Lengths of a window that are tried, from a quarter of its time: more commits would be what is late."""


@dataclass(frozen=True, slots=True)
class WindowBounds:
    """How short and how long a window may be. Seconds."""

    least: Seconds = Seconds(0.01)
    most: Seconds = Seconds(0.1)


class Pace:
    """``clamp(2 x the 95th percentile of a flush, least, most)``: a window is then hardly ever late.

    A share waits for the end of its window, then as long as its answer is late. The window is closed as much
    earlier as it takes for the two together to be no longer than its time, in 99 of 100.
    """

    def __init__(self, bounds: WindowBounds) -> None:
        self.bounds = bounds
        self.window = bounds.least
        self.open_for = bounds.least
        """Seconds until a window is closed."""
        self.p50 = self.p95 = self.p99 = Seconds(0)
        """Of the flushes looked back upon."""
        self._took: deque[float] = deque(maxlen=REMEMBERED)
        self._late: deque[tuple[float, int]] = deque(maxlen=LATE_REMEMBERED)
        self._count = 0

    def took(self, seconds: float, late: float, shares: int) -> None:
        """Note how long a commit took, and how long after its window was due its shares were answered."""
        self._took.append(seconds)
        if shares:
            self._late.append((late, shares))
        self._count += 1
        if self._count % EACH == 1:
            took = sorted(self._took)
            self.p50 = Seconds(took[len(took) // 2])
            self.p95 = Seconds(took[min(len(took) - 1, len(took) * 95 // 100)])
            self.p99 = Seconds(took[min(len(took) - 1, len(took) * 99 // 100)])
            self.window = min(self.bounds.most, max(self.bounds.least, Seconds(2 * self.p95)))
            self.open_for = self._longest()

    def _longest(self) -> Seconds:
        """Return the longest of the lengths at which few enough answers take longer than the window."""
        late = sorted(self._late, reverse=True)
        allowed = LATE_AT_MOST * sum(shares for _, shares in late)
        longest = self.window / 4
        if not longest:
            return self.window
        for step in range(STEPS // 4 + 1, STEPS + 1):
            length = self.window * step / STEPS
            if _beyond(late, self.window, length) > allowed:
                break
            longest = length
        return Seconds(longest)


def _beyond(late: list[tuple[float, int]], window: float, length: float) -> float:
    """Return how many shares are answered after ``window``, if they come evenly while it is open."""
    count = 0.0
    for seconds, shares in late:
        over = seconds - (window - length)
        if over <= 0:
            break
        count += shares * min(1.0, over / length)
    return count
