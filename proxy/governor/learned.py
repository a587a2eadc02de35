"""What a kind of device was seen to do, against what its data sheet says: how fast, and how much stays."""

import numpy as np

from proxy.energy.arrays import Bools, Floats, Ints
from proxy.governor.devices import Actuator

ACTUATORS = (Actuator.LIMIT, Actuator.SLEEP, Actuator.WITHHOLD, Actuator.DISCONNECT)
USELESS = 0.5
"""An actuator that leaves more than this part of the watts is credited nothing and not used."""
GAIN = 0.1
"""How much one batch of evidence moves what was learned."""
FASTEST, SLOWEST = 0.4, 4.0
"""What is learned of a lag stays between these multiples of the nominal one."""


class Learned:
    """For each kind of device (its curve) and actuator: a factor on its lag, and the part that stays."""

    __slots__ = ("lag", "residual")

    def __init__(self, kinds: int) -> None:
        self.lag: Floats = np.ones((kinds, len(ACTUATORS)))
        self.residual: Floats = np.zeros((kinds, len(ACTUATORS)))

    def recall(self, kind: int, actuator: int, lag: float, residual: float) -> None:
        """Go on with what was learned before, within its bounds."""
        self.lag[kind, actuator] = np.clip(lag, FASTEST, SLOWEST)
        self.residual[kind, actuator] = np.clip(residual, 0.0, 1.0)

    def usable(self, kind: Ints, actuator: Actuator) -> Bools:
        """Return for miners of these kinds whether the actuator does anything worth the name."""
        return np.asarray(self.residual[kind, ACTUATORS.index(actuator)] <= USELESS)

    def obeyed(self, kind: Ints, actuator: int, nominal_s: Floats, late_s: Floats, seen_s: Floats) -> None:
        """Learn from miners that obeyed: refuted until ``late_s`` after the command, proven at ``seen_s``.

        The true lag lies between; what was learned moves there only as far as it must.
        """
        for one in np.unique(kind):
            mine = kind == one
            nominal = np.maximum(nominal_s[mine], 0.1)
            low = float(np.median(late_s[mine] / nominal))
            high = float(np.median(seen_s[mine] / nominal))
            now = self.lag[one, actuator]
            aim = float(np.clip(min(max(now, low), max(high, low)), FASTEST, SLOWEST))
            self.lag[one, actuator] += GAIN * (aim - now)
            self.residual[one, actuator] -= (
                GAIN * self.residual[one, actuator] * mine.sum() / (mine.sum() + 4.0)
            )

    def failed(self, kind: Ints, actuator: int, stays: Floats) -> None:
        """Learn from miners that did not obey in time; ``stays`` is the part of their watts that does."""
        for one in np.unique(kind):
            mine = kind == one
            # A few deaf miners are those miners' fault, many of a kind are the kind's.
            gain = GAIN * mine.sum() / (mine.sum() + 4.0)
            now = self.residual[one, actuator]
            self.residual[one, actuator] = now + gain * (float(np.clip(stays[mine], 0, 1).mean()) - now)
