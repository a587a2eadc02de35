"""What sums of shares tell: hashrate and how certain it is, and luck."""

from __future__ import annotations

import math
from typing import NamedTuple

HASHES_PER_DIFFICULTY = float(1 << 32)
"""Expected hashes for one share of difficulty 1, as in ``mining.difficulty``."""


class Rate(NamedTuple):
    """A hashrate that was measured with shares."""

    hashes_per_second: float
    error: float
    """One standard deviation as a fraction of it; infinite without a share."""


class Luck(NamedTuple):
    """Blocks found against those that the work was worth."""

    found: int
    expected: float
    ratio: float | None
    """Found by expected: above 1 is more luck than the mean; None before any work."""
    at_most: float
    """Probability that with so much work no more blocks than these are found."""

    @property
    def error(self) -> float | None:
        """One standard deviation of the ratio, were there only chance; None before any work."""
        return 1 / math.sqrt(self.expected) if self.expected > 0 else None


def effective_shares(difficulty: float, square: float) -> float:
    """Return how many equal shares would be as certain: ``(sum d)**2 / sum d**2``; 0 without any."""
    return difficulty * difficulty / square if square > 0 else 0.0


def relative_error(difficulty: float, square: float) -> float:
    """Return one standard deviation of a sum of shares' difficulties, as a fraction of it.

    Shares are a Poisson process: 100 equal ones give 10 %, none gives infinity.
    """
    shares = effective_shares(difficulty, square)
    return 1 / math.sqrt(shares) if shares > 0 else math.inf


def rate(difficulty: float, square: float, seconds: float) -> Rate:
    """Return the hashrate of what was credited within so many seconds.

    Raises:
        ValueError: the time is not above zero.

    """
    if not seconds > 0:
        raise ValueError(f"a rate needs a time above zero, not {seconds}")
    return Rate(difficulty * HASHES_PER_DIFFICULTY / seconds, relative_error(difficulty, square))


def luck(found: int, difficulty: float, network_difficulty: float) -> Luck:
    """Return the luck of work worth ``difficulty``, with blocks at ``network_difficulty``.

    Where the network's changed meanwhile, add up the expected ones and use ``luck_of``.

    Raises:
        ValueError: the network's difficulty is not above zero.

    """
    if not network_difficulty > 0:
        raise ValueError(f"a network has a difficulty above zero, not {network_difficulty}")
    return luck_of(found, difficulty / network_difficulty)


def luck_of(found: int, expected: float) -> Luck:
    """Return the luck of so many blocks where so many were expected."""
    return Luck(found, expected, found / expected if expected > 0 else None, _poisson(found, expected))


def _poisson(found: int, expected: float) -> float:
    """Return the probability of at most ``found`` where ``expected`` is the mean."""
    if found < 0:
        return 0.0
    if expected <= 0:
        return 1.0
    # By logarithms: exp(-expected) alone is 0 from 746 on.
    log = math.log(expected)
    return min(1.0, math.fsum(math.exp(k * log - expected - math.lgamma(k + 1)) for k in range(found + 1)))
