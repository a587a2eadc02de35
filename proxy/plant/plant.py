"""The whole plant, moved on by one pure function: commands in, truth and readings out."""

from math import isnan

import numpy as np

from proxy.plant import site as rules
from proxy.plant.asics import Asics, Order
from proxy.plant.feeders import Feeders
from proxy.plant.fleet import Fleet, Floats, Ints
from proxy.plant.gas import Header, Wells
from proxy.plant.island import RUNNING, GeneratorSet, Island, SetState
from proxy.plant.meters import Channels, Meters
from proxy.plant.parameters import Parameters
from proxy.plant.script import (
    Ambient,
    BrownOut,
    Deaf,
    Disturbance,
    GasFactor,
    GasWander,
    GasWave,
    Join,
    LanLost,
    Liars,
    MeterFault,
    Script,
    SetEvent,
    UplinkLost,
    WellShut,
)
from proxy.plant.site import SiteLayout
from proxy.plant.step import NO_WATTS, NOBODY, NOTHING, Commands, Seen, Step, Truth


class Plant:
    """A site with its miners, at work. Same arguments, same commands: same steps, to the last bit."""

    def __init__(
        self, parameters: Parameters, fleet: Fleet, site: SiteLayout, seed: int, script: Script | None = None
    ) -> None:
        self.parameters = parameters
        """The truth of this run."""
        self.fleet = fleet
        self.site = site
        script = Script() if script is None else script
        chances = [np.random.default_rng(one) for one in np.random.SeedSequence(seed).spawn(5)]
        self._engine = parameters.engine[site.engine]
        self._now = 0.0
        self._events = sorted(script.disturbances, key=lambda event: event.at_s)
        self._ends: list[Disturbance] = []
        self._ambient = self._ambient_aim = parameters.site.ambient_c
        self._ambient_slope = 0.0
        self.miners = Asics(parameters, fleet, self._ambient, chances[0])
        self._absent_at_first()
        self.feeders = Feeders(parameters.site, site, fleet)
        self.wells = Wells(parameters, site, script.wells_vary, chances[1])
        self.header = Header(parameters, site)
        sets = [
            GeneratorSet(rating, SetState.RUNNING if runs else SetState.STOPPED)
            for rating, runs in zip(site.ratings_w, site.running, strict=True)
        ]
        self.island = Island(self._engine, sets, chances[2])
        self.island.shed_below = site.shed_hz / parameters.site.nominal_hz
        self.island.shed_after_s = site.shed_s
        self._bus_was_live = self.island.alive
        if not self._bus_was_live:
            self.feeders.drop()
            self.miners.power(self.feeders.live(bus=False), 0.0)
        self._load_w = self.feeders.sum(self.miners.draw.watts)
        self._aux_w = self._auxiliaries()
        self.island.load(self._load_w + self._aux_w)
        self._derate()
        self.island.pressure = self.header.power_part
        self._m3h_per_w = rules.burned_m3h(parameters, self._engine, 1.0, 0.0)
        self._energy_j = 0.0
        self._inflow_m3h = site.gas_m3h
        self._channels = self._make_channels()
        where = self._channels.where
        self._at_circuits, self._at_sets, self._at_rest = where["circuit"], where["set"], where["hz"].start
        self._true = np.empty(self._channels.resolution.size)
        self._true_circuits = self._true[self._at_circuits].reshape(-1, 3, 3)
        self._untold_w = np.full(len(sets), np.nan)
        self.meters = Meters(
            parameters.meter, self._channels, script.meters_fail, self._true_readings(), chances[3]
        )

    def step(self, dt: float, commands: Commands = NOTHING) -> Step:
        """Return what is ``dt`` seconds later, having done ``commands`` at once.

        ``dt`` is above 0 and at most 10; disturbances take effect at the beginning of a step.

        Raises:
            ValueError: ``dt`` is out of range.

        """
        if not 0.0 < dt <= 10.0:
            raise ValueError(f"a step lasts more than 0 and at most 10 seconds, not {dt}")
        self.island.trips = []
        self._befall()
        refused = self._command(commands)
        self._now += dt
        before_w = self._load_w + self._aux_w
        self._move_ambient(dt)
        self.miners.step(self._now, dt, self._ambient)
        self._load_w = self.feeders.step(dt, self.miners.draw.watts)
        self._aux_w = self._auxiliaries()
        self._inflow_m3h = self.wells.step(self._now, dt)
        rating = self.island.rating_w
        burned = (
            rules.burned_m3h(self.parameters, self._engine, self.island.power_w, rating) if rating else 0.0
        )
        self.header.step(dt, self._inflow_m3h, burned)
        self.island.pressure = self.header.power_part
        self.island.step(self._now, dt, before_w, self._load_w + self._aux_w)
        self._switch()
        self._energy_j += (self._load_w + self._aux_w) * dt
        self.meters.step(self._now, dt, self._true_readings())
        shares = self.miners.shares(dt)
        return Step(self._truth(dt), self._seen(refused, shares))

    # -- what befalls it -------------------------------------------------------------------------------------

    def _absent_at_first(self) -> None:
        """Miners that the script lets join were not there before."""
        late = [event.miners for event in self._events if isinstance(event, Join)]
        if late:
            self.miners.leave(np.unique(np.concatenate([np.asarray(one, dtype=np.int64) for one in late])))

    def _befall(self) -> None:
        while self._events and self._events[0].at_s <= self._now + 1e-9:
            self._meet(self._events.pop(0))
        for event in [one for one in self._ends if _end_s(one) <= self._now + 1e-9]:
            self._ends.remove(event)
            self._pass(event)

    def _meet(self, event: Disturbance) -> None:
        now, island = self._now, self.island
        match event:
            case GasFactor() | GasWave() | GasWander() | WellShut():
                self.wells.meet(event)
            case SetEvent(what="trip"):
                island.trip(event.set, "fault", now)
            case SetEvent(what="repair"):
                island.repair(event.set, now)
            case SetEvent(what="start"):
                island.start(event.set, now)
            case SetEvent():
                island.stop(event.set)
            case Ambient():
                self._ambient_aim = event.celsius
                gap = abs(event.celsius - self._ambient)
                self._ambient_slope = gap / event.ramp_s if event.ramp_s > 0 else np.inf
            case MeterFault():
                self.meters.meet(event)
            case BrownOut():
                self.miners.reboot(self._behind(event.circuit), now)
            case Join():
                self.miners.present[list(event.miners)] = True
                self.miners.power(self.feeders.live(island.alive), now)
            case UplinkLost():
                self.miners.pool(False, now)
                self._ends.append(event)
            case LanLost():
                self.miners.reach(self._behind(event.circuit), False, now)
                self._ends.append(event)
            case Deaf():
                self.miners.deaf[list(event.miners)] = True
                self._ends.append(event)
            case Liars():
                self.miners.liar[list(event.miners)] = True
                self._ends.append(event)

    def _pass(self, event: Disturbance) -> None:
        match event:
            case UplinkLost():
                self.miners.pool(True, self._now)
            case LanLost():
                self.miners.reach(self._behind(event.circuit), True, self._now)
            case Deaf():
                self.miners.deaf[list(event.miners)] = False
            case Liars():
                self.miners.liar[list(event.miners)] = False
            case _:
                raise AssertionError(f"{event} has no end")

    def _behind(self, circuit: int) -> Ints:
        miners: Ints = (
            np.flatnonzero(self.fleet.circuit == circuit)
            if circuit >= 0
            else np.arange(len(self.fleet.model))
        )
        return miners

    def _command(self, commands: Commands) -> Ints:
        if commands is NOTHING:
            return NOBODY
        now, miners = self._now, self.miners
        refused = [
            miners.order(Order.LIMIT, commands.limit[0], commands.limit[1], now),
            miners.order(Order.SLEEP, commands.sleep, NO_WATTS, now),
            miners.order(Order.WAKE, commands.wake, NO_WATTS, now),
        ]
        if commands.withhold.size:
            miners.withhold(commands.withhold, now)
        if commands.release.size:
            miners.release(commands.release, now)
        if commands.disconnect.size:
            miners.disconnect(commands.disconnect, now)
        if commands.open.size or commands.close.size:
            self.feeders.switch(commands.open, commands.close)
            miners.power(self.feeders.live(self.island.alive), now)
        return np.concatenate(refused) if any(one.size for one in refused) else NOBODY

    # -- time ------------------------------------------------------------------------------------------------

    def _move_ambient(self, dt: float) -> None:
        if self._ambient != self._ambient_aim:
            gap = self._ambient_aim - self._ambient
            self._ambient += max(-self._ambient_slope * dt, min(self._ambient_slope * dt, gap))
            self._derate()

    def _auxiliaries(self) -> float:
        """Without voltage there are none: controls run from batteries."""
        rating = self.island.rating_w
        if rating == 0.0 or not self.feeders.auxiliaries:
            return 0.0
        return rules.auxiliary_w(self.parameters, self._load_w, rating, self._ambient)

    def _derate(self) -> None:
        place = self.parameters
        self.island.derate = rules.derate(
            self._engine, self._ambient, place.site.altitude_m, place.gas.methane_number
        )

    def _switch(self) -> None:
        """Let relays, breakers and a bus that died or rose act on the circuits, and those on the miners."""
        alive, feeders = self.island.alive, self.feeders
        if self.island.shedding:
            feeders.switch(np.array(self.site.shed_circuits, dtype=np.int64), NOBODY)
        if self._bus_was_live and not alive:
            feeders.drop()
        reclosed = alive and feeders.reclose(self._now)
        if self.island.shedding or feeders.tripped or reclosed or alive != self._bus_was_live:
            self.miners.power(feeders.live(alive), self._now)
            self._load_w = feeders.sum(self.miners.draw.watts)
            self._aux_w = self._auxiliaries()
        self._bus_was_live = alive

    # -- what is told ----------------------------------------------------------------------------------------

    def _make_channels(self) -> Channels:
        meter, sets, circuits = self.parameters.meter, len(self.site.ratings_w), len(self.site.circuits)
        where: dict[str, slice] = {}
        resolution: list[float] = []
        relative: list[float] = []
        absolute: list[float] = []
        instrument: list[int] = []

        def add(name: str, kinds: list[tuple[float, float, float]]) -> None:
            begin = len(resolution)
            number = len(where)
            for one in kinds:
                for column, entry in zip((resolution, relative, absolute), one, strict=True):
                    column.append(entry)
                instrument.append(number)
            where[name] = slice(begin, len(resolution))

        watts, amperes = (meter.watts, meter.noise, 0.0), (0.1, meter.noise, 0.0)
        add("site", [watts])
        for circuit in range(circuits):
            add(f"circuit:{circuit}", [watts] * 3 + [amperes] * 3 + [watts] * 3)
        for one in range(sets):
            add(f"set:{one}", [watts, (meter.hz, 0.0, meter.hz_noise), (0.01, 0.002, 0.0), (1.0, 0.0, 0.0)])
        add("hz", [(meter.hz, 0.0, meter.hz_noise)])
        add("header", [(meter.kpa, 0.002, 0.0)])
        add("flare", [(0.1, 0.02, 0.0)])
        add("ambient", [(meter.celsius, 0.0, 0.1)])
        if circuits:
            where["circuit"] = slice(where["circuit:0"].start, where[f"circuit:{circuits - 1}"].stop)
        where["set"] = slice(where["set:0"].start, where[f"set:{sets - 1}"].stop)
        return Channels(
            where=where,
            resolution=np.array(resolution),
            relative_noise=np.array(relative),
            absolute_noise=np.array(absolute),
            instrument=np.array(instrument, dtype=np.int64),
        )

    def _true_readings(self) -> Floats:
        """Return what meters without fault would read; the same array each time."""
        island, feeders, true = self.island, self.feeders, self._true
        hertz = island.frequency * self.parameters.site.nominal_hz
        total_w, rating = self._load_w + self._aux_w, island.rating_w
        true[0] = total_w
        circuits = self._true_circuits
        circuits[:, 0], circuits[:, 1], circuits[:, 2] = feeders.watts, feeders.amperes, feeders.volt_amperes
        stop = rating * island.derate * self._engine.overload
        valve = min(1.0, island.valve_w / stop) if stop > 0.0 else 0.0
        sets: list[float] = []
        for one in island.sets:
            if one.state is RUNNING and rating > 0.0:
                sets += (total_w * one.rating_w * one.share / rating, hertz, valve, float(one.state))
            else:
                sets += (0.0, 0.0, 0.0, float(one.state))
        true[self._at_sets] = sets
        true[self._at_rest :] = (hertz, self.header.kpa, self.header.flare_m3h, self._ambient)
        return true

    def _truth(self, dt: float) -> Truth:
        island, header, hertz = self.island, self.header, self.parameters.site.nominal_hz
        rating = island.rating_w
        idle_m3h = rules.burned_m3h(self.parameters, self._engine, 0.0, rating)
        capability = island.capability_w
        return Truth(
            now_s=self._now,
            load_w=self._load_w,
            aux_w=self._aux_w,
            miner_w=self.miners.draw.watts.copy(),
            hashrate_hs=self.miners.hashrate_hs.copy(),
            miner_state=self.miners.state.copy(),
            hashes=self.miners.total_hs() * dt,
            capability_w=capability,
            sustained_w=island.sustained_w,
            gas_sustained_w=max(0.0, (self._inflow_m3h - idle_m3h) / self._m3h_per_w),
            excess_w=max(0.0, self._load_w + self._aux_w - capability),
            circuit_w=self.feeders.watts,
            frequency_hz=island.frequency * hertz,
            lowest_hz=island.lowest * hertz,
            highest_hz=island.highest * hertz,
            running=island.running,
            trips=tuple(island.trips),
            underloaded_s=island.underloaded_s,
            breakers_tripped=tuple(self.feeders.tripped),
            header_kpa=header.kpa,
            inflow_m3h=self._inflow_m3h,
            gas_m3=header.burned_m3,
            flare_m3=header.flared_m3,
            inflow_m3=header.inflow_m3,
            stored_m3=header.stored_m3,
            energy_j=self._energy_j,
            ambient_c=self._ambient,
        )

    def _seen(self, refused: Ints, shares: Ints) -> Seen:
        reading, at, miners = self.meters.reading, self.meters.at_s, self.miners
        circuits = reading[self._at_circuits].reshape(-1, 3, 3)
        sets = reading[self._at_sets].reshape(-1, 4)
        states = [-1 if isnan(state) else int(state) for state in sets[:, 3].tolist()]
        hertz, kpa, flare_m3h, ambient_c = reading[self._at_rest :].tolist()
        hertz_at_s, kpa_at_s, flare_at_s, ambient_at_s = at[self._at_rest :].tolist()
        return Seen(
            site_w=reading.item(0),
            site_at_s=at.item(0),
            circuit_w=circuits[:, 0],
            circuit_a=circuits[:, 1],
            circuit_va=circuits[:, 2],
            circuit_at_s=at[self._at_circuits][::9],
            circuit_closed=self.feeders.closed.copy(),
            set_running=np.array([state == RUNNING for state in states]),
            set_state=np.array(states),
            set_w=sets[:, 0],
            set_hz=sets[:, 1],
            set_valve=sets[:, 2],
            set_available_w=self._untold_w.copy(),
            set_at_s=at[self._at_sets][::4],
            frequency_hz=hertz,
            frequency_at_s=hertz_at_s,
            header_kpa=kpa,
            header_at_s=kpa_at_s,
            flare_m3h=flare_m3h,
            flare_at_s=flare_at_s,
            ambient_c=ambient_c,
            ambient_at_s=ambient_at_s,
            miner_w=miners.telemetry.watts.copy(),
            miner_age_s=self._now - miners.telemetry.at_s,
            miner_claim=miners.telemetry.claim.copy(),
            refused=refused,
            shares=shares,
            connected=miners.connected.copy(),
            difficulty=miners.difficulty,
        )


def _end_s(event: Disturbance) -> float:
    if isinstance(event, UplinkLost | LanLost | Deaf | Liars):
        return event.at_s + event.for_s
    raise AssertionError(f"{event} has no end")
