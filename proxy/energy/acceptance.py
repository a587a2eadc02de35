"""What running engines take in one step: a turbo has air for the load that it carries, and a little more."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How engines take load, as parts of the rating of those that run."""

    low: float
    """At once, while they have air for less than ``knee`` of their rating."""
    high: float
    """The same above it."""
    knee: float
    period_s: float
    """Until the next such step."""
    air_s: float
    """Time constant with which a turbo's air follows its load."""

    def step_w(self, rating_w: float, air_w: float) -> float:
        """Return what is taken at once by sets that have air for ``air_w``; unknown (NaN) air is a little."""
        return (self.low if not air_w >= self.knee * rating_w else self.high) * rating_w

    def accepts_w(self, rating_w: float, air_w: float) -> float:
        """Return the load that can be carried within a second."""
        return self.step_w(rating_w, air_w) + (0.0 if math.isnan(air_w) else air_w)

    def air_w(self, air_w: float, load_w: float, rating_w: float, elapsed_s: float) -> float:
        """Return the load that there is air for, ``elapsed_s`` later.

        It falls as fast as the load and rises no faster than one step in each period. Without sets there is
        none; of an unknown load (NaN) it stays.
        """
        if rating_w <= 0.0:
            return 0.0
        if math.isnan(load_w):
            return air_w
        if math.isnan(air_w):
            return load_w
        move = (load_w - air_w) * (1.0 - math.exp(-elapsed_s / self.air_s))
        return air_w + min(move, self.step_w(rating_w, air_w) / self.period_s * elapsed_s)


def air_left_w(air_w: float, rating_w: float, gone_w: float) -> float:
    """Return the air of sets of ``rating_w`` when others of ``gone_w`` have left: each has its own."""
    return air_w * rating_w / (rating_w + gone_w)
