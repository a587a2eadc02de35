"""Any instrument that says anything, at any time, on plants that nobody chose."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from proxy.governor.plan import Plan
from proxy.plant.script import Disturbance, GasFactor, LanLost, MeterFault
from proxy.simulation.report import against, result
from proxy.simulation.scenarios import SCENARIOS, Scenario, Story
from proxy.simulation.world import World
from tests.simulation.random_plants import random_world
from tests.simulation.steered import Steered

LENGTH_S = 1_200.0
METERS = ("site", "circuit", "circuit:0", "circuit:4", "set", "set:1", "hz", "header", "flare", "ambient")
"""The last circuit is the main one: its meter is the feeder's."""
FAULTS: tuple[tuple[Literal["lost", "stuck", "noise", "scale", "flip", "nan"], float], ...] = (
    ("lost", 0.0),
    ("stuck", 0.0),
    ("noise", 0.1),
    ("scale", 1_000.0),
    ("scale", 0.001),
    ("flip", 0.0),
    ("nan", 0.0),
)
DIP = 0.6
"""What the wells fall to behind half of the faults: a wrong reading alone harms nobody."""
FALSE_S = 3.0
"""So many seconds of all that the sets can give may be believed gone in a run: a meter that begins to lie is
believed for a reading, a noisy one all the while; a governor that believes anything has 40 [C]."""


@dataclass(frozen=True, slots=True)
class Faulty:
    """What a fault led to."""

    seed: int
    fault: tuple[Disturbance, ...]
    failures: tuple[str, ...]
    """What was worse than the panic reference."""
    unproven: tuple[float, ...]
    """When something was raised beyond what was proven to be free."""
    false_credit_s: float
    """Watt-seconds drawn and believed gone, over the watts of the sets."""

    @property
    def wrong(self) -> bool:
        """Whether the fault gave power that was not there."""
        return bool(self.failures or self.unproven or self.false_credit_s > FALSE_S)


def raises(plan: Plan) -> bool:
    """Return whether a plan gives anybody more."""
    return any(decision.what == "raise" for decision in plan.decisions)


def drawn(seed: int, at_s: float, circuits: int, supply: float) -> Iterator[Disturbance]:
    """Yield a fault at ``at_s``, and in half of the cases a gas dip behind it."""
    chance = np.random.default_rng([seed, 0xFA17])
    lasts_s = float(np.exp(chance.uniform(np.log(5.0), np.log(600.0))))
    if chance.random() < 0.15:
        yield LanLost(at_s, lasts_s, int(chance.integers(-1, circuits)))
    else:
        what, size = FAULTS[chance.integers(len(FAULTS))]
        yield MeterFault(at_s, str(chance.choice(METERS)), what, lasts_s, size)
    if chance.random() < 0.5:
        yield GasFactor(at_s + float(chance.uniform(0.0, 60.0)), DIP * supply, ramp_s=60.0)


def faulty_world(seed: int) -> World:
    """Return a random plant with a fault drawn by ``seed``."""

    def happens(row: Scenario, story: Story) -> Iterator[Disturbance]:
        yield from drawn(seed, story.at_s, row.circuits, row.supply)

    onset_s = float(np.random.default_rng([seed, 0x0A7]).uniform(60.0, 600.0))
    return random_world(seed, LENGTH_S, replace(SCENARIOS["steady"], happens=happens, onset_s=onset_s))[0]


def look_at_fault(seed: int) -> Faulty:
    """Return what the governor does about the fault that ``seed`` draws."""
    world = faulty_world(seed)
    steered = Steered(world)
    done = steered.run(world)
    beside = against(world, reference=True, oracle=False)
    judged = replace(result(world, "panic", beside), policy="ours", run=done)
    return Faulty(
        seed=seed,
        fault=world.script.disturbances,
        failures=tuple(judged.failures),
        unproven=tuple(
            plan.at for plan in steered.plans if raises(plan) and plan.proven_w > plan.budget_w + 1.0
        ),
        false_credit_s=done.measured.false_credit_ws / world.rating_w,
    )
