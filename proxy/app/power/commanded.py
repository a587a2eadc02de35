"""What each miner that was ever here was told last, in the order of the roster."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from proxy.energy.arrays import Bools, Floats, Ints
from proxy.energy.site import Site, wiring
from proxy.governor.devices import Devices, Verb
from proxy.governor.plan import Steps


class Commanded:
    """Columns with a place for each device [N]."""

    def __init__(self, site: Site) -> None:
        self.withheld: Bools = np.empty(0, dtype=np.bool_)
        """Whether it is to have no work."""
        self.watts: Floats = np.empty(0)
        """What it was told to draw."""
        self.ceiling_w: Floats = np.empty(0)
        self.circuit: Ints = np.empty(0, dtype=np.int64)
        """Where it is plugged in."""
        self._since: Floats = np.empty(0)
        """Since when it is held to have no work; NaN where it has some."""
        self._circuits = [circuit.name for circuit in site.circuits]
        self._wiring = wiring(site)

    def join(self, devices: Devices, *, withheld: bool) -> None:
        """Make room for joiners: whether they wait for work, and then for as much as they like."""
        more = len(devices)
        self.withheld = np.concatenate((self.withheld, np.full(more, withheld)))
        self.watts = np.concatenate((self.watts, devices.ceiling_w))
        self.ceiling_w = np.concatenate((self.ceiling_w, devices.ceiling_w))
        self.circuit = np.concatenate((self.circuit, devices.circuit))
        self._since = np.concatenate((self._since, np.full(more, np.nan)))

    def take(self, steps: Steps) -> None:
        """Note what miners are told now."""
        self.watts[steps.miner] = steps.watts
        for verb in (Verb.WITHHOLD, Verb.DISCONNECT):
            self.withheld[steps.of(verb)[0]] = True
        self.withheld[steps.of(Verb.RELEASE)[0]] = False

    def without_work_since(self, now: float, withheld: Bools) -> Floats:
        """Return since when each has no work, if these have none now [N]; NaN where it has some."""
        begun = np.where(np.isnan(self._since), now, self._since)
        self._since = np.where(withheld, begun, np.nan)
        return self._since

    def locked_out(self, lockouts: Container[str]) -> Bools:
        """Return whose circuit is among these, or one that feeds it."""
        marks = np.array([name in lockouts for name in self._circuits])
        return self._wiring.locked_out(marks)[self.circuit]
