"""What a peer has cost lately: a number that conduct raises and time lowers, as aiorpcX keeps it.

It is kept for each session and not for each address: whole sites sit behind one NAT, and one broken miner
must not slow its neighbours down. That reconnecting does not wash it off is the business of ``admission``:
who was dropped for its conduct finds its user names refused, and its address pays for the drop.
"""

from proxy.relay.settings import Prices
from proxy.units import Seconds

LONGEST_PAUSE = 2.0
"""Seconds for what one alone has spent: who is not read is not judged either, and would never come to the end
that it deserves."""
LONGEST_QUEUE = 600.0
"""Seconds; by then most are given up, because nothing was heard of them."""


class Cost:
    """Never below zero; falls by ``Prices.decay`` a second."""

    __slots__ = ("_amount", "_at", "_free_at")

    def __init__(self, now: Seconds) -> None:
        self._amount = 0.0
        self._at = now
        self._free_at: float = now

    def amount(self, prices: Prices, now: Seconds) -> float:
        """Return what is left of everything charged."""
        if not self._amount:
            return 0.0
        return max(0.0, self._amount - prices.decay * (now - self._at))

    def charge(self, price: float, prices: Prices, now: Seconds) -> float:
        """Add a price (a negative one is earned back) and return the amount then."""
        if self._amount or price > 0.0:
            self._amount = max(0.0, self.amount(prices, now) + price)
            self._at = now
        return self._amount

    def wait(self, price: float, prices: Prices, now: Seconds) -> float:
        """Return the seconds until what it spent beyond ``soft`` is paid for, ``price`` being the latest."""
        self._free_at = min(max(self._free_at, now) + price / prices.spending, now + LONGEST_PAUSE)
        return self._free_at - now


class Ration:
    """What all who cost too much may spend together: they stand in one queue, whatever their number.

    Each may spend something, but ten thousand of them each a little would be all there is.
    """

    __slots__ = ("_free_at",)

    def __init__(self) -> None:
        self._free_at = float("-inf")
        """When all that was spent so far will have been paid for."""

    def wait(self, price: float, prices: Prices, now: Seconds) -> float:
        """Return the seconds until all that was spent is paid for, ``price`` being the latest of it."""
        self._free_at = max(self._free_at, now) + price / prices.spending_together
        return min(LONGEST_QUEUE, self._free_at - now)
