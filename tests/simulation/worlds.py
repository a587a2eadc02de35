"""Simulated sites and runs on them, each made once."""

from functools import cache
from importlib.resources import files

from proxy.plant.parameters import Parameters, load
from proxy.simulation.loop import Run, run
from proxy.simulation.policies import POLICIES
from proxy.simulation.scenarios import SCENARIOS
from proxy.simulation.world import Setting, World, world


@cache
def nominal() -> Parameters:
    return load(files("proxy.plant").joinpath("plant.toml").read_text(encoding="utf-8"))


@cache
def site(
    scenario: str, miners: int = 24, minutes: float = 60.0, seed: int = 1, fleet: str = "mixed"
) -> World:
    return world(nominal(), Setting(SCENARIOS[scenario], miners, minutes * 60.0, seed, fleet))


@cache
def done(policy: str, scenario: str, *, minutes: float = 60.0, fleet: str = "mixed", seed: int = 1) -> Run:
    return run(site(scenario, minutes=minutes, fleet=fleet, seed=seed), POLICIES[policy])
