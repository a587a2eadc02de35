"""Whole runs: every policy on every scenario, and what must come of some of them."""

from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest

from proxy.plant.parameters import Parameters
from proxy.plant.plant import Plant
from proxy.simulation.bound import course, hashes_at_most, kinds
from proxy.simulation.entitled import Claim
from proxy.simulation.loop import run
from proxy.simulation.policies import POLICIES
from proxy.simulation.scenarios import SCENARIOS, Scenario, disturbances, ordered_cap
from proxy.simulation.trace import read
from proxy.simulation.world import Setting, World, world
from tests.simulation.worlds import done, site

STEERS = [name for name in POLICIES if name not in {"do-nothing", "panic"}]


def soon(row: Scenario) -> Scenario:
    """Return a row whose story is told within five minutes."""
    return replace(row, onset_s=min(row.onset_s, 60.0), for_s=min(row.for_s, 120.0))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_policy_gets_through_every_scenario(scenario: str, policy: str, parameters: Parameters) -> None:
    small = world(parameters, Setting(soon(SCENARIOS[scenario]), 12, 200.0, 1))
    found = run(small, POLICIES[policy])
    assert found.virtual_s == 200.0
    assert found.series.seconds.sum() == pytest.approx(200.0)
    figures = asdict(found.measured)
    assert all(value is None or value >= 0 for value in figures.values()), figures
    assert found.measured.energy_used_ratio <= 1.0
    assert found.measured.jain <= 1.0 + 1e-9
    assert (found.measured.hashes > 0) == (scenario != "cold-start")  # its feeders are closed later


def test_the_same_seed_gives_the_same_figures(parameters: Parameters) -> None:
    small = world(parameters, Setting(soon(SCENARIOS["deaf-miners"]), 16, 300.0, 7))
    first, second = (run(small, POLICIES["ours"]) for _ in range(2))
    assert asdict(first.measured) == asdict(second.measured)


@pytest.mark.parametrize("scenario", ["gas-dip", "genset-trip"])
def test_doing_nothing_trips_the_sets(scenario: str) -> None:
    found = done("do-nothing", scenario, minutes=60.0)
    assert found.measured.violation_ws > 0.0
    assert found.measured.genset_trips > 0
    assert found.measured.min_hz < 50.0


@pytest.mark.parametrize("fleet", ["mixed", "luxos"])
@pytest.mark.parametrize("scenario", ["gas-dip", "genset-trip"])
def test_ours_violates_no_more_than_panic_does(scenario: str, fleet: str) -> None:
    ours, panic = (done(policy, scenario, minutes=60.0, fleet=fleet) for policy in ("ours", "panic"))
    allowed = 1.1 * panic.measured.violation_ws + 0.01 * site(scenario, minutes=60.0, fleet=fleet).rating_w
    assert ours.measured.violation_ws <= allowed
    assert ours.measured.genset_trips <= panic.measured.genset_trips
    assert ours.measured.hashes > panic.measured.hashes


def single(parameters: Parameters, scenario: str, fleet: str) -> World:
    row = replace(soon(SCENARIOS[scenario]), tenants=(Claim("acme", 0.3, 1.0),), for_s=600.0)
    return world(parameters, Setting(row, 20, 1_200.0, 3, fleet))


@pytest.mark.parametrize(
    ("scenario", "fleet"),
    [
        ("steady", "sleep-only"),
        ("gas-dip", "mixed"),
        ("price-spikes", "homogeneous"),
        *(
            pytest.param(scenario, fleet, marks=pytest.mark.slow)
            for scenario, fleet in (
                ("steady", "mixed"),
                ("steady", "homogeneous"),
                ("gas-dip", "homogeneous"),
                ("gas-dip", "sleep-only"),
                ("price-spikes", "mixed"),
                ("price-spikes", "sleep-only"),
            )
        ),
    ],
)
def test_no_policy_that_keeps_the_reserve_beats_the_oracle(
    scenario: str, fleet: str, parameters: Parameters
) -> None:
    one = single(parameters, scenario, fleet)
    most = hashes_at_most(one)
    for policy in STEERS:
        assert run(one, POLICIES[policy]).measured.hashes <= most, policy


