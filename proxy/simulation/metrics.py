"""How a run is judged, step by step: always by the plant's truth, never by what a policy believed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proxy.simulation.entitled import Claim, entitled

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NOISE = 0.001
"""Excess below this part of the site's rating counts as watt-seconds, but not as time over or an episode."""
SETTLED = 0.05
"""An episode is answered when its excess has come down to this part of its worst."""
KEPT = 0.98
"""A minute's mean below this part of the guarantee is missed: meters are good for 1 %, ramps take seconds."""
METERED = 0.01
"""Part of the load that a meter may miss: two standard deviations of one of half a percent."""
TENANTS_EVERY_S = 10.0
"""How often tenants' watts are summed."""
DAY_S = 86_400.0


class Moment(NamedTuple):
    """The truth about one step, and what the policy believed of it. Watts at the bus, but for ``miner_w``.

    A named tuple, as what the plant tells: one is made each second.
    """

    at_s: float
    """Beginning of the step."""
    dt_s: float
    load_w: float
    aux_w: float
    capability_w: float
    """What the running sets can truly give for good."""
    excess_w: float
    """Load and auxiliaries beyond what the sets can truly give in that moment, as fast as they take load."""
    usable_w: float
    """True capability less reserve and auxiliaries, at most the ordered cap."""
    hashes: float
    """During this step."""
    low_hz: float
    high_hz: float
    """Extremes of the frequency within the step."""
    trips: int
    """Protective trips of sets during this step."""
    miner_w: Floats
    hashing: Bools
    connected: Bools
    proven_w: float
    """What the policy took as an upper bound of the load."""
    expected_w: float
    """What the policy expects once its commands have worked."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of a run; names are keys of the JSON."""

    violation_ws: float
    """Integral of the excess over the true capability, watt-seconds."""
    worst_excess_w: float
    seconds_over: float
    genset_trips: int
    min_hz: float
    max_hz: float
    energy_used_ratio: float
    """Energy drawn within what was usable, over what was usable."""
    hashes: float
    switches_per_miner_day: float
    """Times that a miner began or stopped hashing, both counted."""
    reaction_p95_s: float | None
    """From the beginning of an excess until it is down to a twentieth of its worst; None without excess."""
    jain: float
    """Jain's index of the tenants' delivered over entitled energy: 1 is fair."""
    sla_minutes_missed: float
    """Minutes with a mean below a tenant's guarantee, tenants added up."""
    unverified_ws: float
    """Integral of the watts counted on but not proven: proven less expected."""
    false_credit_ws: float
    """Integral of what was believed gone and was drawn: true load above proven, beyond a hundredth."""


