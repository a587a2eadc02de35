"""A small site for the governor: exponential miners on ideal generators. Not the plant."""

import math
from dataclasses import dataclass, field

import numpy as np

from proxy.energy.arrays import Bools, Floats, Ints
from proxy.energy.curves import Curves, curves
from proxy.energy.site import Auxiliary, Circuit, Generator, NMinusOne, Reserve, Site, Tenant
from proxy.governor.devices import Actuator, Devices, Verb
from proxy.governor.engine import Governor
from proxy.governor.plan import Plan
from proxy.governor.readings import FREE, Claim, GeneratorReading, Instructions, Readings
from proxy.governor.settings import GovernorSettings
from tests.energy.models import quadratic

MODEL = quadratic(2800.0, 120e12)
CURVES: Curves = curves([MODEL])
ALL = int(Actuator.LIMIT | Actuator.SLEEP | Actuator.WITHHOLD | Actuator.DISCONNECT)
QUIET = GovernorSettings(meter_noise=0.0)
"""The fake's meters have no noise, and so their digits may rest."""


def devices(count: int, actuators: int = ALL) -> Devices:
    """Return ``count`` alike miners."""

    def all_(value: float) -> Floats:
        return np.full(count, value)

    zeros: Ints = np.zeros(count, dtype=np.int64)
    return Devices(
        ids=tuple(f"m{index}" for index in range(count)),
        tenant=zeros,
        circuit=zeros.copy(),
        curve=zeros.copy(),
        floor_w=all_(MODEL.floor_w),
        ceiling_w=all_(MODEL.ceiling_w),
        sleep_w=all_(MODEL.sleep_w),
        idle_w=all_(200.0),
        actuators=np.full(count, actuators, dtype=np.int64),
        t_down_limit_s=all_(5.0),
        t_down_sleep_s=all_(5.0),
        t_idle_s=all_(125.0),
        t_up_limit_s=all_(20.0),
        t_wake_s=all_(30.0),
        share_rate_hz=all_(0.2),
    )


def site(
    count: int,
    *,
    sets: int = 4,
    preload: float = 0.9,
    reserve: Reserve | None = None,
    tenants: tuple[Tenant, ...] = (),
) -> Site:
    """Return a site whose sets carry ``count`` miners at their ceilings at ``preload``."""
    each_kw = count * MODEL.ceiling_w / 1000.0 / preload / sets
    return Site(
        circuits=(Circuit("main"),),
        generators=tuple(Generator(f"g{number}", each_kw) for number in range(sets)),
        reserve=reserve or NMinusOne(),
        auxiliaries=(Auxiliary("camp", 0.02 * each_kw),),
        tenants=tenants,
    )


