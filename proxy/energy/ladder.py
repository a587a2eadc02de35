"""What a silent meter means: the longer nobody knows, the less power is given."""

import math
from dataclasses import dataclass
from enum import IntEnum


class Rung(IntEnum):
    """How far down a meter's silence has led."""

    FRESH = 0
    HOLD = 1
    """Nothing is raised."""
    SAFE = 2
    """No more than what was surely there."""
    GUARANTEES = 3
    """What tenants were promised, and no more."""
    SLEEP = 4


@dataclass(frozen=True, slots=True)
class Ladder:
    """After how many seconds of silence each rung is reached; infinite where a meter never leads."""

    hold_s: float = 3.0
    safe_s: float = 15.0
    guarantees_s: float = 60.0
    sleep_s: float = 240.0

    def __post_init__(self) -> None:
        if not 0 < self.hold_s <= self.safe_s <= self.guarantees_s <= self.sleep_s:
            raise ValueError(f"rungs come one after the other: {self}")

    def rung(self, age_s: float) -> Rung:
        """Return where a reading of this age stands; one of unknown age was never taken."""
        if math.isnan(age_s):
            age_s = math.inf
        if age_s == math.inf and math.isinf(self.sleep_s):
            # A meter that never was leads as far as its role goes.
            return max(r for r, s in zip(Rung, (0, *self._seconds()), strict=True) if math.isfinite(s))
        return Rung(sum(age_s >= seconds for seconds in self._seconds()))

    def _seconds(self) -> tuple[float, float, float, float]:
        return self.hold_s, self.safe_s, self.guarantees_s, self.sleep_s


LADDERS = {
    "feeder": Ladder(),
    "generators": Ladder(),
    "circuit": Ladder(),
    "source": Ladder(30.0, 120.0, 600.0, 1800.0),
    "header": Ladder(10.0, 60.0, math.inf, math.inf),
    "frequency": Ladder(3.0, 60.0, math.inf, math.inf),
    "tenant": Ladder(15.0, math.inf, math.inf, math.inf),
    "miner": Ladder(30.0, math.inf, math.inf, math.inf),
}
"""By role of the meter. Those of power as the design has it; others [A]: a source of available kW is a file
or an endpoint that is renewed each minute or so, gas moves in minutes and is seen in valve and frequency too,
a tenant's meter limits nothing."""

SAFE_PART = 0.7
"""Of the last known power, where the last hour was never lower."""


def ceiling_w(
    ladder: Ladder,
    age_s: float,
    *,
    last_w: float,
    hour_least_w: float,
    guaranteed_w: float,
    sleep_w: float = 0.0,
) -> float:
    """Return the most that the fleet may be given while a meter is silent: infinite while it is fresh.

    Args:
        ladder: Of the meter's role.
        age_s: Of its last believable reading.
        last_w: What the meter allowed or showed last; NaN if it never did.
        hour_least_w: The least of that in the last hour; NaN if unknown.
        guaranteed_w: Sum of what tenants are guaranteed.
        sleep_w: What all draw asleep: nothing can be less.

    """
    rung = ladder.rung(age_s)
    if rung is Rung.FRESH:
        return math.inf
    last = 0.0 if math.isnan(last_w) else last_w
    if rung is Rung.HOLD:
        return max(sleep_w, last)
    safe = SAFE_PART * last if math.isnan(hour_least_w) else min(hour_least_w, SAFE_PART * last)
    if rung is Rung.SAFE:
        return max(sleep_w, safe)
    if rung is Rung.GUARANTEES:
        return max(sleep_w, min(safe, guaranteed_w))
    return sleep_w
