"""Watts for each miner: guarantees by priority, then surplus by share, the best watts of a tenant first.

Every miner's envelope is cut into *increments*; a greedy walk takes them in the order of their worth (hashes
per watt). Where limits are nested (miners in circuits in circuits, tenants) that is what a linear program
would do, but for the last increment that no longer fits; an LP is the oracle of the tests. All walks of a
step are vectorised: one cumulative sum for each kind of limit, repeated while increments that were too large
make room for smaller ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from proxy.energy.arrays import Bools, Floats, Ints
from proxy.energy.curves import Curves
from proxy.energy.site import Wiring

_ROUNDS = 12
"""Walks of one phase; each but the last ends with at least one increment taken or given up for good."""
_HAIR_W = 1e-6
"""Rounding of sums of 10,000 miners, far below what can be commanded."""


@dataclass(frozen=True, slots=True)
class Demand:
    """The miners, index = miner."""

    curves: Curves
    curve: Ints
    """Model of each, as index into ``curves``."""
    tenant: Ints
    circuit: Ints
    lower_w: Floats
    """What it draws at least: sleep, or present watts if it cannot or must not be lowered."""
    upper_w: Floats
    """What it may draw at most: its ceiling, or less while it is hot, derated or not obeying."""
    current_w: Floats
    """What it was last told: among increments of equal worth those that it has already come first."""
    merit: Floats
    """Learned hashes over nominal ones, 1 if nothing was learned."""


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


@dataclass(frozen=True, slots=True)
class Allocation:
    """Who gets how much."""

    watts: Floats
    """[N] within lower_w and upper_w, and what the miner can hold."""
    hashes_hs: Floats
    """[N] expected by curve and merit."""
    tenant_w: Floats
    """[T] what each tenant's miners get."""
    entitled_w: Floats
    """[T] guarantee as far as it could be met, plus the share of surplus; what the budget owed each."""
    short_w: Floats
    """[T] how much of the guarantee the budget could not cover; what a tenant cannot use is not short."""
    level_hs_w: float
    """Hashes per second of the last watt given: the water level. NaN if none was."""
    over_w: float
    """By how much the least that all miners draw exceeds the budget; 0 when it fits."""


def allocate(budget_w: float, demand: Demand, entitlement: Entitlement, wiring: Wiring) -> Allocation:
    """Return watts for each miner that together exceed neither the budget nor any circuit.

    Where even ``lower_w`` exceeds them, that is what is returned, and ``over_w`` says so. A budget that is
    NaN is none.
    """
    budget_w = 0.0 if np.isnan(budget_w) else budget_w
    walk = _Walk(demand, wiring, len(entitlement.guarantee_w))
    base_w = walk.tenant_w()
    over_w = max(0.0, float(base_w.sum()) - budget_w)
    owed_w, guaranteed_w, short_w = _owed(budget_w, base_w, walk.usable_w, entitlement)
    if walk.wiring_binds:
        # What is guaranteed is placed before anybody's surplus can fill a circuit.
        for priority in np.unique(entitlement.priority):
            first = entitlement.priority == priority
            walk.fill(np.where(first, guaranteed_w, 0.0), budget_w)
    walk.fill(owed_w, budget_w)
    walk.fill(np.full(len(owed_w), np.inf), budget_w)
    watts = walk.watts()
    hashes = demand.curves.hashes_at(demand.curve, watts) * demand.merit
    return Allocation(watts, hashes, walk.tenant_w(), owed_w, short_w, walk.level_hs_w, over_w)


def share_out(amount: float, weights: Floats, most: Floats) -> Floats:
    """Return ``amount`` divided by weight, nobody getting more than ``most``, what they leave shared again.

    The sum is ``amount``, or less if all with weight have their most.
    """
    given = np.zeros(len(weights))
    open_ = (weights > 0) & (most > 0)
    while amount > _HAIR_W and open_.any():
        level = amount / weights[open_].sum()
        full = open_ & (most - given <= level * weights)
        if not full.any():
            return np.where(open_, given + level * weights, given)
        amount -= float((most - given)[full].sum())
        given = np.where(full, most, given)
        open_ &= ~full
    return given


