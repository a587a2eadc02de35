"""How much the fleet draws: the feeder's meter, smoothed by what was commanded."""

import math

from proxy.energy import charges
from proxy.governor.settings import GovernorSettings
from proxy.governor.tick import Body

BIAS_GAIN = 0.02
"""How much of a difference between feeder and curves is taken over each second in which nothing moves."""
BIAS_RANGE = (0.6, 1.6)
SEEN_GAIN = 0.4
"""Of the filter whose only input is the meter."""
IDLE_ROUND_S = 300.0
"""A round is held at least this often: merits, dwell and learned figures change without an event."""


class Observer:
    """Two estimates of the load. ``seen_w`` is evidence alone; ``load_w`` knows the commands as well."""

    def __init__(self, settings: GovernorSettings) -> None:
        self._settings = settings
        self.load_w = math.nan
        self.seen_w = math.nan
        self.model_w = math.nan
        self.moving_w = 0.0
        """Nominal watts on their way, up and down."""
        self.moved_s = -math.inf
        """When much was last on its way."""
        self.rounded_s = -math.inf
        self.down_w = self.up_w = 0.0
        self.latent_w = self.soon_w = 0.0
        """Nominal watts that are still to come, and those of them that come within a step time."""

    def update(self, now: float, dt: float, meter_w: float, body: Body) -> None:
        """Take in the feeder's reading; NaN is unknown, then the model goes on alone."""
        accounts = body.accounts
        model, self.down_w, self.up_w = accounts.model(now, self._settings.patience)
        self.moving_w = self.down_w + self.up_w
        if math.isnan(self.load_w):
            self.model_w = model
            self.load_w = self.seen_w = body.bias * model if math.isnan(meter_w) else meter_w
            if not math.isnan(meter_w) and model > 0:
                body.bias = min(max(meter_w / model, BIAS_RANGE[0]), BIAS_RANGE[1])
            return
        self.load_w = max(0.0, self.load_w + body.bias * (model - self.model_w))
        self.model_w = model
        if self.moving_w > 0.02 * max(model, 1.0):
            self.moved_s = now
        if math.isnan(meter_w):
            return
        steps = max(dt, 0.2)
        self.load_w += (meter_w - self.load_w) * (1.0 - (1.0 - self._settings.meter_gain) ** steps)
        self.seen_w += (meter_w - self.seen_w) * (1.0 - (1.0 - SEEN_GAIN) ** steps)
        if now - self.moved_s > 10.0 and model > 0:
            aim = min(max(self.load_w / model, BIAS_RANGE[0]), BIAS_RANGE[1])
            body.bias += (aim - body.bias) * min(1.0, BIAS_GAIN * dt)

    def proven_w(self, now: float, body: Body, *, known: bool, metered: bool) -> float:
        """Return the most that the fleet can be drawing, or come to draw, by evidence."""
        accounts = body.accounts
        self.latent_w, self.soon_w = accounts.latent_w(
            now, self._settings.meter_lag_s, self._settings.step_period_s
        )
        return charges.proven_w(
            self.seen_w if known else math.nan,
            self.latent_w,
            accounts.charge_w,
            body.bias if metered else 1.0,
        )

    def expected_w(self, now: float, body: Body) -> float:
        """Return what the fleet will draw when what is in flight has arrived."""
        return charges.expected_w(self.load_w, self.up_w, self.down_w, body.bias)

    def gap_w(self, body: Body) -> float:
        """Return what the feeder shows beyond the model, by evidence alone; NaN while nothing is known."""
        return self.seen_w - body.bias * self.model_w

    def rounded(self, now: float) -> None:
        """Note that a round was held."""
        self.rounded_s = now

    def idle(self, now: float) -> bool:
        """Return whether a round may be left out once more."""
        return now - self.rounded_s < IDLE_ROUND_S
