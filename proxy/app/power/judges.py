"""Judges each answer of a source, of available kW or of prices, by the answers before it."""

from collections.abc import Callable

from proxy.energy import prices
from proxy.energy.available import Before, believe
from proxy.energy.plausible import Judged


class AvailableJudge:
    """Remembers what was believed last. A restart forgets it: then the site's ratings alone speak."""

    def __init__(self, rated_kw: float, fleet_kw: Callable[[], float]) -> None:
        """Begin without an answer.

        Args:
            rated_kw: Sum of the generators' ratings; 0 without generators.
            fleet_kw: Tells what the miners that are known draw at their ceilings.

        """
        self._rated_kw = rated_kw
        self._fleet_kw = fleet_kw
        self._before = Before()

    def __call__(self, told_kw: float) -> Judged:
        """Return what to take an answer for."""
        judged, self._before = believe(
            told_kw, self._before, rated_kw=self._rated_kw, fleet_kw=self._fleet_kw()
        )
        return judged


class PriceJudge:
    """Remembers what was believed last. A restart forgets it."""

    def __init__(self) -> None:
        """Begin without an answer."""
        self._before = prices.Before()

    def __call__(self, told: float) -> Judged:
        """Return what to take an answer for."""
        judged, self._before = prices.believe(told, self._before)
        return judged