def test_the_oracle_is_not_far_above_the_best_policy(parameters: Parameters) -> None:
    one = single(parameters, "steady", "homogeneous")
    assert run(one, POLICIES["ours"]).measured.hashes > 0.95 * hashes_at_most(one)


def test_at_less_than_half_the_power_limits_beat_switching_off(parameters: Parameters) -> None:
    capped = Setting(SCENARIOS["steady"], 60, 3_600.0, 1, "homogeneous", budget_share=0.45)
    ours, on_off = (
        run(world(parameters, capped), POLICIES[name]).measured.hashes
        for name in ("ours", "worst-average-first")
    )
    assert ours > 1.10 * on_off


def test_an_order_is_obeyed() -> None:
    found = done("ours", "price-spikes", minutes=60.0)
    capped = (found.series.at_s > 1_800.0 + 120.0) & (found.series.at_s < 2_700.0)
    default_w = float(site("price-spikes", minutes=60.0).default_w.sum())
    assert found.series.used_w[capped].max() < 0.32 * default_w
    assert found.series.used_w[~capped].max() > 0.7 * default_w


def test_a_recorded_supply_takes_the_place_of_the_scenarios(parameters: Parameters) -> None:
    trace = read("seconds,gas_factor\n0,1\n300,0.3\n")
    short = Setting(SCENARIOS["steady"], 16, 900.0, 1, trace=trace)
    found = run(world(parameters, short), POLICIES["do-nothing"])
    assert found.measured.genset_trips > 0


def inflows_m3h(plant: Plant) -> list[float]:
    return [plant.step(1.0).truth.inflow_m3h for _ in range(900)]


@pytest.mark.parametrize("scenario", ["slugging", "gas-dip", "tenant-squeeze"])
def test_wells_live_where_the_supply_is_what_it_is_about(scenario: str, parameters: Parameters) -> None:
    one = Setting(SCENARIOS[scenario], 2, 900.0, 1)
    true = inflows_m3h(world(parameters, one).plant())
    steady = inflows_m3h(world(parameters.with_value("gas.slow_sigma", 0.0), one).plant())
    assert true != steady


def test_a_recorded_supply_is_all_there_is(parameters: Parameters) -> None:
    trace = read("seconds,gas_factor\n0,1\n")
    still = replace(SCENARIOS["slugging"], wells_vary=False)
    found = [
        inflows_m3h(world(parameters, Setting(row, 2, 900.0, 1, trace=trace)).plant())
        for row in (SCENARIOS["slugging"], still)
    ]
    assert found[0] == found[1]


def test_the_oracle_is_told_the_supply_that_policies_have(parameters: Parameters) -> None:
    restless = parameters.with_value("gas.slow_sigma", 0.5)
    one = world(restless, Setting(SCENARIOS["slugging"], 12, 900.0, 1))
    told, plant = course(one, kinds(one)), one.plant()
    carried = [plant.step(1.0).truth for _ in range(900)]
    gas_j = sum(truth.gas_sustained_w - truth.aux_w for truth in carried)
    assert told.gas is not None
    assert float(told.gas.inflow_j.sum()) == pytest.approx(gas_j, rel=0.02)  # fans follow the load


def test_what_happens_again_happens_again() -> None:
    row = SCENARIOS["gas-dip"]
    found = disturbances(row, 10, 86_400.0, 1)
    assert [event.at_s for event in found[::2]] == [1_800.0 + 21_600.0 * number for number in range(4)]
    assert all(first.at_s <= second.at_s for first, second in pairwise(found))


def test_orders_come_and_go() -> None:
    row = SCENARIOS["price-spikes"]
    caps = [ordered_cap(row, at) for at in (0.0, 1_800.0, 2_699.0, 2_700.0, 1_800.0 + 7_200.0)]
    assert caps == [np.inf, 0.3, 0.3, np.inf, 0.3]


def test_hashes_are_told_as_progress(parameters: Parameters) -> None:
    told: list[float] = []
    add: Callable[[float], None] = told.append
    run(world(parameters, Setting(SCENARIOS["steady"], 4, 700.0, 1)), POLICIES["do-nothing"], add)
    assert sum(told) == pytest.approx(700.0)
