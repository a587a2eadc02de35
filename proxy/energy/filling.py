"""Filling limits with the best watts: a greedy walk over the increments of all miners, vectorised.

Every miner's envelope is cut into *increments*, which are taken in the order of their worth (hashes per
watt). Where limits are nested (miners in circuits in circuits) that is what a linear program would do, but
for the last increment that no longer fits. One walk is a cumulative sum for each kind of limit, innermost
first; it is repeated while increments that proved too large make room for smaller ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proxy.energy.arrays import Floats, Ints
from proxy.energy.curves import Curves
from proxy.energy.site import Wiring

HAIR_W = 1e-6
"""Rounding of sums of 10,000 miners, far below what can be commanded."""
_ROUNDS = 12
"""Walks of one filling; each takes at least one increment or gives some up for good."""
_RANKS = 2**15 - 1
"""Steps of the order by worth, equal on a logarithmic scale: 1e-4 for worths that differ tenfold. So few that
they are sorted by radix, ten times as fast as floats."""


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


class Filling:
    """An allocation under way: what each miner has been given, and the increments [I] that are left."""

    def __init__(self, demand: Demand, wiring: Wiring, tenants: int) -> None:
        self._tenant, self._circuit, self._tenants = demand.tenant, demand.circuit, tenants
        self._wiring = wiring
        self._base, self._given = demand.lower_w, np.zeros(len(demand.lower_w))
        self.level_hs_w = float("nan")
        """Worth of the last watt that was given; NaN before the first."""
        size, least = _increments(demand)
        density = demand.curves.density()[demand.curve] * demand.merit[:, None]
        held = demand.curves.watts[demand.curve, 1:] <= (demand.current_w + HAIR_W)[:, None]
        flat = (size.ravel() > HAIR_W).nonzero()[0]
        self._worth = density.ravel()[flat]
        # Of two increments as good as each other the one goes first that a miner already has.
        order = np.argsort(_rank(self._worth) * 2 + ~held.ravel()[flat], kind="stable")
        flat, self._worth = flat[order], self._worth[order]
        self._miner = flat // size.shape[1]
        self._size, self._least = size.ravel()[flat], least.ravel()[flat]
        most = self._base + size.sum(axis=1)
        self.usable_w = _sums(demand.tenant, most, tenants)
        """What each tenant's miners could take if nothing limited them [T]."""
        self._binds = wiring.below_w(demand.circuit, most) > wiring.limit_w
        self._feeders = [feeder for feeder in _feeders(wiring) if self._binds[feeder].any()]
        self.wiring_binds = bool(self._binds.any())
        """Whether a circuit could be overloaded at all; where none can, none is looked at."""

    def watts(self) -> Floats:
        """Return what each miner has been given, its least included [N]."""
        return self._base + self._given

    def tenant_w(self) -> Floats:
        """Return what each tenant's miners have been given [T]."""
        return _sums(self._tenant, self.watts(), self._tenants)

    def fill(self, quota_w: Floats, budget_w: float) -> None:
        """Give increments in the order of their worth, no tenant more than its quota [T] in all."""
        for _ in range(_ROUNDS):
            limits = list(self._limits(quota_w, budget_w))
            open_ = self._fitting(limits)
            take = self._size[open_]
            for group, room in limits:
                take = _truncated(take, group[self._miner[open_]], room)
                some = take > HAIR_W
                open_, take = open_[some], take[some]
            held = take >= np.minimum(self._least[open_], self._size[open_]) - HAIR_W
            open_, take = open_[held], take[held]
            if not len(open_):
                return
            self._give(open_, take)

    def _give(self, taken: Ints, take: Floats) -> None:
        self._given += _sums(self._miner[taken], take, len(self._given))
        self.level_hs_w = float(np.fmin(self.level_hs_w, self._worth[taken[-1]]))
        self._size[taken] -= take
        self._least[taken] = np.maximum(0.0, self._least[taken] - take)
        keep = (self._size > HAIR_W).nonzero()[0]
        self._size, self._least = self._size[keep], self._least[keep]
        self._miner, self._worth = self._miner[keep], self._worth[keep]

    def _fitting(self, limits: list[tuple[Ints, Floats]]) -> Ints:
        """Return which increments fit if taken alone: none behind one of the same miner that does not."""
        room = np.full(len(self._given), np.inf)
        for group, group_room in limits:
            room = np.minimum(room, group_room[group])
        # Most have none: one tenant's turn, a full budget.
        some: Ints = (room > HAIR_W)[self._miner].nonzero()[0]
        miner = self._miner[some]
        small = np.minimum(self._least[some], self._size[some]) <= room[miner] + HAIR_W
        large = (~small).nonzero()[0]
        if not len(large):
            return some
        first = np.full(len(self._given), len(small))
        first[miner[large[::-1]]] = large[::-1]
        fitting: Ints = some[small & (np.arange(len(small)) < first[miner])]
        return fitting

    def _limits(self, quota_w: Floats, budget_w: float) -> Iterator[tuple[Ints, Floats]]:
        """Yield each kind of limit as group of each miner [N] and room of each group, innermost first."""
        if np.isfinite(quota_w).any():
            yield self._tenant, quota_w - self.tenant_w()
        if self.wiring_binds:
            load = self._wiring.below_w(self._circuit, self.watts())
            room = np.where(self._binds, self._wiring.limit_w - load, np.inf)
            for feeder in self._feeders:
                yield feeder[self._circuit], room
        yield np.zeros(len(self._tenant), dtype=np.int64), np.array([budget_w - float(self.watts().sum())])


