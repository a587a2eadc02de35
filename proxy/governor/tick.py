"""One tick under way: what is known of the moment, and what is being done about it."""

import math
from dataclasses import dataclass, field

from proxy.energy.arrays import Floats, Ints
from proxy.energy.budget import Budget
from proxy.energy.curves import Curves
from proxy.energy.site import Wiring
from proxy.governor.accounts import Accounts
from proxy.governor.alarms import Alarms
from proxy.governor.commander import Commander
from proxy.governor.devices import Devices
from proxy.governor.learned import Learned
from proxy.governor.plan import NOBODY, Decision
from proxy.governor.readings import Readings
from proxy.governor.settings import GovernorSettings


@dataclass(slots=True)
class Body:
    """What lasts from tick to tick: the miners, what they were told, and what was learned of them."""

    devices: Devices
    curves: Curves
    accounts: Accounts
    learned: Learned
    settings: GovernorSettings
    alarms: Alarms
    names: tuple[str, ...]
    """Of the site's circuits."""
    tenants: tuple[str, ...]
    bias: float = 1.0
    """Watts at the feeder for each nominal watt of the miners: losses, heat, and what curves are wrong by."""


@dataclass(slots=True)
class Tick:
    """This tick."""

    now: float
    readings: Readings
    body: Body
    commander: Commander
    budget: Budget
    load_w: float
    """Best estimate of the fleet's draw now, at the feeder."""
    overload_w: float
    """What the fleet draws beyond what the supply can give; 0 or less is none."""
    gap_w: float
    """What the feeder shows beyond what the miners should be drawing; NaN if unknown."""
    proven_w: float
    expected_w: float
    room_w: float
    """What may be raised now by the engines' step acceptance; infinite without engines."""
    may_raise: bool
    severe: bool
    """Whether the supply cannot give what is drawn, so that seconds count."""
    wiring: Wiring
    dead: Floats
    """[C]: 1 where a circuit is locked out."""
    entitled_w: Floats
    """[T] guarantees."""
    decisions: list[Decision] = field(default_factory=list)
    open: tuple[int, ...] = ()
    close: tuple[int, ...] = ()
    prove: Ints = field(default_factory=lambda: NOBODY)

    def decide(self, what: str, miners: int, watts: float, sentence: str, bound: str = "") -> None:
        """Note something that was done."""
        self.decisions.append(Decision(self.now, what, miners, watts, bound or self.budget.bound, sentence))

    @property
    def deficit_w(self) -> float:
        """What is expected beyond the budget, at the feeder."""
        return self.expected_w - self.budget.watts if math.isfinite(self.budget.watts) else -math.inf
