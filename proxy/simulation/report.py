"""A run with what it is measured against, as the figures that are reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from proxy.plant.carbon import emitted
from proxy.simulation.bound import hashes_at_most
from proxy.simulation.loop import Run, run
from proxy.simulation.oracle import OracleUnavailable
from proxy.simulation.policies import POLICIES
from proxy.simulation.world import World

Told = Callable[[float], None]
ORACLE = "oracle"
EVERY = (*POLICIES, ORACLE)
"""Names of all that can be asked for; the oracle is a bound and steers nothing."""
LEEWAY = 1.1
"""Violation may be so many times that of the panic reference."""
NOTHING_S = 0.01
"""Violation below so many seconds of one watt for each watt of the rating is none: it is a ripple."""


@dataclass(frozen=True, slots=True)
class Against:
    """What a policy is measured against; None where it was not asked for."""

    reference: Run | None = None
    """The panic reference's run."""
    most_hashes: float | None = None
    """The oracle's bound."""
    note: str = ""
    """Why something is missing."""


@dataclass(frozen=True, slots=True)
class Result:
    """A policy's run, and against what."""

    world: World
    policy: str
    run: Run | None
    """None: the oracle has none."""
    against: Against
    wall_s: float
    """Of the policy's own run."""

    @property
    def failures(self) -> list[str]:
        """What is worse than the panic reference, in sentences; empty without a reference."""
        reference = self.against.reference
        if self.run is None or reference is None:
            return []
        mine, panic = self.run.measured, reference.measured
        found = []
        if mine.violation_ws > LEEWAY * panic.violation_ws + NOTHING_S * self.world.rating_w:
            found.append(
                f"violation {mine.violation_ws:,.0f} W s, the reference {panic.violation_ws:,.0f} W s"
            )
        if mine.genset_trips > panic.genset_trips:
            found.append(f"{mine.genset_trips} trips, the reference {panic.genset_trips}")
        return found

    def facts(self) -> dict[str, Any]:
        """Return every figure under the name that it has in the JSON; None is not known."""
        setting = self.world.setting
        measured = {} if self.run is None else asdict(self.run.measured)
        most, reference = self.against.most_hashes, self.against.reference
        hashes = most if self.run is None else self.run.measured.hashes
        return {
            "simulated": True,
            "scenario": setting.scenario.name,
            "policy": self.policy,
            "fleet": self.world.fleet.kind,
            "miners": setting.miners,
            "seed": setting.seed,
            "plant_hash": self.world.parameters.digest,
            **{name: _known(value) for name, value in measured.items()},
            "hashes": hashes,
            "violation_reference_ws": None if reference is None else reference.measured.violation_ws,
            "genset_trips_reference": None if reference is None else reference.measured.genset_trips,
            "oracle_hashes": most,
            "oracle_ratio": hashes / most if hashes is not None and most else None,
            **self._gas(),
            "failures": self.failures,
            "note": self.against.note,
            "virtual_s": setting.duration_s,
            "wall_s": self.wall_s,
        }

    def _gas(self) -> dict[str, float | None]:
        """Return the gas of the run and what became of it."""
        run, site = self.run, self.world
        if run is None:
            return dict.fromkeys(("gas_burned_m3", "gas_flared_m3", "co2e_kg", "co2e_flared_kg"))
        engine = site.true.engine[site.layout.engine]
        became = emitted(site.true, engine, run.burned_m3, run.flared_m3)
        return {"gas_burned_m3": run.burned_m3, "gas_flared_m3": run.flared_m3, **asdict(became)}


def _known(value: float | None) -> float | None:
    return value if value is None or isfinite(value) else None


def against(world: World, *, reference: bool, oracle: bool, told: Told = lambda seconds: None) -> Against:
    """Return what policies are measured against on this site: each part costs a run of the plant."""
    panic = run(world, POLICIES["panic"], told) if reference else None
    most, note = None, ""
    if oracle:
        try:
            most = hashes_at_most(world, told)
        except OracleUnavailable as error:
            note = str(error)
    return Against(panic, most, note)


def result(world: World, policy: str, compared: Against, told: Told = lambda seconds: None) -> Result:
    """Return a policy's run on a site."""
    began = time.perf_counter()
    if policy == ORACLE:
        return Result(world, policy, None, compared, 0.0)
    if policy == "panic" and compared.reference is not None:
        return Result(world, policy, compared.reference, compared, 0.0)
    done = run(world, POLICIES[policy], told)
    return Result(world, policy, done, compared, time.perf_counter() - began)
