"""How long a commit window is open: longer on a slow disk, so that it flushes for more shares at once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from proxy.units import Seconds

REMEMBERED = 128
"""Commits that are looked back upon: some seconds."""
EACH = 16
"""Commits between two looks: sorting is not for each."""


@dataclass(frozen=True, slots=True)
class WindowBounds:
    """How short and how long a window may be. Seconds."""

    least: Seconds = Seconds(0.01)
    most: Seconds = Seconds(0.1)


class Pace:
    """``clamp(2 x the 95th percentile of a flush, least, most)``: a window is then hardly ever late."""

    def __init__(self, bounds: WindowBounds) -> None:
        self.bounds = bounds
        self.window = bounds.least
        self.open_for = bounds.least
        """Seconds until a window is due: what even a late answer takes from then on comes out of its time."""
        self.p50 = self.p95 = self.p99 = Seconds(0)
        """Of the flushes looked back upon."""
        self._took: deque[float] = deque(maxlen=REMEMBERED)
        self._late: deque[float] = deque(maxlen=REMEMBERED)
        self._count = 0

    def took(self, seconds: float, late: float) -> None:
        """Note how long a commit took, and how long after its window was due the loop heard of it."""
        self._took.append(seconds)
        self._late.append(late)
        self._count += 1
        if self._count % EACH == 1:
            took = sorted(self._took)
            self.p50 = Seconds(took[len(took) // 2])
            self.p95 = Seconds(took[min(len(took) - 1, len(took) * 95 // 100)])
            self.p99 = Seconds(took[min(len(took) - 1, len(took) * 99 // 100)])
            self.window = min(self.bounds.most, max(self.bounds.least, Seconds(2 * self.p95)))
            late = sorted(self._late)[min(len(took) - 1, len(took) * 99 // 100)]
            self.open_for = Seconds(self.window - min(max(0.0, late), self.window / 2))