@dataclass
class Fake:
    """Miners that obey after a lag, and meters that tell the truth unless they are told not to."""

    count: int
    site: Site
    lag_down: float = 1.0
    """Over nominal."""
    lag_up: float = 1.0
    spread: float = 1.0
    """True watts over nominal."""
    stray_w: float = math.nan
    """What the first circuit carries beside the miners, by a meter of its own; NaN: it has none."""
    deaf: set[int] = field(default_factory=set)
    silent_feeder: bool = False
    silent_sets: bool = False
    silent_watts: bool = False
    """Controllers of the sets tell all but their watts."""
    tells_watts: bool = True
    pool: bool = True
    """Whether anybody takes shares; without, miners fall to idle at once."""
    noise: float = 0.0
    seed: int = 0
    now: float = 0.0

    def __post_init__(self) -> None:
        self.target: Floats = np.full(self.count, MODEL.ceiling_w)
        self.level = self.target.copy()
        self.rate = np.full(self.count, 0.6)
        self.asleep: Bools = np.zeros(self.count, np.bool_)
        self.working: Bools = np.ones(self.count, np.bool_)
        self.connected: Bools = np.ones(self.count, np.bool_)
        self.limit = self.target.copy()
        self.running: Bools = np.ones(len(self.site.generators), np.bool_)
        self.instructions: Instructions = FREE
        self.chance = np.random.default_rng(self.seed)
        self._last = (math.nan, 0.0)

    @property
    def load_w(self) -> float:
        """What all miners draw."""
        return float(self.level.sum()) * self.spread

    @property
    def aux_w(self) -> float:
        return self.site.auxiliaries_w

    def obey(self, plan: Plan) -> None:
        """Do what was planned, but for the deaf."""
        steps = plan.steps
        for miner, verb, watts in zip(
            steps.miner.tolist(), steps.verb.tolist(), steps.watts.tolist(), strict=True
        ):
            if miner in self.deaf and verb not in (Verb.WITHHOLD, Verb.RELEASE, Verb.DISCONNECT):
                continue
            match verb:
                case Verb.LIMIT:
                    self.limit[miner] = min(max(watts, MODEL.floor_w), MODEL.ceiling_w)
                case Verb.SLEEP:
                    self.asleep[miner] = True
                case Verb.WAKE:
                    self.asleep[miner] = False
                case Verb.WITHHOLD | Verb.DISCONNECT:
                    self.working[miner] = False
                case _:
                    self.working[miner] = True
        self._aim()

    def _aim(self) -> None:
        idle = np.where(self.working & self.connected & self.pool, self.limit, 200.0)
        target = np.where(self.asleep, MODEL.sleep_w, idle)
        for miner in self.deaf:
            target[miner] = MODEL.ceiling_w
        changed = target != self.target
        down = target < self.level
        self.rate = np.where(
            changed, np.where(down, 3.0 / (5.0 * self.lag_down), 3.0 / (20.0 * self.lag_up)), self.rate
        )
        self.target = target

    def step(self, dt: float = 1.0) -> Readings:
        """Let time pass, and read the meters."""
        self._aim()
        self.now += dt
        self.level += (self.target - self.level) * -np.expm1(-self.rate * dt)
        return self.read()

    def read(self) -> Readings:
        noisy = self.load_w * (1.0 + self.noise * float(self.chance.standard_normal()))
        if not self.silent_feeder:
            self._last = (noisy, self.now)
        sets = len(self.site.generators)
        total = self.load_w + self.aux_w
        runs = max(1, int(self.running.sum()))
        watts = np.where(self.running, math.nan if self.silent_watts else total / runs, 0.0)
        hashing = self.working & self.connected & ~self.asleep & self.pool
        for miner in self.deaf:
            hashing[miner] = True
        nan: Floats = np.full(self.count, np.nan)
        circuit_w = np.full((len(self.site.circuits), 3), np.nan)
        circuit_w[0] = (self.load_w + self.stray_w) / 3.0
        return Readings(
            circuit_w=circuit_w,
            circuit_at=np.where(np.isnan(circuit_w[:, 0]), np.nan, self.now),
            site_w=self._last[0],
            site_at=self._last[1],
            generators=GeneratorReading(
                running=self.running.copy(),
                watts=watts,
                hz=60.0,
                valve=np.full(sets, np.nan),
                available_w=np.full(sets, np.nan),
                at=np.full(sets, -100.0 if self.silent_sets else self.now),
            ),
            header_kpa=math.nan,
            flare_m3h=math.nan,
            ambient_c=25.0,
            aux_w=self.aux_w,
            available_w=math.nan,
            available_at=math.nan,
            miner_w=self.level * self.spread if self.tells_watts else nan,
            miner_at=np.full(self.count, self.now),
            claimed=np.where(self.asleep, Claim.ASLEEP, Claim.MINING).astype(np.int64),
            shares=(hashing & (self.chance.random(self.count) < 0.2)).astype(np.int64),
            connected=self.connected.copy(),
            instructions=self.instructions,
        )


@dataclass
class Loop:
    """A fake and its governor."""

    fake: Fake
    governor: Governor
    plans: list[Plan] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)

    def run(self, seconds: int) -> None:
        """Let both go on for so many ticks of a second."""
        for _ in range(seconds):
            plan = self.governor.step(self.fake.now + 1.0, self.fake.step())
            self.plans.append(plan)
            self.loads.append(self.fake.load_w)
            self.fake.obey(plan)


def loop(fake: Fake, settings: GovernorSettings = QUIET, actuators: int = ALL) -> Loop:
    """Return a fake under a governor of its own."""
    return Loop(fake, Governor(fake.site, devices(fake.count, actuators), CURVES, settings))
