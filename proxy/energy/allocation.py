"""Watts for each miner: guarantees by priority, then surplus by share, the best watts of a tenant first.

``filling`` does the walking. An LP with the same rules is the oracle of the tests: greedy stays within a
thousandth of it.
"""

from dataclasses import dataclass

import numpy as np

from proxy.energy.arrays import Floats, Ints
from proxy.energy.filling import HAIR_W, Demand, Filling
from proxy.energy.site import Wiring

__all__ = ["Allocation", "Demand", "Entitlement", "Shortage", "allocate", "share_out", "shortage"]


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What tenants may claim, index = tenant."""

    guarantee_w: Floats
    priority: Ints
    """A lower number first."""
    share: Floats
    """Contracted weight in the surplus."""
    settle_w: Floats | None = None
    """What is paid back of curtailment debt, from the surplus before it is shared (``debt``)."""
    able_w: Floats | None = None
    """What each one's miners could draw if we let them: so much of the guarantee is due. None: what they may
    be told now."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """How much of its guarantee each tenant is not given, index = tenant."""

    short_w: Floats
    held_w: Floats
    """Part of it that the budget would cover, and miners may not be told yet."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """Who gets how much."""

    demand: Demand
    """Of whom."""
    watts: Floats
    """[N] within lower_w and upper_w, and what the miner can hold."""
    tenant_w: Floats
    """[T] what each tenant's miners get."""
    entitled_w: Floats
    """[T] guarantee as far as it could be met, plus the share of surplus; what the budget owed each."""
    settled_w: Floats
    """[T] how much each may draw of the surplus to pay back what it is owed; part of ``entitled_w``."""
    level_hs_w: float
    """Hashes per second of the last watt given: the water level. NaN if none was."""
    over_w: float
    """By how much the least that all miners draw exceeds the budget; 0 when it fits."""

    @property
    def hashes_hs(self) -> Floats:
        """[N] expected by curve and merit."""
        return self.demand.curves.hashes_at(self.demand.curve, self.watts) * self.demand.merit


def allocate(budget_w: float, demand: Demand, entitlement: Entitlement, wiring: Wiring) -> Allocation:
    """Return watts for each miner that together exceed neither the budget nor any circuit.

    Where even ``lower_w`` exceeds them, that is what is returned, and ``over_w`` says so. A budget that is
    NaN is none.
    """
    budget_w = 0.0 if np.isnan(budget_w) else budget_w
    filling = Filling(demand, wiring, len(entitlement.guarantee_w))
    base_w = filling.tenant_w()
    over_w = max(0.0, float(base_w.sum()) - budget_w)
    owed_w, guaranteed_w, settled_w = _owed(budget_w, base_w, filling.usable_w, entitlement)
    if filling.wiring_binds:
        # What is guaranteed is placed before anybody's surplus can fill a circuit.
        for priority in np.unique(entitlement.priority):
            first = entitlement.priority == priority
            filling.fill(np.where(first, guaranteed_w, 0.0), budget_w)
    filling.fill(owed_w, budget_w)
    filling.fill(np.full(len(owed_w), np.inf), budget_w)
    return Allocation(
        demand,
        filling.watts(),
        filling.tenant_w(),
        owed_w,
        settled_w,
        filling.level_hs_w,
        over_w,
    )


def share_out(amount: float, weights: Floats, most: Floats) -> Floats:
    """Return ``amount`` divided by weight, nobody getting more than ``most``, what they leave shared again.

    The sum is ``amount``, or less if all with weight have their most. A weight of less than a trillionth of
    the greatest is none.
    """
    given = np.zeros(len(weights))
    weights = weights / max(float(weights.max(initial=0.0)), 1e-300)
    open_ = (weights > 1e-12) & (most > 0)
    while amount > HAIR_W and open_.any():
        level = amount / weights[open_].sum()
        full = open_ & (most - given <= level * weights)
        if not full.any():
            return np.where(open_, given + level * weights, given)
        amount -= float((most - given)[full].sum())
        given = np.where(full, most, given)
        open_ &= ~full
    return given


def shortage(budget_w: float, base_w: Floats, usable_w: Floats, entitlement: Entitlement) -> Shortage:
    """Return what lacks of the guarantees, without an allocation.

    Args:
        budget_w: For all; NaN is none.
        base_w: What each tenant's miners draw at least [T].
        usable_w: What they may be told now [T].
        entitlement: Guarantees, and what the miners are able to draw.

    """
    budget_w = 0.0 if np.isnan(budget_w) else budget_w
    able_w = usable_w if entitlement.able_w is None else entitlement.able_w
    given = _guaranteed(budget_w, base_w, usable_w, entitlement)
    covered = _guaranteed(budget_w, base_w, able_w, entitlement)
    short = _short(base_w, usable_w, given, entitlement)
    return Shortage(short, np.maximum(0.0, short - _short(base_w, able_w, covered, entitlement)))


def _short(base_w: Floats, usable_w: Floats, guaranteed_w: Floats, entitlement: Entitlement) -> Floats:
    """Return what is due of each guarantee and not given [T]."""
    able_w = usable_w if entitlement.able_w is None else entitlement.able_w
    due = np.maximum(base_w, np.minimum(entitlement.guarantee_w, able_w))
    short = np.maximum(0.0, due - guaranteed_w)
    return np.where(short > HAIR_W, short, 0.0)


def _guaranteed(budget_w: float, base_w: Floats, usable_w: Floats, entitlement: Entitlement) -> Floats:
    """Return what the budget gives each of its guarantee, as far as it can use it [T].

    Asleep, miners draw too: that is charged to their tenant first, and nobody can be given less.
    """
    wanted = np.maximum(base_w, np.minimum(entitlement.guarantee_w, usable_w))
    guaranteed = base_w.copy()
    left = max(0.0, budget_w - float(base_w.sum()))
    for priority in np.unique(entitlement.priority):
        extra = np.where(entitlement.priority == priority, wanted - base_w, 0.0)
        part = min(1.0, left / extra.sum()) if extra.sum() > 0 else 0.0
        guaranteed += part * extra
        left = max(0.0, left - float(part * extra.sum()))
    return guaranteed


def _owed(
    budget_w: float, base_w: Floats, usable_w: Floats, entitlement: Entitlement
) -> tuple[Floats, Floats, Floats]:
    """Return what each may use, of that the guaranteed part, and what pays debts back [T]."""
    guaranteed = _guaranteed(budget_w, base_w, usable_w, entitlement)
    left = max(0.0, budget_w - float(guaranteed.sum()))
    owed, paid = guaranteed.copy(), np.zeros(len(guaranteed))
    if entitlement.settle_w is not None:
        paid = share_out(left, entitlement.settle_w, np.minimum(entitlement.settle_w, usable_w - owed))
        owed += paid
        left = max(0.0, left - float(paid.sum()))
    if entitlement.share.sum() > 0:
        # Not capped by what a tenant can use: what it leaves goes to the best watts of all, last of all.
        owed += left * entitlement.share / entitlement.share.sum()
    return owed, guaranteed, paid
