"""All miners of a site at once, as arrays: what they do when told, and when they lose work or power."""

from enum import IntEnum
from math import inf

import numpy as np

from proxy.plant.draw import LEAST_RAMP_S, Draw
from proxy.plant.fleet import HASHES_PER_DIFFICULTY, Flags, Fleet, Floats, Ints, model
from proxy.plant.parameters import Parameters
from proxy.plant.telemetry import Claim, Telemetry

NEVER = inf


class State(IntEnum):
    """What a miner is doing."""

    DARK = 0
    """No power, or not there yet."""
    BOOTING = 1
    TUNING = 2
    """Draws power already, hashes not yet."""
    MINING = 3
    ASLEEP = 4
    WAKING = 5
    """Told to wake, draws no more yet."""
    IDLE = 6
    """Awake and without work for too long."""
    HOT = 7
    """Stopped itself, too hot."""


class Order(IntEnum):
    """What a miner can be told over its own interface."""

    LIMIT = 1
    SLEEP = 2
    WAKE = 3


# As arrays have them: to compare one with a member of the enumeration takes four times as long.
_DARK, _BOOTING, _TUNING, MINING, _ASLEEP, _WAKING, _IDLE, _HOT = np.array(list(State), dtype=np.int8)

ANSWERS = np.array([state >= State.TUNING for state in State])
WORKS = np.array([state in {State.TUNING, State.MINING} for state in State])
CLAIMS = np.array(
    [Claim.ASLEEP if state in {State.ASLEEP, State.WAKING} else Claim.MINING for state in State],
    dtype=np.int8,
)
"""What an honest miner claims, by its state. One without work says that it is mining: it means to."""


