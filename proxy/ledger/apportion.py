"""Whole units shared out in proportion to work: none is created, none is lost."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from fractions import Fraction
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

MICRO = 1_000_000
"""Micro-units of one unit."""


def apportion(total: int, weights: Mapping[Key, float]) -> dict[Key, int]:
    """Return the share of each in ``total`` units, by the largest remainder (Hamilton); they add up to it.

    Fractions, not floats: what is left over must not hang on rounding. Of equal remainders the heavier
    weight comes first, then the earlier key by its text, so that the order of the mapping changes nothing.
    What is below zero (a correction) is shared out as its opposite.

    Raises:
        ValueError: a weight is negative, infinite or no number; or there are units and no weight.

    """
    if not all(0 <= weight < float("inf") for weight in weights.values()):
        raise ValueError("weights must be finite and not below zero")
    whole = sum((Fraction(weight) for weight in weights.values()), Fraction(0))
    if whole == 0:
        if total:
            raise ValueError("nothing says whose these units are")
        return dict.fromkeys(weights, 0)
    units, sign = abs(total), -1 if total < 0 else 1
    exact = {key: units * Fraction(weight) / whole for key, weight in weights.items()}
    shares = {key: int(value) for key, value in exact.items()}
    left = units - sum(shares.values())
    by_remainder = sorted(exact, key=lambda key: (shares[key] - exact[key], -weights[key], str(key)))
    for key in by_remainder[:left]:
        shares[key] += 1
    return {key: sign * share for key, share in shares.items()}


def in_micro(difficulty: float) -> int:
    """Return a difficulty in whole micro-units, halves to the even one.

    Raises:
        ValueError, OverflowError: it is not finite.

    """
    return round(Fraction(difficulty) * MICRO)
