"""The power of the demo's site: a simulated plant, whose miners are the simulated miners on the wire.

The wire is real and so are its shares; gas, engines, feeders and watts are the plant's. A miner that the
plant slows, puts to sleep or lets idle hashes accordingly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

import numpy as np

from proxy.adapters.simulated.miner import Fleet, SimulatedMiner
from proxy.app.power.instruments import START_S, Outside
from proxy.app.power.roster import Attendance
from proxy.energy.arrays import Floats, Ints
from proxy.energy.curves import Curves, curves, on_off
from proxy.energy.evidence import SILENCE
from proxy.energy.site import Site
from proxy.governor.devices import Actuator, Devices, Verb
from proxy.governor.plan import Plan
from proxy.governor.readings import Claim, Readings
from proxy.governor.settings import GovernorSettings
from proxy.plant.parameters import load
from proxy.plant.plant import Plant
from proxy.plant.step import Commands, Step
from proxy.ports import Miner
from proxy.simulation.scenarios import SCENARIOS
from proxy.simulation.translate import readings
from proxy.simulation.world import Setting, World, world

STEP_S = 1.0
"""Of the plant for each reading; the demo's speed says how many there are in a second."""
PRELOAD = 0.65
"""Part of its generators that the fleet wants: it fits, one generator in reserve, until something happens."""
LONG_S = 365 * 86400.0
FINE = 0.02
"""A change of a miner's pace that is worth to draw the times of its shares anew."""
GUEST_W, GUEST_IDLE_W, GUEST_THS = 1000.0, 50.0, 30.0
"""What a miner from outside is taken to draw at work and without, and to hash: the plant knows it not."""
GUEST_IDLE_S = 120.0
"""From its last job until it idles, as Bitmain drivers do."""
GUEST = -1
SETTLE_S = 3.0
"""Longest wait for all simulated miners, so that those that draw power are taken over as they are."""


def demo_world(miners: Mapping[str, int], seed: int) -> World:
    """Return a steady site for so many miners of each tenant, the first tenants of its scenario."""
    nominal = load(files("proxy.plant").joinpath("plant.toml").read_text())
    row = SCENARIOS["steady"]
    claims = tuple(replace(claim, name=tenant) for tenant, claim in zip(miners, row.tenants, strict=True))
    return world(
        nominal, Setting(replace(row, tenants=claims, preload=PRELOAD), sum(miners.values()), LONG_S, seed)
    )


def power_table(simulated: World) -> dict[str, Any]:
    """Return the [power] that the owner of such a site would have written."""
    site = simulated.site
    return {
        "control": "act",
        "reserve": "n-1",
        "hz": site.hz,
        "trace": True,
        "generator": [
            {"name": each.name, "kw": each.nominal_kw, "derates": list(each.derates)}
            for each in site.generators
        ],
        "auxiliary": [{"name": each.name, "kw": each.kw} for each in site.auxiliaries],
        # Each miner's own figures come from the plant; this row is for the rule that there must be one.
        "miner": [{"watts": 3600.0, "idle_watts": 200.0, "hashrate": 200.0}],
    }


