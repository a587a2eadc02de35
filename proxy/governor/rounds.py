"""Allocation, and the steps from what is to what is wanted: reductions first, raises as far as proven."""

import math
from dataclasses import dataclass

import numpy as np

from proxy.energy.allocation import Allocation, Demand, Entitlement, allocate
from proxy.energy.arrays import Bools, Floats, Ints
from proxy.energy.site import Site, Wiring
from proxy.governor.accounts import ASLEEP, CUT, RUNNING, WITHHELD
from proxy.governor.devices import Actuator
from proxy.governor.tick import Tick

_WORTH_W = 1.0
SWAP_PART = 0.015
"""Part of the load that changes places at a time: below what counts as a swing."""


@dataclass(slots=True)
class Given:
    """What the last round gave."""

    raised_w: float = 0.0


class Rounds:
    """Decides who draws what."""

    def __init__(self, site: Site) -> None:
        self.guarantee_w: Floats = np.array(
            [tenant.guarantee_kw * 1000.0 for tenant in site.tenants] or [0.0]
        )
        self._priority: Ints = np.array([tenant.priority for tenant in site.tenants] or [0], dtype=np.int64)
        self._share: Floats = np.array([tenant.contracted_share for tenant in site.tenants] or [1.0])

        self.given = Given()

    def wanted(
        self,
        tick: Tick,
        budget_w: float,
        *,
        shedding: bool,
        limits: bool = False,
        settle_w: Floats | None = None,
    ) -> Allocation:
        """Return the watts for each miner that make the most of ``budget_w``, in nominal watts.

        While ``shedding`` nobody is raised, and dwell binds nobody; with ``limits`` whoever has a limit is
        not put to sleep.
        """
        lower, upper = _bounds(tick, shedding=shedding, limits=limits)
        body = tick.body
        bias = body.bias
        wiring = Wiring(tick.wiring.parent, tick.wiring.limit_w / bias)
        demand = Demand(
            body.curves,
            body.devices.curve,
            body.devices.tenant,
            body.devices.circuit,
            lower,
            upper,
            body.accounts.setpoint_w,
            np.ones(len(lower)),
        )
        entitlement = Entitlement(
            self.guarantee_w / bias,
            self._priority,
            self._share,
            None if settle_w is None else settle_w / bias,
        )
        return allocate(budget_w, demand, entitlement, wiring)

    def shed(self, tick: Tick, deficit_w: float, bound: str, sentence: str) -> float:
        """Lower the fleet by ``deficit_w`` at the feeder, worst watts first; return nominal watts."""
        body = tick.body
        setpoint = body.accounts.setpoint_w
        margin = 1.0 + body.settings.shed_margin
        target = float(setpoint.sum()) - margin * deficit_w / body.bias
        plan = self.wanted(tick, target, shedding=True, limits=True)
        if float(plan.watts.sum()) > target + _WORTH_W:
            plan = self.wanted(tick, target, shedding=True)
        lower = np.flatnonzero(plan.watts < setpoint - 1.0)
        dropped = float((setpoint - plan.watts)[lower].sum())
        self.apply_down(tick, lower, plan.watts[lower])
        if len(lower):
            tick.decide("shed", len(lower), -dropped * body.bias, sentence, bound)
        return dropped

    def round(self, tick: Tick, settle_w: Floats | None) -> Allocation:
        """Move towards the best use of the budget."""
        body = tick.body
        accounts, settings = body.accounts, body.settings
        budget_w = tick.budget.watts / body.bias if math.isfinite(tick.budget.watts) else 1e15
        plan = self.wanted(tick, budget_w, shedding=False, settle_w=settle_w)
        change = plan.watts - accounts.setpoint_w
        least = settings.miner_deadband * body.devices.ceiling_w
        waiting = np.isin(accounts.mode, (ASLEEP, WITHHELD, CUT))
        down = np.flatnonzero((change < -least) & ~waiting)
        up = np.flatnonzero((change > least) | (waiting & (change > 1.0)))
        # What moves only to make room for better watts must gain something, or equals change places for ever.
        self.given.raised_w = 0.0
        down_w, up_w = float(-change[down].sum()), float(change[up].sum())
        worth_it = settings.deadband * min(budget_w, float(accounts.setpoint_w.sum()))
        if tick.deficit_w <= 0 and min(down_w, up_w) < worth_it:
            down = down[:0]
        down = self._paced(tick, down, plan.watts, worth_it)
        if tick.deficit_w <= 0 and up_w < min(worth_it, body.devices.ceiling_w.max(initial=0.0)):
            up = up[:0]
        if len(down):
            gone = float(-change[down].sum()) * body.bias
            self.apply_down(tick, down, plan.watts[down])
            tick.decide(
                "trim",
                len(down),
                -gone,
                f"{len(down)} miners give up {gone / 1000:,.1f} kW: {tick.budget.sentence}",
            )
        if tick.may_raise and len(up):
            self._raise(tick, up, plan.watts[up])
        return plan

    def _paced(self, tick: Tick, down: Ints, watts: Floats, worth_it: float) -> Ints:
        """Return which reductions are made now: those needed, and a few that make room for better ones.

        What gives way sleeps within seconds, what takes its place may wake for minutes: all at once would
        be a hole in the load.
        """
        body = tick.body
        coming = tick.proven_w - tick.load_w > worth_it * body.bias
        swap_w = 0.0 if coming else SWAP_PART * float(body.accounts.setpoint_w.sum())
        allowed = swap_w + (1.0 + body.settings.shed_margin) * max(0.0, tick.deficit_w) / body.bias
        now_w = body.accounts.setpoint_w[down]
        fall = now_w - watts[down]
        if fall.sum() <= allowed:
            return down
        kinds = body.devices.curve[down]
        loss = body.curves.hashes_at(kinds, now_w) - body.curves.hashes_at(kinds, watts[down])
        order = np.argsort(loss / np.maximum(fall, _WORTH_W), kind="stable")
        before = np.cumsum(fall[order]) - fall[order]
        return down[order[before < allowed]]

    def apply_down(self, tick: Tick, miners: Ints, watts: Floats) -> None:
        """Lower ``miners`` to ``watts`` by the gentlest actuator that gets there."""
        if not len(miners):
            return
        devices = tick.body.devices
        below = watts < devices.floor_w[miners] - 1.0
        can_limit = devices.may(Actuator.LIMIT)[miners]
        can_sleep = devices.may(Actuator.SLEEP)[miners]
        limit = can_limit & ~below
        sleep = below & can_sleep
        tick.commander.limit(miners[limit], watts[limit])
        tick.commander.sleep(miners[sleep])
        rest = ~limit & ~sleep & below
        tick.commander.withhold(miners[rest & devices.may(Actuator.WITHHOLD)[miners]])

    def _raise(self, tick: Tick, up: Ints, watts: Floats) -> None:
        """Raise as many of ``up`` as proven headroom and the engines' steps permit, the best watts first."""
        body = tick.body
        accounts = body.accounts
        headroom = tick.budget.watts - tick.proven_w
        if not min(headroom, tick.room_w) > 0:
            return
        now_w = accounts.setpoint_w[up]
        # What was asked to fall and is not proven to have is charged already and takes no second room.
        rise = (watts - np.minimum(now_w, watts)) * body.bias
        gain = body.curves.hashes_at(body.devices.curve[up], watts) - body.curves.hashes_at(
            body.devices.curve[up], now_w
        )
        order = np.argsort(-gain / np.maximum(rise, _WORTH_W), kind="stable")
        # Of what rises for minutes only a part is in the engines' next step.
        t_up = np.where(
            accounts.mode[up] == RUNNING, body.devices.t_up_limit_s[up], body.devices.t_wake_s[up]
        )
        soon = rise * np.minimum(1.0, 3.0 * body.settings.step_period_s / np.maximum(t_up, 0.1))
        fits = (np.cumsum(rise[order]) <= headroom) & (np.cumsum(soon[order]) <= tick.room_w)
        if not fits[0] and rise[order[0]] <= headroom and not accounts.rising.any():
            fits[0] = True  # or one that is larger than a step would never start
        chosen = order[fits]
        if not len(chosen):
            return
        miners, told = up[chosen], watts[chosen]
        running = accounts.mode[miners] == RUNNING
        tick.commander.limit(miners[running], told[running])
        tick.commander.start(miners[~running], told[~running])
        total = float(rise[chosen].sum())
        self.given.raised_w = total
        tick.proven_w += total
        tick.expected_w += total
        tick.room_w -= float(soon[chosen].sum())
        held = len(up) - len(chosen)
        why = (
            "in a step that the engines accept"
            if tick.room_w < headroom - total
            else "as far as is proven free"
        )
        more = f"; {held} more wait" if held else ""
        tick.decide(
            "raise", len(chosen), total, f"{len(chosen)} miners get {total / 1000:,.1f} kW {why}{more}"
        )


