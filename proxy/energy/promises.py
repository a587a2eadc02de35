"""Whether a calendar leaves what tenants are guaranteed: in which part of a week it does not."""

from collections.abc import Iterable

import numpy as np

from proxy.energy.arrays import Bools
from proxy.energy.orders import Window

_DAY = 24 * 60
WEEK = 7 * _DAY
"""Minutes. Windows begin and end at minutes."""


def short_minutes(windows: Iterable[Window], guaranteed_w: float) -> int:
    """Return for how many minutes of a week some window leaves less than ``guaranteed_w``."""
    short: Bools = np.zeros(WEEK, dtype=np.bool_)
    for window in strict(windows, guaranteed_w):
        for day in window.days:
            begins, ends = day * _DAY + int(window.from_s // 60), day * _DAY + int(window.until_s // 60)
            if window.until_s <= window.from_s:
                ends += _DAY
            # What begins on Sunday may end on Monday.
            short[np.arange(begins, ends) % WEEK] = True
    return int(short.sum())


def strict(windows: Iterable[Window], guaranteed_w: float) -> tuple[Window, ...]:
    """Return the windows that leave less than that."""
    return tuple(window for window in windows if window.cap_w < guaranteed_w)
