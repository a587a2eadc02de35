"""What people and markets ask for: calendar, orders to curtail, a cap by hand, a price. Each makes a Term.

Times here are of the wall (Unix seconds), for that is what contracts are written in.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from proxy.energy.budget import Term

_DAY_S = 86_400
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EPOCH_DAY = 3
"""1 January 1970 was a Thursday."""


@dataclass(frozen=True, slots=True)
class Window:
    """A cap on some days of the week between two times of the day.

    Raises:
        ValueError: a day or a time that does not exist, or a cap that is not a number of watts.

    """

    name: str
    days: frozenset[int]
    """On which it begins: 0 is Monday."""
    from_s: float
    """Seconds after local midnight."""
    until_s: float
    """At or before ``from_s`` it ends on the day after."""
    cap_w: float

    def __post_init__(self) -> None:
        if not self.days or not self.days <= set(range(7)):
            raise ValueError(f"days are numbers from 0, Monday, to 6: {self}")
        if not (0 <= self.from_s < _DAY_S and 0 <= self.until_s <= _DAY_S):
            raise ValueError(f"from_s and until_s are seconds of a day: {self}")
        if not self.cap_w >= 0:
            raise ValueError(f"cap_w is 0 or more: {self}")

    def holds(self, wall_s: float, offset_s: float) -> bool:
        """Return whether it is this window's time.

        Args:
            wall_s: Now.
            offset_s: What local time is ahead of UTC.

        """
        local = wall_s + offset_s
        day, second = int(local // _DAY_S), local % _DAY_S
        today = (day + _EPOCH_DAY) % 7
        if self.from_s < self.until_s:
            return today in self.days and self.from_s <= second < self.until_s
        yesterday = (today - 1) % 7
        return (today in self.days and second >= self.from_s) or (
            yesterday in self.days and second < self.until_s
        )


@dataclass(frozen=True, slots=True)
class Order:
    """A request from outside to draw no more than so much for a while."""

    name: str
    from_s: float
    until_s: float
    cap_w: float


@dataclass(frozen=True, slots=True)
class OperatorCap:
    """A cap that somebody at the site set, and that ends by itself."""

    cap_w: float
    until_s: float
    reason: str
    who: str = ""


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A cap that holds while a price is at or above a threshold."""

    per_mwh: float
    cap_w: float = 0.0


def calendar(windows: Iterable[Window], wall_s: float, offset_s: float) -> Iterable[Term]:
    """Yield a term for each window whose time it is."""
    for window in windows:
        if window.holds(wall_s, offset_s):
            hours = f"{_clock(window.from_s)} to {_clock(window.until_s)}"
            days = ", ".join(_DAYS[day] for day in sorted(window.days))
            yield Term("calendar", window.cap_w, f"calendar: {window.name}, {days} {hours}")


def curtailment(
    orders: Iterable[Order], wall_s: float, unload_w_s: float = math.inf, lead_s: float = 0.0
) -> Iterable[Term]:
    """Yield a term for each order that holds, or will so soon that the way down has to begin.

    Args:
        orders: All that were accepted.
        wall_s: Now.
        unload_w_s: How fast the load is let down: an order that is known beforehand is met at its beginning.
        lead_s: How long before its beginning the way down ends: what is told to stop draws on for a while.

    """
    for order in orders:
        if order.from_s <= wall_s < order.until_s:
            yield Term("order", order.cap_w, f"curtailment order {order.name}")
        elif wall_s < order.from_s and (math.isfinite(unload_w_s) or order.from_s - wall_s <= lead_s):
            ahead_s = order.from_s - wall_s
            early_s = max(0.0, ahead_s - lead_s)
            watts = order.cap_w + (unload_w_s * early_s if early_s else 0.0)
            yield Term("order", watts, f"curtailment order {order.name} begins in {ahead_s:.0f} s")


def operator(cap: OperatorCap | None, wall_s: float) -> Iterable[Term]:
    """Yield the term of a cap by hand, while it lasts."""
    if cap is not None and wall_s < cap.until_s:
        minutes = (cap.until_s - wall_s) / 60
        by = f" by {cap.who}" if cap.who else ""
        yield Term("operator", cap.cap_w, f"capped{by} for another {minutes:.0f} min: {cap.reason}")


def price(rules: Iterable[PriceRule], per_mwh: float) -> Iterable[Term]:
    """Yield a term for each rule that holds at a price; if that is unknown, one of the strictest.

    Who sells power at a price, or buys it, pays for what is drawn while nobody knows it: to freeze would let
    a fleet draw on through the dearest hour.
    """
    rules = tuple(rules)
    if rules and math.isnan(per_mwh):
        least_w = min(rule.cap_w for rule in rules)
        yield Term("price", least_w, "the price is unknown, so that the strictest of its rules holds")
    for rule in rules:
        if per_mwh >= rule.per_mwh:
            yield Term("price", rule.cap_w, f"a MWh costs {per_mwh:g}, the threshold is {rule.per_mwh:g}")


def _clock(seconds: float) -> str:
    return f"{int(seconds // 3600):02d}:{int(seconds % 3600 // 60):02d}"
