"""The generator sets and the frequency of the island they make: swing equation, governor, turbo, protection.

The running sets share their load by rating and swing together, so they are one machine with one frequency.
It is integrated in steps of 25 ms while something moves, and taken as settled otherwise.
"""

from dataclasses import dataclass
from enum import IntEnum
from math import ceil, exp, inf

import numpy as np

from proxy.plant.figures import Engine

SUBSTEP_S = 0.025
SETTLED = 0.002
"""Deviation of the frequency, and change of load over rating in a step, below which nothing moves."""


class SetState(IntEnum):
    """Where a set is in its life."""

    STOPPED = 0
    STARTING = 1
    RUNNING = 2
    LOCKED = 3
    """Tripped; starts again by itself after the lock-out."""
    BROKEN = 4
    """Out until somebody repairs it."""


RUNNING = SetState.RUNNING
"""By a name of its own: to look a member up in its enumeration takes ten times as long."""


@dataclass(slots=True)
class GeneratorSet:
    """One engine with its generator."""

    rating_w: float
    state: SetState
    due_s: float = inf
    """When a starting set joins, or a locked one starts."""
    share: float = 1.0
    """How far a joining set has taken its part, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A set left the bus."""

    set: int
    cause: str
    """``under-frequency``, ``over-frequency``, ``overload`` or ``fault``."""