class Metrics:
    """Adds up moments; memory is bounded but for one number for each episode of excess."""

    def __init__(self, rating_w: float, claims: Sequence[Claim], tenant: NDArray[np.int64], demand_w: Floats):
        """``tenant`` and ``demand_w`` (most that it can draw) have one entry for each miner."""
        self._threshold_w = NOISE * rating_w
        self._claims = claims
        self._tenant = tenant
        self._demand_w = demand_w
        self._violation_ws = self._worst_w = self._over_s = 0.0
        self._trips = 0
        self._low_hz, self._high_hz = math.inf, -math.inf
        self._used_ws = self._usable_ws = self._hashes = 0.0
        self._unverified_ws = self._false_ws = self._elapsed_s = 0.0
        self._hashing: Bools | None = None
        self._switches = 0
        self._miner_s = 0.0
        self._episodes: list[float] = []
        self._began_s = self._answered_s = self._peak_w = 0.0
        self._tenant_next_s = 0.0
        self._delivered_ws = np.zeros(len(claims))
        self._entitled_ws = np.zeros(len(claims))
        self._minute_ws = np.zeros(len(claims))
        self._promised_ws = np.zeros(len(claims))
        self._minute_s = 0.0
        self._missed = 0

    def add(self, moment: Moment) -> None:
        """Take one step. Arrays are read at once and not kept, but for ``hashing``."""
        dt = moment.dt_s
        self._elapsed_s += dt
        self._excess(moment)
        self._trips += moment.trips
        self._low_hz = min(self._low_hz, moment.low_hz)
        self._high_hz = max(self._high_hz, moment.high_hz)
        self._hashes += moment.hashes
        usable = max(0.0, moment.usable_w)
        self._used_ws += min(moment.load_w, usable) * dt
        self._usable_ws += usable * dt
        self._unverified_ws += max(0.0, moment.proven_w - moment.expected_w) * dt
        self._false_ws += max(0.0, (1.0 - METERED) * moment.load_w - moment.proven_w) * dt
        if self._hashing is not None:
            self._switches += int(np.count_nonzero(moment.hashing != self._hashing))
        self._hashing = moment.hashing
        if moment.at_s >= self._tenant_next_s:
            self._tenants(moment)

    def _excess(self, moment: Moment) -> None:
        self._violation_ws += moment.excess_w * moment.dt_s
        self._worst_w = max(self._worst_w, moment.excess_w)
        end_s = moment.at_s + moment.dt_s
        if moment.excess_w > self._threshold_w:
            self._over_s += moment.dt_s
            if not self._peak_w:
                self._began_s = moment.at_s
            self._peak_w = max(self._peak_w, moment.excess_w)
            if moment.excess_w > SETTLED * self._peak_w:
                self._answered_s = end_s
        elif self._peak_w:
            self._episodes.append(self._answered_s - self._began_s)
            self._peak_w = 0.0

    def _tenants(self, moment: Moment) -> None:
        # The watts of this step stand for the whole interval: ten steps are summed for the price of one.
        every = TENANTS_EVERY_S
        self._tenant_next_s += every
        count = len(self._claims)
        drawn = np.bincount(self._tenant, moment.miner_w, count)
        demand = np.bincount(self._tenant, np.where(moment.connected, self._demand_w, 0.0), count)
        self._miner_s += every * int(np.count_nonzero(moment.connected))
        self._delivered_ws += drawn * every
        self._entitled_ws += np.array(entitled(moment.usable_w, self._claims, demand.tolist())) * every
        promised = [min(claim.guarantee_w, want) for claim, want in zip(self._claims, demand, strict=True)]
        self._minute_ws += drawn * every
        self._promised_ws += np.array(promised) * every
        self._minute_s += every
        if self._minute_s >= 60.0:
            self._missed += int(np.count_nonzero(self._minute_ws < KEPT * self._promised_ws))
            self._minute_ws[:] = self._promised_ws[:] = 0.0
            self._minute_s = 0.0

    def measured(self) -> Measured:
        """Return the figures so far; an excess that still lasts counts as an episode."""
        episodes = self._episodes + ([self._answered_s - self._began_s] if self._peak_w else [])
        miner_days = self._miner_s / DAY_S
        return Measured(
            violation_ws=self._violation_ws,
            worst_excess_w=self._worst_w,
            seconds_over=self._over_s,
            genset_trips=self._trips,
            min_hz=self._low_hz,
            max_hz=self._high_hz,
            energy_used_ratio=self._used_ws / self._usable_ws if self._usable_ws else 0.0,
            hashes=self._hashes,
            switches_per_miner_day=self._switches / miner_days if miner_days else 0.0,
            reaction_p95_s=float(np.quantile(episodes, 0.95, method="higher")) if episodes else None,
            jain=_jain(self._delivered_ws, self._entitled_ws),
            sla_minutes_missed=float(self._missed),
            unverified_ws=self._unverified_ws,
            false_credit_ws=self._false_ws,
        )


def _jain(delivered: Floats, owed: Floats) -> float:
    ratio = delivered[owed > 0] / owed[owed > 0]
    squares = float(np.sum(ratio**2))
    return float(np.sum(ratio)) ** 2 / (len(ratio) * squares) if squares else 1.0
