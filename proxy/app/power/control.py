"""The governor beside the relay: who is here goes in, who works comes out, once a second."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from proxy.adapters.available.source import AVAILABLE, PRICE
from proxy.adapters.stores.trace_file import TraceFile
from proxy.app.power.account import PowerAccount
from proxy.app.power.book import Request
from proxy.app.power.commanded import Commanded
from proxy.app.power.debts import DebtBook
from proxy.app.power.instruments import Instruments, Outside
from proxy.app.power.judges import AvailableJudge, PriceJudge
from proxy.app.power.keeping import EACH_S
from proxy.app.power.lessons import LessonBook
from proxy.app.power.orders import PowerOrders
from proxy.app.power.roster import NOBODY, Attendance, Roster
from proxy.app.power.source import SourceWatch, source_of
from proxy.app.power.standing import Standing
from proxy.app.power.tracing import Tracing
from proxy.app.power.view import PowerView
from proxy.app.power.wall import WallWatch, jump_told
from proxy.config.power import Power
from proxy.energy import prices
from proxy.energy.arrays import Bools, Floats, Ints
from proxy.energy.available import SOURCE
from proxy.energy.budget import Term
from proxy.errors import OrderRefused
from proxy.events import Event
from proxy.governor.devices import Actuator, Devices, Verb
from proxy.governor.engine import Governor
from proxy.governor.plan import Plan
from proxy.governor.waiting import Waiting
from proxy.ports import Miner
from proxy.relay.engine import Relay
from proxy.units import Seconds

PROOF_PER_MINUTE = 20.0
"""Shares asked of a miner that is to prove that it stopped: 21 s of silence instead of 52."""
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
        self._wall = WallWatch(time.time, time.monotonic)
        self._lessons = LessonBook(folder)
        self._debts = DebtBook(folder)
        self._owed: dict[str, Floats] = {}
        """From before; the governor begins with it."""
        self._owners = [tenant.name for tenant in instruments.site.tenants]
        self.source = SourceWatch(
            source_of(AVAILABLE, power.source),
            power.source,
            now,
            judge=AvailableJudge(
                sum(generator.kw for generator in power.generators),
                lambda: float(self.commanded.ceiling_w.sum()) / 1000.0,
            ),
            doubt=lambda why: self._doubt("source", SOURCE, why),
            trust=lambda: self.account.over("source", SOURCE),
            silent_s=power.source.safe_after,
        )
        self.price = SourceWatch(
            source_of(PRICE, power.price),
            power.price,
            now,
            judge=PriceJudge(),
            doubt=lambda why: self._doubt("price", prices.SOURCE, why),
            trust=lambda: self.account.over("price", prices.SOURCE),
            silent_s=power.price.stale_after,
            forgets=True,
        )
        self._standing = Standing(power, self.price, now, time.time)
        self.waiting: Waiting | None = None
        """Why each miner that could draw more does not, as of the last plan."""
        self.plan: Plan | None = None
        """The last one; None before the first miner."""
        self.power = power
        self._relay = relay
        self.now = now
        self._began_at = now()
        self._confess = confess
        self.account = PowerAccount(hear, relay.outside.chronicle.note, time.time, acts=self.acts, now=now)
        self.roster = Roster()
        self._governor: Governor | None = None
        self.tracing = Tracing(TraceFile(folder), 1e6 * power.trace_mb) if power.trace else None
        self.commanded = Commanded(instruments.site)
        self._lead_s = SETTLED_S
        """From the last order to stop until the slowest that obeys by its work alone has stopped."""
        self.connected: Bools = np.empty(0, dtype=np.bool_)
        self._turned_away = 0
        self._lets_go = False
        """The program ends: who leaves is not lost."""
        self.stepped_at = math.nan
        self.steps = 0

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
            if self.tracing is not None:
                self.tracing.close()

    def load(self) -> None:
        """Go on with orders, debts and lessons of before.

        Raises:
            OrderRefused: orders or debts cannot be read.

        """
        self.orders.load()
        if idle := self.orders.idle:
            text = f'control = "advise" gates nothing: {", ".join(idle)} of before holds NOBODY back'
            self.account.alarm("orders", "site", text)
        self._owed = self._debts.load(self._owners)
        problem = self._lessons.load()
        if problem:
            self.account.alarm("learned", "site", problem)

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
            self.account.alarm("debts", "site", text)

    async def _tick(self) -> None:
        due = self.now()
        while True:
            try:
                await self.step()
            except Exception as error:
                # Whatever it is: miners go on as they are, nobody new gets work, and the gate tells of it.
                if self._confess is None:
                    raise
                self._confess("the governor's step failed", error)
            due = Seconds(max(due + self.instruments.step_s, self.now()))
            await asyncio.sleep(max(0.0, due - self.now()))

    async def step(self) -> None:
        """Look, decide, act."""
        self._tell_jump()
        now, fleet = self.now(), self._relay.fleet
        miners = fleet.miners()
        if self._governor is not None or self.instruments.is_ready(len(miners.keys), now - self._began_at):
            here = self.roster.look(miners, fleet)
            begins = self._governor is None and len(self.roster) > 0
            self._join(here.joined)
            if begins:
                self._begin(here)
            await self._govern(now, here)
        self._tell_turned_away()
        self.steps += 1
        self.stepped_at = self.now()
        self._relay.gate.beat(self.stepped_at)

    def _begin(self, here: Attendance) -> None:
        """Begin with those who are here: what draws power goes on, and all others wait at the gate."""
        adopts = self.instruments.adopts
        here.connected[:] = adopts or not self.acts
        if adopts:
            self.commanded.withheld[:] = False

    async def _govern(self, now: Seconds, here: Attendance) -> None:
        governor = self._governor
        if governor is not None:
            # As if advice were followed, where it is no more than that.
            withheld = here.withheld if self.acts else self.commanded.withheld
            since, outside = self.commanded.without_work_since(now, withheld), self._outside()
            if not self.acts:
                # Else each is found wanting, and more and more is advised.
                here.shares[~np.isnan(since)] = 0

            def decide() -> tuple[Plan, Waiting | None]:
                seen = self.instruments.read(now, here, since, outside)
                plan = governor.step(*seen) if self.tracing is None else self.tracing.step(governor, *seen)
                return plan, governor.waiting()

            # Off the loop: with ten thousand miners an allocation takes as long as a commit window.
            plan, self.waiting = await asyncio.to_thread(decide)
            self.plan, self.connected = plan, here.connected
            self._carry_out(plan, here)
            # Who is locked out wants nothing: that it has none is no want of power.
            want = here.connected & ~self.locked_out()
            wanted_w = float(self.commanded.ceiling_w[want].sum())
            self.account.take(plan, wanted_w, int((self.commanded.withheld & want).sum()))

    def let_go(self) -> dict[int, float]:
        """Take note that miners are let go from now on; return what each draws that is known, by session.

        In watts, by what it was told, or may draw at most where nothing is told to anybody.
        """
        self._lets_go = True
        watts = self.commanded.watts if self.acts else self.commanded.ceiling_w
        # A newcomer may have no watts yet.
        known = zip(self.roster.keys, watts.tolist(), strict=False)
        return {key: watt for key, watt in known if key != NOBODY}

    def locked_out(self) -> Bools:
        """Return whose circuit is locked out, or one that feeds it."""
        return self.commanded.locked_out(self.orders.book.lockouts)

    def _outside(self) -> Outside:
        instructions = replace(self.orders.instructions(self.caps()), ends=self._lets_go)
        month = f"{datetime.now(UTC):%Y-%m}"
        return Outside(instructions, 1000.0 * self.source.value, self.source.at, month)

    def caps(self) -> list[Term]:
        """Return all caps that hold now, the strictest first."""
        nominal_w = self.instruments.most_w
        nominal = Term("nominal", nominal_w, "the nominal power of the site, less reserve and auxiliaries")
        unload_w_s = float(self.commanded.ceiling_w.sum()) / self.power.rules.let_down
        terms = [nominal, *self._standing.terms(), *self.orders.terms(unload_w_s, self._lead_s)]
        return sorted((term for term in terms if term.watts < math.inf), key=lambda term: term.watts)

    def _join(self, joined: tuple[Miner, ...]) -> None:
        if not joined:
            return
        first = len(self.roster) - len(joined)
        devices: Devices = self.instruments.devices(self.roster.ids[first:], joined)
        if self._governor is None:
            self._governor = Governor(
                self.instruments.site, devices, self.instruments.curves(), self.instruments.settings
            )
            self._governor.owe(self._owed)
            self._lessons.recall(self.instruments.models, self._governor.learned)
        else:
            self._governor.join(devices)
            if self.tracing is not None:
                self.tracing.joined(devices)
        # In advice they have work already; the gate gives none before they are released.
        self.commanded.join(devices, withheld=self.acts)
        by_work = ~(devices.may(Actuator.LIMIT) | devices.may(Actuator.SLEEP))
        self._lead_s = max(self._lead_s, SETTLED_S + float(devices.t_idle_s[by_work].max(initial=0.0)))

    def _tell_jump(self) -> None:
        if jump_s := self._wall.jumped_s():
            names = [window.name for window in self.power.calendar]
            self.account.alarm("clock", "site", jump_told(jump_s, names))

    def _doubt(self, kind: str, who: str, why: str) -> None:
        self.account.warn(self.now(), kind, who, why if why.startswith(who) else f"{who}: {why}")

    def _tell_turned_away(self) -> None:
        if self.roster.turned_away > self._turned_away:
            self._turned_away = self.roster.turned_away
            self.account.alarm(
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
        self.commanded.take(steps)
        now, gate = self.now(), self._relay.gate
        if self.acts:
            gate.hasten(self._sessions(plan.prove), PROOF_PER_MINUTE, now)
            gate.withhold(self._sessions(withheld), down, now)
            gate.disconnect(self._sessions(cut), down, now)
            gate.release(self._sessions(released), _cause(plan, UP), now)
            self._mend(here, {*withheld.tolist(), *cut.tolist(), *released.tolist()})
            self.instruments.obey(plan)

    def _sessions(self, miners: Ints) -> list[int]:
        keys = self.roster.keys
        return [keys[miner] for miner in miners.tolist() if keys[miner] != NOBODY]

    def _mend(self, here: Attendance, told: set[int]) -> None:
        """See to it that the gate is as it was told: a miner may have come back between two steps."""
        differ = np.flatnonzero(here.connected & (here.withheld != self.commanded.withheld))
        keys, now = self.roster.keys, self.now()
        late = [miner for miner in differ.tolist() if miner not in told]
        withheld = self.commanded.withheld
        for wanted, verb in ((True, self._relay.gate.withhold), (False, self._relay.gate.release)):
            verb([keys[miner] for miner in late if bool(withheld[miner]) is wanted], "as told before", now)

    # --- what is asked ----------------------------------------------------------------------------------

    def view(self, what: str) -> dict[str, Any]:
        """Return ``status``, ``plan`` or ``why``, ready for JSON.

        Raises:
            OrderRefused: there is no such view.

        """
        return PowerView(self).of(what)

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


def _cause(plan: Plan, kinds: tuple[str, ...]) -> str:
    """Return why, in the words of the last decision of a kind."""
    said = [decision.sentence for decision in plan.decisions if decision.what in kinds]
    return said[-1] if said else plan.sentence
