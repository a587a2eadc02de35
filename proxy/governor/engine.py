"""The governor: readings in, steps out. Synchronous; the same readings give the same plans."""

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from proxy.energy import debt
from proxy.energy.arrays import Floats
from proxy.energy.budget import Budget
from proxy.energy.curves import Curves
from proxy.energy.site import Site
from proxy.governor.accounts import Accounts
from proxy.governor.alarms import HOLDS, Alarms
from proxy.governor.allowance import Allowance
from proxy.governor.circuits import Circuits
from proxy.governor.commander import Commander
from proxy.governor.devices import Devices
from proxy.governor.guard import Guard
from proxy.governor.learned import Learned
from proxy.governor.membership import Membership
from proxy.governor.observer import Observer
from proxy.governor.plan import Plan
from proxy.governor.readings import Readings
from proxy.governor.rounds import Rounds
from proxy.governor.senses import Expectation, Senses, Sight
from proxy.governor.settings import GovernorSettings
from proxy.governor.state import given, taken
from proxy.governor.supply_watch import Supplied, SupplyWatch
from proxy.governor.tick import Body, Tick
from proxy.governor.uplink import Uplink
from proxy.governor.verify import Verify
from proxy.governor.waiting import Waiting, waiting

STATE_VERSION = 6
_OWN = (
    "_debts",
    "_short_w",
    "_settled_w",
    "_bound",
    "_round_s",
    "_round_w",
    "_ticked_s",
    "_works",
)
"""What the engine itself remembers beside its parts."""
_MUCH = 0.05
"""A part of the load in flight that makes it change within seconds."""
_EVENT_S = 2.0
"""Rounds follow each other so closely while there is something to give back or to follow."""
_REST = "miners that were put to sleep are left so for a while"
"""Why a guarantee is short that the budget would cover."""


