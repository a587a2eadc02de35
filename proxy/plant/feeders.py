"""The circuit tree: breakers open and closed, watts, volt-amperes, amperes of each phase, thermal trips."""

from math import expm1, inf

import numpy as np

from proxy.plant.figures import Surroundings
from proxy.plant.fleet import Flags, Fleet, Floats, Ints
from proxy.plant.site import SiteLayout


class Feeders:
    """The circuits of a site; arrays are by circuit and phase."""

    def __init__(self, place: Surroundings, layout: SiteLayout, fleet: Fleet) -> None:
        self._place = place
        count = len(layout.circuits)
        self._parents = [circuit.parent for circuit in layout.circuits]
        roots = [at for at, parent in enumerate(self._parents) if parent < 0]
        # A slice where they lie together: to pick rows by a list takes longer than to sum them.
        together = roots == list(range(roots[0], count))
        self._roots: slice | list[int] = slice(roots[0], count) if together else roots
        self._breaker_a = np.array([[circuit.breaker_a] * 3 for circuit in layout.circuits])
        self._slot = fleet.circuit * 3 + fleet.phase
        self._leaf = fleet.circuit
        self._default_w = np.maximum(self._sum(fleet.of_model("default_w"), count), 1.0)
        self.closed = np.ones(count, dtype=bool)
        self.watts = np.zeros((count, 3))
        self.volt_amperes = np.zeros((count, 3))
        self.amperes = np.zeros((count, 3))
        self._heat = np.zeros((count, 3))
        self.tripped: list[int] = []
        """Circuits whose breakers opened by themselves in the last step."""
        self._waiting: list[int] = []
        """Circuits that opened when the bus died, in the order in which they will close."""
        self._next_s = inf
        self.auxiliaries = True
        """Whether the site's own consumers are connected; it falls and closes with the first circuit."""

    def _sum(self, miner_w: Floats, count: int) -> Floats:
        flat = np.bincount(self._slot, weights=miner_w, minlength=count * 3)
        watts = flat.astype(np.float64, copy=False).reshape(count, 3)
        rows = list(watts)
        for child, parent in enumerate(self._parents):
            if parent >= 0:
                rows[parent] += rows[child]
        return watts

    def switch(self, opened: Ints, closed: Ints) -> None:
        """Open and close circuits by hand; what was opened by hand does not close by itself."""
        self.closed[opened] = False
        self.closed[closed] = True
        touched = {int(one) for one in (*opened, *closed)}
        self._waiting = [one for one in self._waiting if one not in touched]

    def drop(self) -> None:
        """Let every leaf circuit and the auxiliaries' open, as their releases do when the bus dies."""
        leaves = np.unique(self._leaf)
        self._waiting += [int(one) for one in leaves[self.closed[leaves]]]
        self.closed[leaves] = False
        self.auxiliaries = False
        self._next_s = inf

    def reclose(self, now: float) -> bool:
        """Close the next circuit if it is time, on a live bus; return whether anything was closed."""
        if self.auxiliaries and not self._waiting:
            return False
        if self._next_s == inf:
            self._next_s = now + self._place.reclose_s
        if now < self._next_s:
            return False
        self._next_s = now + self._place.reclose_s
        self.auxiliaries = True
        if self._waiting:
            self.closed[self._waiting.pop(0)] = True
        return True

    def live(self, bus: bool) -> Flags:
        """Return for each miner whether it has voltage."""
        live = self.closed & bus
        # From the bus outwards: a parent's index is greater than its child's.
        for child in range(len(self._parents) - 1, -1, -1):
            parent = self._parents[child]
            if parent >= 0:
                live[child] &= live[parent]
        reached: Flags = live[self._leaf]
        return reached

    def sum(self, miner_w: Floats) -> float:
        """Take the miners' watts and return those at the bus."""
        place = self._place
        self.watts = self._sum(miner_w, len(self._parents))
        self.watts *= 1.0 + place.loss
        # Supplies near idle draw little and badly: the factor falls with the load.
        factor = self.watts / self._default_w
        np.minimum(factor, 1.0, out=factor)
        np.sqrt(factor, out=factor)
        factor *= place.power_factor - place.idle_power_factor
        factor += place.idle_power_factor
        self.volt_amperes = self.watts / factor
        self.amperes = self.volt_amperes / place.voltage_v
        return float(self.watts[self._roots].sum())

    def step(self, dt: float, miner_w: Floats) -> float:
        """Take the miners' watts, open what is overloaded for too long, and return the watts at the bus."""
        total_w = self.sum(miner_w)
        warmth = self.amperes / self._breaker_a
        warmth *= warmth
        warmth -= self._heat
        warmth *= -expm1(-dt / self._place.breaker_tau_s)
        self._heat += warmth
        self.tripped = []
        # A thermal element operates at about 1.2 times its rating (IEC 60947-2: 1.05..1.3).
        hot = self._heat > 1.44
        if np.count_nonzero(hot):
            over = np.flatnonzero(hot.any(axis=1) & self.closed)
            self.closed[over] = False
            self._heat[over] = 0.0
            self.tripped = [int(one) for one in over]
        return total_w
