"""A lost pool is no power event, and becomes one when the pool returns: everybody starts in the same second.

Miners burn on for minutes without work, then fall to idle together; given work again they would all
ramp together, which no engine takes. So a fleet that goes silent as a whole is let down evenly while it
burns, and kept from work before it idles; a few stay as probes. Their first share says that the pool is
back, and the others are released in steps as after any outage.
"""

import math

import numpy as np

from proxy.energy.arrays import Ints
from proxy.energy.budget import Term
from proxy.governor.accounts import ASLEEP, RUNNING, WITHHELD
from proxy.governor.devices import Actuator
from proxy.governor.tick import Body, Tick

SURE = 20.0
"""So many shares that should have come and did not: exp(-20) by chance [C]."""
LEAST_S = 10.0
GRACE_S = 45.0
"""A pool that is back within this finds everybody at work: failover takes seconds."""
DOWN_S = 60.0
"""Within this the load is let down to what limits reach; firmware burns on for two minutes [S: bmminer]."""
BEFORE_IDLE = 0.85
"""Part of the time to idle after which a miner is kept from work: it must not begin by itself any more."""
PROBES = 5
PROBE_PART = 0.05
"""Most that probes may draw, of the fleet: what any engine takes in one step."""


class Uplink:
    """Watches whether anybody's work is taken."""

    def __init__(self) -> None:
        self.heard_s = math.nan
        """When any share came last."""
        self.looked_s = math.nan
        self.missed = 0.0
        """Shares that should have come since then."""
        self.lost_s = math.nan
        """Since when the whole fleet is silent; NaN while it is not."""
        self.before_w = 0.0
        """What it drew then."""
        self.least_w = 0.0
        """What limits alone reach, and never less than a probe beside all that sleep."""

    @property
    def lost(self) -> bool:
        """Whether there is no work to be had."""
        return not math.isnan(self.lost_s)

    def term(self, now: float, aux_w: float) -> tuple[Term, ...]:
        """Return what a lost pool leaves of the budget, at the bus."""
        if not self.lost or now - self.lost_s < GRACE_S:
            return ()
        part = min(1.0, (now - self.lost_s - GRACE_S) / DOWN_S)
        watts = max(self.least_w, self.before_w * (1.0 - part))
        return (
            Term(
                "no work", watts + aux_w, f"no share has come for {now - self.lost_s:.0f} s: the pool is lost"
            ),
        )

    def look(self, tick: Tick, shares: int) -> bool:
        """Take in how many shares came; keep idlers from work. Return whether the pool has just come back."""
        now = tick.now
        dt = 0.0 if math.isnan(self.looked_s) else max(0.0, now - self.looked_s)
        self.looked_s = now
        back = self.lost and shares > 0
        if shares > 0 or math.isnan(self.heard_s):
            self.heard_s, self.lost_s, self.missed = now, math.nan, 0.0
            if back:
                tick.decide("pool", 0, 0.0, "shares come again: the fleet is released in steps", "no work")
            return back
        silent_s = now - self.heard_s
        if not self.lost:
            self.missed += self._rate_hz(tick) * dt
            if silent_s >= LEAST_S and self.missed >= SURE:
                self._lose(tick, silent_s)
        if self.lost:
            tick.body.alarms.still(now, "pool", {"fleet"})
        if self.lost and silent_s > GRACE_S:
            self._hold_back(tick, silent_s)
        return False

    @staticmethod
    def _rate_hz(tick: Tick) -> float:
        """Return how many shares a second should come now, by half of what is expected of each.

        Of a fleet that was asleep on our order nobody expects any, nor of who wakes and does not hash yet.
        """
        accounts, devices = tick.body.accounts, tick.body.devices
        wakes = accounts.rising & (accounts.base_w < 0.5 * devices.floor_w)
        works = (accounts.mode == RUNNING) & tick.readings.connected & ~wakes
        return 0.5 * float(devices.share_rate_hz[works].sum())

    def _lose(self, tick: Tick, silent_s: float) -> None:
        accounts, devices = tick.body.accounts, tick.body.devices
        works = (accounts.mode == RUNNING) & tick.readings.connected
        self.lost_s, self.before_w = self.heard_s, tick.load_w
        limits = devices.may(Actuator.LIMIT) & works
        least = np.where(limits, np.minimum(devices.floor_w, accounts.setpoint_w), accounts.setpoint_w)
        probe = max(PROBE_PART * float(devices.ceiling_w.sum()), float(devices.ceiling_w.max(initial=0.0)))
        self.least_w = tick.body.bias * max(float(least.sum()), float(devices.sleep_w.sum()) + probe)
        tick.decide(
            "pool", int(works.sum()), 0.0, f"no share for {silent_s:.0f} s: the pool is lost", "no work"
        )
        tick.body.alarms.say(
            tick.now, "pool", "fleet", "no miner's work is taken: the pool or the way to it is lost"
        )

    def _hold_back(self, tick: Tick, silent_s: float) -> None:
        accounts, devices = tick.body.accounts, tick.body.devices
        works = (accounts.mode == RUNNING) & tick.readings.connected
        probes = self._probes(tick.body, works)
        if not len(probes):
            self._send_another(tick)
            return
        works[probes] = False
        # NaN compares as False.
        idles = accounts.seen_w < 0.5 * np.minimum(accounts.setpoint_w, devices.floor_w)
        # A share after the last of all shows nothing: each has been silent at least since then.
        soon = silent_s > BEFORE_IDLE * devices.t_idle_s
        tick.commander.withhold(np.flatnonzero(works & (idles | soon)))

    @staticmethod
    def _send_another(tick: Tick) -> None:
        """Start one that waits or sleeps, if it may: else nobody would ever hear that the pool is back."""
        accounts, devices = tick.body.accounts, tick.body.devices
        may = tick.readings.connected & ~accounts.deaf & (tick.dead == 0)[devices.circuit]
        waiting = np.flatnonzero(may & (accounts.mode == WITHHELD))
        if not len(waiting):
            waiting = np.flatnonzero(may & (accounts.mode == ASLEEP))
        room_w = (tick.budget.watts - tick.proven_w) / tick.body.bias
        fits = waiting[devices.floor_w[waiting] <= room_w][:1]
        if tick.may_raise and len(fits):
            tick.commander.start(fits, devices.floor_w[fits])

    @staticmethod
    def _probes(body: Body, works: np.ndarray) -> Ints:
        """Return who stays at the door: the first few that run and together draw little."""
        running = np.flatnonzero(works)[:PROBES]
        most_w = PROBE_PART * float(body.devices.ceiling_w.sum())
        fits = np.cumsum(body.accounts.setpoint_w[running]) <= most_w
        fits[:1] = True
        return np.asarray(running[fits])
