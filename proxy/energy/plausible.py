"""Whether a meter's answer can be believed. What cannot is unknown, with the reason for the alarm."""

import math
from dataclasses import dataclass

_NEAR = 0.5
"""How far a misread value, once put right, may lie from what was expected to be taken for that mistake."""
_AHEAD_S = 2.0
"""How far a meter's time may run ahead of ours: clocks that are read apart."""


@dataclass(frozen=True, slots=True)
class Channel:
    """What is known of a meter beforehand."""

    name: str
    low: float
    """The least it can tell: 0 for power, or a little less for a meter whose zero wanders."""
    high: float
    frozen_s: float = 30.0
    """The same digits for so long are no measurement. Infinite for values that do rest, such as a price."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What has to be remembered of a channel between two answers."""

    value: float = math.nan
    """The last that was believed."""
    at_s: float = -math.inf
    """The meter's time of the last answer."""
    digits: float = math.nan
    """The last answer, believed or not."""
    same_since_s: float = -math.inf
    """Since when the answer has had these digits, in the meter's time."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A reading after judgement."""

    value: float
    """NaN if it is not believed."""
    reason: str
    """Why not; empty if it is."""


def judge(
    channel: Channel,
    value: float,
    at_s: float,
    now_s: float,
    memory: Memory,
    *,
    expected: float = math.nan,
) -> tuple[Judged, Memory]:
    """Return what to take a meter's answer for, and what to remember of it.

    Args:
        channel: The meter.
        value: Its answer; a sentinel must have been made NaN by who speaks its protocol.
        at_s: When it says it measured, on our monotonic clock.
        now_s: Now.
        memory: From the answer before.
        expected: What the value should be by other evidence (what miners were told to draw), NaN if there is
            none; the last believed value then takes its place.

    """
    same = value == memory.digits
    since = memory.same_since_s if same else at_s
    if math.isnan(at_s) or at_s > now_s + _AHEAD_S:
        # Not remembered: a time from the future would make all later ones look old.
        return Judged(math.nan, f"{channel.name}: its clock is ahead by {at_s - now_s:.0f} s"), memory
    if at_s < memory.at_s:
        # Remembered: whoever set the clock back will go on from there.
        behind = f"{channel.name}: its clock went back by {memory.at_s - at_s:.0f} s"
        return Judged(math.nan, behind), Memory(memory.value, at_s, value, at_s)
    reference = expected if not math.isnan(expected) else memory.value
    reason = _wrong(channel, value, reference)
    if not reason and same and at_s - since >= channel.frozen_s:
        reason = f"the same digits for {at_s - since:.0f} s"
    if reason:
        return Judged(math.nan, f"{channel.name}: {reason}"), Memory(memory.value, at_s, value, since)
    return Judged(value, ""), Memory(value, at_s, value, since)


def _wrong(channel: Channel, value: float, reference: float) -> str:
    if not math.isfinite(value):
        return "no number"
    inside = channel.low <= value <= channel.high
    for factor, mistake in ((-1.0, "its sign is flipped"), (1000.0, "kilo for one"), (1e-3, "one for kilo")):
        righted = value * factor
        if not channel.low <= righted <= channel.high:
            continue
        known = not math.isnan(reference) and abs(reference) > 0
        as_expected = known and abs(righted - reference) <= _NEAR * abs(reference)
        off = known and abs(value - reference) > 0.9 * abs(reference)
        if as_expected and off:
            return f"{value:g} where about {reference:g} was expected: {mistake}"
        if not inside and factor != 1000.0:
            return f"{value:g} is outside {channel.low:g} to {channel.high:g}, perhaps {mistake}"
    return "" if inside else f"{value:g} is outside {channel.low:g} to {channel.high:g}"


def differ(first: float, second: float, *, part: float, least: float) -> bool:
    """Return whether two meters of the same thing are not both right.

    Args:
        first: A believed value.
        second: That of the other meter.
        part: Of the greater by which they may differ.
        least: A difference that never matters, in the unit of the values.

    """
    return abs(first - second) > max(part * max(first, second), least)
