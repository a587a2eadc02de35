"""Gas: what flows in is burned, flared or stored; line-pack buys time; engines never make the supply."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.plant.gas import Header, Wells
from proxy.plant.script import GasFactor, GasWander, GasWave, WellShut
from tests.plant.sites import NOMINAL, a_plant

SITE = a_plant().site
FULL_M3H = SITE.gas_m3h / NOMINAL.gas.surplus


def wells(vary: bool = False, seed: int = 1) -> Wells:
    return Wells(NOMINAL, SITE, vary, np.random.default_rng(seed))


@given(
    flows=st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3)), min_size=1, max_size=60),
    dt=st.floats(0.05, 10.0),
)
def test_nothing_is_lost_and_nothing_made(flows: list[tuple[float, float]], dt: float) -> None:
    header = Header(NOMINAL, SITE)
    began = header.stored_m3
    for inflow, burned in flows:
        header.step(dt, inflow * SITE.gas_m3h, burned * SITE.gas_m3h)
        assert header.kpa >= 0.0
        assert header.flare_m3h >= 0.0
        assert 0.0 <= header.power_part <= 1.0
    gone = header.burned_m3 + header.flared_m3
    assert began + header.inflow_m3 == pytest.approx(header.stored_m3 + gone, abs=1e-9 * (1 + gone))


def test_line_pack_warns_as_long_as_it_is_said_to() -> None:
    header, seconds = Header(NOMINAL, SITE), 0
    while header.power_part == 1.0:
        header.step(1.0, 0.0, FULL_M3H)
        seconds += 1
    assert seconds == pytest.approx(NOMINAL.gas.line_pack_s, abs=2)


def test_twice_the_line_pack_warns_twice_as_long() -> None:
    slow, fast = a_plant(line_pack_s=180.0).site, a_plant(line_pack_s=90.0).site
    assert slow.line_pack_m3_kpa == pytest.approx(2 * fast.line_pack_m3_kpa)


def test_pressure_falls_when_more_is_burned_than_flows_in_and_not_otherwise() -> None:
    header = Header(NOMINAL, SITE)
    header.step(1.0, SITE.gas_m3h, SITE.gas_m3h)
    assert header.kpa == NOMINAL.gas.normal_kpa
    header.step(1.0, SITE.gas_m3h, 1.1 * SITE.gas_m3h)
    assert header.kpa < NOMINAL.gas.normal_kpa


def test_what_is_too_much_goes_to_the_flare() -> None:
    header = Header(NOMINAL, SITE)
    for _ in range(3600):
        header.step(1.0, SITE.gas_m3h, 0.5 * SITE.gas_m3h)
    assert header.flare_m3h == pytest.approx(0.5 * SITE.gas_m3h, rel=1e-3)
    assert NOMINAL.gas.flare_kpa < header.kpa < NOMINAL.gas.flare_kpa + 10


@pytest.mark.parametrize("dt", [0.1, 1.0, 10.0])
def test_the_flare_valve_is_as_calm_in_long_steps(dt: float) -> None:
    header = Header(NOMINAL, SITE)
    highest = 0.0
    for _ in range(round(600 / dt)):
        header.step(dt, SITE.gas_m3h, 0.0)
        assert header.kpa >= highest - 1e-9
        highest = header.kpa
    assert header.flare_m3h == pytest.approx(SITE.gas_m3h, rel=1e-2)


def test_steady_wells_give_their_mean() -> None:
    supply = wells()
    assert supply.step(1.0, 1.0) == pytest.approx(SITE.gas_m3h)


def test_a_step_and_a_ramp_of_the_script_are_exact() -> None:
    supply = wells()
    supply.meet(GasFactor(0.0, 0.6))
    assert supply.step(1.0, 1.0) == pytest.approx(0.6 * SITE.gas_m3h)
    supply.meet(GasFactor(1.0, 1.0, ramp_s=40.0))
    flows = [supply.step(float(second), 1.0) for second in range(2, 43)]
    assert flows[19] == pytest.approx(0.8 * SITE.gas_m3h)
    assert flows[39] == pytest.approx(SITE.gas_m3h)
    assert flows == sorted(flows)


def test_a_wave_swings_by_its_amplitude_and_ends() -> None:
    supply = wells()
    supply.meet(GasWave(0.0, 0.2, 100.0, for_s=200.0))
    flows = np.array([supply.step(float(second), 1.0) for second in range(1, 300)]) / SITE.gas_m3h
    assert flows[:199].min() == pytest.approx(0.8, abs=0.01)
    assert flows[:199].max() == pytest.approx(1.2, abs=0.01)
    assert flows[200:] == pytest.approx(1.0)


def test_a_wander_has_its_deviation() -> None:
    supply = wells()
    supply.meet(GasWander(0.0, 0.1, 20.0))
    flows = np.array([supply.step(float(second), 1.0) for second in range(1, 8000)]) / SITE.gas_m3h
    assert np.log(flows).std() == pytest.approx(0.1, rel=0.2)


def test_a_well_that_shuts_takes_its_part_and_the_separator_softens_it() -> None:
    supply = wells()
    supply.meet(WellShut(0.0, 0, for_s=3600.0))
    flows = [supply.step(float(second), 1.0) / SITE.gas_m3h for second in range(1, 1800)]
    assert flows[0] > 0.99
    assert flows[-1] == pytest.approx(1 - 1 / NOMINAL.gas.wells, abs=0.001)


def test_living_wells_vary_and_shut_in_as_often_as_the_figures_say() -> None:
    supply = wells(vary=True)
    ten_s = 10.0
    shut, previous = 0, 0.0
    days = 200
    for number in range(1, round(days * 8640)):
        if number % 30:  # a well looks at itself each step; five minutes are often enough here
            continue
        supply.step(number * ten_s, 300.0)
        shut_until_s = max(well.shut_until_s for well in supply.wells)
        shut += shut_until_s > previous
        previous = max(previous, shut_until_s)
    a_year = NOMINAL.gas.long_trips_year + 12 * NOMINAL.gas.short_trips_month
    assert 0.3 < shut / (NOMINAL.gas.wells * days / 365 * a_year) < 1.2
