"""Curtailment debt: what was guaranteed and not offered, in kWh by month, paid back from surplus only.

What is owed is the guarantee. Surplus is shared as it comes and owed to nobody, so that paying one tenant
back makes no debt with another. What was offered and not taken was offered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from proxy.energy.arrays import Floats

_WS_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class Debts:
    """What is owed, by month."""

    by_month: Mapping[str, Floats] = field(default_factory=dict)
    """``2026-11`` -> kWh of each tenant [T], each 0 or more. Months that are settled stay, with zeros."""

    def total_kwh(self, tenants: int) -> Floats:
        """Return what each tenant is owed over all months [T]."""
        return sum(self.by_month.values(), start=np.zeros(tenants))


def advance(
    debts: Debts,
    month: str,
    entitled_w: Floats,
    offered_w: Floats,
    dt_s: float,
    settled_w: Floats | None = None,
) -> Debts:
    """Return the debts after ``dt_s`` seconds: new ones in this month, payments to the oldest first.

    Args:
        debts: Before.
        month: Of now, as ``2026-11``.
        entitled_w: Guaranteed power of each tenant [T].
        offered_w: What it was allowed to draw of that [T]. Unknown (NaN) is nothing offered.
        dt_s: Time passed; a clock that went back makes no debt and pays none.
        settled_w: What was given beyond the guarantee to pay back [T].

    """
    hours_k = max(0.0, dt_s) / _WS_PER_KWH
    missing = np.maximum(0.0, entitled_w - np.where(np.isnan(offered_w), 0.0, offered_w)) * hours_k
    after = {key: kwh.copy() for key, kwh in debts.by_month.items()}
    after[month] = after.get(month, np.zeros(len(missing))) + missing
    left = np.zeros(len(missing)) if settled_w is None else np.maximum(0.0, settled_w) * hours_k
    for key in sorted(after):
        paid = np.minimum(left, after[key])
        after[key] = after[key] - paid
        left = left - paid
    return Debts(after)


def settlement_w(
    owed_kwh: Floats, surplus_w: float, *, part: float = 0.5, within_s: float = 3600.0
) -> Floats:
    """Return what of the surplus goes to paying back [T]: no more than ``part`` of it, by what each is owed.

    Args:
        owed_kwh: Debt of each tenant.
        surplus_w: Budget less all guarantees; nothing is paid if there is none.
        part: So much at most: the others' business goes on.
        within_s: A debt is paid at a rate that would settle it in this time.

    """
    wanted = np.maximum(0.0, owed_kwh) * _WS_PER_KWH / within_s
    most = part * max(0.0, surplus_w)
    total = float(wanted.sum())
    return wanted if total <= most else wanted * (most / total)
