"""Hashrate from credited difficulty, with an error bar."""

import math
from collections.abc import Sequence

from proxy.mining.difficulty import HASHES_PER_DIFFICULTY
from proxy.units import Difficulty, HashesPerSecond, Seconds

WINDOWS = (Seconds(60.0), Seconds(300.0), Seconds(3600.0))
"""A minute shows that something stopped, five minutes what it is doing, an hour what it is worth."""

_YOUNGEST = 1.0
"""Seconds below which the age of a meter is not believed: two shares in its first millisecond are no rate."""


def relative_error(shares: float) -> float:
    """Return one standard deviation of a hashrate measured with so many shares, as a fraction of it.

    Shares are a Poisson process: 100 of them give 10 %, none gives infinity.
    """
    return 1 / math.sqrt(shares) if shares > 0 else math.inf


def rate_of(remembered: float, age: Seconds, window: Seconds) -> HashesPerSecond:
    """Return the hashrate of a meter of that age that remembers so much credited difficulty."""
    share = -math.expm1(-max(_YOUNGEST, age) / window)
    return HashesPerSecond(remembered * HASHES_PER_DIFFICULTY / (window * share))


class HashrateMeter:
    """Credited difficulty per second, forgotten exponentially, over several windows at once.

    What a window of T seconds has forgotten is ``exp(-t / T)``. A young meter has had no time to
    remember: dividing by ``1 - exp(-age / T)`` makes the mean right from the first share on
    (ckpool's "time bias"). Memory is two numbers per window. ``now`` is monotonic; an instant before the
    last one counts as the last one.
    """

    __slots__ = ("_at", "_credit", "_since", "_square", "windows")

    def __init__(self, now: Seconds, windows: Sequence[Seconds] = WINDOWS) -> None:
        if not windows or not all(math.isfinite(window) and window > 0 for window in windows):
            raise ValueError(f"windows must be finite and above zero, not {list(windows)}")
        self.windows = tuple(windows)
        self._since = now
        self._at = now
        self._credit = [0.0] * len(self.windows)
        self._square = [0.0] * len(self.windows)

    def add(self, credited: Difficulty, now: Seconds) -> None:
        """Count a share at the difficulty that it was credited with."""
        self.add_sum(credited, credited * credited, now)

    def add_sum(self, credited: float, square: float, now: Seconds) -> None:
        """Count shares of a moment: the sum of their difficulties, and that of the squares."""
        elapsed = max(0.0, now - self._at)
        self._at = Seconds(self._at + elapsed)
        for index, window in enumerate(self.windows):
            kept = math.exp(-elapsed / window)
            self._credit[index] = self._credit[index] * kept + credited
            self._square[index] = self._square[index] * kept * kept + square

    def rate(self, now: Seconds, window: Seconds | None = None) -> HashesPerSecond:
        """Return the hashrate over ``window``; without it, over the first.

        Raises:
            ValueError: ``window`` is none of ``windows``.

        """
        return self._rate(self._index(window), now)

    def rates(self, now: Seconds) -> tuple[HashesPerSecond, ...]:
        """Return the hashrates over all ``windows``, in their order."""
        return tuple(self._rate(index, now) for index in range(len(self.windows)))

    def effective_shares(self, window: Seconds | None = None) -> float:
        """Return how many equal, unforgotten shares would be as certain: ``(sum d)**2 / sum d**2``.

        At most the shares added; one large share among many small ones counts for little more than one.
        Silence does not lower it: it lowers the rate.
        """
        index = self._index(window)
        square = self._square[index]
        return self._credit[index] ** 2 / square if square > 0 else 0.0

    def relative_error(self, window: Seconds | None = None) -> float:
        """Return one standard deviation of ``rate`` as a fraction of it; infinity before the first share."""
        return relative_error(self.effective_shares(window))

    def _index(self, window: Seconds | None) -> int:
        if window is None:
            return 0
        if window not in self.windows:
            raise ValueError(f"no window of {window:g} s is kept")
        return self.windows.index(window)

    def _rate(self, index: int, now: Seconds) -> HashesPerSecond:
        window = self.windows[index]
        at = max(now, self._at)
        kept = math.exp(-(at - self._at) / window)
        return rate_of(self._credit[index] * kept, Seconds(at - self._since), window)
