"""What a run looked like over time, in a bounded number of buckets: for the plot and for the oracle."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from proxy.simulation.metrics import Moment

Floats = NDArray[np.float64]

BUCKETS = 1_440
"""At most so many rows, whatever the run's length: a minute each for a day."""
LEAST_S = 1.0
"""Shortest bucket, seconds: that of a step."""


def buckets_of(duration_s: float, least_s: float = LEAST_S) -> tuple[float, int]:
    """Return the length of each bucket of a run, in seconds, and how many there are."""
    bucket_s = max(least_s, duration_s / BUCKETS)
    return bucket_s, int(np.ceil(duration_s / bucket_s - 1e-9)) or 1


@dataclass(frozen=True, slots=True)
class Series:
    """A run in buckets of ``bucket_s`` seconds; arrays have one row for each bucket that was reached."""

    bucket_s: float
    seconds: Floats
    """Simulated seconds in each bucket: the last may be short."""
    available_w: Floats
    """Mean of the plant's true capability."""
    usable_w: Floats
    """Mean of what the fleet may draw: capability less reserve and auxiliaries, at most the ordered cap."""
    used_w: Floats
    """Mean of what the fleet drew, at its terminals."""
    hashrate_hs: Floats
    low_hz: Floats
    high_hz: Floats

    @property
    def at_s(self) -> Floats:
        """The middle of each bucket, seconds since the beginning."""
        return np.asarray((np.arange(len(self.seconds)) + 0.5) * self.bucket_s, dtype=np.float64)


class Recorder:
    """Makes a `Series` of steps, one after the other, in memory that does not grow with them."""

    def __init__(self, duration_s: float) -> None:
        self.bucket_s, rows = buckets_of(duration_s)
        # Lists: a step adds to one number of each, for which an array takes several times as long.
        self._sums = [[0.0] * 5 for _ in range(rows)]  # seconds, available, usable, used, hashes
        self._low, self._high = [inf] * rows, [-inf] * rows

    def add(self, moment: Moment) -> None:
        """Take a step."""
        dt = moment.dt_s
        row = min(int(moment.at_s / self.bucket_s), len(self._low) - 1)
        sums = self._sums[row]
        sums[0] += dt
        sums[1] += moment.capability_w * dt
        sums[2] += moment.usable_w * dt
        sums[3] += moment.load_w * dt
        sums[4] += moment.hashes
        self._low[row] = min(self._low[row], moment.low_hz)
        self._high[row] = max(self._high[row], moment.high_hz)

    def series(self) -> Series:
        """Return what was recorded so far."""
        sums = np.array(self._sums)
        rows = int(np.count_nonzero(sums[:, 0]))
        seconds = sums[:rows, 0].copy()
        means = sums[:rows, 1:] / seconds[:, None]
        available, usable, used, hashes = (np.ascontiguousarray(means[:, column]) for column in range(4))
        low, high = np.array(self._low[:rows]), np.array(self._high[:rows])
        return Series(self.bucket_s, seconds, available, usable, used, hashes, low, high)
