"""What the configuration says of power without anybody giving an order: its cap, its calendar, its prices."""

from __future__ import annotations

import math
from collections.abc import Callable

from proxy.app.power.source import SourceWatch
from proxy.config.power import Power
from proxy.config.power_site import offset_s, price_rules, windows
from proxy.energy.budget import Term
from proxy.energy.orders import calendar, price


class Standing:
    """Tells which of it holds now."""

    def __init__(
        self, power: Power, watch: SourceWatch, now: Callable[[], float], wall: Callable[[], float]
    ) -> None:
        self._power = power
        self._watch = watch
        self._now = now
        self._wall = wall
        self._windows = windows(power)
        self._rules = price_rules(power)

    def terms(self) -> list[Term]:
        """Return a term for each cap that holds."""
        wall_s, cap_kw = self._wall(), self._power.cap_kw
        by_hand = (
            [] if cap_kw is None else [Term("cap_kw", cap_kw * 1000.0, "power.cap_kw of the configuration")]
        )
        return [
            *by_hand,
            *calendar(self._windows, wall_s, offset_s(self._power, wall_s)),
            *price(self._rules, self._per_mwh()),
        ]

    def _per_mwh(self) -> float:
        """Return the price; NaN where it is unknown, or too old to be believed."""
        age_s = self._now() - self._watch.at
        return self._watch.value if age_s <= self._power.price.stale_after else math.nan
