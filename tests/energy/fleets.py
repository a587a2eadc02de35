"""Fleets, tenants and wirings to allocate among: drawn by hypothesis, and large ones by seed."""

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from proxy.energy.allocation import Demand, Entitlement
from proxy.energy.arrays import Bools, Floats, Ints
from proxy.energy.curves import Points, curves, on_off
from proxy.energy.site import Wiring
from tests.energy.models import quadratic

MODELS = (
    quadratic(3250, 95e12, levels=9),
    quadratic(2760, 120e12, levels=9, divisible=False),
    quadratic(3550, 200e12, levels=9),
    quadratic(3645, 270e12, levels=9, divisible=False),
    on_off(1350, 13.5e12),
    on_off(3472, 112e12, sleep_w=40.0),
)
LARGEST_W = max(model.ceiling_w for model in MODELS)


@dataclass(frozen=True)
class Case:
    demand: Demand
    entitlement: Entitlement
    wiring: Wiring
    budget_w: float

    @property
    def base_w(self) -> float:
        return float(self.demand.lower_w.sum())


def demand(
    curve: Ints,
    tenant: Ints,
    circuit: Ints,
    *,
    models: tuple[Points, ...] = MODELS,
    merit: Floats | None = None,
    current_w: Floats | None = None,
    tolerance: float = 0.0,
) -> Demand:
    table = curves(models, tolerance)
    asleep = table.watts[curve, 0]
    return Demand(
        table,
        curve,
        tenant,
        circuit,
        asleep,
        table.ceiling_w[curve],
        asleep if current_w is None else current_w,
        np.ones(len(curve)) if merit is None else merit,
    )


def permuted(case: Case, order: Ints) -> Case:
    old = case.demand
    return replace(
        case,
        demand=replace(
            old,
            curve=old.curve[order],
            tenant=old.tenant[order],
            circuit=old.circuit[order],
            lower_w=old.lower_w[order],
            upper_w=old.upper_w[order],
            current_w=old.current_w[order],
            merit=old.merit[order],
        ),
    )


def unlimited(circuits: int = 1) -> Wiring:
    return Wiring(np.array([-1] + [0] * (circuits - 1)), np.full(circuits, np.inf))


def tree(rng: np.random.Generator, circuits: int, load_w: float, tightness: float) -> Wiring:
    """A random tree whose leaves and branches together can carry about ``tightness`` of a load."""
    parent = np.array([-1] + [int(rng.integers(0, index)) for index in range(1, circuits)])
    limit = load_w * tightness * rng.uniform(0.3, 1.5, circuits) / max(1, circuits - 1)
    limit[0] = load_w * tightness
    return Wiring(parent, limit)


@st.composite
def cases(draw: st.DrawFn, miners: int = 24) -> Case:
    count = draw(st.integers(1, miners))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tenants, circuits = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    fleet = demand(
        rng.integers(0, len(MODELS), count),
        rng.integers(0, tenants, count),
        rng.integers(0, circuits, count),
        merit=rng.choice([0.9, 1.0, 1.05], count),
    )
    if draw(st.booleans()):
        # Some cannot be moved, some are held below their ceiling, some hold watts already.
        stuck: Bools = rng.random(count) < 0.2
        lower = np.where(stuck, fleet.upper_w * rng.uniform(0.5, 1.0, count), fleet.lower_w)
        upper = np.where(stuck, lower, fleet.upper_w * rng.choice([0.6, 1.0], count))
        upper = np.maximum(lower, upper)
        fleet = replace(fleet, lower_w=lower, upper_w=upper, current_w=rng.uniform(0, 1, count) * upper)
    most_w = float(fleet.upper_w.sum())
    wiring = tree(rng, circuits, most_w, draw(st.sampled_from([0.5, 0.9, 3.0])))
    guarantee = rng.dirichlet(np.ones(tenants)) * most_w * draw(st.sampled_from([0.0, 0.3, 1.5]))
    entitlement = Entitlement(guarantee, rng.integers(0, 2, tenants), rng.choice([0.0, 1.0, 3.0], tenants))
    return Case(fleet, entitlement, wiring, draw(st.floats(0, 1.3)) * most_w)


def large(
    miners: int, *, seed: int = 1, binding: bool = False, levels: int = 25, tolerance: float = 5e-4
) -> tuple[Demand, Wiring]:
    """A mixed fleet on twenty circuits; binding ones carry seven tenths of what is wired to them."""
    rng = np.random.default_rng(seed)
    models = (
        *(
            quadratic(watts, terahashes * 1e12, levels=levels, divisible=divisible)
            for watts, terahashes, divisible in [
                (3250, 95, True),
                (3068, 104, False),
                (2760, 120, True),
                (3010, 140, False),
                (3550, 200, True),
                (3645, 270, True),
            ]
        ),
        on_off(1350, 13.5e12),
        on_off(3472, 112e12),
    )
    fleet = demand(
        rng.integers(0, len(models), miners),
        rng.integers(0, 5, miners),
        rng.integers(1, 21, miners),
        models=models,
        merit=rng.normal(1.0, 0.03, miners),
        tolerance=tolerance,
    )
    most_w = float(fleet.upper_w.sum())
    limit = np.full(21, most_w / 20 * (0.7 if binding else 3.0))
    limit[0] = most_w * 3.0
    return fleet, Wiring(np.array([-1] + [0] * 20), limit)
