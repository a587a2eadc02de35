"""What a peer has cost lately: a number that conduct raises and time lowers, as aiorpcX keeps it.

It is kept for each session and not for each address: whole sites sit behind one NAT, and one broken miner
must not slow its neighbours down. That reconnecting does not wash it off is the business of ``admission``:
who was dropped for its conduct finds its user names refused, and its address pays for the drop.
"""

from proxy.relay.settings import Prices
from proxy.units import Seconds


class Cost:
    """Never below zero; falls by ``Prices.decay`` a second."""

    __slots__ = ("_amount", "_at")

    def __init__(self, now: Seconds) -> None:
        self._amount = 0.0
        self._at = now

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
