"""What the governor is told, and through what it acts beside the work gate: of a site without instruments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from proxy.app.power.roster import Attendance
from proxy.config.power import MinerModel, Power
from proxy.config.power_site import model_of, power_site
from proxy.config.settings import Settings
from proxy.energy.arrays import Bools, Floats
from proxy.energy.curves import Curves, curves, on_off
from proxy.energy.evidence import SILENCE
from proxy.energy.firm import usable_w
from proxy.energy.ladder import Ladder
from proxy.energy.site import Site
from proxy.governor.devices import Actuator, Devices
from proxy.governor.plan import Plan
from proxy.governor.readings import Claim, Instructions, Readings
from proxy.governor.settings import GovernorSettings
from proxy.ports import Miner

STEP_S = 1.0
"""The governor's step where nothing else is said."""
UNKNOWN_THS = 100.0
"""Of a miner of no known model [A]."""
UNKNOWN_IDLE = 0.9
"""Part of its watts that such a miner is taken to draw without work: nobody knows that it stops [A]."""
START_S = 60.0
"""From first work to its watts, of a miner that is up and has none [A]."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What people and others say of power."""

    instructions: Instructions
    available_w: float
    """NaN: never told."""
    available_at: float
    """NaN: nobody is asked."""
    month: str


class Instruments(Protocol):
    """Where readings come from, and who carries out what is not about work."""

    @property
    def site(self) -> Site:
        """As the governor gets it."""

    @property
    def most_w(self) -> float:
        """What miners may draw by nominal figures alone, where nothing measures the supply; else infinite."""

    @property
    def settings(self) -> GovernorSettings:
        """How the governor goes about it."""

    @property
    def step_s(self) -> float:
        """How often the governor steps, by the program's clock."""

    @property
    def adopts(self) -> bool:
        """Whether the load is measured, so that miners that draw power already are taken over as they are.

        Else all begin without work.
        """

    def is_ready(self, here: int, elapsed_s: float) -> bool:
        """Return whether the governor can begin, so long after the start and with so many miners here."""

    def curves(self) -> Curves:
        """Return the operating points of all models."""

    @property
    def models(self) -> tuple[str, ...]:
        """Names of these models that tell them apart from all others ever configured."""

    def devices(self, ids: Sequence[str], miners: Sequence[Miner]) -> Devices:
        """Return newcomers as the governor takes them."""

    def read(
        self, now: float, here: Attendance, withheld_at: Floats, outside: Outside
    ) -> tuple[float, Readings]:
        """Return everything for one tick, and when that is, on the clock of the readings.

        Args:
            now: The program's clock.
            here: Who is here.
            withheld_at: Since when each is held to have no work; NaN where it has some.
            outside: What others say.

        """

    def obey(self, plan: Plan) -> None:
        """Carry out a plan; the work gate has done its own part of it."""

    def state(self) -> dict[str, object]:
        """Return what is measured, for people."""


def governor_settings(power: Power) -> GovernorSettings:
    """Return how the governor goes about it, as configured."""
    rules, source = power.rules, power.source
    return GovernorSettings(
        round_s=rules.round,
        deadband=rules.deadband,
        min_on_s=rules.min_on,
        min_off_s=rules.min_off,
        cycles_day=rules.cycles_day,
        source_ladder=Ladder(
            source.hold_after, source.safe_after, source.guarantees_after, source.sleep_after
        ),
    )