class PlantInstruments:
    """Reads the plant and commands it; and lets the simulated miners hash as its miners do.

    Whoever else connects to the demo is a guest: governed by its work like all, and outside of the plant.
    """

    most_w = math.inf
    adopts = True

    def __init__(self, simulated: World, speed: float, shares_per_minute: float) -> None:
        self.step_s = STEP_S / speed
        self.site: Site = simulated.site
        self.settings: GovernorSettings = simulated.settings
        self._world = simulated
        self._share_hz = shares_per_minute / 60 / speed
        self._plant: Plant = simulated.plant()
        self._orders = Commands()
        self._step: Step | None = None
        self._place: Ints = np.empty(0, dtype=np.int64)
        """The plant's miner of each device; ``GUEST`` where it is none."""
        self._heard_s: Floats = np.empty(0)
        """When each device's last share came, on the clock of the plant."""
        self._named: dict[str, tuple[int, SimulatedMiner]] = {}
        self._full_hs: Floats = np.empty(0)
        """Hashes a second of each of the plant's miners as it came."""
        self._part: Floats = np.ones(len(simulated.default_w))

    def connect(self, fleets: Mapping[str, Fleet]) -> None:
        """Make the simulated miners those of the plant: the first tenant's are its first."""
        number = 0
        for tenant, fleet in fleets.items():
            for miner in fleet.miners:
                self._named[f"{tenant}/{miner.worker}"] = (number, miner)
                number += 1

    def is_ready(self, here: int, elapsed_s: float) -> bool:
        """Return whether all are connected, or should be."""
        return here >= len(self._part) or (here > 0 and elapsed_s >= SETTLE_S)

    def curves(self) -> Curves:
        """Return the operating points of the plant's models, nominal, and of guests."""
        guest = on_off(GUEST_W, GUEST_THS * 1e12, sleep_w=GUEST_IDLE_W)
        return curves((*self._world.curves.points, guest))

    @property
    def models(self) -> tuple[str, ...]:
        """Return numbers: the plant of a demo is known to itself only."""
        return tuple(f"simulated model {number}" for number in range(len(self._world.curves.points) + 1))

    def devices(self, ids: Sequence[str], miners: Sequence[Miner]) -> Devices:
        """Return newcomers with the nominal figures of their models. None can be sent away for good."""
        taken = set(self._place.tolist())
        seats = []
        for miner in miners:
            seat, _ = self._named.get(f"{miner.tenant}/{miner.user}", (GUEST, None))
            seats.append(GUEST if seat in taken else seat)  # the second of a simulated miner's name
            taken.add(seat)
        place = np.array(seats, dtype=np.int64)
        self._place = np.concatenate((self._place, place))
        # Nobody is held to have been silent before it came.
        came_s = 0.0 if self._step is None else self._step.truth.now_s
        self._heard_s = np.concatenate((self._heard_s, np.full(len(place), came_s)))
        tenants = {tenant.name: number for number, tenant in enumerate(self.site.tenants)}
        one, guest = self._world.devices, place == GUEST
        columns: dict[str, Any] = {name: getattr(one, name)[place] for name in one.__slots__ if name != "ids"}
        columns["actuators"] = columns["actuators"] & ~int(Actuator.DISCONNECT)
        columns["share_rate_hz"] = np.full(len(place), self._share_hz)
        for name, value in self._guest().items():
            columns[name][guest] = value
        columns["tenant"] = np.array([tenants[miner.tenant] for miner in miners], dtype=np.int64)
        return Devices(ids=tuple(ids), **columns)

    def _guest(self) -> dict[str, float]:
        return {
            "circuit": len(self.site.circuits) - 1,
            "curve": len(self._world.curves.points),
            "floor_w": GUEST_W,
            "ceiling_w": GUEST_W,
            "sleep_w": GUEST_IDLE_W,
            "idle_w": GUEST_IDLE_W,
            "actuators": int(Actuator.WITHHOLD),
            "t_idle_s": GUEST_IDLE_S,
            "t_wake_s": START_S,
        }

    def read(
        self, now: float, here: Attendance, withheld_at: Floats, outside: Outside
    ) -> tuple[float, Readings]:
        """Let a second pass in the plant; return what its instruments tell, and the wire's own shares."""
        step = self._step = self._plant.step(STEP_S, self._orders)
        self._orders = Commands()
        seen, place, at = step.seen, self._place, step.truth.now_s
        guest = place == GUEST
        device = np.full(len(self._part), -1, dtype=np.int64)
        device[place[~guest]] = np.flatnonzero(~guest)
        self._heard_s[here.shares > 0] = at
        # Held back, and silent for longer than chance and its last job explain.
        idles = guest & here.connected & here.withheld
        idles &= at - self._heard_s >= GUEST_IDLE_S + SILENCE / self._share_hz
        told = readings(at, seen, outside.instructions)
        return at, replace(
            told,
            available_w=outside.available_w,
            available_at=outside.available_at,
            miner_w=np.where(guest, np.where(idles, GUEST_IDLE_W, np.nan), told.miner_w[place]),
            miner_at=np.where(guest, np.where(idles, at, np.nan), told.miner_at[place]),
            claimed=np.where(guest, int(Claim.UNKNOWN), told.claimed[place]),
            shares=here.shares,
            connected=here.connected,
            refused=tuple(device[seen.refused][device[seen.refused] >= 0].tolist()),
            month=outside.month,
        )

    def obey(self, plan: Plan) -> None:
        """Hand the plan to the plant, which does it in its next second; let miners hash as the plant's do."""
        steps = plan.steps

        def of(verb: Verb) -> Ints:
            told = self._place[steps.of(verb)[0]]
            mine: Ints = told[told != GUEST]
            return mine

        limited, watts = steps.of(Verb.LIMIT)
        known = self._place[limited] != GUEST
        self._orders = Commands(
            limit=(self._place[limited][known], watts[known]),
            sleep=of(Verb.SLEEP),
            wake=of(Verb.WAKE),
            withhold=of(Verb.WITHHOLD),
            release=of(Verb.RELEASE),
            open=np.array(plan.open, dtype=np.int64),
            close=np.array(plan.close, dtype=np.int64),
        )
        self._pace()

    def _pace(self) -> None:
        if self._step is None:
            return
        rate = self._step.truth.hashrate_hs
        if not len(self._full_hs):
            self._full_hs = np.maximum(rate, 1.0).copy()
        part = np.clip(rate / self._full_hs, 0.0, 2.0)
        moved = (np.abs(part - self._part) > FINE) | ((part == 0) & (self._part > 0))
        for number, miner in self._named.values():
            if moved[number]:
                self._part[number] = part[number]
                miner.throttle(float(part[number]))

    def state(self) -> dict[str, object]:
        """Return the plant's truth of this second, for people who watch the demo."""
        if self._step is None:
            return {}
        truth = self._step.truth
        return {
            "simulated": True,
            "used_kw": round(truth.load_w / 1000, 3),
            "capability_kw": round((truth.capability_w - truth.aux_w) / 1000, 3),
            "hz": round(truth.frequency_hz, 3),
            "header_kpa": round(truth.header_kpa, 1),
            "generators_running": sum(truth.running),
        }