def _increments(demand: Demand) -> tuple[Floats, Floats]:
    """Return the increments of each miner and the least of each that can be held [N, K - 1].

    Cut to what the miner may draw; 0 where it cannot hold any of it, and from there on.
    """
    vertices, divisible = demand.curves.watts[demand.curve], np.array(demand.curves.divisible)[demand.curve]
    lower, floor = demand.lower_w[:, None], demand.curves.floor_w[demand.curve]
    from_lower = np.maximum(vertices, lower)
    whole = from_lower[:, 1:] - from_lower[:, :-1]
    ends = np.minimum(from_lower, np.maximum(demand.lower_w, demand.upper_w)[:, None])
    size = ends[:, 1:] - ends[:, :-1]
    least = np.where(divisible[:, None], 0.0, whole)
    # A sleeper starts at its floor, whatever it can hold above.
    to_floor = np.maximum(0.0, floor - demand.lower_w)
    least[:, 0] = np.where(divisible, to_floor, least[:, 0])
    impossible = least > size + HAIR_W
    if impossible.any():
        size = np.where(np.logical_or.accumulate(impossible, axis=1), 0.0, size)
    return size, least


def _rank(worth: Floats) -> npt.NDArray[np.uint16]:
    """Return the place of each worth on a scale of ``_RANKS`` steps, the best first."""
    scale = np.log(np.maximum(worth, 1e-300))
    best, span = scale.max(initial=-np.inf), np.ptp(scale) if len(scale) else 0.0
    ranks: npt.NDArray[np.uint16] = ((best - scale) * (_RANKS / max(span, 1e-12))).astype(np.uint16)
    return ranks


def _sums(group: Ints, values: Floats, groups: int) -> Floats:
    return np.bincount(group, weights=values, minlength=groups).astype(np.float64, copy=False)


def _feeders(wiring: Wiring) -> list[Ints]:
    """Return for each depth, deepest first, which circuit of it feeds each circuit; itself if it is above."""
    depth = wiring.depth()
    levels = []
    for level in range(int(depth.max(initial=0)), -1, -1):
        feeder = np.arange(len(depth))
        while (deeper := depth[feeder] > level).any():
            feeder = np.where(deeper, wiring.parent[feeder], feeder)
        levels.append(feeder)
    return levels


def _truncated(take: Floats, group: Ints, room: Floats) -> Floats:
    """Return ``take`` lowered so that no group takes more than its room, the first first."""
    room = np.maximum(0.0, room)
    if len(room) == 1:
        left: Floats = room[0] - (np.cumsum(take) - take)
        return np.minimum(take, np.maximum(0.0, left))
    limited = np.isfinite(room)[group].nonzero()[0]
    mine = group[limited].astype(np.uint16 if len(room) < 2**16 else np.int64)
    order = limited[np.argsort(mine, kind="stable")]
    sizes, of = take[order], group[order]
    before = np.cumsum(sizes) - sizes
    members = np.bincount(of, minlength=len(room))
    some = members.nonzero()[0]
    start = np.zeros(len(room))
    start[some] = before[(members.cumsum() - members)[some]]
    taken = take.copy()
    taken[order] = np.minimum(sizes, np.maximum(0.0, room[of] - (before - start[of])))
    return taken
