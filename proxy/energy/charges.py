"""The two sums: what the fleet is proven to draw at most, and what it is expected to draw.

*Proven* decides raises: a raise is charged at its final watts when issued, a reduction is credited only on
evidence. *Expected* decides sheds: a reduction in flight counts, until it is overdue. With one sum alone a
controller either overshoots (crediting on command) or sheds again and again what is on its way already,
until the site is dark.
"""

import math
from dataclasses import dataclass

import numpy as np

from proxy.energy.arrays import Bools, Floats

_TO_95 = 3.0
"""Time constants of a first-order lag until 95 % of a change are done: -ln 0.05 [C]."""
_LEAST_S = 0.1
"""A lag is never shorter."""
SLACK_PART, SLACK_W = 0.15, 40.0
"""Only what is clearly missing is on its way: miners' own figures err by some 5 to 20 % [S: Foreman]."""
ARRIVED_PART = 0.03
"""A raise has arrived when no more than this is missing by the miner's own figure, or its time is over."""
RAISE_LAGS = 2.0
"""A raise's time is over after so many of its usual lags: the truth is up to twice the usual."""


@dataclass(frozen=True, slots=True)
class Charged:
    """What a command does to the accounts of those that it is given to [M]."""

    base_w: Floats
    """Where the change starts."""
    charge_w: Floats
    """Most that each can be drawing, or come to draw, by evidence of its own."""
    falling: Bools
    """Whether a reduction is open that nothing has proven."""
    rising: Bools


def told(before_w: Floats, target_w: Floats, drawn_w: Floats, charge_w: Floats) -> Charged:
    """Return the accounts after a command: a raise is charged in full at once, a reduction credited nothing.

    Args:
        before_w: What each was told before [M].
        target_w: What it is told now [M].
        drawn_w: What it draws, by its own figure or the model [M].
        charge_w: What it was charged [M].

    """
    # What is still falling from above stays charged at that, whatever it is raised to.
    charge = np.maximum(charge_w, target_w)
    rising = target_w > before_w
    # A raise is charged from the least that it may be drawing: the feeder shows the rest.
    base = np.where(rising, np.minimum(drawn_w, before_w), drawn_w)
    return Charged(base, charge, charge > target_w, rising)


def left(age_s: Floats, t95_s: Floats) -> Floats:
    """Return which part of a change is still to come, ``age_s`` after its command: a first-order lag."""
    return np.asarray(np.exp(-_TO_95 * age_s / np.maximum(t95_s, _LEAST_S)))


def done(age_s: Floats, t95_s: Floats) -> Floats:
    """Return which part of a change has come ``age_s`` after its command."""
    return np.asarray(-np.expm1(-_TO_95 * age_s / np.maximum(t95_s, _LEAST_S)))


def soon_part(t95_s: Floats, within_s: float) -> Floats:
    """Return the part of a change that comes ``within_s``, at the pace with which a lag begins."""
    return np.minimum(1.0, _TO_95 * within_s / np.maximum(t95_s, _LEAST_S))


def to_go_w(base_w: Floats, told_w: Floats, age_s: Floats, t95_s: Floats) -> Floats:
    """Return what is still to come of each change by the model, positive on its way down [M]."""
    return (base_w - told_w) * left(age_s, t95_s)


def in_flight_w(change: Floats, age_s: Floats, t95_s: Floats, patience: float) -> tuple[float, float]:
    """Return what is on its way down, and what is on its way up, of what is ``to_go_w``.

    A reduction that takes longer than ``patience`` times its usual lag counts no more.
    """
    in_time = age_s <= patience * np.maximum(t95_s, _LEAST_S)
    return float(change[(change > 0) & in_time].sum()), float(-change[change < 0].sum())


def missing_w(told_w: Floats, seen_w: Floats, left_out: Bools) -> Floats:
    """Return what miners draw less than they were told, and may yet come to draw [N].

    They boot, have lost their work, are gone for a moment. NaN in ``seen_w``, their own figure, is unknown.
    """
    missing = told_w - seen_w
    # NaN compares as False.
    return np.where((missing > SLACK_PART * told_w + SLACK_W) & ~left_out, missing, 0.0)


def arrived(
    told_w: Floats,
    seen_w: Floats,
    seen_s: Floats,
    issued_s: Floats,
    t95_s: Floats,
    *,
    now_s: float,
    lag_s: float,
) -> Bools:
    """Return whose raise is on the feeder's meter by now, so that it need not be charged beside it [M].

    Args:
        told_w: What each rises to.
        seen_w: Its own figure, NaN if unknown.
        seen_s: When that was taken.
        issued_s: When it was told.
        t95_s: Its usual lag.
        now_s: Now.
        lag_s: What is drawn is on the meter after this.

    """
    age = now_s - issued_s
    close = told_w - seen_w <= ARRIVED_PART * told_w  # NaN compares as False
    seen = close & (seen_s > issued_s + 1.0)
    return np.asarray((seen & (age > lag_s)) | (age > RAISE_LAGS * t95_s + lag_s))


def to_come_w(told_w: Floats, base_w: Floats) -> Floats:
    """Return what a raise that has not arrived is charged beside the meter: all of it [M]."""
    return np.maximum(0.0, told_w - base_w)


def taken_back_w(before_w: Floats, target_w: Floats, base_w: Floats, rising: Bools) -> Floats:
    """Return what a raise may still bring that is taken back before it has arrived [M]: 0 for all else.

    The second word may not be heard, and until the raise's time is over nothing tells one from the other: a
    miner that boots draws as little as one that obeys.

    Args:
        before_w: What each was told before.
        target_w: What it is told now.
        base_w: The least that it may have drawn when it was raised.
        rising: Whether that raise has not arrived.

    """
    return np.where(rising & (target_w < before_w), to_come_w(before_w, base_w), 0.0)


def proven_w(seen_w: float, latent_w: float, charge_w: Floats, bias: float) -> float:
    """Return the most that the fleet can be drawing, or come to draw, by evidence; watts at the feeder.

    Args:
        seen_w: What the feeder shows; NaN is unknown, then what each miner is charged counts.
        latent_w: What may still come by commands already given, nominal.
        charge_w: What each miner is charged, nominal [N].
        bias: Watts at the feeder for each nominal one; less than 1 is not relied on.

    """
    scale = max(1.0, bias)
    return float(charge_w.sum()) * scale if math.isnan(seen_w) else seen_w + scale * latent_w


def expected_w(load_w: float, up_w: float, down_w: float, bias: float) -> float:
    """Return what the fleet will draw when what is in flight (nominal watts) has arrived, at the feeder."""
    return max(0.0, load_w + bias * (up_w - down_w))