class Asics:
    """The miners. Changed by orders, by work, by power; `step` moves them on."""

    def __init__(
        self, parameters: Parameters, fleet: Fleet, ambient_c: float, chance: np.random.Generator
    ) -> None:
        self._common = parameters.miner
        self._chance = chance
        self._fleet = fleet
        # The truth of each model: the fleet's own are nominal.
        self.models = tuple(model(parameters, one.name) for one in fleet.models)
        self.draw = Draw(self._common, self.models, fleet, ambient_c)
        self.telemetry = Telemetry(self._common, self.models, fleet, chance)

        def each(name: str) -> Floats:
            return np.array([getattr(one, name) for one in self.models], dtype=np.float64)[fleet.model]

        self._default_w, self._floor_w = each("default_w"), each("floor_w")
        self._ceiling_w = each("ceiling_w")
        self._sleep_w, self._idle_w = each("sleep_w"), each("idle_no_work_w")
        self._can_limit, self._can_sleep = each("can_limit") > 0, each("can_sleep") > 0
        self._hold_s, self._lag_s = each("hold_s"), each("command_lag_s")
        self._limit_down_s, self._limit_up_s = each("t_limit_down_s"), each("t_limit_up_s")
        self._down_s, self._up_s = each("t_down_s"), each("t_up_s")
        self._delay_s, self._boot_s, self._lost_s = each("wake_delay_s"), each("boot_s"), each("work_lost_s")
        self._keeps = each("keeps_orders") > 0

        count = fleet.model.size
        self.state = np.full(count, MINING, dtype=np.int8)
        self.limit_w = self._default_w.copy()
        self.hashrate_hs = np.zeros(count)
        self.difficulty = fleet.difficulty
        self._hashes_per_share = self.difficulty * HASHES_PER_DIFFICULTY
        self.connected, self.present = np.ones(count, dtype=bool), np.ones(count, dtype=bool)
        self.reachable = np.ones(count, dtype=bool)
        self.deaf, self.liar = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
        self._uplink = True
        self._strays: Flags = chance.random(count) < self._common.stray
        self._astray = np.zeros(count, dtype=bool)
        """Works for a pool that is not ours."""
        self._sleeps = np.zeros(count, dtype=bool)
        self._withheld, self._barred = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
        self._powered, self._has_work = np.ones(count, dtype=bool), np.ones(count, dtype=bool)
        self._due_s, self._hold_until_s = np.full(count, NEVER), np.full(count, NEVER)
        self._connect_s = np.full(count, NEVER)
        self._limit_s, self._told_w = np.full(count, NEVER), np.zeros(count)
        self._switch_s, self._told_sleep = np.full(count, NEVER), np.zeros(count, dtype=bool)
        self._next_s = NEVER
        """The earliest of all that is due."""
        self._any_hot = False
        self._share_rate_ends: Floats | None = None
        """Shares a second of all miners up to each, None when they are to be summed anew."""
        self._share_rate = 0.0
        self._total_hs: float | None = None
        everybody = np.arange(count)
        self._count_hashes(everybody)
        self._poll(everybody, 0.0)

    # -- what is done to them --------------------------------------------------------------------------------

    def order(self, what: Order, indices: Ints, watts: Floats, now: float) -> Ints:
        """Tell miners to limit, sleep or wake; return those that refuse. The rest obey later, or never.

        ``watts`` has an entry for each of ``indices`` if they are to limit, and is not looked at otherwise.
        """
        if not indices.size:
            return indices
        common, chance = self._common, self._chance
        able = self._can_limit[indices] if what is Order.LIMIT else self._can_sleep[indices]
        able = able & self.reachable[indices] & (self.state[indices] != _DARK)
        fate = chance.random(indices.size)
        refused = ~able | (fate < common.refused)
        taken = ~refused & (fate >= common.refused + common.lost)
        lied = taken & (self.liar[indices] | (fate > 1.0 - common.lie))
        liars = indices[lied]
        if what is Order.LIMIT:
            self.telemetry.pretend(liars, Claim.MINING, watts[lied])
        elif what is Order.SLEEP:
            self.telemetry.pretend(liars, Claim.ASLEEP, self._sleep_w[liars])
        else:
            self.telemetry.pretend(liars, Claim.MINING, self.limit_w[liars])
        heard = taken & ~lied & ~self.deaf[indices]
        obey = indices[heard]
        self.telemetry.confess(obey)
        due = now + self._lag_s[obey] * chance.uniform(0.5, 1.5, obey.size)
        if what is Order.LIMIT:
            self._limit_s[obey], self._told_w[obey] = due, watts[heard]
        else:
            self._switch_s[obey], self._told_sleep[obey] = due, what is Order.SLEEP
        self._plan(due)
        answered: Ints = indices[refused]
        return answered

    def withhold(self, indices: Ints, now: float) -> None:
        """Give these no more work; their sessions stay."""
        self._withheld[indices] = True
        self._work(indices, now)

    def release(self, indices: Ints, now: float) -> None:
        """Give these work again; one that was disconnected comes back when it tries the next time."""
        self._withheld[indices] = False
        away = indices[self._barred[indices]]
        self._barred[away] = False
        self._reconnect(away[self.reachable[away] & (self.state[away] >= _TUNING)], now)
        self._work(indices, now)

    def disconnect(self, indices: Ints, now: float) -> None:
        """End the sessions of these, and refuse new ones until `release`."""
        self._barred[indices] = True
        self.connected[indices] = False
        self._connect_s[indices] = NEVER
        self._astray[indices] = self._strays[indices] & self.reachable[indices] & self._uplink
        self._work(indices, now)

    def reach(self, indices: Ints, reachable: bool, now: float) -> None:
        """Cut these from the network, or bring it back."""
        self.reachable[indices] = reachable
        if reachable:
            self._reconnect(indices[~self._barred[indices] & (self.state[indices] >= _TUNING)], now)
            return
        self.connected[indices] = False
        self._astray[indices] = False
        self._connect_s[indices] = NEVER
        self._work(indices, now)

    def pool(self, there: bool, now: float) -> None:
        """Take the pool away from all, or bring it back."""
        self._uplink = there
        everybody = np.arange(self.state.size)
        self._work(everybody, now)
        self._count_hashes(everybody)

    def leave(self, indices: Ints) -> None:
        """Let these not be there, until they are `present` and `power` is given."""
        self.present[indices] = False
        self._powered[indices] = False
        self._darken(indices)
        self._poll(indices, 0.0)

    def power(self, live: Flags, now: float) -> None:
        """Say which miners have voltage; those that lose it go dark at once, those that get it boot."""
        wanted = live & self.present
        self._darken(np.flatnonzero(self._powered & ~wanted))
        self._boot(np.flatnonzero(wanted & ~self._powered), now)
        self._powered = wanted

    def reboot(self, indices: Ints, now: float) -> None:
        """Let the voltage dip under these."""
        dipped = indices[self._powered[indices]]
        self._darken(dipped)
        self._boot(dipped, now)

    # -- time ------------------------------------------------------------------------------------------------

    def step(self, now: float, dt: float, ambient_c: float) -> None:
        """Move ``dt`` seconds on, to ``now``."""
        if now >= self._next_s:
            self._come_due(now)
        moved = self.draw.ramp(dt)
        if moved.size:
            self._count_hashes(moved)
        self.draw.heat(dt, ambient_c)
        self._trip_hot(now)
        for asked in self.telemetry.turn(dt):
            self._poll(asked, now)

    def shares(self, dt: float) -> Ints:
        """Return how many shares of each miner arrive in ``dt`` seconds: Poisson, of its true hashrate."""
        ends = self._share_rate_ends
        if ends is None:
            rate = self.hashrate_hs / self._hashes_per_share
            rate *= self.connected & ~self._astray
            ends = self._share_rate_ends = rate.cumsum()
            self._share_rate = float(ends[-1])
        total = self._chance.poisson(self._share_rate * dt)
        # A Poisson sum thrown at miners by their rates is a Poisson number for each, and costs less. Throws
        # are below 1, and so below the last end: each finds somebody.
        throws = self._chance.random(total)
        throws *= self._share_rate
        return np.bincount(ends.searchsorted(throws, "right"), minlength=ends.size)

    def total_hs(self) -> float:
        """Return the hashrate of all."""
        if self._total_hs is None:
            self._total_hs = float(self.hashrate_hs.sum())
        return self._total_hs

    def _come_due(self, now: float) -> None:
        for due, act in (
            (self._limit_s, self._limit),
            (self._switch_s, self._switch),
            (self._connect_s, self._connect),
            (self._due_s, self._advance),
            (self._hold_until_s, self._give_up),
        ):
            indices = np.flatnonzero(due <= now)
            if indices.size:
                due[indices] = NEVER
                act(indices, now)
        timers = (self._limit_s, self._switch_s, self._connect_s, self._due_s, self._hold_until_s)
        self._next_s = min(float(due.min()) for due in timers)

    def _limit(self, indices: Ints, _now: float) -> None:
        self.limit_w[indices] = self._settable(indices, self._told_w[indices])
        busy = indices[WORKS[self.state[indices]]]
        lower = self.limit_w[busy] < self.draw.level_w[busy]
        ramp_s = np.where(lower, self._limit_down_s[busy], self._limit_up_s[busy])
        self.draw.aim(busy, self.limit_w[busy], ramp_s)

    def _settable(self, indices: Ints, watts: Floats) -> Floats:
        """Return the limits that miners make of those asked for: the highest preset that is not above."""
        limits = np.clip(watts, self._floor_w[indices], self._ceiling_w[indices])
        kinds = self._fleet.model[indices]
        for number, one in enumerate(self.models):
            if one.levels_w:
                mine = kinds == number
                # They go by the figures of the nominal table: those that their owner knows.
                told, true = np.array(self._fleet.models[number].levels_w), np.array(one.levels_w)
                # A hair of tolerance: a preset asked for by its own watts is meant.
                at = np.searchsorted(told, watts[mine] * (1.0 + 1e-9), side="right") - 1
                limits[mine] = true[np.maximum(at, 0)]
        return limits

    def _switch(self, indices: Ints, now: float) -> None:
        sleepy = self._told_sleep[indices]
        self._sleeps[indices] = sleepy
        state = self.state[indices]
        asleep = indices[sleepy & ANSWERS[state] & (state != _ASLEEP)]
        self._due_s[asleep] = NEVER
        self._enter(asleep, _ASLEEP)
        self.draw.aim(asleep, self._sleep_w[asleep], self._down_s[asleep])
        self._wake(indices[~sleepy & (state == _ASLEEP)], now)

    def _connect(self, indices: Ints, now: float) -> None:
        self.connected[indices] = True
        self._astray[indices] = False
        self._work(indices, now)

    def _give_up(self, indices: Ints, _now: float) -> None:
        """Let miners that have burned on without work long enough idle."""
        idle = indices[WORKS[self.state[indices]]]
        self._due_s[idle] = NEVER
        self._enter(idle, _IDLE)
        self.draw.aim(idle, self._idle_w[idle], self._down_s[idle])

    def _advance(self, indices: Ints, now: float) -> None:
        """Take miners whose time has come to their next state."""
        state = self.state[indices]
        booted = indices[state == _BOOTING]
        if booted.size:
            self._connect(booted[~self._barred[booted] & self.reachable[booted]], now)
            sleepy = booted[self._sleeps[booted]]
            self._enter(sleepy, _ASLEEP)
            self.draw.aim(sleepy, self._sleep_w[sleepy], self._down_s[sleepy])
        self._begin(np.concatenate((booted[~self._sleeps[booted]], indices[state == _WAKING])), now)
        self._enter(indices[state == _TUNING], MINING)

    def _wake(self, indices: Ints, now: float) -> None:
        if indices.size:
            self._enter(indices, _WAKING)
            self._schedule(indices, now + self._delay_s[indices] * self._jitter(indices.size))

    def _begin(self, indices: Ints, now: float) -> None:
        """Let miners that are awake work, if there is work."""
        if not indices.size:
            return
        works = self._has_work[indices] | self._astray[indices]
        workless, working = indices[~works], indices[works]
        self._enter(workless, _IDLE)
        self.draw.aim(workless, self._idle_w[workless], self._up_s[workless])
        self._enter(working, _TUNING)
        self.draw.aim(working, self.limit_w[working], self._up_s[working])
        self._schedule(working, now + self._lost_s[working] * self._jitter(working.size))

    def _work(self, indices: Ints, now: float) -> None:
        """Notice what has become of these miners' work."""
        had = self._has_work[indices]
        has = self.connected[indices] & ~self._withheld[indices] & self._uplink
        self._has_work[indices] = has
        # A job is kept until the hold is over; one that strays gets others elsewhere.
        lost = indices[had & ~has & ~self._astray[indices]]
        self._hold_until_s[lost] = now + self._hold_s[lost]
        self._plan(self._hold_until_s[lost])
        got = indices[has]
        self._hold_until_s[got] = NEVER
        self._begin(got[self.state[got] == _IDLE], now)
        self._count_hashes(indices)

    def _reconnect(self, indices: Ints, now: float) -> None:
        due = now + self._common.reconnect_s * self._chance.uniform(0.0, 1.5, indices.size)
        self._connect_s[indices] = due
        self._plan(due)

    def _darken(self, indices: Ints) -> None:
        if not indices.size:
            return
        for due in (self._due_s, self._hold_until_s, self._connect_s, self._limit_s, self._switch_s):
            due[indices] = NEVER
        for flags in (self.connected, self._has_work, self._astray):
            flags[indices] = False
        self.draw.cut(indices)
        forgets = indices[~self._keeps[indices]]
        self.limit_w[forgets] = self._default_w[forgets]
        self._sleeps[forgets] = False
        self._enter(indices, _DARK)

    def _boot(self, indices: Ints, now: float) -> None:
        if indices.size:
            self._enter(indices, _BOOTING)
            self.draw.aim(indices, self._idle_w[indices], np.full(indices.size, LEAST_RAMP_S))
            self._schedule(indices, now + self._boot_s[indices] * self._jitter(indices.size))

    def _trip_hot(self, now: float) -> None:
        common, temperature_c = self._common, self.draw.temperature_c
        over = temperature_c > common.trip_c
        if np.count_nonzero(over):
            hot = np.flatnonzero(over & WORKS[self.state])
            self._due_s[hot] = NEVER
            self._enter(hot, _HOT)
            self.draw.aim(hot, self._idle_w[hot], self._down_s[hot])
            self._any_hot = True
        if self._any_hot:
            stopped = self.state == _HOT
            self._any_hot = bool(stopped.any())
            self._wake(np.flatnonzero(stopped & (temperature_c < common.resume_c)), now)

    def _jitter(self, count: int) -> Floats:
        return np.clip(self._chance.normal(1.0, self._common.boot_spread, count), 0.2, 3.0)

    def _schedule(self, indices: Ints, due: Floats) -> None:
        self._due_s[indices] = due
        self._plan(due)

    def _plan(self, due: Floats) -> None:
        if due.size:
            self._next_s = min(self._next_s, float(due.min()))

    def _enter(self, indices: Ints, state: np.int8) -> None:
        if indices.size:
            self.state[indices] = state
            self._count_hashes(indices)

    def _count_hashes(self, indices: Ints) -> None:
        """Count hashes only of miners that hold a job of ours, while somebody takes its shares."""
        counts = self.state[indices] == MINING
        counts &= ~self._astray[indices]
        self.hashrate_hs[indices] = self.draw.hashrate_hs(indices) * counts if self._uplink else 0.0
        self._share_rate_ends = self._total_hs = None

    def _poll(self, asked: slice | Ints, now: float) -> None:
        state = self.state[asked]
        answers = self.reachable[asked] & ANSWERS[state]
        self.telemetry.poll(asked, answers, CLAIMS[state], self.draw, now)
