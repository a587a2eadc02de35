"""Circuits: what flows in each, what each may carry, and which are locked out."""

import math

import numpy as np

from proxy.energy.arrays import Bools, Floats
from proxy.energy.site import Site, Wiring, wiring
from proxy.governor.accounts import RUNNING
from proxy.governor.devices import Actuator
from proxy.governor.tick import Tick

OVER = 1.0
FRESH_S = 5.0
AGAIN_S = 10.0
"""A circuit that is over its limit is shed again after this, when the last shed should have arrived."""
DOWN_PART = 0.1
"""A circuit is opened when so little of its miners' ceilings still flows."""


class Circuits:
    """Watches the limits below the site's own."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._nominal = wiring(site)
        self.wiring: Wiring = self._nominal
        self.dead: Floats = np.zeros(len(site.circuits))
        self.locked: tuple[int, ...] = ()
        self.opened: tuple[int, ...] = ()
        self.shed_s: Floats = np.full(len(site.circuits), -math.inf)
        self._limited = bool(np.isfinite(self._nominal.limit_w).any())
        self._near_w: Floats = 0.9 * self._nominal.limit_w[:, None] / 3.0
        """Of a phase: below it no limit is looked at."""

    def look(self, tick: Tick) -> bool:
        """Shed circuits that carry too much, lock out what is to be; return whether the tree changed."""
        changed = self._lockout(tick)
        if self._limited and len(tick.readings.circuit_at) == len(self._site.circuits):
            self._overloads(tick)
        return changed

    def restore(self) -> None:
        """Build the tree again for what is locked out."""
        if self.locked:
            marks: Bools = np.zeros(len(self._site.circuits), np.bool_)
            marks[list(self.locked)] = True
            self.wiring = wiring(self._site, locked=marks)

    def _lockout(self, tick: Tick) -> bool:
        wanted = tick.readings.instructions.locked
        changed = wanted != self.locked
        if changed:
            self.locked = wanted
            marks: Bools = np.zeros(len(self._site.circuits), np.bool_)
            marks[list(wanted)] = True
            self.dead = self._nominal.locked_out(marks).astype(np.float64)
            self.wiring = wiring(self._site, locked=marks)
            closing = tuple(one for one in self.opened if one not in wanted)
            self.opened = tuple(one for one in self.opened if one in wanted)
            tick.close = closing
            names = ", ".join(tick.body.names[one] for one in wanted) or "none"
            tick.decide("lockout", 0, 0.0, f"circuits locked out: {names}", "lockout")
        tick.dead, tick.wiring = self.dead, self.wiring
        if wanted:
            self._empty(tick)
        return changed

    def _empty(self, tick: Tick) -> None:
        """Bring the miners of locked circuits down, those too that were given up, then open the switch."""
        accounts, devices = tick.body.accounts, tick.body.devices
        mine = (self.dead > 0)[devices.circuit]
        awake = np.flatnonzero(mine & (accounts.mode == RUNNING))
        accounts.deaf[awake] = False
        sleeps = devices.may(Actuator.SLEEP)[awake]
        tick.commander.sleep(awake[sleeps])
        tick.commander.withhold(awake[~sleeps])
        waiting = [one for one in self.locked if one not in self.opened]
        ready = []
        for one in waiting:
            below = self._below(one)[devices.circuit]
            most_w = DOWN_PART * float(devices.ceiling_w[below].sum())
            if float(accounts.charge_w[below].sum()) <= most_w and not self._carries(tick, one, most_w):
                ready.append(one)
        if ready:
            tick.open = tuple(ready)
            self.opened = (*self.opened, *ready)

    def _carries(self, tick: Tick, circuit: int, most_w: float) -> bool:
        """Return whether the circuit's own meter, where it has one that speaks, shows more than that."""
        readings = tick.readings
        if len(readings.circuit_at) != len(self._site.circuits):
            return False
        watts = float(readings.circuit_w[circuit].sum())
        # NaN compares as False.
        if not (watts > most_w and tick.now - readings.circuit_at[circuit] < FRESH_S):
            return False
        name = tick.body.names[circuit]
        tick.body.alarms.say(
            tick.now,
            "lockout",
            name,
            f"{name} is locked out and still carries {watts / 1000:,.1f} kW: its switch stays closed",
        )
        return True

    def _below(self, circuit: int) -> Bools:
        """Return which circuits a switch feeds: its own and all below."""
        marks: Bools = np.zeros(len(self._site.circuits), np.bool_)
        marks[circuit] = True
        return self._nominal.locked_out(marks)

    def _overloads(self, tick: Tick) -> None:
        readings = tick.readings
        flows = readings.circuit_w
        # NaN compares as False.
        if not np.count_nonzero(flows > self._near_w):
            return
        fresh = tick.now - readings.circuit_at < FRESH_S
        total = np.where(fresh, flows.sum(axis=1), np.nan)
        for one in np.flatnonzero(fresh):
            limit = self._site.circuits[one].limit_w([float(watts) for watts in flows[one]])
            if total[one] > OVER * limit and tick.now - self.shed_s[one] > AGAIN_S:
                self.shed_s[one] = tick.now
                self._shed(tick, int(one), float(total[one] - limit))

    def _shed(self, tick: Tick, circuit: int, over_w: float) -> None:
        accounts, devices = tick.body.accounts, tick.body.devices
        below = self._below(circuit)[devices.circuit]
        mine = np.flatnonzero(below & (accounts.mode == RUNNING) & ~accounts.deaf)
        limit = devices.may(Actuator.LIMIT)[mine]
        room = accounts.setpoint_w[mine] - np.where(limit, devices.floor_w[mine], devices.sleep_w[mine])
        room = np.where(limit | devices.may(Actuator.SLEEP)[mine], np.maximum(room, 0.0), 0.0)
        if room.sum() <= 0:
            return
        part = min(1.0, 1.1 * over_w / float(room.sum()))
        limited = mine[limit]
        watts = accounts.setpoint_w[limited] - part * room[limit]
        tick.commander.limit(limited, watts)
        missing = over_w - part * float(room[limit].sum())
        sleepers = mine[~limit]
        order = np.argsort(-room[~limit], kind="stable")
        enough = np.searchsorted(np.cumsum(room[~limit][order]), missing) + 1 if missing > 0 else 0
        tick.commander.sleep(sleepers[order[:enough]])
        name = tick.body.names[circuit]
        tick.decide(
            "shed", len(mine), -over_w, f"circuit {name} carries {over_w / 1000:,.1f} kW too much", name
        )
        tick.body.alarms.say(tick.now, "circuit", name, f"{name} carries {over_w / 1000:,.1f} kW too much")
