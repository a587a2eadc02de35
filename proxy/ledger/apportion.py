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

    Exact, not in floats: what is left over must not hang on rounding. Of equal remainders the heavier
    weight comes first, then the earlier key by its text, so that the order of the mapping changes nothing.
    What is below zero (a correction) is shared out as its opposite.

    Raises:
        ValueError: a weight is negative, infinite or no number; or there are units and no weight.

    """
    if not all(0 <= weight < float("inf") for weight in weights.values()):
        raise ValueError("weights must be finite and not below zero")
    # In whole numbers of the finest weight's unit: as exact as fractions, and a tenth of their cost.
    ratios = {key: weight.as_integer_ratio() for key, weight in weights.items()}
    finest = max((unit for _, unit in ratios.values()), default=1)
    exact = {key: number * (finest // unit) for key, (number, unit) in ratios.items()}
    whole = sum(exact.values())
    if whole == 0:
        if total:
            raise ValueError("nothing says whose these units are")
        return dict.fromkeys(weights, 0)
    units, sign = abs(total), -1 if total < 0 else 1
    parts = {key: divmod(units * weight, whole) for key, weight in exact.items()}
    shares = {key: share for key, (share, _) in parts.items()}
    left = units - sum(shares.values())
    by_remainder = sorted(parts, key=lambda key: (-parts[key][1], -weights[key], str(key)))
    for key in by_remainder[:left]:
        shares[key] += 1
    return {key: sign * share for key, share in shares.items()}


def in_micro(difficulty: float) -> int:
    """Return a difficulty in whole micro-units, halves to the even one.

    Raises:
        ValueError, OverflowError: it is not finite.

    """
    return round(Fraction(difficulty) * MICRO)