class NominalInstruments:
    """A site on which nothing is measured yet: sums of nominal watts, and the shares of miners.

    A miner without work is taken to idle once it has sent no share for 6.9 mean intervals, and its model's
    time from the last job to idleness has passed since the last sign of hashing. That its row says the truth
    about its idle watts is the operator's word.
    """

    step_s = STEP_S
    adopts = False

    def __init__(self, settings: Settings, power: Power) -> None:
        described = power_site(settings, power)
        self.settings = governor_settings(power)
        # Nobody reads the generators: the governor must not wait for their meters, and takes the nominal sum.
        self.site = Site(described.circuits, (), described.reserve, (), described.tenants, described.hz)
        self.most_w = usable_w(described)
        self._power = power
        self._tenants = {tenant.id: place for place, tenant in enumerate(settings.tenants)}
        self._circuits = {circuit.name: place for place, circuit in enumerate(described.circuits)}
        roots = [place for place, circuit in enumerate(described.circuits) if circuit.parent is None]
        self._root = roots[0]
        usual = settings.stratum.target_shares_per_minute
        self._share_hz = {t.id: (t.target_shares_per_minute or usual) / 60 for t in settings.tenants}
        self._models = (
            *power.models,
            MinerModel(
                watts=power.unknown_watts,
                idle_watts=UNKNOWN_IDLE * power.unknown_watts,
                hashrate=UNKNOWN_THS,
            ),
        )
        self._idle_w: Floats = np.empty(0)
        self._quiet_s: Floats = np.empty(0)
        """From the last sign of hashing to idleness."""
        self._heard_s: Floats = np.empty(0)

    def is_ready(self, here: int, elapsed_s: float) -> bool:
        """Return True: there is nobody to wait for."""
        return True

    def curves(self) -> Curves:
        """Return two points for each model: idle and at work."""
        return curves(
            [
                on_off(model.watts, model.hashrate * 1e12, sleep_w=min(model.idle_watts, 0.99 * model.watts))
                for model in self._models
            ]
        )

    @property
    def models(self) -> tuple[str, ...]:
        """Return each row's patterns and nominal figures: what was learned of others is not about it."""
        return tuple(
            f"{row.user_agent} {row.user_match} {row.watts:g} W, {row.idle_watts:g} W idle, "
            f"{row.idle_after:g} s"
            for row in self._models
        )

    def devices(self, ids: Sequence[str], miners: Sequence[Miner]) -> Devices:
        """Return newcomers: they obey by their work alone."""
        models = [model_of(self._power, miner.user, miner.user_agent) or self._models[-1] for miner in miners]
        count = len(models)
        mask = Actuator.WITHHOLD | (Actuator.DISCONNECT if self._power.may_disconnect else Actuator(0))
        watts = np.array([model.watts for model in models], dtype=np.float64)
        idle = np.array([min(m.idle_watts, 0.99 * m.watts) for m in models], dtype=np.float64)
        idle_s = np.array([model.idle_after for model in models], dtype=np.float64)
        share_hz = np.array([self._share_hz[miner.tenant] for miner in miners], dtype=np.float64)
        self._idle_w = np.concatenate((self._idle_w, idle))
        self._quiet_s = np.concatenate((self._quiet_s, np.maximum(idle_s, SILENCE / share_hz)))
        self._heard_s = np.concatenate((self._heard_s, np.full(count, -math.inf)))
        second = np.ones(count)
        return Devices(
            ids=tuple(ids),
            tenant=np.array([self._tenants[miner.tenant] for miner in miners], dtype=np.int64),
            circuit=np.array(
                [self._circuits.get(model.circuit or "", self._root) for model in models], dtype=np.int64
            ),
            curve=np.array([self._models.index(model) for model in models], dtype=np.int64),
            floor_w=watts,
            ceiling_w=watts,
            sleep_w=idle,
            idle_w=idle,
            actuators=np.full(count, int(mask), dtype=np.int64),
            t_down_limit_s=second,
            t_down_sleep_s=second,
            t_idle_s=idle_s,
            t_up_limit_s=second,
            t_wake_s=np.full(count, START_S),
            share_rate_hz=share_hz,
        )

    def read(
        self, now: float, here: Attendance, withheld_at: Floats, outside: Outside
    ) -> tuple[float, Readings]:
        """Return shares, sessions and what follows from them."""
        count = len(here.connected)
        self._heard_s[here.shares > 0] = now
        with np.errstate(invalid="ignore"):  # NaN: it has work
            idles: Bools = now - np.fmax(withheld_at, self._heard_s) >= self._quiet_s
        idles &= ~np.isnan(withheld_at) & here.connected
        nothing = np.full(len(self.site.circuits), np.nan)
        return now, Readings(
            circuit_w=np.full((len(self.site.circuits), 3), np.nan),
            circuit_at=nothing,
            site_w=math.nan,
            site_at=math.nan,
            generators=None,
            header_kpa=math.nan,
            flare_m3h=math.nan,
            ambient_c=math.nan,
            aux_w=math.nan,
            available_w=outside.available_w,
            available_at=outside.available_at,
            miner_w=np.where(idles, self._idle_w, np.nan),
            miner_at=np.where(idles, now, np.nan),
            claimed=np.full(count, int(Claim.UNKNOWN), dtype=np.int64),
            shares=here.shares,
            connected=here.connected,
            instructions=outside.instructions,
            month=outside.month,
        )

    def obey(self, plan: Plan) -> None:
        """Do nothing: no device takes orders here, and none was told to be able to."""

    def state(self) -> dict[str, object]:
        """Return nothing: nothing is measured."""
        return {}
