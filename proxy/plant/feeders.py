"""The circuit tree: breakers open and closed, watts, volt-amperes and amperes of each phase, thermal trips."""

import numpy as np

from proxy.plant.fleet import Fleet, Flags, Floats
from proxy.plant.parameters import Surroundings
from proxy.plant.site import SiteLayout


class Feeders:
    """The circuits of a site; arrays are by circuit and phase."""

    def __init__(self, place: Surroundings, layout: SiteLayout, fleet: Fleet) -> None:
        self._place = place
        count = len(layout.circuits)
        self._parents = [circuit.parent for circuit in layout.circuits]
        self._breaker_a = np.array([[circuit.breaker_a] for circuit in layout.circuits])
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

    def _sum(self, miner_w: Floats, count: int) -> Floats:
        watts = np.bincount(self._slot, weights=miner_w, minlength=count * 3).reshape(count, 3)
        for child, parent in enumerate(self._parents):
            if parent >= 0:
                watts[parent] += watts[child]
        return watts

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

    def step(self, dt: float, miner_w: Floats) -> float:
        """Take the miners' watts, open what is overloaded, and return the watts at the bus."""
        place = self._place
        self.watts = self._sum(miner_w, len(self._parents)) * (1.0 + place.loss)
        # Supplies near idle draw little and badly: the factor falls with the load.
        part = np.minimum(1.0, self.watts / self._default_w)
        factor = place.idle_power_factor + (place.power_factor - place.idle_power_factor) * np.sqrt(part)
        self.volt_amperes = self.watts / factor
        self.amperes = self.volt_amperes / place.voltage_v
        self._heat += ((self.amperes / self._breaker_a) ** 2 - self._heat) * -np.expm1(
            -dt / place.breaker_tau_s
        )
        self.tripped = []
        # A thermal element rated for continuous current operates at about 1.2 times it (IEC 60947-2: 1.05..1.3).
        if float(self._heat.max()) > 1.44:
            over = np.flatnonzero((self._heat > 1.44).any(axis=1) & self.closed)
            self.closed[over] = False
            self._heat[over] = 0.0
            self.tripped = [int(one) for one in over]
        return float(sum(self.watts[at].sum() for at, parent in enumerate(self._parents) if parent < 0))
