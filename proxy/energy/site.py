"""A site as its owner describes it: circuits, generators, reserve, auxiliaries, tenants. All nominal."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from proxy.energy.arrays import Bools, Floats, Ints

PHASES = 3


@dataclass(frozen=True, slots=True)
class Circuit:
    """A node of the wiring tree, with limits that hold always: per phase, infinite where it has none."""

    name: str
    parent: str | None = None
    """The circuit that feeds it; None for that of the site, of which there is one."""
    phases: tuple[int, ...] = (0, 1, 2)
    """Those that it is wired to."""
    phase_w: float = math.inf
    phase_a: float = math.inf
    phase_kva: float = math.inf
    volts: float = 240.0
    """Between a phase and neutral."""
    power_factor: float = 0.97
    """Of the load at its worst. Supplies of miners correct theirs to above 0.95 from half load on [A]."""
    continuous: float = 1.0
    """Part of a breaker's amperes that may flow for hours: 0.8 where NEC 210.20 applies."""

    def phase_limit_w(self) -> float:
        """Return what one phase may carry, in watts: the tightest of its three limits."""
        amperes_w = self.phase_a * self.continuous * self.volts * self.power_factor
        return min(self.phase_w, amperes_w, self.phase_kva * 1000.0 * self.power_factor)

    def limit_w(self, measured_w: Sequence[float] | None = None) -> float:
        """Return what all phases together may carry, in watts.

        Args:
            measured_w: What each phase of the site carries now. The fullest then decides, for nobody can
                choose the phase of a watt: as the load is shared now, so it will be when it grows. Without
                it, or where one is unknown, phases are taken as balanced.

        """
        per_phase = self.phase_limit_w()
        balanced = per_phase * len(self.phases)
        if measured_w is None or not math.isfinite(per_phase):
            return balanced
        carried = [measured_w[phase] for phase in self.phases]
        total = sum(carried)
        if not math.isfinite(total) or total <= 0:
            return balanced
        return min(balanced, per_phase * total / max(carried))


@dataclass(frozen=True, slots=True)
class Generator:
    """A generating set."""

    name: str
    nominal_kw: float
    derates: tuple[float, ...] = ()
    """Factors of altitude, heat, methane number and the like, each in (0, 1]."""

    @property
    def firm_kw(self) -> float:
        """What it gives at its worst, in kW."""
        return self.nominal_kw * math.prod(self.derates)


@dataclass(frozen=True, slots=True)
class NMinusOne:
    """Keep as much free as the largest running set gives: the loss of any one overloads nothing."""


@dataclass(frozen=True, slots=True)
class HardwareShed:
    """Contactors drop load when a set trips, faster than any software."""

    tested: date
    """When it was last seen to work."""


@dataclass(frozen=True, slots=True)
class ReserveKw:
    """Keep so much free, whatever runs."""

    kw: float


Reserve = NMinusOne | HardwareShed | ReserveKw


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """What the site draws beside its miners: fans, pumps, containers, the camp."""

    name: str
    kw: float
    """The most it draws."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A hosted customer, with the power that was promised."""

    name: str
    guarantee_kw: float = 0.0
    meter: str | None = None
    """Where the guarantee is measured: the meter of a circuit of this name."""
    contracted_share: float = 1.0
    """Weight in what is left when guarantees are met."""
    priority: int = 0
    """Guarantees of a lower number are met first."""


@dataclass(frozen=True, slots=True)
class Site:
    """Everything behind one supply. ``firm.problems`` tells what is wrong with one."""

    circuits: tuple[Circuit, ...]
    generators: tuple[Generator, ...]
    reserve: Reserve
    """Mandatory: no default would be right for a stranger's island."""
    auxiliaries: tuple[Auxiliary, ...] = ()
    tenants: tuple[Tenant, ...] = ()
    hz: float = 60.0

    @property
    def auxiliaries_w(self) -> float:
        """The most that all auxiliaries draw together."""
        return sum(auxiliary.kw for auxiliary in self.auxiliaries) * 1000.0


@dataclass(frozen=True, slots=True)
class Wiring:
    """The circuit tree as arrays, index = place in ``Site.circuits``."""

    parent: Ints
    """Of each circuit; -1 for that of the site."""
    limit_w: Floats
    """Of each circuit, all phases together."""

    def headroom_w(self, load_w: Floats) -> Floats:
        """Return what may still be added at each circuit: the least room of it and all that feed it.

        Args:
            load_w: What flows through each circuit, all below it included.

        """
        room = self.limit_w - load_w
        for circuit in self.downwards():
            if self.parent[circuit] >= 0:
                room[circuit] = min(room[circuit], room[self.parent[circuit]])
        return room

    def below_w(self, circuit: Ints, watts: Floats) -> Floats:
        """Return what flows through each circuit, from miners' circuits and watts."""
        load = np.bincount(circuit, weights=watts, minlength=len(self.parent)).astype(np.float64)
        for index in self.downwards()[::-1]:
            if self.parent[index] >= 0:
                load[self.parent[index]] += load[index]
        return load

    def depth(self) -> Ints:
        """Return how many circuits feed each, itself not counted."""
        depth = np.zeros(len(self.parent), dtype=np.int64)
        above = self.parent.copy()
        while (above >= 0).any():
            depth += above >= 0
            above = np.where(above >= 0, self.parent[above], -1)
        return depth

    def downwards(self) -> Ints:
        """Return all circuits, each after the one that feeds it."""
        return np.argsort(self.depth(), kind="stable").astype(np.int64)

    def locked_out(self, locked: Bools) -> Bools:
        """Return which circuits are dead when some are locked for maintenance: those and all below."""
        dead = locked.copy()
        for circuit in self.downwards():
            if self.parent[circuit] >= 0:
                dead[circuit] |= dead[self.parent[circuit]]
        return dead


def wiring(site: Site, measured_w: Floats | None = None, locked: Bools | None = None) -> Wiring:
    """Return the tree of circuits as arrays.

    Args:
        site: One without problems: its circuits are a tree.
        measured_w: Watts of each phase of each circuit, [C, 3]; NaN where unknown.
        locked: Circuits that are locked out: nothing may flow there.

    """
    place = {circuit.name: index for index, circuit in enumerate(site.circuits)}
    parents = [-1 if circuit.parent is None else place[circuit.parent] for circuit in site.circuits]
    limits = [
        circuit.limit_w(None if measured_w is None else [float(watts) for watts in measured_w[index]])
        for index, circuit in enumerate(site.circuits)
    ]
    tree = Wiring(np.array(parents, dtype=np.int64), np.array(limits, dtype=np.float64))
    if locked is None:
        return tree
    return Wiring(tree.parent, np.where(tree.locked_out(locked), 0.0, tree.limit_w))
