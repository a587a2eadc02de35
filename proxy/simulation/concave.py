"""Most hashes for so many watts, of many miners at once: a concave line that is never too low."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SEGMENTS = 12
"""Segments of a class's line: its error is below a tenth of a percent."""


@dataclass(frozen=True, slots=True)
class Line:
    """Hashes per second as a concave function of watts, from ``base_w`` with none on."""

    base_w: float
    """What is drawn at the least: all asleep."""
    slope: Floats
    """Hashes per joule of each segment, falling."""
    width_w: Floats

    def at(self, watts: float) -> float:
        """Return the hashes per second for ``watts``; more than the line's length is of no use."""
        taken = np.clip(watts - self.base_w - (np.cumsum(self.width_w) - self.width_w), 0.0, self.width_w)
        return float(taken @ self.slope)


def envelope(watts: Floats, hashes_hs: Floats) -> Line:
    """Return the upper concave envelope of a miner's operating points.

    The first point, of the least watts, is sleep. What lies below a chord of two others is left out.
    """
    order = np.argsort(watts, kind="stable")
    hull: list[tuple[float, float]] = []
    for point in zip(watts[order].tolist(), hashes_hs[order].tolist(), strict=True):
        if hull and point[1] <= hull[-1][1]:
            continue
        while len(hull) > 1 and _turns_up(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    corners = np.array(hull)
    steps = np.diff(corners, axis=0)
    return Line(float(corners[0, 0]), steps[:, 1] / steps[:, 0], steps[:, 0])


def _turns_up(first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]) -> bool:
    return (middle[1] - first[1]) * (last[0] - first[0]) <= (last[1] - first[1]) * (middle[0] - first[0])


def together(slopes: Floats, widths_w: Floats, base_w: float) -> Line:
    """Return the line of many segments in the order of their slopes, put into a few that are never below it.

    A few tangents of the exact line are taken: their least lies on or above it everywhere.
    """
    order = np.argsort(-slopes, kind="stable")
    slope, width = slopes[order], widths_w[order]
    end = np.cumsum(width)
    hashes = np.cumsum(slope * width)
    # The steepest and the flattest tangent must be among them: they bound both ends.
    touched = np.searchsorted(end, np.linspace(0.0, end[-1], SEGMENTS), side="left")
    touched = np.unique(np.clip(touched, 0, len(slope) - 1))
    tangent = slope[touched]
    intercept = hashes[touched] - tangent * end[touched]
    keep = np.concatenate([[True], np.diff(tangent) < -1e-12 * np.abs(tangent[:-1])])
    tangent, intercept = tangent[keep], intercept[keep]
    meet = (intercept[1:] - intercept[:-1]) / (tangent[:-1] - tangent[1:])
    corner = np.concatenate([[0.0], meet, [end[-1]]])
    return Line(base_w, tangent, np.maximum(np.diff(corner), 0.0))
