"""The nominal plant, and short runs on it."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files

import pytest

from proxy.plant.parameters import Parameters, load
from proxy.simulation.loop import Run, run
from proxy.simulation.policies import POLICIES
from proxy.simulation.scenarios import SCENARIOS
from proxy.simulation.world import Setting, World, world

Runs = Callable[..., Run]


@cache
def nominal() -> Parameters:
    return load(files("proxy.plant").joinpath("plant.toml").read_text(encoding="utf-8"))


@cache
def site(scenario: str, miners: int = 24, minutes: float = 60.0, seed: int = 1, fleet: str = "mixed") -> World:
    return world(nominal(), Setting(SCENARIOS[scenario], miners, minutes * 60.0, seed, fleet))


@cache
def done(policy: str, scenario: str, **setting: object) -> Run:
    return run(site(scenario, **setting), POLICIES[policy])  # type: ignore[arg-type]  # they are site's


@pytest.fixture
def runs() -> Runs:
    """Return what makes a run of a policy on a scenario, once for each."""
    return done


@pytest.fixture
def parameters() -> Parameters:
    return nominal()
