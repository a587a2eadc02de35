"""Allocation, and the steps from what is to what is wanted: reductions first, raises as far as proven."""

import math
from dataclasses import dataclass

import numpy as np

from proxy.energy import charges, dispatch
from proxy.energy.allocation import Allocation, Demand, Entitlement, Shortage, allocate, shortage
from proxy.energy.arrays import Floats, Ints
from proxy.energy.bounds import Dwell, Standing, able_w, bounds
from proxy.energy.site import Site, Wiring
from proxy.governor.accounts import ASLEEP, RUNNING
from proxy.governor.devices import Actuator
from proxy.governor.tick import Tick


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
        self.guaranteed_w = float(self.guarantee_w.sum())
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
        lower, upper = bounds(_standing(tick), _dwell(tick), shedding=shedding, limits=limits)
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

    def shortage(self, tick: Tick) -> Shortage:
        """Return what lacks of the guarantees now, at the feeder; it costs a small part of an allocation.

        While nothing may be raised, by an order or for want of readings, miners have what they were told.
        """
        body = tick.body
        standing = _standing(tick)
        lower, upper = bounds(standing, _dwell(tick), shedding=False)
        # A curve may end below what its devices are charged at.
        most = body.curves.ceiling_w[body.devices.curve]
        able = np.maximum(lower, np.minimum(able_w(standing, upper), most))
        usable = np.maximum(lower, np.minimum(upper, most))
        if not tick.may_raise:
            usable = np.maximum(lower, np.minimum(usable, standing.told_w))
        base_w, usable_w, of_w = (self._by_tenant(tick, watts) for watts in (lower, usable, able))
        entitlement = Entitlement(self.guarantee_w / body.bias, self._priority, self._share, able_w=of_w)
        lacks = shortage(tick.budget.watts / body.bias, base_w, usable_w, entitlement)
        return Shortage(lacks.short_w * body.bias, lacks.held_w * body.bias)

    def _by_tenant(self, tick: Tick, watts: Floats) -> Floats:
        """Return sums of miners' watts [T]."""
        return np.bincount(tick.body.devices.tenant, watts, len(self.guarantee_w)).astype(np.float64)

    def shed(self, tick: Tick, deficit_w: float, bound: str, sentence: str) -> float:
        """Lower the fleet by ``deficit_w`` at the feeder, worst watts first; return nominal watts."""
        body = tick.body
        setpoint = body.accounts.setpoint_w
        target = float(setpoint.sum()) - dispatch.sized_w(deficit_w, body.settings.shed_margin) / body.bias
        plan = self.wanted(tick, target, shedding=True, limits=True)
        if float(plan.watts.sum()) > target + 1.0:
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
        self.given.raised_w = 0.0
        worth_w = settings.deadband * min(budget_w, float(accounts.setpoint_w.sum()))
        down, up = dispatch.worthwhile(
            change,
            accounts.mode != RUNNING,
            least_w=settings.miner_deadband * body.devices.ceiling_w,
            worth_w=worth_w,
            largest_w=body.devices.ceiling_w.max(initial=0.0),
            needed=tick.deficit_w > 0,
        )
        down = self._paced(tick, down, plan.watts, worth_w)
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

    def _paced(self, tick: Tick, down: Ints, watts: Floats, worth_w: float) -> Ints:
        """Return which reductions are made now: those needed, and a few that make room for better ones."""
        if not len(down):
            return down
        body = tick.body
        now_w = body.accounts.setpoint_w[down]
        allowed = dispatch.fall_w(
            dispatch.sized_w(tick.deficit_w, body.settings.shed_margin) / body.bias,
            float(body.accounts.setpoint_w.sum()),
            # While nothing may be raised nothing takes the place of what gives way.
            coming=not tick.may_raise or tick.proven_w - tick.load_w > worth_w * body.bias,
        )
        kinds = body.devices.curve[down]
        loss = body.curves.hashes_at(kinds, now_w) - body.curves.hashes_at(kinds, watts[down])
        return down[dispatch.reductions(now_w - watts[down], loss, allowed)]

    def apply_down(self, tick: Tick, miners: Ints, watts: Floats) -> None:
        """Lower ``miners`` to ``watts`` by the gentlest actuator that gets there."""
        if not len(miners):
            return
        devices = tick.body.devices
        limit, sleep, withhold = dispatch.gentlest(
            watts,
            devices.floor_w[miners],
            devices.may(Actuator.LIMIT)[miners],
            devices.may(Actuator.SLEEP)[miners],
            devices.may(Actuator.WITHHOLD)[miners],
        )
        tick.commander.limit(miners[limit], watts[limit])
        tick.commander.sleep(miners[sleep])
        tick.commander.withhold(miners[withhold])

    def _raise(self, tick: Tick, up: Ints, watts: Floats) -> None:
        """Raise as many of ``up`` as proven headroom and the engines' steps permit, the best watts first."""
        body = tick.body
        accounts = body.accounts
        headroom = tick.budget.watts - tick.proven_w
        if not dispatch.permits(headroom, tick.room_w):
            return
        now_w, kinds = accounts.setpoint_w[up], body.devices.curve[up]
        rise = (watts - now_w) * body.bias
        gain = body.curves.hashes_at(kinds, watts) - body.curves.hashes_at(kinds, now_w)
        # Of what rises for minutes only a part is in the engines' next step.
        t_up = np.where(
            accounts.mode[up] == RUNNING, body.devices.t_up_limit_s[up], body.devices.t_wake_s[up]
        )
        soon = rise * charges.soon_part(t_up, body.settings.step_period_s)
        alone = not accounts.rising.any()
        chosen = dispatch.raises(rise, soon, gain, headroom_w=headroom, room_w=tick.room_w, alone=alone)
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


def _standing(tick: Tick) -> Standing:
    """Return how the miners stand."""
    body = tick.body
    devices, accounts = body.devices, body.accounts
    return Standing(
        told_w=accounts.setpoint_w,
        runs=accounts.mode == RUNNING,
        sleeps=accounts.mode == ASLEEP,
        here=tick.readings.connected,
        changed_s=tick.now - accounts.slept_s,
        cycles=accounts.cycles,
        lent=accounts.lent,
        left_out=accounts.deaf,
        locked=(tick.dead > 0)[devices.circuit],
        floor_w=devices.floor_w,
        ceiling_w=devices.ceiling_w,
        sleep_w=devices.sleep_w,
        idle_w=devices.idle_w,
        can_limit=devices.may(Actuator.LIMIT),
        can_sleep=devices.may(Actuator.SLEEP) & body.learned.usable(devices.curve, Actuator.SLEEP),
        can_idle=devices.may(Actuator.WITHHOLD) & body.learned.usable(devices.curve, Actuator.WITHHOLD),
    )


def _dwell(tick: Tick) -> Dwell:
    settings = tick.body.settings
    return Dwell(settings.min_on_s, settings.min_off_s, settings.cycles_day)
