from dataclasses import replace
from datetime import date
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.firm import firm_w, problems, usable_w
from proxy.energy.site import (
    Auxiliary,
    Circuit,
    Generator,
    HardwareShed,
    NMinusOne,
    ReserveKw,
    Site,
    Tenant,
    wiring,
)
from tests.energy.fleets import tree

TODAY = date(2026, 11, 26)
SITE = Site(
    circuits=(
        Circuit("main", phase_a=4000.0),
        Circuit("north", "main", phase_kva=300.0),
        Circuit("south", "main", phase_w=250e3),
    ),
    generators=(Generator("G1", 1000.0, (0.95,)), Generator("G2", 1000.0, (0.95,)), Generator("G3", 500.0)),
    reserve=NMinusOne(),
    auxiliaries=(Auxiliary("fans", 40.0), Auxiliary("camp", 10.0)),
    tenants=(Tenant("alpha", 600.0, "north", 2.0), Tenant("beta", 300.0, "south", 1.0)),
)


def told(site: Site) -> str:
    return "\n".join(problems(site, TODAY))


def test_a_sound_site_has_no_problems() -> None:
    assert problems(SITE, TODAY) == ()
    assert usable_w(SITE) == pytest.approx(2400e3 - 950e3 - 50e3)
    assert firm_w(SITE) == usable_w(SITE)


def test_guarantees_above_firm_capacity_are_refused_with_the_whole_sum() -> None:
    greedy = replace(SITE, tenants=(Tenant("alpha", 800.0, "north"), Tenant("beta", 700.0, "south")))
    text = told(greedy)
    for part in ("1,500.0 kW", "alpha 800.0 kW", "beta 700.0 kW", "G1 950.0 kW", "G3 500.0 kW"):
        assert part in text
    assert "950.0 kW for the loss of G1 - 50.0 kW of auxiliaries = 1,400.0 kW" in text


def test_contactors_save_the_island_but_make_no_power_firm() -> None:
    shed = replace(SITE, reserve=HardwareShed(date(2026, 6, 1)))
    assert usable_w(shed) == pytest.approx(2400e3 * 0.95 - 50e3)
    assert firm_w(shed) == pytest.approx(1400e3)
    kept = replace(SITE, reserve=ReserveKw(600.0))
    assert firm_w(kept) == usable_w(kept) == pytest.approx(1750e3)


def test_without_generators_the_circuit_that_feeds_the_site_is_what_there_is() -> None:
    grid = replace(SITE, generators=(), circuits=(Circuit("main", phase_w=100e3),), reserve=ReserveKw(0.0))
    assert usable_w(grid) == pytest.approx(250e3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"circuits": (Circuit("a"), Circuit("a", "a"))}, "2 circuits are called a"),
        ({"circuits": ()}, "here there are 0"),
        ({"circuits": (Circuit("main"), Circuit("b", "c"))}, "fed by c, which is not a circuit"),
        ({"circuits": (Circuit("main"), Circuit("b", "c"), Circuit("c", "b"))}, "b feeds itself by way of c"),
        ({"circuits": (Circuit("main", phase_w=0.0),)}, "may carry 0 W"),
        ({"circuits": (Circuit("main", phases=(0, 3)),)}, "there are 0, 1 and 2"),
        ({"circuits": (Circuit("main", power_factor=1.2),)}, "power_factor is 1.2"),
        ({"generators": (), "circuits": (Circuit("main"),)}, "Nothing limits the site"),
        ({"generators": (Generator("G1", 0.0), Generator("G2", 5.0))}, "nominal power of 0 kW"),
        ({"generators": (Generator("G1", 9.0, (1.1,)), Generator("G2", 5.0))}, "derate of 1.1"),
        ({"generators": (Generator("G1", 900.0),)}, "n-1 needs two generators, there are 1"),
        ({"reserve": HardwareShed(date(2027, 1, 1))}, "after today"),
        ({"reserve": HardwareShed(date(2025, 1, 1))}, "tested 694 days ago; a test holds for 365 days"),
        ({"reserve": ReserveKw(2400.0)}, "the reserve keeps 2,400.0 kW, auxiliaries draw 50.0 kW"),
        ({"reserve": ReserveKw(nan)}, "The reserve is nan kW"),
        ({"reserve": ReserveKw(-1.0)}, "The reserve is -1 kW"),
        ({"auxiliaries": (Auxiliary("fans", -1.0),)}, "fans draws -1 kW"),
        ({"tenants": (Tenant("alpha", 10.0),)}, "no meter is named"),
        ({"tenants": (Tenant("alpha", 10.0, "west"),)}, "not the meter of a circuit"),
        ({"tenants": (Tenant("alpha", 10.0, "south", 0.0),)}, "nobody would own the surplus"),
        ({"tenants": (Tenant("alpha", 800.0, "south"),)}, "south may carry 750.0 kW, guarantees behind it"),
        ({"tenants": (Tenant("alpha", nan, "south"),)}, "guaranteed nan kW"),
    ],
)
def test_what_is_impossible_is_said_with_its_numbers(change: dict[str, object], sentence: str) -> None:
    assert sentence in told(replace(SITE, **change))  # type: ignore[arg-type] # one field of many types