class Governor:
    """Keeps the watts of a site's miners under their limit, and makes the most of it."""

    def __init__(
        self, site: Site, devices: Devices, curves: Curves, settings: GovernorSettings | None = None
    ) -> None:
        self._site = site
        settings = settings or GovernorSettings()
        self._settings = settings
        self._body = Body(
            devices,
            curves,
            Accounts.begin(len(devices)),
            Learned(len(curves.points)),
            settings,
            Alarms(settings.alarm_s, HOLDS * settings.round_s),
            tuple(circuit.name for circuit in site.circuits),
            tuple(tenant.name for tenant in site.tenants),
        )
        self._most_w = self._asleep_w = 0.0
        """What all devices draw at most, and asleep."""
        self._count_in()
        self._senses = Senses(settings)
        self._supply = SupplyWatch(site, settings)
        self._observer = Observer(settings)
        self._rounds = Rounds(site)
        self._guard = Guard(self._rounds)
        self._verify = Verify()
        self._members = Membership(len(devices))
        self._circuits = Circuits(site)
        self._allowance = Allowance(settings.source_ladder)
        self._uplink = Uplink()
        self._debts = debt.Debts()
        self._short_w: Floats = np.zeros(max(1, len(site.tenants)))
        self._settled_w: Floats = np.zeros(len(self._short_w))
        """What each tenant may draw of the surplus for what it is owed."""
        self._bound = ""
        self._round_s = -math.inf
        self._round_w = math.nan
        self._ticked_s = math.nan
        self._works = False
        """Whether a good part of the fleet sent shares of late."""
        self._last: Tick | None = None

    def step(self, now: float, readings: Readings) -> Plan:
        """Return what is to be done now. Readings have one element for each of the devices."""
        body = self._body
        begins = not self._members.begun
        if begins:
            self._members.adopt(now, readings, body)
        dt = 0.0 if math.isnan(self._ticked_s) else max(0.0, min(60.0, now - self._ticked_s))
        self._ticked_s = now
        proven = body.accounts.observe(now, readings, body.devices)
        sight = self._look(now, readings)
        metered = not math.isnan(readings.site_at) or readings.generators is not None
        self._observer.update(now, dt, sight.load_w, body)
        bus_w = sight.load_w + sight.aux_w
        supplied = self._supply.look(now, readings, bus_w)
        allowed = self._budget(now, readings, sight, supplied, metered)
        tick = self._tick(now, readings, sight, supplied, allowed, metered)
        if begins:
            self._members.withheld_at_start(tick)
        self._verify.learn(tick, proven)
        changed = self._members.look(tick)
        changed |= self._circuits.look(tick)
        if self._site.generators:
            # Who has no engines to care for may let everybody start at once.
            changed |= self._uplink.look(tick, int(np.count_nonzero(readings.shares)))
            tick.may_raise &= not self._uplink.lost
        acted = self._guard.look(tick)
        self._verify.look(tick)
        self._account(tick, dt)
        if acted:
            self._find_short(tick)
        elif self._is_due(tick, changed):
            self._round(tick)
            self._find_short(tick)
        self._tell(tick, (*sight.doubts, *supplied.doubts))
        self._last = tick
        return self._plan(tick, supplied, sight)

    def join(self, devices: Devices) -> None:
        """Append miners; they are admitted before they get their first work."""
        body = self._body
        body.devices = body.devices.joined(devices)
        body.accounts = body.accounts.appended(len(devices))
        self._members.append(len(devices))
        self._count_in()

    def _count_in(self) -> None:
        devices = self._body.devices
        self._most_w, self._asleep_w = float(devices.ceiling_w.sum()), float(devices.sleep_w.sum())

    @property
    def owed_kwh(self) -> Mapping[str, Floats]:
        """What each tenant is owed, by month: kWh [T]."""
        return self._debts.by_month

    @property
    def configured(self) -> tuple[Site, Devices, Curves, GovernorSettings]:
        """All that ``from_state`` takes beside the state."""
        return self._site, self._body.devices, self._body.curves, self._settings

    @property
    def learned(self) -> Learned:
        """What was seen of each kind of device; who knows more from before puts it in."""
        return self._body.learned

    def waiting(self) -> Waiting | None:
        """Return why each miner that could draw more does not, as of the last step; None before the first."""
        return None if self._last is None else waiting(self._last, self._round_s + self._settings.round_s)

    def owe(self, by_month: Mapping[str, Floats]) -> None:
        """Go on with debts from before; kWh of each tenant by month [T]."""
        self._debts = debt.Debts(dict(by_month))

    def state(self) -> dict[str, Any]:
        """Return all that is remembered, as plain data for msgpack; devices are told apart by their ids."""
        return {
            "version": STATE_VERSION,
            "ids": list(self._body.devices.ids),
            "bias": self._body.bias,
            **{name: taken(part) for name, part in self._parts().items()},
            "own": taken(self, _OWN),
        }

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, Any],
        site: Site,
        devices: Devices,
        curves: Curves,
        settings: GovernorSettings | None = None,
    ) -> Self:
        """Return a governor that goes on where ``state`` was taken.

        Raises:
            ValueError: The state is of another version, or of other devices.

        """
        if state.get("version") != STATE_VERSION:
            raise ValueError(f"a state of version {state.get('version')}, not {STATE_VERSION}")
        if list(devices.ids) != list(state["ids"]):
            raise ValueError("the state is of other devices")
        governor = cls(site, devices, curves, settings)
        governor._body.bias = float(state["bias"])
        for name, part in governor._parts().items():
            given(part, state[name])
        given(governor, state["own"])
        governor._circuits.restore()
        return governor

    def _parts(self) -> dict[str, object]:
        return {
            "accounts": self._body.accounts,
            "learned": self._body.learned,
            "alarms": self._body.alarms,
            "senses": self._senses,
            "supply": self._supply,
            "observer": self._observer,
            "members": self._members,
            "circuits": self._circuits,
            "allowance": self._allowance,
            "uplink": self._uplink,
            "given": self._rounds.given,
        }

    # -- what is known ---------------------------------------------------------------------------------------

    def _look(self, now: float, readings: Readings) -> Sight:
        expected = Expectation(
            load_w=self._observer.load_w if not math.isnan(self._observer.load_w) else 0.0,
            most_w=self._most_w,
            works=self._works,
            moving=math.isnan(self._observer.load_w)
            or self._observer.moving_w > _MUCH * max(self._observer.load_w, 1.0)
            or now - self._observer.moved_s < 10.0,
        )
        return self._senses.look(now, readings, expected, self._site.auxiliaries_w)

    def _budget(
        self, now: float, readings: Readings, sight: Sight, supplied: Supplied, metered: bool
    ) -> Budget:
        """Return what the fleet may draw, at the feeder."""
        aux_w = sight.aux_w if self._site.generators else 0.0
        return self._allowance.budget(
            now,
            readings,
            sight,
            supplied,
            metered=metered,
            aux_w=aux_w,
            sigma_w=self._settings.meter_noise * self._observer.load_w if metered else 0.0,
            asleep_w=self._asleep_w,
            guaranteed_w=self._rounds.guaranteed_w,
            generators_s=self._supply.seen_at,
            besides=self._uplink.term(now, aux_w),
        )

    def _tick(
        self, now: float, readings: Readings, sight: Sight, supplied: Supplied, allowed: Budget, metered: bool
    ) -> Tick:
        body, observer = self._body, self._observer
        known = not math.isnan(sight.load_w)
        load = observer.load_w
        capability = supplied.accepts_w if supplied.lost else math.inf
        capability = (
            min(capability, supplied.capability_w) if not math.isnan(supplied.capability_w) else math.inf
        )
        overload = (
            observer.seen_w + sight.aux_w - capability if known and math.isfinite(capability) else -math.inf
        )
        proven = observer.proven_w(now, body, known=known, metered=metered)
        room = supplied.accepts_w - sight.aux_w - observer.seen_w - max(1.0, body.bias) * observer.soon_w
        return Tick(
            now=now,
            readings=readings,
            body=body,
            commander=Commander(
                now, body.devices, body.accounts, body.learned, self._settings.patience, observer.gap_w(body)
            ),
            budget=allowed,
            load_w=load,
            overload_w=overload,
            gap_w=observer.gap_w(body) if known else math.nan,
            proven_w=proven,
            expected_w=observer.expected_w(now, body),
            room_w=room,
            may_raise=not allowed.frozen and (known or not metered) and not readings.instructions.stopped,
            severe=overload > 0.01 * max(load, 1.0) or supplied.sags,
            wiring=self._circuits.wiring,
            dead=self._circuits.dead,
            entitled_w=self._rounds.guarantee_w,
        )

    # -- what is done ----------------------------------------------------------------------------------------

    def _is_due(self, tick: Tick, changed: bool) -> bool:
        since = tick.now - self._round_s
        if not len(tick.body.devices):
            return False
        if changed:
            return since >= 1.0
        budget_w = tick.budget.watts
        moved = abs(budget_w - self._round_w) > self._settings.deadband * budget_w
        free = tick.may_raise and budget_w - tick.proven_w > 2.0 * self._settings.deadband * budget_w
        if since >= self._settings.round_s:
            return True
        if free and self._rounds.given.raised_w == 0.0:
            free = False  # the last round found nothing to raise: what holds it takes longer than a tick
        return (moved or free) and since >= _EVENT_S

    def _round(self, tick: Tick) -> None:
        self._round_s, self._round_w = tick.now, tick.budget.watts
        body = tick.body
        body.accounts.forget(tick.now)
        self._works = bool(
            np.count_nonzero(tick.now - body.accounts.heard_s < 30.0) > 0.3 * len(body.devices)
        )
        body.accounts.cycles *= math.exp(-self._settings.round_s / 86400.0)
        self._verify.rounds(tick)
        surplus = tick.budget.watts - self._rounds.guaranteed_w
        owed = self._debts.total_kwh(len(self._short_w))
        settle = debt.settlement_w(owed, surplus) if math.isfinite(surplus) and owed.any() else None
        if self._is_idle(tick):
            return
        plan = self._rounds.round(tick, settle)
        self._observer.rounded(tick.now)
        self._settled_w = plan.settled_w * body.bias

    def _find_short(self, tick: Tick) -> None:
        """See what lacks of the guarantees, and say so.

        After a shed too, and where a round finds nothing to do: what lacks does not wait for an allocation.
        """
        if self._rounds.guaranteed_w == 0.0 or not len(tick.body.devices):
            return
        lacks = self._rounds.shortage(tick)
        short = self._short_w = lacks.short_w
        # Nobody is paid back who lacks what is guaranteed.
        self._settled_w = np.where(short > 0, 0.0, self._settled_w)
        for tenant in np.flatnonzero((short > 0.01 * self._rounds.guarantee_w) & (short > 0)):
            name = self._body.tenants[int(tenant)] if self._body.tenants else "site"
            cause = tick.budget.sentence
            if lacks.held_w[tenant] > 0.5 * short[tenant]:
                cause = f"nothing is raised while {tick.budget.frozen}" if tick.budget.frozen else _REST
            tick.body.alarms.say(
                tick.now,
                "guarantee",
                name,
                f"{name} is {short[tenant] / 1000:,.1f} kW short of its guarantee: {cause}",
            )

    def _is_idle(self, tick: Tick) -> bool:
        """Return whether a round would change nothing: most of a day is like that."""
        if not math.isfinite(tick.budget.watts):
            return False
        gap = tick.budget.watts - tick.expected_w
        return abs(gap) < self._settings.deadband * tick.budget.watts and self._observer.idle(tick.now)

    def _account(self, tick: Tick, dt: float) -> None:
        if not np.count_nonzero(self._short_w) and not np.count_nonzero(self._settled_w):
            return
        owed, month = self._rounds.guarantee_w, tick.readings.month or "all"
        self._debts = debt.advance(self._debts, month, owed, owed - self._short_w, dt, self._settled_w)

    # -- what is said ----------------------------------------------------------------------------------------

    def _tell(self, tick: Tick, doubts: tuple[tuple[str, str], ...]) -> None:
        for meter, why in doubts:
            tick.body.alarms.say(tick.now, "meter", meter, why)
        if tick.budget.bound != self._bound:
            self._bound = tick.budget.bound
            tick.decide("budget", 0, 0.0, tick.budget.sentence)

    def _plan(self, tick: Tick, supplied: Supplied, sight: Sight) -> Plan:
        return Plan(
            at=tick.now,
            steps=tick.commander.steps(),
            open=tick.open,
            close=tick.close,
            prove=tick.prove,
            budget_w=tick.budget.watts,
            bound=tick.budget.bound,
            sentence=tick.budget.sentence,
            capability_w=supplied.capability_w - sight.aux_w,
            proven_w=tick.proven_w,
            expected_w=tick.expected_w,
            decisions=tuple(tick.decisions),
            alarms=tick.body.alarms.drawn(),
            debts_wh=1000.0 * self._debts.total_kwh(len(self._short_w)),
            standing=tick.body.alarms.standing(tick.now),
        )
