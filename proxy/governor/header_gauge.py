"""Where the pressure of the gas header is and goes, out of a gauge that is rounded."""

import math
from dataclasses import dataclass

LEVEL_GAIN = 0.1
SLOPE_GAIN = 0.005
"""Of the filter that draws the slope out of readings that are rounded to 1 kPa."""
SLOPE_NOISE = 0.05
"""kPa/s for each kPa that the gauge moves at once, one at least: a slower fall cannot be told from its steps,
and empties no header within an hour."""
STEP_KPA = (1.0, 10.0)
"""The finest and the coarsest step of a gauge that is reckoned with."""


@dataclass(slots=True)
class HeaderGauge:
    """Follows a pressure, read once a second. All in kPa; NaN until something was read."""

    filtered: float = math.nan
    slope: float = math.nan
    told: float = math.nan
    least_move: float = math.nan
    """The least that the gauge has ever moved by: its resolution."""
    level: float = math.nan
    """The pressure to reckon with: it stays while steps of the gauge alone move the filter.

    The load follows the pressure, and the pressure the load: half a step of doubt, passed on, goes round for
    ever.
    """

    @property
    def step(self) -> float:
        """What the gauge moves by at the least, as far as is known."""
        finest, coarsest = STEP_KPA
        return finest if math.isnan(self.least_move) else min(coarsest, max(finest, self.least_move))

    @property
    def fall(self) -> float:
        """How fast, in kPa/s, the pressure falls beyond what the gauge's steps look like: 0 or below."""
        return min(0.0, self.slope + SLOPE_NOISE * self.step)

    def read(self, kpa: float) -> None:
        """Take a reading that is finite."""
        if math.isnan(self.filtered):
            self.filtered, self.slope = kpa, 0.0
        else:
            ahead = self.filtered + self.slope
            self.filtered = ahead + LEVEL_GAIN * (kpa - ahead)
            self.slope += SLOPE_GAIN * (kpa - ahead)
        self._learn_step(kpa)
        doubt = 0.5 * (self.step - STEP_KPA[0])
        if math.isnan(self.level):
            self.level = self.filtered
        self.level = min(self.filtered + doubt, max(self.filtered - doubt, self.level))

    def _learn_step(self, kpa: float) -> None:
        """Learn what a gauge of this site moves by: its steps look like a fall that lasts for seconds."""
        moved = abs(kpa - self.told)
        self.told = kpa
        if moved > 0.0:
            self.least_move = moved if math.isnan(self.least_move) else min(self.least_move, moved)