def _owed(
    budget_w: float, base_w: Floats, usable_w: Floats, entitlement: Entitlement
) -> tuple[Floats, Floats, Floats]:
    """Return what each tenant may use, of that the guaranteed part, and what its guarantee is short of [T].

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
    short = np.maximum(0.0, wanted - guaranteed)
    owed = guaranteed.copy()
    if entitlement.settle_w is not None:
        paid = share_out(left, entitlement.settle_w, np.minimum(entitlement.settle_w, usable_w - owed))
        owed += paid
        left = max(0.0, left - float(paid.sum()))
    if entitlement.share.sum() > 0:
        # Not capped by what a tenant can use: what it leaves goes to the best watts of all, last of all.
        owed += left * entitlement.share / entitlement.share.sum()
    return owed, guaranteed, np.where(short > _HAIR_W, short, 0.0)


class _Walk:
    """One allocation under way: increments [N, K] flattened in the order of their worth."""

    def __init__(self, demand: Demand, wiring: Wiring, tenants: int) -> None:
        self._tenant, self._circuit, self._tenants = demand.tenant, demand.circuit, tenants
        lower = demand.lower_w
        ends = np.clip(
            demand.curves.watts[demand.curve], lower[:, None], np.maximum(lower, demand.upper_w)[:, None]
        )
        size = np.diff(ends, axis=1)
        full = np.diff(demand.curves.watts, axis=1)
        divisible = np.array(demand.curves.divisible, dtype=np.bool_)[demand.curve]
        self._base = lower
        self.given_w = np.zeros(len(lower))
        self.level_hs_w = float("nan")
        self._wiring = wiring
        self._least, size = _least_parts(demand, size, divisible)
        flat = np.flatnonzero(size > _HAIR_W)
        density = np.divide(
            np.diff(demand.curves.hashes_hs, axis=1), full, out=np.zeros_like(full), where=full > 0
        )[demand.curve]
        worth = density * demand.merit[:, None]
        held = ends[:, 1:] <= (demand.current_w + _HAIR_W)[:, None]
        # Equal but for rounding: which of two like miners has the watts is decided by who had them.
        key = worth * np.where(held, 1.0 + 1e-9, 1.0)
        order = flat[np.argsort(-key.ravel()[flat], kind="stable")]
        self._miner = order // size.shape[1]
        self._size = size.ravel()[order]
        self._worth = worth.ravel()[order]
        self._least_part = self._least.ravel()[order]
        most = lower + size.sum(axis=1)
        self.usable_w: Floats = np.bincount(self._tenant, weights=most, minlength=tenants).astype(np.float64)
        self._binding = np.flatnonzero(wiring.below_w(self._circuit, most) > wiring.limit_w)
        self.wiring_binds = len(self._binding) > 0
        self._above = _above(wiring)

    def watts(self) -> Floats:
        """Return what each miner has been given, its base included [N]."""
        return self._base + self.given_w

    def tenant_w(self) -> Floats:
        """Return what each tenant's miners have been given [T]."""
        return np.bincount(self._tenant, weights=self.watts(), minlength=self._tenants).astype(np.float64)

    def fill(self, quota_w: Floats, budget_w: float) -> None:
        """Give increments in the order of their worth, no tenant more than its quota [T]."""
        for _ in range(_ROUNDS):
            room = self._room(quota_w, budget_w)
            open_ = self._fits(room)
            if not len(open_):
                return
            take = self._size[open_].copy()
            miner = self._miner[open_]
            for group, group_room in self._limits(quota_w, budget_w):
                _truncate(take, group[miner], group_room)
            partial = take < np.minimum(self._least_part[open_], self._size[open_]) - _HAIR_W
            take[partial] = 0.0
            if take.sum() <= _HAIR_W:
                return
            self._give(open_, take)

    def _give(self, open_: Ints, take: Floats) -> None:
        np.add.at(self.given_w, self._miner[open_], take)
        taken = np.flatnonzero(take > 0)
        self.level_hs_w = float(np.fmin(self.level_hs_w, self._worth[open_[taken[-1]]]))
        left = self._size.copy()
        left[open_] -= take
        least = self._least_part.copy()
        least[open_] = np.maximum(0.0, least[open_] - take)
        keep = left > _HAIR_W
        self._size, self._least_part = left[keep], least[keep]
        self._miner, self._worth = self._miner[keep], self._worth[keep]

    def _room(self, quota_w: Floats, budget_w: float) -> Floats:
        """Return the room of each miner: the least that tenant, circuits and site have left [N]."""
        room = np.minimum(quota_w - self.tenant_w(), budget_w - float(self.watts().sum()))[self._tenant]
        if self.wiring_binds:
            headroom = self._wiring.headroom_w(self._wiring.below_w(self._circuit, self.watts()))
            room = np.minimum(room, headroom[self._circuit])
        return room

    def _fits(self, room: Floats) -> Ints:
        """Return which increments may be looked at: none behind one of the same miner that does not fit."""
        needs = np.minimum(self._least_part, self._size)
        too_large = needs > room[self._miner] + _HAIR_W
        none_left = room[self._miner] <= _HAIR_W
        blocked = np.full(len(room), len(self._miner))
        where = np.flatnonzero(too_large)
        np.minimum.at(blocked, self._miner[where], where)
        place = np.arange(len(self._miner))
        return np.flatnonzero((place < blocked[self._miner]) & ~none_left)

    def _limits(self, quota_w: Floats, budget_w: float) -> Iterator[tuple[Ints, Floats]]:
        """Yield each kind of limit as group of each miner [N] and room of each group, innermost first."""
        if np.isfinite(quota_w).any():
            yield self._tenant, quota_w - self.tenant_w()
        if self.wiring_binds:
            load = self._wiring.below_w(self._circuit, self.watts())
            for level in self._above:
                yield level[self._circuit], self._wiring.limit_w - load
        yield np.zeros(len(self._tenant), dtype=np.int64), np.array([budget_w - float(self.watts().sum())])