# -- circuits ------------------------------------------------------------------------------------------------


def test_the_tightest_of_watts_amperes_and_kva_limits_a_phase() -> None:
    circuit = Circuit("c", volts=230.0, power_factor=0.9, continuous=0.8, phase_a=100.0)
    assert circuit.limit_w() == pytest.approx(3 * 100 * 0.8 * 230 * 0.9)
    assert replace(circuit, phase_kva=10.0).limit_w() == pytest.approx(3 * 9e3)
    assert replace(circuit, phase_w=5e3, phases=(1,)).limit_w() == pytest.approx(5e3)


def test_an_uneven_load_leaves_less_of_a_circuit() -> None:
    circuit = Circuit("c", phase_w=10e3)
    assert circuit.limit_w((1e3, 1e3, 2e3)) == pytest.approx(20e3)
    for unknown in ((nan, 1e3, 1e3), (0.0, 0.0, 0.0)):
        assert circuit.limit_w(unknown) == circuit.limit_w()


@given(st.lists(st.floats(0, 1e5), min_size=3, max_size=3))
def test_measured_phases_never_raise_a_limit(measured: list[float]) -> None:
    circuit = Circuit("c", phase_w=10e3)
    limit = circuit.limit_w(measured)
    assert limit <= circuit.limit_w()
    if sum(measured) > 1:  # at the limit the fullest phase is exactly full
        assert max(measured) / sum(measured) * limit <= 10e3 * (1 + 1e-9)


@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_headroom_is_what_fits_below_a_circuit_and_all_above(circuits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wires = tree(rng, circuits, 1e5, 1.0)
    at = rng.integers(0, circuits, 20)
    load = wires.below_w(at, rng.uniform(0, 1e3, 20))
    assert load[0] == pytest.approx(wires.below_w(at, np.zeros(20))[0] + load.max())
    room = wires.headroom_w(load)
    for circuit in range(circuits):
        above, least = circuit, inf
        while above >= 0:
            least = min(least, wires.limit_w[above] - load[above])
            above = int(wires.parent[above])
        assert room[circuit] == pytest.approx(least)


def test_a_lockout_reaches_all_that_the_circuit_feeds() -> None:
    deep = replace(SITE, circuits=(*SITE.circuits, Circuit("rack", "north", phase_w=9e3)))
    wires = wiring(deep, locked=np.array([False, True, False, False]))
    assert wires.limit_w[1] == wires.limit_w[3] == 0
    assert wires.limit_w[2] > 0
    assert wires.parent.tolist() == [-1, 0, 0, 1]