def _bounds(tick: Tick, *, shedding: bool, limits: bool) -> tuple[Floats, Floats]:
    """Return the least and most nominal watts that each miner may be told now."""
    body, now = tick.body, tick.now
    devices, accounts, settings = body.devices, body.accounts, body.settings
    setpoint = accounts.setpoint_w
    running = accounts.mode == RUNNING
    asleep = accounts.mode == ASLEEP
    can_limit, can_sleep = devices.may(Actuator.LIMIT), devices.may(Actuator.SLEEP)
    usable = body.learned.usable(devices.curve, Actuator.SLEEP)
    can_sleep = can_sleep & usable
    can_idle = devices.may(Actuator.WITHHOLD) & body.learned.usable(devices.curve, Actuator.WITHHOLD)
    awake_long = now - accounts.slept_s >= settings.min_on_s
    may_stop: Bools = running & (can_sleep | can_idle)
    if limits:
        may_stop = may_stop & ~can_limit
    if not shedding:
        may_stop = may_stop & awake_long & (accounts.cycles < settings.cycles_day)
    stop_w = np.where(can_sleep, devices.sleep_w, devices.idle_w)
    floor = np.where(can_limit, np.minimum(devices.floor_w, setpoint), setpoint)
    lower = np.where(may_stop, np.minimum(stop_w, setpoint), np.where(running, floor, setpoint))
    upper = np.where(running & can_limit, devices.ceiling_w, setpoint)
    # On and off: what runs may go on as it does.
    rested = ~shedding & asleep & (accounts.lent | (now - accounts.slept_s >= settings.min_off_s))
    admitted = (accounts.mode == WITHHELD) | (accounts.mode == CUT)
    upper = np.where(rested | (admitted & tick.readings.connected & ~accounts.deaf), devices.ceiling_w, upper)
    if shedding:
        upper = np.minimum(upper, setpoint)
    gone = ~tick.readings.connected & ~running & ~asleep
    locked = (tick.dead > 0)[devices.circuit]
    fixed = accounts.deaf | gone
    lower = np.where(fixed, setpoint, lower)
    upper = np.where(fixed, setpoint, np.maximum(upper, lower))
    upper = np.where(locked & ~fixed, np.minimum(lower, stop_w), upper)
    return np.where(locked & ~fixed, upper, lower), upper