def _least_parts(demand: Demand, size: Floats, divisible: Bools) -> tuple[Floats, Floats]:
    """Return the least of each increment that can be held, and increments without those that never can."""
    least = np.where(divisible[:, None], 0.0, np.inf)
    least = np.minimum(np.broadcast_to(least, size.shape), size)
    # The first increment of a sleeper reaches its floor at least.
    asleep = demand.lower_w < demand.curves.floor_w[demand.curve]
    to_floor = np.where(asleep, demand.curves.floor_w[demand.curve] - demand.lower_w, 0.0)
    least[:, 0] = np.maximum(least[:, 0], np.where(divisible, to_floor, least[:, 0]))
    possible = least <= size + _HAIR_W
    whole = np.diff(np.clip(demand.curves.watts[demand.curve], demand.lower_w[:, None], None), axis=1)
    possible &= divisible[:, None] | (size >= whole - _HAIR_W)
    return least, np.where(np.logical_and.accumulate(possible, axis=1), size, 0.0)


def _above(wiring: Wiring) -> list[Ints]:
    """Return for each depth, deepest first, which circuit of it (or none: itself) feeds each circuit."""
    depth = wiring.depth()
    levels = []
    for level in range(int(depth.max(initial=0)), -1, -1):
        feeder = np.arange(len(depth))
        while (high := depth[feeder] > level).any():
            feeder = np.where(high, wiring.parent[feeder], feeder)
        levels.append(feeder)
    return levels


def _truncate(take: Floats, group: Ints, room: Floats) -> None:
    """Lower ``take`` in place so that no group takes more than its room, the first of a group first."""
    order = np.argsort(group.astype(np.int16), kind="stable")
    mine, sorted_group = take[order], group[order]
    running = np.cumsum(mine)
    first = np.flatnonzero(np.diff(sorted_group, prepend=-1))
    before = np.zeros(len(room))
    before[sorted_group[first]] = running[first] - mine[first]
    over = np.maximum(0.0, running - before[sorted_group] - np.maximum(0.0, room)[sorted_group])
    take[order] = np.maximum(0.0, mine - over)