class Island:
    """The bus. Watts are at the bus; frequencies in parts of the nominal one."""

    def __init__(self, engine: Engine, sets: list[GeneratorSet], chance: np.random.Generator) -> None:
        self._engine = engine
        self._chance = chance
        self.sets = sets
        self.derate = 1.0
        """What ambient, altitude and gas quality leave of the rating."""
        self.pressure = 1.0
        """What the header's pressure leaves of that."""
        self.frequency = 1.0
        self.lowest = self.highest = 1.0
        """Extremes within the last step."""
        self.valve_w = self.power_w = self.boost_w = self._integral_w = 0.0
        self.trips: list[Trip] = []
        """Those of the last step."""
        self.shed_below = 0.0
        """Frequency below which a relay sheds; 0: never."""
        self.shed_after_s = 0.15
        self.shedding = False
        """Whether the relay operated within the last step."""
        self.underloaded_s = 0.0
        """How long the running sets have had less than their least load: wear, not danger."""
        self._low_s = self._under_s = self._over_s = self._overload_s = 0.0
        self.alive = False
        """Whether the bus has voltage."""
        self.rating_w = 0.0
        """Nameplate sum of the running sets, a joining one by its share."""
        self.running: tuple[bool, ...] = ()
        """Which sets run."""
        self._count()

    def _count(self) -> None:
        """Count the sets that run, whenever one begins, ends or takes more of its part: asked far oftener."""
        self.running = tuple([one.state is RUNNING for one in self.sets])
        self.alive = any(self.running)
        total = 0.0
        for one in self.sets:
            if one.state is RUNNING:
                total += one.rating_w * one.share
        self.rating_w = total

    @property
    def sustained_w(self) -> float:
        """What the running sets can give for good."""
        return self.rating_w * self.derate * self.pressure

    @property
    def capability_w(self) -> float:
        """What the running sets can give now: `sustained_w`, or the next accepted step if that is less."""
        rating = self.rating_w
        return min(rating * self.derate * self.pressure, self.boost_w + self._accepted(rating))

    def _accepted(self, rating: float) -> float:
        engine = self._engine
        low = self.boost_w < engine.step_break * rating
        return (engine.step_low_load if low else engine.step_high_load) * rating

    def load(self, watts: float) -> None:
        """Let the running sets have carried ``watts`` for long."""
        self.valve_w = self.power_w = self.boost_w = self._integral_w = watts
        self.frequency = 1.0 if self.alive else 0.0

    def trip(self, index: int, cause: str, now: float) -> None:
        """Take one set off the bus; a fault stays until it is repaired."""
        one = self.sets[index]
        running = self.rating_w
        if one.state is RUNNING and running > 0.0:
            left = max(0.0, 1.0 - one.rating_w * one.share / running)
            # The others keep their own air and fuel, and find the load of the lost one on top.
            for name in ("valve_w", "power_w", "boost_w", "_integral_w"):
                setattr(self, name, getattr(self, name) * left)
            self.trips.append(Trip(index, cause))
        one.share = 0.0
        one.state, one.due_s = (
            (SetState.BROKEN, inf) if cause == "fault" else (SetState.LOCKED, now + self._engine.restart_s)
        )
        self._count()

    def start(self, index: int, now: float) -> None:
        """Begin to start a set that stands; one that runs, starts or is broken goes on as it is."""
        one = self.sets[index]
        if one.state in {SetState.STOPPED, SetState.LOCKED}:
            one.state, one.due_s = SetState.STARTING, now + self._engine.start_s

    def repair(self, index: int, now: float) -> None:
        """Repair and start a broken set."""
        if self.sets[index].state is SetState.BROKEN:
            self.sets[index].state = SetState.STOPPED
            self.start(index, now)

    def stop(self, index: int) -> None:
        """Take a set off in good order: the others take its load over first, as far as they can."""
        one = self.sets[index]
        if one.state in {SetState.RUNNING, SetState.STARTING, SetState.LOCKED}:
            one.state, one.due_s, one.share = SetState.STOPPED, inf, 0.0
            self._count()

    def step(self, now: float, dt: float, before_w: float, after_w: float) -> None:
        """Move ``dt`` seconds on, to ``now``, while the load goes evenly from ``before_w`` to ``after_w``."""
        self._sequence(now, dt)
        self.shedding = False
        rating = self.rating_w
        if rating > 0.0 and self.frequency == 0.0:
            self.frequency = 1.0  # a set has just closed onto the dead bus
        self.lowest = self.highest = self.frequency
        if rating <= 0.0:
            self._darken()
            return
        if after_w < self._engine.min_load * rating:
            self.underloaded_s += dt
        if self._is_settled(rating, before_w, after_w):
            self._settle(dt, after_w, rating)
            return
        count = max(1, ceil(dt / SUBSTEP_S))
        for number in range(count):
            load_w = before_w + (after_w - before_w) * (number + 1) / count
            self._swing(dt / count, load_w, rating)
            if self._protect(dt / count, load_w, rating, now):
                rating = self.rating_w
                if rating <= 0.0:
                    self._darken()
                    return

    def _sequence(self, now: float, dt: float) -> None:
        for index, one in enumerate(self.sets):
            if one.state is RUNNING:
                if one.share < 1.0:
                    one.share = min(1.0, one.share + dt / self._engine.soft_load_s)
                    self._count()
            elif now >= one.due_s and one.state is SetState.LOCKED:
                self.start(index, now)
            elif now >= one.due_s and one.state is SetState.STARTING:
                # Onto a dead bus it closes at once and takes what comes; a live one it joins softly.
                one.share = 0.0 if self.alive else 1.0
                one.state, one.due_s = RUNNING, inf
                self._count()

    def _darken(self) -> None:
        self.frequency = self.lowest = 0.0
        self.valve_w = self.power_w = self.boost_w = self._integral_w = 0.0
        self._low_s = self._under_s = self._over_s = self._overload_s = 0.0

    def _is_settled(self, rating: float, before_w: float, after_w: float) -> bool:
        return (
            abs(self.frequency - 1.0) < SETTLED
            and abs(after_w - before_w) < SETTLED * rating
            and abs(self.power_w - after_w) < 2.0 * SETTLED * rating
            and after_w <= self.capability_w
            and self._overload_s == 0.0
        )

    def _settle(self, dt: float, load_w: float, rating: float) -> None:
        self.frequency += (1.0 - self.frequency) * (1.0 - exp(-dt / self._engine.governor_integral_s))
        self.valve_w = self.power_w = self._integral_w = load_w
        self._follow(dt, rating)
        self._low_s = self._under_s = self._over_s = 0.0

    def _follow(self, dt: float, rating: float) -> None:
        """Let the turbo's air follow the power, no faster than step after step is accepted."""
        engine = self._engine
        move = (self.power_w - self.boost_w) * (1.0 - exp(-dt / engine.turbo_lag_s))
        up = self._accepted(rating) / engine.step_period_s * dt
        down = engine.unload_step * rating / engine.unload_period_s * dt
        self.boost_w += min(up, max(-down, move))

    def _swing(self, dt: float, load_w: float, rating: float) -> None:
        """One small step of valve, air, power and speed."""
        engine = self._engine
        error = 1.0 - self.frequency
        stop = rating * self.derate * self.pressure * engine.overload
        gain = rating / engine.governor_band
        self._integral_w = min(
            stop, max(0.0, self._integral_w + gain * error * dt / engine.governor_integral_s)
        )
        ahead = engine.governor_lead_s * (load_w - self.power_w) / rating / (2.0 * engine.inertia_s)
        wanted = min(stop, max(0.0, self._integral_w + gain * (error + ahead)))
        self.valve_w += (wanted - self.valve_w) * (1.0 - exp(-dt / engine.governor_lag_s))
        most = min(stop, self.boost_w + self._accepted(rating))
        least = min(most, engine.unload_residual * max(0.0, self.boost_w - engine.unload_step * rating))
        self.power_w = min(most, max(least, self.valve_w))
        self._follow(dt, rating)
        # Swing equation: 2 H / f0 df/dt = (Pm - Pe) / S. Supplies of miners draw the same at any frequency.
        self.frequency += (self.power_w - load_w) / rating / (2.0 * engine.inertia_s) * dt
        self.frequency = max(0.0, self.frequency)
        self.lowest = min(self.lowest, self.frequency)
        self.highest = max(self.highest, self.frequency)

    def _protect(self, dt: float, load_w: float, rating: float, now: float) -> bool:
        """Let relays and breakers count, trip one set if one has counted enough, and return whether."""
        engine, frequency = self._engine, self.frequency
        self._low_s = self._low_s + dt if frequency < self.shed_below else 0.0
        if self._low_s >= self.shed_after_s and self.shed_below > 0.0:
            self.shedding = True
        self._under_s = self._under_s + dt if frequency < engine.under_hz else 0.0
        self._over_s = self._over_s + dt if frequency > engine.over_hz else 0.0
        over = load_w > rating * self.derate * self.pressure
        self._overload_s = self._overload_s + dt if over else max(0.0, self._overload_s - dt)
        cause = ""
        if self._under_s >= engine.under_s:
            cause, self._under_s = "under-frequency", 0.0
        elif self._over_s >= engine.over_s:
            cause, self._over_s = "over-frequency", 0.0
        elif self._overload_s >= engine.overload_trip_s:
            cause, self._overload_s = "overload", 0.0
        if cause:
            running = [index for index, one in enumerate(self.sets) if one.state is RUNNING]
            # Relays of one make differ by milliseconds: which comes first is chance.
            self.trip(running[int(self._chance.integers(len(running)))], cause, now)
        return bool(cause)
