"""Whether a source of available kW can be believed: it is a limit that others tell, and no meter of ours."""

import math
from dataclasses import dataclass, replace

from proxy.energy.plausible import Channel, Judged, Memory, judge

SOURCE = "source of available kW"
BEYOND = 3.0
"""More than so many times what all generators are rated for is a mistake of units, not headroom [A]."""
FAR = 300.0
"""The same without generators, of the fleet's ceiling or the last that was believed, if more: a grid
may give many times what its miners draw, and few of them may have come yet [A]."""
NOTHING = 0.01
"""Less than this part of the site is nothing: a controller's noise while engines stand, from which they may
start to any figure [A]."""


@dataclass(frozen=True, slots=True)
class Before:
    """What has to be remembered between two answers, in kW; NaN while there was none."""

    last_kw: float = math.nan
    """The last that was believed."""
    some_kw: float = math.nan
    """The last of them that was more than nothing: a zero between must not make a wrong unit credible."""


def believe(told_kw: float, before: Before, *, rated_kw: float, fleet_kw: float) -> tuple[Judged, Before]:
    """Return what to take an answer for, and what to remember of it.

    A real change is believed, be it by ten, to zero or from it. Digits may rest, for what is available does;
    how old an answer is, the ladder judges. There is no way back from a doubt but a credible answer: a wrong
    unit does not become right by being told for long.

    Args:
        told_kw: The answer.
        before: From the answer before.
        rated_kw: Sum of the generators' ratings; 0 without generators.
        fleet_kw: What the miners that are known draw at their ceilings.

    """
    some_kw = before.some_kw
    if some_kw < NOTHING * (rated_kw or fleet_kw):
        some_kw = math.nan
    # After nothing a small figure is no misread one, but the same noise.
    related = before.last_kw == some_kw or told_kw > some_kw
    high = BEYOND * rated_kw
    if not rated_kw:
        high = FAR * max(fleet_kw, 0.0 if math.isnan(some_kw) else some_kw) or math.inf
    channel = Channel(SOURCE, 0.0, high, frozen_s=math.inf)
    judged, _ = judge(channel, told_kw, 0.0, 0.0, Memory(some_kw if related else math.nan))
    if judged.reason:
        return judged, before
    after = replace(before, last_kw=told_kw)
    return judged, replace(after, some_kw=told_kw) if told_kw > NOTHING * (rated_kw or fleet_kw) else after
