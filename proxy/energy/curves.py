"""Operating points as data: what a model draws and hashes, and what each further watt is worth.

The *envelope* of a model is the upper concave hull of its points, sleep among them: going along it, each watt
is worth less than the one before, so that filling a site by the worth of watts is filling it in the best way.
Between sleep and the floor nothing can be held; the first segment is therefore taken whole, or at least to
the floor by a miner that can hold any watts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from proxy.energy.arrays import Floats, Ints


@dataclass(frozen=True, slots=True)
class Points:
    """The operating points of a model, from sleep to ceiling, both ascending.

    Raises:
        ValueError: fewer than two points, points that do not ascend, or a first one that hashes.

    """

    watts: tuple[float, ...]
    """The first is asleep."""
    hashes_hs: tuple[float, ...]
    """Hashes per second at each."""
    divisible: bool
    """True if it holds any watts from floor to ceiling; False if these points alone (presets, on and off)."""

    def __post_init__(self) -> None:
        if len(self.watts) < 2 or len(self.watts) != len(self.hashes_hs):
            raise ValueError(f"watts and hashes_hs: two points or more, as many of each: {self}")
        if self.hashes_hs[0] != 0 or self.watts[0] < 0:
            raise ValueError(f"the first point is sleep, it hashes nothing and draws 0 W or more: {self}")
        for values in (self.watts, self.hashes_hs):
            if not all(low < high < float("inf") for low, high in pairwise(values)):
                raise ValueError(f"points ascend in watts and hashes_hs: {self}")

    @property
    def sleep_w(self) -> float:
        """What it draws asleep."""
        return self.watts[0]

    @property
    def floor_w(self) -> float:
        """The least at which it hashes."""
        return self.watts[1]

    @property
    def ceiling_w(self) -> float:
        """The most at which it hashes."""
        return self.watts[-1]

    def envelope(self, tolerance: float = 0.0) -> "Points":
        """Return those of the points that the upper concave hull runs through.

        Args:
            tolerance: Points are left out that lie above the line between their neighbours by no more than
                this part of the ceiling's hashes. They are rarely where a miner should stand, and cost time.

        """
        hull: list[tuple[float, float]] = []
        for point in zip(self.watts, self.hashes_hs, strict=True):
            while len(hull) > 1 and _density(hull[-2], point) >= _density(hull[-2], hull[-1]):
                hull.pop()
            hull.append(point)
        hull = _thinned(hull, tolerance * self.hashes_hs[-1])
        return Points(tuple(w for w, _ in hull), tuple(h for _, h in hull), self.divisible)


def _density(low: tuple[float, float], high: tuple[float, float]) -> float:
    return (high[1] - low[1]) / (high[0] - low[0])


def _thinned(hull: list[tuple[float, float]], tolerance_hs: float) -> list[tuple[float, float]]:
    """Return a hull without what a chord misses by no more than the tolerance; the first two stay."""
    kept, start = hull[:2], 1
    for end in range(2, len(hull)):
        following = hull[min(end + 1, len(hull) - 1)]
        slope = _density(hull[start], following) if following != hull[start] else 0.0
        (low_w, low_hs), between = hull[start], hull[start : end + 1]
        missed = max(hashes - low_hs - slope * (watts - low_w) for watts, hashes in between)
        if missed > tolerance_hs or end == len(hull) - 1:
            kept.append(hull[end])
            start = end
    return kept


def on_off(watts: float, hashes_hs: float, *, sleep_w: float = 25.0) -> Points:
    """Return the points of a miner that either sleeps or runs."""
    return Points((sleep_w, watts), (0.0, hashes_hs), divisible=False)


@dataclass(frozen=True, slots=True)
class Curves:
    """The envelopes of all models of a fleet as arrays, index = model, padded with their ends."""

    watts: Floats
    """[M, K]; the first column is sleep."""
    hashes_hs: Floats
    """[M, K]"""
    floor_w: Floats
    """[M]"""
    ceiling_w: Floats
    """[M]"""
    divisible: tuple[bool, ...]
    points: tuple[Points, ...]
    """As told, off the envelope too."""

    def density(self) -> Floats:
        """Return what a watt is worth on each segment, in hashes per second and watt [M, K - 1]."""
        watts, hashes = np.diff(self.watts, axis=1), np.diff(self.hashes_hs, axis=1)
        return np.divide(hashes, watts, out=np.zeros_like(hashes), where=watts > 0)

    def hashes_at(self, curve: Ints, watts: Floats) -> Floats:
        """Return the hashes per second of miners of models ``curve`` [N] that hold ``watts`` [N].

        Below its floor a miner hashes nothing; a preset miner is taken at the highest preset below.
        """
        hashes = np.zeros(len(watts))
        for index, points in enumerate(self.points):
            mine = curve == index
            if not mine.any():
                continue
            held = watts[mine]
            table_w, table_hs = np.array(points.watts), np.array(points.hashes_hs)
            if points.divisible:
                got = np.interp(held, table_w, table_hs)
            else:
                # A watt of rounding is no preset less.
                got = table_hs[np.clip(np.searchsorted(table_w, held + 0.5, "right") - 1, 0, None)]
            hashes[mine] = np.where(held + 0.5 >= points.floor_w, got, 0.0)
        return hashes


TOLERANCE = 5e-4
"""Of the envelopes that a fleet is allocated by."""


def curves(models: Sequence[Points], tolerance: float = TOLERANCE) -> Curves:
    """Return the envelopes of models, in this order."""
    hulls = [model.envelope(tolerance) for model in models]
    width = max(len(hull.watts) for hull in hulls)

    def padded(values: Sequence[float]) -> list[float]:
        return [*values, *([values[-1]] * (width - len(values)))]

    return Curves(
        np.array([padded(hull.watts) for hull in hulls]),
        np.array([padded(hull.hashes_hs) for hull in hulls]),
        np.array([model.floor_w for model in models]),
        np.array([model.ceiling_w for model in models]),
        tuple(model.divisible for model in models),
        tuple(models),
    )
