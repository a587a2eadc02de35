"""Our count against what met the pool's target: two measures of the same work, which chance keeps apart.

Of the hashes that miners try, those that meet the pool's target are a sample of the work that we credited:
each stands for the pool's difficulty D. The work is worth the sum of D, give or take the root of the sum of
D squared. The shares that we credit for less are so many more that their own error does not count.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import NamedTuple

WARN, ALARM = 3.0, 4.5
"""Standard deviations. Tested each hour, 4.5 is a false alarm less than once in a year."""


class Verdict(Enum):
    """What is to be done about it."""

    OK = "ok"
    WARN = "warn"
    ALARM = "alarm"


class Reconciliation(NamedTuple):
    """Our count held against the pool's."""

    local: float
    """Difficulty that we credited."""
    upstream: float
    """Sum of the pool's difficulty over the shares that met it."""
    z: float
    """By how many standard deviations ours is greater."""
    verdict: Verdict
    sentence: str


def reconcile(local: float, upstream: float, square: float) -> Reconciliation:
    """Return how far the credited difficulty and that of the shares that met the pool's target are apart.

    Args:
        local: Sum of credited difficulty.
        upstream: Sum of the pool's difficulty over the shares that met it, whatever the pool said of them.
        square: Sum of its squares.

    """
    if square <= 0:
        # Without a share for the pool chance has no measure: one of its difficulty would be the least.
        return Reconciliation(local, 0.0, 0.0, Verdict.OK, "nothing has met the pool's target yet")
    # Chance is that of the shares to be expected: else the fewer they were, the surer they would seem.
    z = (local - upstream) / math.sqrt(square * max(1.0, local / upstream))
    verdict = Verdict.ALARM if abs(z) > ALARM else Verdict.WARN if abs(z) > WARN else Verdict.OK
    return Reconciliation(local, upstream, z, verdict, _sentence(local, upstream, z, verdict))


def _sentence(local: float, upstream: float, z: float, verdict: Verdict) -> str:
    which = "more" if z > 0 else "less"
    apart = f"we credited {abs(local / upstream - 1):.2%} {which} than the pool's shares stand for"
    match verdict:
        case Verdict.OK:
            return f"{apart}: within chance (z = {z:+.1f})"
        case Verdict.WARN:
            return f"{apart}: seldom chance (z = {z:+.1f})"
        case Verdict.ALARM:
            return f"{apart}: not chance (z = {z:+.1f})"
