"""The way back after an outage: kilowatts at a pace, not miners at once.

When a site or its upstream returns, ten thousand miners want to start in the same second. They get work in an
order, and each is charged before it gets it what it may draw: its ceiling, if nobody knows better.
"""

import math

import numpy as np

from proxy.energy.arrays import Bools, Floats, Ints


def charge_w(ceiling_w: Floats, known_w: Floats) -> Floats:
    """Return what each joiner is charged: what is known of it, its ceiling otherwise (NaN) [N]."""
    return np.where(np.isnan(known_w), ceiling_w, known_w)


def pace_w(rate_w_s: float, elapsed_s: float, saved_w: float, burst_w: float) -> float:
    """Return what may be released by now.

    Args:
        rate_w_s: The pace.
        elapsed_s: Since the last release was computed; a clock that went back gives nothing.
        saved_w: What that one left unused.
        burst_w: The most that may be saved up: the generators' step, or the largest miner if that is more.

    """
    return min(burst_w, saved_w + rate_w_s * max(0.0, elapsed_s))


def release(waiting: Bools, charge: Floats, rank: Floats, allowed_w: float) -> tuple[Ints, float]:
    """Return which miners may start now, in their order, and what of ``allowed_w`` is left.

    Nobody overtakes: a miner that does not fit yet is waited for, or small ones would starve the large.

    Args:
        waiting: Who waits [N].
        charge: Watts of each [N]; one that is unknown (NaN) waits, and all behind it.
        rank: Who goes first: the lowest [N].
        allowed_w: The least of pace and headroom; NaN is nothing.

    """
    allowed_w = 0.0 if math.isnan(allowed_w) else max(0.0, allowed_w)
    queue = np.flatnonzero(waiting)
    queue = queue[np.argsort(rank[queue], kind="stable")]
    sums = np.cumsum(np.where(np.isnan(charge[queue]), np.inf, charge[queue]))
    count = int(np.searchsorted(sums, allowed_w, side="right"))
    spent = float(sums[count - 1]) if count else 0.0
    return queue[:count].astype(np.int64), allowed_w - spent
