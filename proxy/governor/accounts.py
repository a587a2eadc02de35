"""What is known of each miner's watts: what it was told, what it drew then, and what it is charged.

The rules are those of ``energy.charges`` and ``energy.evidence``; here is what has to be remembered for them.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from proxy.energy import charges, evidence
from proxy.energy.arrays import Bools, Floats, Ints
from proxy.governor.devices import Devices
from proxy.governor.readings import Readings

NEVER = -np.inf
NO_TIME = np.inf
OWN_PARTS = (0.75, 1.3)
"""Within these an own figure is a matter of calibration; beyond, the miner does not do as told."""
OWN_STALE_S = 30.0
"""A miner's own figure is believed for this long."""


class Mode(IntEnum):
    """What a miner was last told to be."""

    RUNNING = 0
    ASLEEP = 1
    WITHHELD = 2
    CUT = 3
    """Disconnected, or never seen."""


# Numpy compares with plain integers four times as fast as with members of an enumeration.
RUNNING, ASLEEP, WITHHELD, CUT = (int(mode) for mode in Mode)


@dataclass(slots=True)
class Accounts:
    """What is known of each miner's watts, [N] each, nominal: ``Body.bias`` scales them to the feeder."""

    mode: Ints
    setpoint_w: Floats
    """What it was last told, and what it will come to."""
    base_w: Floats
    """What it drew when it was told: a fall starts here."""
    charge_w: Floats
    """Most that it can be drawing or come to draw, by evidence of its own."""
    issued_s: Floats
    t95_s: Floats
    """How long the change takes to 95 %."""
    falling: Bools
    """A reduction is in flight and nothing has proven it."""
    rising: Bools
    """A raise is in flight."""
    heard_s: Floats
    """When its last share came."""
    seen_w: Floats
    """Its own figure, while it is fresh and believable; else NaN."""
    seen_s: Floats
    tries: Ints
    """How often the last thing was said without effect."""
    deaf: Bools
    """Given up: neither moved nor credited."""
    slept_s: Floats
    """When it last went to sleep, or was woken."""
    cycles: Floats
    """Sleeps of the last day, fading."""
    late_s: Floats
    """When its own figure last contradicted the reduction in flight."""
    own_part: Floats
    """Its own figure over its setpoint when nothing moves: off by model and by unit."""
    due_s: Floats
    """When the reduction in flight should be proven."""
    gap_w: Floats
    """What the feeder showed beyond the model when the miner was told: what a fall is measured against."""
    lent: Bools
    """Asleep for protection alone: to be woken as soon as there are watts."""
    settled_s: Floats
    """From then on its own figure can be compared with its setpoint."""
    undone_w: Floats
    """What a raise that was taken back may still bring."""
    undone_s: Floats
    """When its time is over."""

    @classmethod
    def begin(cls, count: int) -> "Accounts":
        """Return accounts of ``count`` miners that were never seen."""
        zeros, no, never = np.zeros(count), np.zeros(count, np.bool_), np.full(count, NEVER)
        return cls(
            mode=np.full(count, CUT, dtype=np.int64),
            setpoint_w=zeros.copy(),
            base_w=zeros.copy(),
            charge_w=zeros.copy(),
            issued_s=never.copy(),
            t95_s=np.ones(count),
            falling=no.copy(),
            rising=no.copy(),
            heard_s=never.copy(),
            seen_w=np.full(count, np.nan),
            seen_s=never.copy(),
            tries=np.zeros(count, dtype=np.int64),
            deaf=no.copy(),
            slept_s=never.copy(),
            cycles=zeros.copy(),
            late_s=never.copy(),
            own_part=np.ones(count),
            due_s=np.full(count, NO_TIME),
            gap_w=np.full(count, np.nan),
            lent=no.copy(),
            settled_s=never.copy(),
            undone_w=zeros.copy(),
            undone_s=never.copy(),
        )

    def observe(self, now: float, readings: Readings, devices: Devices) -> Ints:
        """Take in what miners say of themselves; return those whose reduction has just been proven."""
        np.putmask(self.heard_s, readings.shares > 0, now)
        polled = (readings.miner_at > self.seen_s).nonzero()[0]
        if len(polled):
            own = readings.miner_w[polled]
            believable = (
                (own >= 0)
                & (own <= 1.5 * devices.ceiling_w[polled])
                & (readings.miner_at[polled] <= now + 1.0)
            )
            self.seen_s[polled] = np.minimum(readings.miner_at[polled], now)
            settled = believable & (self.mode[polled] == RUNNING) & (now > self.settled_s[polled])
            settled &= ~(self.falling[polled] | self.rising[polled] | self.deaf[polled])
            part = self.own_part[polled]
            # In steps: numpy's ``clip`` takes longer than both of them.
            ratio = np.maximum(own / np.maximum(self.setpoint_w[polled], 1.0), OWN_PARTS[0])
            ratio = np.minimum(ratio, OWN_PARTS[1])
            part = self.own_part[polled] = np.where(settled, part + 0.3 * (ratio - part), part)
            self.seen_w[polled] = np.where(believable, own / part, np.nan)
        where = self.falling.nonzero()[0]
        if not len(where):
            return where
        proven = where[self._proof(now, where, devices)]
        self.prove(proven)
        return proven

    def forget(self, now: float) -> None:
        """Drop figures that are too old to be believed."""
        self.seen_w[now - self.seen_s > OWN_STALE_S] = np.nan

    def _proof(self, now: float, where: Ints, devices: Devices) -> Bools:
        """Return which falling miners gave evidence of their own that they obey."""
        seen_s, issued, heard = self.seen_s[where], self.issued_s[where], self.heard_s[where]
        obeys, contradicts = evidence.by_own_figure(
            self.seen_w[where], seen_s, self.setpoint_w[where], issued
        )
        self.late_s[where] = np.where(contradicts, seen_s, self.late_s[where])
        asleep = self.mode[where] == ASLEEP
        silent = evidence.by_silence(
            now - np.maximum(heard, issued), self.rate_hz(where, devices), told_to_sleep=asleep
        )
        hashing = asleep & evidence.hashes_on(heard, issued, self.t95_s[where])
        return np.asarray((obeys & ~hashing) | silent)

    def rate_hz(self, miners: Ints, devices: Devices) -> Floats:
        """Return the shares a second that ``miners`` sent before they were told; 0 where nothing is known."""
        return evidence.rate_hz(devices.share_rate_hz[miners], self.base_w[miners], devices.ceiling_w[miners])

    def prove(self, miners: Ints) -> None:
        """Credit the reductions of ``miners``."""
        self.falling[miners] = False
        # Without work nobody rises, whatever was heard; else a raise that was taken back stays charged.
        self.undone_w[miners[self.mode[miners] >= WITHHELD]] = 0.0
        certain = miners[self.undone_w[miners] == 0]
        self.charge_w[certain] = self.setpoint_w[certain]
        self.tries[miners] = 0

    def told(
        self,
        now: float,
        miners: Ints,
        mode: int,
        watts: Floats,
        t95_s: Floats,
        due_s: Floats | float = NO_TIME,
    ) -> None:
        """Note a command as issued: a raise is charged in full at once, a reduction credited nothing."""
        seen = self.seen_w[miners]
        drawn = np.where(np.isnan(seen), self.modelled_w(now)[miners], seen)
        before, rising = self.setpoint_w[miners], self.rising[miners]
        undone = charges.taken_back_w(before, watts, self.base_w[miners], rising)
        over = self.issued_s[miners] + charges.RAISE_LAGS * self.t95_s[miners]
        self.undone_s[miners] = np.where(
            undone > 0, np.maximum(over, self.undone_s[miners]), self.undone_s[miners]
        )
        self.undone_w[miners] = np.maximum(undone, self.undone_w[miners])
        charged = charges.told(before, watts, drawn, self.charge_w[miners])
        self.base_w[miners], self.charge_w[miners] = charged.base_w, charged.charge_w
        self.falling[miners], self.rising[miners] = charged.falling, charged.rising
        cycled = (self.mode[miners] == ASLEEP) != (mode == ASLEEP)
        self.slept_s[miners] = np.where(cycled, now, self.slept_s[miners])
        self.cycles[miners] += cycled & (mode == ASLEEP)
        self.mode[miners] = mode
        self.setpoint_w[miners] = watts
        self.issued_s[miners] = now
        self.t95_s[miners] = t95_s
        self.due_s[miners] = due_s
        self.settled_s[miners] = now + 2.0 * t95_s + 10.0
        self.late_s[miners] = now
        self.tries[miners] = 0

    def modelled_w(self, now: float) -> Floats:
        """Return what each should be drawing now, by its setpoint and its usual lag."""
        watts = self.setpoint_w.copy()
        moving = (self.falling | self.rising).nonzero()[0]
        if len(moving):
            watts[moving] += self._to_go_w(moving, self._age_s(now, moving))
        return watts

    def model(self, now: float, patience: float) -> tuple[float, float, float]:
        """Return what all should be drawing now, and what of it is on its way down (not overdue) and up."""
        moving = (self.falling | self.rising).nonzero()[0]
        if not len(moving):
            return float(self.setpoint_w.sum()), 0.0, 0.0
        watts, age = self.setpoint_w.copy(), self._age_s(now, moving)
        to_go = self._to_go_w(moving, age)
        watts[moving] += to_go
        return float(watts.sum()), *charges.in_flight_w(to_go, age, self.t95_s[moving], patience)

    def _age_s(self, now: float, miners: Ints) -> Floats:
        return np.asarray(np.maximum(0.0, now - self.issued_s[miners]))

    def _to_go_w(self, miners: Ints, age_s: Floats) -> Floats:
        return charges.to_go_w(self.base_w[miners], self.setpoint_w[miners], age_s, self.t95_s[miners])

    def latent_w(self, now: float, lag_s: float, soon_s: float) -> tuple[float, float]:
        """Return what the fleet may come to draw beyond what the feeder shows, by commands already given.

        The second figure is the part of it that may arrive within ``soon_s``.

        A raise counts in full until it is seen, on the miner's own figure or by its time, and on the feeder's
        meter; one that was taken back until its time is over. What is missing of others counts too.
        """
        slack = charges.missing_w(self.setpoint_w, self.seen_w, self.deaf)
        rising = self.rising.nonzero()[0]
        if len(rising):
            arrived = charges.arrived(
                self.setpoint_w[rising],
                self.seen_w[rising],
                self.seen_s[rising],
                self.issued_s[rising],
                self.t95_s[rising],
                now_s=now,
                lag_s=lag_s,
            )
            self.rising[rising[arrived]] = False
            still = rising[~arrived]
            slack[still] = charges.to_come_w(self.setpoint_w[still], self.base_w[still])
        undone = self.undone_w.nonzero()[0]
        if len(undone):
            slack[undone] = np.maximum(slack[undone], self._undone_w(now, undone, lag_s))
        total = float(slack.sum())
        if total == 0.0:
            return 0.0, 0.0
        return total, float((slack * charges.soon_part(self.t95_s, soon_s)).sum())

    def _undone_w(self, now: float, miners: Ints, lag_s: float) -> Floats:
        """Return what raises that were taken back may still bring; those whose time is over are forgotten."""
        over = miners[now > self.undone_s[miners] + lag_s]
        self.undone_w[over] = 0.0
        proven = over[~(self.falling[over] | self.deaf[over])]
        self.charge_w[proven] = self.setpoint_w[proven]
        return self.undone_w[miners]

    def overdue(self, now: float) -> Ints:
        """Return the miners whose reduction should have been proven by now."""
        falling = self.falling.nonzero()[0]
        return falling[~self.deaf[falling] & (now > self.due_s[falling])]

    def appended(self, count: int) -> "Accounts":
        """Return these accounts with ``count`` miners more that were never seen."""
        more = Accounts.begin(count)
        return Accounts(
            *(np.concatenate((a, b)) for a, b in zip(self.columns(), more.columns(), strict=True))
        )

    def columns(self) -> list[Any]:
        """Return all arrays, in the order of the fields."""
        return [getattr(self, name) for name in self.__slots__]
