"""The governor beside the relay: who is here goes in, who works comes out, once a second."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from proxy.adapters.available.source import AVAILABLE, PRICE
from proxy.app.power.account import PowerAccount
from proxy.app.power.book import Request
from proxy.app.power.debts import DebtBook
from proxy.app.power.instruments import Instruments, Outside
from proxy.app.power.keeping import EACH_S
from proxy.app.power.lessons import LessonBook
from proxy.app.power.orders import PowerOrders
from proxy.app.power.roster import NOBODY, Attendance, Roster
from proxy.app.power.source import SourceWatch, source_of
from proxy.app.power.standing import Standing
from proxy.config.power import Power
from proxy.energy.arrays import Bools, Floats, Ints
from proxy.energy.budget import Term
from proxy.energy.site import wiring
from proxy.errors import OrderRefused
from proxy.events import Event
from proxy.governor.devices import Actuator, Devices, Verb
from proxy.governor.engine import Governor
from proxy.governor.plan import Plan
from proxy.ports import Miner
from proxy.relay.engine import Relay
from proxy.units import Seconds

PROOF_PER_MINUTE = 20.0
"""Shares asked of a miner that is to prove that it stopped: 21 s of silence instead of 52."""
LET_DOWN_S = 300.0
"""Over which a whole fleet is let down before a curtailment: engines and gas follow so much with ease [A]."""
SETTLED_S = 60.0
"""From the last reduction until it is proven, beside what firmware takes to idle."""
DOWN, UP = ("lost", "shed", "plunge", "trim", "stop", "escalate", "lockout"), ("raise", "admit")
"""Decisions that lead to less work, and to more."""


class PowerControl:
    """Owns the governor and everything that it hears and says. ``run`` ends only when it is cancelled."""

    def __init__(
        self,
        power: Power,
        instruments: Instruments,
        relay: Relay,
        folder: Path,
        hear: Callable[[Event], None],
        now: Callable[[], Seconds],
        *,
        confess: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self.acts = power.control == "act"
        self.instruments = instruments
        circuits = [circuit.name for circuit in instruments.site.circuits]
        self.orders = PowerOrders(folder, time.time, hear, circuits, acts=self.acts)
        self._lessons = LessonBook(folder)
        self._debts = DebtBook(folder)
        self._owed: dict[str, Floats] = {}
        """From before; the governor begins with it."""
        self._owners = [tenant.name for tenant in instruments.site.tenants]
        self.source = SourceWatch(source_of(AVAILABLE, power.source), power.source, now)
        self.price = SourceWatch(source_of(PRICE, power.price), power.price, now)
        self._standing = Standing(power, self.price, now, time.time)
        self.plan: Plan | None = None
        """The last one; None before the first miner."""
        self._power = power
        self._relay = relay
        self._now = now
        self._began_at = now()
        self._confess = confess
        self._account = PowerAccount(hear, relay.outside.chronicle.note, time.time, acts=self.acts)
        self._roster = Roster()
        self._governor: Governor | None = None
        self._wanted: Bools = np.empty(0, dtype=np.bool_)
        """Of each device, whether it is to have no work."""
        self._withheld_at: Floats = np.empty(0)
        """Since when each is held to have none; NaN where it has some."""
        self._told_w: Floats = np.empty(0)
        """What each was told to draw last."""
        self._ceiling_w: Floats = np.empty(0)
        self._circuit: Ints = np.empty(0, dtype=np.int64)
        """Where each is plugged in."""
        self._wiring = wiring(instruments.site)
        self._lead_s = SETTLED_S
        """From the last order to stop until the slowest that obeys by its work alone has stopped."""
        self._connected: Bools = np.empty(0, dtype=np.bool_)
        self._turned_away = 0
        self._stepped_at = math.nan
        self._steps = 0

    # --- time -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Step again and again, and ask for kW and prices beside that."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.source.run(), name="source of available kW")
                group.create_task(self.price.run(), name="source of prices")
                group.create_task(self._tick(), name="governor")
                group.create_task(self._keep_books(), name="debts and lessons")
        finally:
            self._tell_unkept(self._write_books())

    def load(self) -> None:
        """Go on with orders, debts and lessons of before.

        Raises:
            OrderRefused: orders or debts cannot be read.

        """
        self.orders.load()
        self._owed = self._debts.load(self._owners)
        problem = self._lessons.load()
        if problem:
            self._account.alarm("learned", "site", problem)

    async def _keep_books(self) -> None:
        while True:
            await asyncio.sleep(EACH_S)
            self._tell_unkept(await asyncio.to_thread(self._write_books))

    def _write_books(self) -> OSError | None:
        if self._governor is not None:
            try:
                self._debts.keep(self._owners, self._governor.owed_kwh)
                self._lessons.keep(self.instruments.models, self._governor.learned)
            except OSError as error:
                return error
        return None

    def _tell_unkept(self, error: OSError | None) -> None:
        if error is not None:
            text = f"what tenants are owed, or what was learned of miners, cannot be kept: {error}"
            self._account.alarm("debts", "site", text)

    async def _tick(self) -> None:
        due = self._now()
        while True:
            try:
                await self.step()
            except Exception as error:
                # Whatever it is: miners go on as they are, nobody new gets work, and the gate tells of it.
                if self._confess is None:
                    raise
                self._confess("the governor's step failed", error)
            due = Seconds(max(due + self.instruments.step_s, self._now()))
            await asyncio.sleep(max(0.0, due - self._now()))

    async def step(self) -> None:
        """Look, decide, act."""
        now, fleet = self._now(), self._relay.fleet
        miners = fleet.miners()
        if self._governor is not None or self.instruments.is_ready(len(miners.keys), now - self._began_at):
            here = self._roster.look(miners, fleet)
            begins = self._governor is None and len(self._roster) > 0
            self._join(here.joined)
            if begins:
                self._begin(here)
            await self._govern(now, here)
        self._tell_turned_away()
        self._steps += 1
        self._stepped_at = self._now()
        self._relay.gate.beat(self._stepped_at)

    def _begin(self, here: Attendance) -> None:
        """Begin with those who are here: what draws power goes on, and all others wait at the gate."""
        adopts = self.instruments.adopts
        here.connected[:] = adopts or not self.acts
        if adopts:
            self._wanted[:] = False

    async def _govern(self, now: Seconds, here: Attendance) -> None:
        governor = self._governor
        if governor is not None:
            since, outside = self._withheld_since(now, here), self._outside()
            if not self.acts:
                # As if advice were followed: else each is found wanting, and more and more is advised.
                here.shares[~np.isnan(since)] = 0

            def decide() -> Plan:
                return governor.step(*self.instruments.read(now, here, since, outside))

            # Off the loop: with ten thousand miners an allocation takes as long as a commit window.
            plan = await asyncio.to_thread(decide)
            self.plan, self._connected = plan, here.connected
            self._carry_out(plan, here)
            # Who is locked out wants nothing: that it has none is no want of power.
            want = here.connected & ~self._locked_out()
            wanted_w = float(self._ceiling_w[want].sum())
            withheld = int((self._wanted & want).sum())
            self._account.take(plan, wanted_w, withheld)

    def _locked_out(self) -> Bools:
        """Return whose circuit is locked out, or one that feeds it."""
        lockouts = self.orders.book.lockouts
        marks = np.array([circuit.name in lockouts for circuit in self.instruments.site.circuits])
        return self._wiring.locked_out(marks)[self._circuit]

    def _outside(self) -> Outside:
        instructions = self.orders.instructions(self._caps())
        month = f"{datetime.now(UTC):%Y-%m}"
        return Outside(instructions, 1000.0 * self.source.value, self.source.at, month)

    def _caps(self) -> list[Term]:
        """Return all caps that hold now, the strictest first."""
        nominal_w = self.instruments.most_w
        nominal = Term("nominal", nominal_w, "the nominal power of the site, less reserve and auxiliaries")
        unload_w_s = float(self._ceiling_w.sum()) / LET_DOWN_S
        terms = [nominal, *self._standing.terms(), *self.orders.terms(unload_w_s, self._lead_s)]
        return sorted((term for term in terms if term.watts < math.inf), key=lambda term: term.watts)

    def _join(self, joined: tuple[Miner, ...]) -> None:
        if not joined:
            return
        first = len(self._roster) - len(joined)
        devices: Devices = self.instruments.devices(self._roster.ids[first:], joined)
        if self._governor is None:
            self._governor = Governor(
                self.instruments.site, devices, self.instruments.curves(), self.instruments.settings
            )
            self._governor.owe(self._owed)
            self._lessons.recall(self.instruments.models, self._governor.learned)
        else:
            self._governor.join(devices)
        more = len(joined)
        # In advice they have work already; the gate gives none before they are released.
        self._wanted = np.concatenate((self._wanted, np.full(more, self.acts)))
        self._withheld_at = np.concatenate((self._withheld_at, np.full(more, np.nan)))
        self._told_w = np.concatenate((self._told_w, devices.ceiling_w))
        self._ceiling_w = np.concatenate((self._ceiling_w, devices.ceiling_w))
        self._circuit = np.concatenate((self._circuit, devices.circuit))
        by_work = ~(devices.may(Actuator.LIMIT) | devices.may(Actuator.SLEEP))
        self._lead_s = max(self._lead_s, SETTLED_S + float(devices.t_idle_s[by_work].max(initial=0.0)))

    def _withheld_since(self, now: float, here: Attendance) -> Floats:
        """Return since when each has no work: by the gate, or as if advice were followed."""
        withheld = here.withheld if self.acts else self._wanted
        since = np.where(withheld, np.where(np.isnan(self._withheld_at), now, self._withheld_at), np.nan)
        self._withheld_at = since
        return since

    def _tell_turned_away(self) -> None:
        if self._roster.turned_away > self._turned_away:
            self._turned_away = self._roster.turned_away
            self._account.alarm(
                "devices",
                "fleet",
                f"{self._turned_away} miners are too many to be known and wait for a restart",
            )

    # --- what is done -----------------------------------------------------------------------------------

    def _carry_out(self, plan: Plan, here: Attendance) -> None:
        """Work is taken before other orders, and given before watts are."""
        steps = plan.steps
        down = _cause(plan, DOWN)
        withheld, _ = steps.of(Verb.WITHHOLD)
        cut, _ = steps.of(Verb.DISCONNECT)
        released, _ = steps.of(Verb.RELEASE)
        self._told_w[steps.miner] = steps.watts
        self._wanted[withheld] = self._wanted[cut] = True
        self._wanted[released] = False
        now, gate = self._now(), self._relay.gate
        if self.acts:
            gate.hasten(self._sessions(plan.prove), PROOF_PER_MINUTE, now)
            gate.withhold(self._sessions(withheld), down, now)
            gate.disconnect(self._sessions(cut), down, now)
            gate.release(self._sessions(released), _cause(plan, UP), now)
            self._mend(here, {*withheld.tolist(), *cut.tolist(), *released.tolist()})
            self.instruments.obey(plan)

    def _sessions(self, miners: Ints) -> list[int]:
        keys = self._roster.keys
        return [keys[miner] for miner in miners.tolist() if keys[miner] != NOBODY]

    def _mend(self, here: Attendance, told: set[int]) -> None:
        """See to it that the gate is as it was told: a miner may have come back between two steps."""
        differ = np.flatnonzero(here.connected & (here.withheld != self._wanted))
        keys, now = self._roster.keys, self._now()
        late = [miner for miner in differ.tolist() if miner not in told]
        for wanted, verb in ((True, self._relay.gate.withhold), (False, self._relay.gate.release)):
            verb(
                [keys[miner] for miner in late if bool(self._wanted[miner]) is wanted], "as told before", now
            )

    # --- what is asked ----------------------------------------------------------------------------------

    async def order(self, order: str, body: object) -> dict[str, Any]:
        """Take an operator's order; returns all that hold now.

        Raises:
            OrderRefused: it makes no sense, or cannot be kept.

        """
        try:
            request = msgspec.convert(body, Request, strict=True)
        except msgspec.ValidationError as error:
            raise OrderRefused(str(error)) from error
        await self.orders.give(order, request)
        return self.orders.state()

    def view(self, what: str) -> dict[str, Any]:
        """Return ``status``, ``plan`` or ``why``, ready for JSON.

        Raises:
            OrderRefused: there is no such view.

        """
        match what:
            case "status":
                return self.status()
            case "plan":
                return {"control": self._power.control, "miners": self._miners()}
            case "why":
                return {
                    "control": self._power.control,
                    "sentence": self._sentence(),
                    "caps": self._caps_told(),
                    "orders": self.orders.state(),
                    "decisions": list(self._account.decisions),
                    "alarms": list(self._account.alarms),
                }
        raise OrderRefused(f"there is no view {what[:20]!r}")

    def status(self) -> dict[str, Any]:
        """Return how it stands, ready for JSON."""
        now, plan = self._now(), self.plan
        here = self._connected
        locked = self._locked_out()[: len(here)] & here
        want = here & ~locked
        withheld = self._wanted[: len(here)] & want
        return {
            "control": self._power.control,
            "reserve": self._power.reserve,
            "budget_kw": _kw(plan.budget_w if plan else math.nan),
            "wanted_kw": _kw(float(self._ceiling_w[: len(here)][want].sum())),
            "proven_kw": _kw(plan.proven_w if plan else math.nan),
            "expected_kw": _kw(plan.expected_w if plan else math.nan),
            "bound": plan.bound if plan else "",
            "sentence": self._sentence(),
            "miners": {
                "here": int(here.sum()),
                "withheld": int(withheld.sum()),
                "locked_out": int(locked.sum()),
                "known": len(self._roster),
            },
            "tenants": self._tenants(withheld),
            "orders": self.orders.state(),
            "caps": self._caps_told(),
            "source": self.source.state("kw"),
            "price": self.price.state("per_mwh"),
            "measured": self.instruments.state(),
            "curtailed": self._account.state(),
            "governor": {
                "steps": self._steps,
                "silent_s": None if math.isnan(self._stepped_at) else round(now - self._stepped_at, 1),
            },
            "alarms": list(self._account.alarms)[-5:],
        }

    def _caps_told(self) -> list[dict[str, Any]]:
        return [
            {"by": term.name, "kw": round(term.watts / 1000, 3), "sentence": term.sentence}
            for term in self._caps()
        ]

    def _sentence(self) -> str:
        return self.plan.sentence if self.plan else "no miner has come yet"

    def _tenants(self, withheld: Bools) -> list[dict[str, Any]]:
        owner = np.array(self._roster.tenant[: len(withheld)])
        rows = []
        for place, tenant in enumerate(self.instruments.site.tenants):
            mine = owner == tenant.name
            owed = float(self.plan.debts_wh[place]) / 1000 if self.plan else 0.0
            rows.append(
                {
                    "id": tenant.name,
                    "guarantee_kw": tenant.guarantee_kw,
                    "contracted_share": tenant.contracted_share,
                    "here": int((mine & self._connected).sum()),
                    "withheld": int((mine & withheld).sum()),
                    "owed_kwh": round(owed, 3),
                }
            )
        return rows

    def _miners(self) -> list[dict[str, Any]]:
        circuits, locked = self.instruments.site.circuits, self._locked_out()
        return [
            {
                "id": self._roster.ids[device],
                "tenant": self._roster.tenant[device],
                "session": None if self._roster.keys[device] == NOBODY else self._roster.keys[device],
                "circuit": circuits[self._circuit[device]].name,
                "locked_out": bool(locked[device]),
                "work": not bool(self._wanted[device]),
                "told_w": round(float(self._told_w[device]), 1),
                "ceiling_w": round(float(self._ceiling_w[device]), 1),
            }
            for device in range(len(self._connected))
        ]


def _cause(plan: Plan, kinds: tuple[str, ...]) -> str:
    """Return why, in the words of the last decision of a kind."""
    said = [decision.sentence for decision in plan.decisions if decision.what in kinds]
    return said[-1] if said else plan.sentence


def _kw(watts: float) -> float | None:
    return round(watts / 1000, 3) if math.isfinite(watts) else None
