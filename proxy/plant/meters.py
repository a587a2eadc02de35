"""Instruments: what they tell lags, flutters, is rounded, falls silent, and is sometimes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

import numpy as np

from proxy.plant.figures import Meter
from proxy.plant.fleet import Flags, Floats
from proxy.plant.script import MeterFault


@dataclass(frozen=True, slots=True)
class Channels:
    """The readings of a site in one array, and where each instrument's lie in it."""

    where: Mapping[str, slice]
    """By the name of an instrument, or of all of its kind: ``circuit`` and ``circuit:3``."""
    resolution: Floats
    relative_noise: Floats
    absolute_noise: Floats
    instrument: "np.ndarray[tuple[int], np.dtype[np.int64]]"
    """Which instrument reads each channel: they fall silent as a whole."""


class Meters:
    """The instruments of a site. ``reading`` and ``at_s`` change with each `step`."""

    def __init__(
        self, meter: Meter, channels: Channels, fail: bool, true: Floats, chance: np.random.Generator
    ) -> None:
        self._meter = meter
        self._channels = channels
        self._fail = fail
        self._chance = chance
        # Apart, so that a broken instrument does not change what the others say.
        self._broken = chance.spawn(1)[0]
        self._smooth, self._gap = true.copy(), np.empty(true.size)
        self.reading = true.copy()
        self.at_s = np.zeros(true.size)
        self._silent_until_s = np.zeros(int(channels.instrument.max()) + 1)
        self._all_answer_s = 0.0
        """When the last of the silent answers again."""
        self._faults: list[MeterFault] = []
        self._next_s = 0.0

    def meet(self, fault: MeterFault) -> None:
        """Break an instrument.

        Raises:
            KeyError: There is no such instrument.

        """
        self._channels.where[fault.meter]  # raises before it is too late
        self._faults.append(fault)

    def step(self, now: float, dt: float, true: Floats) -> None:
        """Read all that is to be read at ``now``."""
        meter, channels = self._meter, self._channels
        gap, smooth = self._gap, self._smooth
        np.subtract(true, smooth, out=gap)
        gap *= 1.0 - exp(-dt / meter.lag_s) if meter.lag_s > 0 else 1.0
        smooth += gap
        if now + 1e-9 < self._next_s:
            return
        self._next_s = max(self._next_s + meter.period_s, now)
        noise = self._chance.standard_normal(true.size)
        # smooth * (1 + relative * noise) + absolute * noise, rounded; in place, for they are handed out.
        reading = channels.relative_noise * noise
        reading += 1.0
        reading *= smooth
        noise *= channels.absolute_noise
        reading += noise
        reading /= channels.resolution
        np.rint(reading, out=reading)
        reading *= channels.resolution
        fresh = self._fresh(now)
        if self._faults:
            self._spoil(now, reading, fresh)
        if fresh is None:
            self.reading = reading
            self.at_s = np.empty(true.size)
            self.at_s.fill(now)
        else:
            self.reading = np.where(fresh, reading, self.reading)
            self.at_s = np.where(fresh, now, self.at_s)

    def _fresh(self, now: float) -> Flags | None:
        """Return which channels answer, None for all."""
        meter = self._meter
        silent = self._silent_until_s
        if self._fail and meter.dropout_s > 0.0:
            count = self._chance.poisson(silent.size * min(1.0, meter.dropout_s * meter.period_s))
            if count:
                for one in self._chance.integers(silent.size, size=count):
                    silent[one] = max(silent[one], now + self._chance.exponential(meter.silent_s))
                self._all_answer_s = float(silent.max())
        if now >= self._all_answer_s and not self._faults:
            return None
        fresh: Flags = (silent <= now)[self._channels.instrument]
        return fresh

    def _spoil(self, now: float, reading: Floats, fresh: Flags | None) -> None:
        self._faults = [fault for fault in self._faults if now < fault.at_s + fault.for_s]
        for fault in self._faults:
            span = self._channels.where[fault.meter]
            match fault.what:
                case "lost":
                    if fresh is not None:
                        fresh[span] = False
                case "stuck":
                    reading[span] = self.reading[span]
                case "noise":
                    reading[span] *= 1.0 + fault.size * self._broken.standard_normal(reading[span].size)
                case "scale":
                    reading[span] *= fault.size
                case "flip":
                    reading[span] *= -1.0
                case "nan":
                    reading[span] = np.nan
