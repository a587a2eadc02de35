"""What each tenant is entitled to draw: guarantees by priority, then the surplus by contracted share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """One tenant's contract, as the result is measured by; written apart from the rules that it checks."""

    name: str
    guarantee_w: float
    share: float
    """Of the surplus, relative to the others' shares."""
    priority: int = 0
    """Lower is served first where the guarantees do not all fit."""


def entitled(usable_w: float, claims: Sequence[Claim], demand_w: Sequence[float]) -> list[float]:
    """Return the watts that each tenant may draw of ``usable_w``, never more than its ``demand_w``.

    What a tenant cannot use goes to those that can, by their shares.
    """
    granted = [0.0] * len(claims)
    left = max(0.0, usable_w)
    for priority in sorted({claim.priority for claim in claims}):
        members = [index for index, claim in enumerate(claims) if claim.priority == priority]
        wanted = [min(claims[index].guarantee_w, demand_w[index]) for index in members]
        scale = min(1.0, left / sum(wanted)) if sum(wanted) > 0 else 0.0
        for index, want in zip(members, wanted, strict=True):
            granted[index] = want * scale
            left = max(0.0, left - granted[index])
    hungry = {index for index, claim in enumerate(claims) if claim.share > 0}
    while left > 1e-6:
        hungry = {index for index in hungry if demand_w[index] - granted[index] > 1e-6}
        if not hungry:
            break
        total = sum(claims[index].share for index in hungry)
        portion = {index: left * claims[index].share / total for index in hungry}
        for index, more in portion.items():
            taken = min(more, demand_w[index] - granted[index])
            granted[index] += taken
            left -= taken
    return granted
