"""Whether a price can be believed. Prices jump, fall below zero and rest: little of them is impossible."""

import math
from dataclasses import dataclass

from proxy.energy.plausible import Judged

SOURCE = "source of prices"
NEAR = 0.5
"""How far a price may lie from a thousand times the last, a part of that, to be taken for a wrong unit [A].
A real spike of this kind is taken for one too; unknown, it stops miners as it would have."""
SAME = 0.02
"""The same digits with another sign are a mistake; a market passes zero elsewhere [A]."""
LEAST = 1.0
"""A last price nearer to zero tells nothing of the next [A]."""


@dataclass(frozen=True, slots=True)
class Before:
    """What has to be remembered between two answers."""

    last: float = math.nan
    """The last that was believed; NaN while there was none."""
    flipped: bool = False
    """Whether its sign is held to be wrong since then: then a price that drifts is so still."""


def believe(told: float, before: Before) -> tuple[Judged, Before]:
    """Return what to take an answer for, and what to remember of it.

    There is no way back from a doubt but a credible answer: a wrong unit does not become right by being told
    for long.
    """
    reason, flipped = "", False
    if not math.isfinite(told):
        reason = "no number"
    elif abs(before.last) >= LEAST:  # NaN compares as False
        part = told / before.last
        if abs(part / 1000.0 - 1.0) <= NEAR or abs(part * 1000.0 - 1.0) <= NEAR:
            reason = f"{told:g} after {before.last:g}: a unit is wrong by 1,000"
        elif abs(part + 1.0) <= (NEAR if before.flipped else SAME):
            reason, flipped = f"{told:g} after {before.last:g}: its sign is flipped", True
    if reason:
        return Judged(math.nan, f"{SOURCE}: {reason}"), Before(before.last, flipped or before.flipped)
    return Judged(told, ""), Before(told)
