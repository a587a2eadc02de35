"""Who goes down when the supply cannot give what is drawn, so that seconds count.

A part of the fleet going down exponentially ends an excess later than all of it would. So as much goes down
as keeps the excess near the least possible, by limits where they are as fast.
"""

import numpy as np

from proxy.energy.arrays import Bools, Floats
from proxy.energy.charges import done

NEAR_PANIC = 1.03
"""Excess, in watt-seconds, over that of everything going down at once, which a plunge may cost."""
HORIZON_S = 60
DELAY_S = 1.5
"""From command to first effect, at the slowest half of firmwares [A]."""
_PARTS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of those that can sleep; tried from gentle to harsh."""


def plunge(
    excess_w: float,
    deficit_w: float,
    *,
    limit_drop_w: Floats,
    limit_s: Floats,
    sleep_drop_w: Floats,
    sleep_s: Floats,
    can_sleep: Bools,
) -> Bools:
    """Return who is put to sleep [N]; all others are limited to their floors.

    Args:
        excess_w: What is drawn beyond what the supply can give.
        deficit_w: What must be gone in the end.
        limit_drop_w: What each gives up by going to its floor; 0 where it cannot [N].
        limit_s: How long 95 % of that takes [N].
        sleep_drop_w: What each gives up by sleeping; 0 where it cannot [N].
        sleep_s: How long 95 % of that takes [N]; the quickest sleep first.
        can_sleep: Who can [N].

    """
    all_down = [(sleep_drop_w, sleep_s), (np.where(can_sleep, 0.0, limit_drop_w), limit_s)]
    panic_ws = excess_ws(excess_w, all_down)
    order = np.argsort(np.where(can_sleep, sleep_s, np.inf), kind="stable")
    count = int(can_sleep.sum())
    asleep: Bools = np.zeros(len(can_sleep), np.bool_)
    for part in _PARTS:
        asleep[order[: int(np.ceil(part * count))]] = True
        drops = [
            (np.where(asleep, sleep_drop_w, 0.0), sleep_s),
            (np.where(asleep, 0.0, limit_drop_w), limit_s),
        ]
        enough = float(sum(drop.sum() for drop, _ in drops)) >= deficit_w
        if enough and excess_ws(excess_w, drops) <= NEAR_PANIC * panic_ws:
            break
    return asleep


def excess_ws(excess_w: float, drops: list[tuple[Floats, Floats]]) -> float:
    """Return the watt-seconds of an excess that ``drops`` (watts, seconds to 95 %) end."""
    time = np.arange(0.0, HORIZON_S, 1.0)
    fallen = np.zeros(len(time))
    for watts, t95 in drops:
        kinds, which = np.unique(t95[watts > 0], return_inverse=True)
        if not len(kinds):
            continue
        total = np.bincount(which, weights=watts[watts > 0], minlength=len(kinds))
        fallen += (total[:, None] * done(time[None, :], kinds[:, None])).sum(0)
    return float(excess_w * DELAY_S + np.maximum(0.0, excess_w - fallen).sum())
