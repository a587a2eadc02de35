"""All miners of a site at once, as arrays: what they draw, what they hash, what they do when told."""

from enum import IntEnum
from math import inf

import numpy as np

from proxy.plant.fleet import HASHES_PER_DIFFICULTY, TERA, Fleet, Flags, Floats, Ints, model
from proxy.plant.parameters import Parameters

NEVER = inf
LEAST_RAMP_S = 0.05


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


class Claim(IntEnum):
    """What a miner says that it is doing."""

    UNKNOWN = 0
    MINING = 1
    ASLEEP = 2
    UNREACHABLE = 3


class Order(IntEnum):
    """What a miner can be told over its own interface."""

    NONE = 0
    LIMIT = 1
    SLEEP = 2
    WAKE = 3


WORKING = (State.TUNING, State.MINING)


class Asics:
    """The miners. Changed by orders, by work, by power; `step` moves them on."""

    def __init__(
        self, parameters: Parameters, fleet: Fleet, ambient_c: float, chance: np.random.Generator
    ) -> None:
        self._common = parameters.miner
        self._chance = chance
        count = len(fleet.model)
        self._fleet = fleet
        # The truth of each model: the fleet's own are nominal.
        self.models = tuple(model(parameters, one.name) for one in fleet.models)

        def each(name: str) -> Floats:
            return np.array([getattr(one, name) for one in self.models], dtype=np.float64)[fleet.model]

        self._constant, self._linear, self._square = (
            each(name) for name in ("constant_w", "linear_w_ths", "square_w_ths2")
        )
        self._default_w, self._floor_w, self._ceiling_w = (
            each(name) for name in ("default_w", "floor_w", "ceiling_w")
        )
        self._sleep_w, self._idle_w = each("sleep_w"), each("idle_no_work_w")
        self._can_limit, self._can_sleep = each("can_limit") > 0, each("can_sleep") > 0
        self._hold_s, self._lag_s = each("hold_s"), each("command_lag_s")
        self._limit_down_s, self._limit_up_s = each("t_limit_down_s"), each("t_limit_up_s")
        self._down_s, self._up_s = each("t_down_s"), each("t_up_s")
        self._delay_s, self._boot_s, self._lost_s = each("wake_delay_s"), each("boot_s"), each("work_lost_s")
        self._is_linear, self._keeps = each("linear") > 0, each("keeps_orders") > 0
        # A supply that measures is right, an estimate is off by model, and knows nothing of heat or of the unit.
        telemetry = each("telemetry")
        bias = 1.0 + parameters.miner.report_bias * chance.uniform(-1.0, 1.0, len(self.models))
        self._bias = np.where(telemetry == 1, bias[fleet.model], np.nan)
        self._measures = telemetry == 2

        self.state = np.full(count, State.MINING, dtype=np.int8)
        self.limit_w = self._default_w.copy()
        self.level_w = self._default_w.copy()
        """Power at the reference temperature of a unit without spread."""
        self.temperature_c = np.full(count, ambient_c + parameters.miner.board_rise_c)
        self.watts = np.zeros(count)
        self.hashrate_hs = np.zeros(count)
        self.connected = np.ones(count, dtype=bool)
        self.difficulty = fleet.difficulty.copy()
        self.present = np.ones(count, dtype=bool)
        self.deaf = np.zeros(count, dtype=bool)
        self.liar = np.zeros(count, dtype=bool)
        self.reachable = np.ones(count, dtype=bool)
        self.uplink = True

        self._target_w = self.level_w.copy()
        self._ramp_s, self._rate_w_s = np.full(count, LEAST_RAMP_S), np.zeros(count)
        self._sleeps = np.zeros(count, dtype=bool)
        self._withheld = np.zeros(count, dtype=bool)
        self._barred = np.zeros(count, dtype=bool)
        self._powered = np.ones(count, dtype=bool)
        self._has_work = np.ones(count, dtype=bool)
        self._due_s, self._hold_until_s = np.full(count, NEVER), np.full(count, NEVER)
        self._connect_s, self._order_s = np.full(count, NEVER), np.full(count, NEVER)
        self._order, self._order_w = np.zeros(count, dtype=np.int8), np.zeros(count)
        self._lied_claim, self._lied_w = np.zeros(count, dtype=np.int8), np.full(count, np.nan)
        self._moving: Ints = np.zeros(0, dtype=np.int64)
        self._next_s = NEVER
        """The earliest of all that is due."""
        self._share_rate_ends: Floats | None = None
        self._refresh_hashes(np.arange(count))
        self._heat(0.0, ambient_c)

        self.seen_w, self.seen_at_s = np.full(count, np.nan), np.zeros(count)
        self.seen_claim = np.zeros(count, dtype=np.int8)
        self._poll_from = 0.0
        self._poll(np.arange(count), 0.0)

    # -- what is done to them --------------------------------------------------------------------------------

    def order(self, what: Order, indices: Ints, watts: Floats | None, now: float) -> Ints:
        """Tell miners to limit, sleep or wake; return those that refuse. The rest obey later, or never."""
        if not indices.size:
            return indices
        common, chance = self._common, self._chance
        able = self._can_limit[indices] if what is Order.LIMIT else self._can_sleep[indices]
        able = able & self.reachable[indices] & (self.state[indices] != State.DARK)
        fate = chance.random(indices.size)
        refused = ~able | (fate < common.refused)
        taken = ~refused & (fate >= common.refused + common.lost)
        lied = taken & (self.liar[indices] | (fate > 1.0 - common.lie))
        if lied.any():
            liars = indices[lied]
            self._lied_claim[liars] = Claim.ASLEEP if what is Order.SLEEP else Claim.MINING
            self._lied_w[liars] = self._sleep_w[liars] if what is Order.SLEEP else self.limit_w[liars]
            if what is Order.LIMIT and watts is not None:
                self._lied_w[liars] = watts[lied]
        heard = taken & ~lied & ~self.deaf[indices]
        obey = indices[heard]
        self._order[obey] = what
        if watts is not None:
            self._order_w[obey] = watts[heard]
        self._order_s[obey] = now + self._lag_s[obey] * chance.uniform(0.5, 1.5, obey.size)
        self._lied_claim[obey] = Claim.UNKNOWN
        self._plan(self._order_s[obey])
        return indices[refused]

    def withhold(self, indices: Ints, now: float) -> None:
        """Give these no more work; their sessions stay."""
        self._withheld[indices] = True
        self._work(indices, now)

    def release(self, indices: Ints, now: float) -> None:
        """Give these work again; one that was disconnected comes back when it tries the next time."""
        self._withheld[indices] = False
        away = indices[self._barred[indices]]
        self._barred[away] = False
        self._reconnect(away, now)
        self._work(indices, now)

    def disconnect(self, indices: Ints, now: float) -> None:
        """End the sessions of these, and refuse new ones until `release`."""
        self._barred[indices] = True
        self.connected[indices] = False
        self._connect_s[indices] = NEVER
        self._work(indices, now)

    def reach(self, indices: Ints, reachable: bool, now: float) -> None:
        """Cut these from the network, or bring it back."""
        self.reachable[indices] = reachable
        if not reachable:
            self.connected[indices] = False
            self._connect_s[indices] = NEVER
            self._work(indices, now)
        else:
            self._reconnect(indices[~self._barred[indices] & (self.state[indices] != State.DARK)], now)

    def pool(self, there: bool, now: float) -> None:
        """Take the pool away from all, or bring it back."""
        self.uplink = there
        self._work(np.arange(self.state.size), now)
        self._refresh_hashes(np.arange(self.state.size))

    def leave(self, indices: Ints) -> None:
        """Let these not be there, until they are `present` and `power` is given."""
        self.present[indices] = False
        self._powered[indices] = False
        self._darken(indices)
        self._poll(indices, 0.0)

    def power(self, live: Flags, now: float) -> None:
        """Say which miners have voltage; those that lose it go dark at once, those that get it boot."""
        wanted = live & self.present
        if np.array_equal(wanted, self._powered):
            return
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
        if self._moving.size:
            self._ramp(dt)
        self._heat(dt, ambient_c)
        self._trip_hot(now)
        self._poll_some(now, dt)

    def shares(self, dt: float) -> Ints:
        """Return how many shares of each miner arrive in ``dt`` seconds: Poisson, of its true hashrate."""
        if self._share_rate_ends is None:
            rate = np.where(self.connected, self.hashrate_hs / (self.difficulty * HASHES_PER_DIFFICULTY), 0.0)
            self._share_rate_ends = np.cumsum(rate)
        ends = self._share_rate_ends
        total = self._chance.poisson(ends[-1] * dt)
        # A Poisson sum thrown at miners by their rates is a Poisson number for each, and costs less.
        owner = np.searchsorted(ends, self._chance.random(total) * ends[-1], side="right")
        return np.bincount(np.minimum(owner, ends.size - 1), minlength=ends.size)

    def _come_due(self, now: float) -> None:
        indices = np.flatnonzero(self._order_s <= now)
        if indices.size:
            self._order_s[indices] = NEVER
            self._obey(indices, now)
        indices = np.flatnonzero(self._connect_s <= now)
        if indices.size:
            self._connect_s[indices] = NEVER
            self.connected[indices] = True
            self._work(indices, now)
        indices = np.flatnonzero(self._due_s <= now)
        if indices.size:
            self._due_s[indices] = NEVER
            self._advance(indices, now)
        indices = np.flatnonzero(self._hold_until_s <= now)
        if indices.size:
            self._hold_until_s[indices] = NEVER
            idle = indices[np.isin(self.state[indices], WORKING)]
            self._enter(idle, State.IDLE)
            self._aim(idle, self._idle_w[idle], self._down_s[idle])
        self._next_s = min(
            float(due.min()) for due in (self._order_s, self._connect_s, self._due_s, self._hold_until_s)
        )

    def _obey(self, indices: Ints, now: float) -> None:
        order = self._order[indices]
        limited = indices[order == Order.LIMIT]
        if limited.size:
            self.limit_w[limited] = self._settable(limited, self._order_w[limited])
            busy = limited[np.isin(self.state[limited], WORKING)]
            lower = self.limit_w[busy] < self.level_w[busy]
            self._aim(
                busy, self.limit_w[busy], np.where(lower, self._limit_down_s[busy], self._limit_up_s[busy])
            )
        told = indices[order == Order.SLEEP]
        self._sleeps[told] = True
        asleep = told[~np.isin(self.state[told], (State.DARK, State.BOOTING, State.ASLEEP))]
        if asleep.size:
            self._enter(asleep, State.ASLEEP)
            self._due_s[asleep] = NEVER
            self._aim(asleep, self._sleep_w[asleep], self._down_s[asleep])
        told = indices[order == Order.WAKE]
        self._sleeps[told] = False
        self._wake(told[self.state[told] == State.ASLEEP], now)

    def _settable(self, indices: Ints, watts: Floats) -> Floats:
        """Return the limits that miners make of those asked for: the highest preset that is not above."""
        limits = np.clip(watts, self._floor_w[indices], self._ceiling_w[indices])
        kinds = self._fleet.model[indices]
        for number, one in enumerate(self.models):
            if one.levels_w:
                mine = kinds == number
                levels = np.array(one.levels_w)
                # A hair of tolerance: a preset asked for by its own watts is meant.
                at = np.searchsorted(levels, limits[mine] * (1.0 + 1e-9), side="right") - 1
                limits[mine] = levels[np.maximum(at, 0)]
        return limits

    def _wake(self, indices: Ints, now: float) -> None:
        if indices.size:
            self._enter(indices, State.WAKING)
            self._schedule(indices, now + self._delay_s[indices] * self._jitter(indices.size))

    def _advance(self, indices: Ints, now: float) -> None:
        """Take miners whose time has come to their next state."""
        state = self.state[indices]
        booted = indices[state == State.BOOTING]
        if booted.size:
            back = booted[~self._barred[booted] & self.reachable[booted]]
            self.connected[back] = True
            self._work(back, now)
            sleepy = booted[self._sleeps[booted]]
            self._enter(sleepy, State.ASLEEP)
            self._aim(sleepy, self._sleep_w[sleepy], self._down_s[sleepy])
        self._begin(np.concatenate((booted[~self._sleeps[booted]], indices[state == State.WAKING])), now)
        tuned = indices[state == State.TUNING]
        self._enter(tuned, State.MINING)

    def _begin(self, indices: Ints, now: float) -> None:
        """Let miners that are awake work, if there is work."""
        if not indices.size:
            return
        workless = indices[~self._has_work[indices]]
        self._enter(workless, State.IDLE)
        self._aim(workless, self._idle_w[workless], self._up_s[workless])
        working = indices[self._has_work[indices]]
        self._enter(working, State.TUNING)
        self._aim(working, self.limit_w[working], self._up_s[working])
        self._schedule(working, now + self._lost_s[working] * self._jitter(working.size))

    def _work(self, indices: Ints, now: float) -> None:
        """Notice what has become of these miners' work."""
        if not indices.size:
            return
        had = self._has_work[indices]
        has = self.connected[indices] & ~self._withheld[indices] & self.uplink
        self._has_work[indices] = has
        lost = indices[had & ~has]
        self._hold_until_s[lost] = now + self._hold_s[lost]
        self._plan(self._hold_until_s[lost])
        got = indices[has]
        self._hold_until_s[got] = NEVER
        self._begin(got[self.state[got] == State.IDLE], now)
        self._share_rate_ends = None

    def _reconnect(self, indices: Ints, now: float) -> None:
        self._connect_s[indices] = now + self._common.reconnect_s * self._chance.uniform(
            0.0, 1.5, indices.size
        )
        self._plan(self._connect_s[indices])

    def _darken(self, indices: Ints) -> None:
        if not indices.size:
            return
        self._enter(indices, State.DARK)
        for due in (self._due_s, self._hold_until_s, self._connect_s, self._order_s):
            due[indices] = NEVER
        self.connected[indices] = False
        self._has_work[indices] = False
        self._target_w[indices] = self.level_w[indices] = self.watts[indices] = 0.0
        forgets = indices[~self._keeps[indices]]
        self.limit_w[forgets] = self._default_w[forgets]
        self._sleeps[forgets] = False
        self._moving = np.flatnonzero(self._target_w != self.level_w)
        self._share_rate_ends = None

    def _boot(self, indices: Ints, now: float) -> None:
        if indices.size:
            self._enter(indices, State.BOOTING)
            self._aim(indices, self._idle_w[indices], np.full(indices.size, LEAST_RAMP_S))
            self._schedule(indices, now + self._boot_s[indices] * self._jitter(indices.size))

    def _jitter(self, count: int) -> Floats:
        return np.clip(self._chance.normal(1.0, self._common.boot_spread, count), 0.2, 3.0)

    def _schedule(self, indices: Ints, due: Floats) -> None:
        self._due_s[indices] = due
        self._plan(due)

    def _plan(self, due: Floats) -> None:
        if due.size:
            self._next_s = min(self._next_s, float(due.min()))

    def _enter(self, indices: Ints, state: State) -> None:
        if indices.size:
            self.state[indices] = state
            self._refresh_hashes(indices)

    # -- watts, heat and hashes ------------------------------------------------------------------------------

    def _aim(self, indices: Ints, watts: Floats, ramp_s: Floats) -> None:
        """Let these ramp to ``watts``, 95 % of the way within ``ramp_s``."""
        if not indices.size:
            return
        self._target_w[indices] = watts
        self._ramp_s[indices] = np.maximum(ramp_s, LEAST_RAMP_S)
        self._rate_w_s[indices] = 0.95 * np.abs(watts - self.level_w[indices]) / self._ramp_s[indices]
        self._moving = np.flatnonzero(self._target_w != self.level_w)

    def _ramp(self, dt: float) -> None:
        moving = self._moving
        level, target = self.level_w[moving], self._target_w[moving]
        gap = target - level
        slide = gap * -np.expm1(-3.0 * dt / self._ramp_s[moving])
        climb = np.clip(gap, -self._rate_w_s[moving] * dt, self._rate_w_s[moving] * dt)
        level += np.where(self._is_linear[moving], climb, slide)
        there = np.abs(target - level) < 1.0
        level[there] = target[there]
        self.level_w[moving] = level
        self._refresh_hashes(moving)
        self._moving = moving[~there]

    def _heat(self, dt: float, ambient_c: float) -> None:
        common = self._common
        aim = self.watts * (common.board_rise_c / self._default_w)
        aim += ambient_c
        aim -= self.temperature_c
        aim *= -np.expm1(-dt / common.board_tau_s)
        self.temperature_c += aim
        heat = self.temperature_c * common.watts_per_c
        heat += 1.0 - common.watts_per_c * common.reference_c
        heat *= self.level_w
        heat *= self._fleet.spread
        np.maximum(heat, 0.0, out=self.watts)

    def _trip_hot(self, now: float) -> None:
        common = self._common
        if float(self.temperature_c.max()) > common.trip_c:
            hot = np.flatnonzero((self.temperature_c > common.trip_c) & np.isin(self.state, WORKING))
            self._enter(hot, State.HOT)
            self._due_s[hot] = NEVER
            self._aim(hot, self._idle_w[hot], self._down_s[hot])
            self._any_hot = self._any_hot or hot.size > 0
        if self._any_hot:
            cooled = np.flatnonzero((self.state == State.HOT) & (self.temperature_c < common.resume_c))
            self._wake(cooled, now)
            self._any_hot = bool((self.state == State.HOT).any())

    _any_hot = False

    def _refresh_hashes(self, indices: Ints) -> None:
        """Count hashes only of miners that hold a job somebody will take the shares of."""
        if not self.uplink:
            self.hashrate_hs[indices] = 0.0
        else:
            over = np.maximum(self.level_w[indices] - self._constant[indices], 0.0)
            linear = self._linear[indices]
            rate = 2.0 * over / (linear + np.sqrt(linear * linear + 4.0 * self._square[indices] * over))
            self.hashrate_hs[indices] = np.where(self.state[indices] == State.MINING, rate * TERA, 0.0)
        self._share_rate_ends = None

    # -- what they tell --------------------------------------------------------------------------------------

    def _poll_some(self, now: float, dt: float) -> None:
        """Ask the next few in turn, so that each is asked once in `poll_s`."""
        count = self.state.size
        begin = int(self._poll_from)
        self._poll_from += count * min(1.0, dt / self._common.poll_s)
        end = int(self._poll_from)
        if end > begin:
            self._poll(np.arange(begin, end) % count, now)
        self._poll_from %= count

    def _poll(self, indices: Ints, now: float) -> None:
        answers = self.reachable[indices] & (self.state[indices] >= State.TUNING)
        self.seen_claim[indices] = Claim.UNREACHABLE
        self.seen_w[indices] = np.nan
        asked = indices[answers]
        lied = self._lied_claim[asked]
        asleep = np.isin(self.state[asked], (State.ASLEEP, State.WAKING))
        self.seen_claim[asked] = np.where(lied > 0, lied, np.where(asleep, Claim.ASLEEP, Claim.MINING))
        told = np.where(self._measures[asked], self.watts[asked], self.level_w[asked] * self._bias[asked])
        # A liar without telemetry has no watts to lie about.
        self.seen_w[asked] = np.where((lied > 0) & ~np.isnan(told), self._lied_w[asked], told)
        self.seen_at_s[asked] = now
