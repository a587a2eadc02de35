"""Small plants for the tests of this folder."""

from collections.abc import Iterator
from importlib.resources import files

import numpy as np

from proxy.plant.fleet import Floats, Ints, fleet
from proxy.plant.parameters import Parameters, load
from proxy.plant.plant import Plant
from proxy.plant.script import Disturbance, Script
from proxy.plant.site import site
from proxy.plant.step import NOTHING, Commands, Step

TEXT = files("proxy.plant").joinpath("plant.toml").read_text()
NOMINAL = load(TEXT)
OBEDIENT = ("miner.lost", "miner.refused", "miner.lie", "miner.stray")


def with_values(changes: dict[str, float], parameters: Parameters = NOMINAL) -> Parameters:
    """Return the plant with several figures changed."""
    for key, value in changes.items():
        parameters = parameters.with_value(key, value)
    return parameters


EXACT = with_values(dict.fromkeys(OBEDIENT, 0.0) | {"miner.spread": 0.0, "miner.boot_spread": 0.0})
"""A plant whose miners obey, and are all alike."""
STEPS = [f"engine.lean.{name}" for name in ("step_low_load", "step_high_load", "unload_step")]
STIFF = with_values(dict.fromkeys(STEPS, 1.0), EXACT)
"""One whose engines take whatever load comes, so that tests of miners are not about engines."""


def a_plant(
    *events: Disturbance,
    kind: str = "homogeneous",
    miners: int = 60,
    parameters: Parameters = EXACT,
    engine: str = "lean",
    preload: float = 0.75,
    seed: int = 1,
    circuits: int = 3,
    **layout: float,
) -> Plant:
    """Return a plant whose meters do not fall silent and whose wells are steady."""
    made = fleet(parameters, kind, miners, seed, circuits=circuits)
    stored_s = layout.pop("line_pack_s", None)
    shed_hz = layout.pop("shed_hz", 0.0)
    assert not layout, layout
    where = site(
        parameters,
        made,
        engine=engine,
        preload=preload,
        line_pack_s=stored_s,
        shed_hz=shed_hz,
        shed_circuits=(0,),
    )
    return Plant(parameters, made, where, seed, Script(events, meters_fail=False))


def steps(plant: Plant, seconds: float, dt: float = 1.0, first: Commands = NOTHING) -> Iterator[Step]:
    """Yield the steps of ``seconds``; ``first`` is commanded in the first of them."""
    for number in range(round(seconds / dt)):
        yield plant.step(dt, first if number == 0 else NOTHING)


def after(plant: Plant, seconds: float, first: Commands = NOTHING, dt: float = 1.0) -> Step:
    """Return the last step of ``seconds``."""
    *_, last = steps(plant, seconds, dt, first)
    return last


def at(*indices: int) -> Ints:
    """Return indices as commands want them."""
    return np.array(indices, dtype=np.int64)


def watts(*values: float) -> Floats:
    """Return watts as commands want them."""
    return np.array(values, dtype=np.float64)
