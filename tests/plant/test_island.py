"""The frequency: the swing equation's numbers, steps that are taken and steps that are not, protection."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.plant.figures import Engine
from proxy.plant.island import SUBSTEP_S, GeneratorSet, Island, SetState
from tests.plant.sites import NOMINAL

LEAN = NOMINAL.engine["lean"]
RICH = NOMINAL.engine["rich"]
MW = 1e6


def island(load_w: float, engine: Engine = LEAN, sets: int = 4) -> Island:
    """Return sets of 1 MW each that have carried ``load_w`` for long."""
    made = Island(engine, [GeneratorSet(MW, SetState.RUNNING) for _ in range(sets)], np.random.default_rng(1))
    made.load(load_w)
    return made


def swing(bus: Island, before_w: float, after_w: float, seconds: float) -> tuple[float, float]:
    """Step the load, wait; return the lowest and the highest frequency in parts of the nominal."""
    low, high = 1.0, 1.0
    bus.step(SUBSTEP_S, SUBSTEP_S, after_w, after_w)
    for number in range(1, round(seconds / SUBSTEP_S)):
        low, high = min(low, bus.lowest), max(high, bus.highest)
        bus.step((number + 1) * SUBSTEP_S, SUBSTEP_S, after_w, after_w)
    assert before_w >= 0
    return low, high


@pytest.mark.parametrize(("overload", "hz_s"), [(0.1, 2.5), (0.5, 12.5)])
def test_an_overload_pulls_the_frequency_down_by_the_swing_equation(overload: float, hz_s: float) -> None:
    # H = 1 s, 50 Hz, engines at their stop: no governor helps.
    engine = replace(LEAN, inertia_s=1.0, overload=1.0)
    bus = island(4 * MW, engine)
    bus.step(SUBSTEP_S, SUBSTEP_S, 4 * MW * (1 + overload), 4 * MW * (1 + overload))
    assert (1.0 - bus.frequency) * 50.0 / SUBSTEP_S == pytest.approx(hz_s, rel=0.01)


def test_a_tenth_too_much_takes_two_seconds_to_the_limit_and_half_too_much_takes_less_than_one() -> None:
    for overload, seconds in ((0.1, 2.0), (0.5, 0.4)):
        bus = island(4 * MW, replace(LEAN, inertia_s=1.0, overload=1.0))
        now = 0.0
        while bus.frequency > 0.9:
            now += SUBSTEP_S
            bus.step(now, SUBSTEP_S, 4 * MW * (1 + overload), 4 * MW * (1 + overload))
        assert now == pytest.approx(seconds, abs=2 * SUBSTEP_S)


def test_an_accepted_step_dips_within_the_standard_and_recovers() -> None:
    bus = island(2 * MW)
    low, high = swing(bus, 2 * MW, 2.4 * MW, 10.0)
    assert 0.95 < low < 0.995
    assert high < 1.03
    assert bus.frequency == pytest.approx(1.0, abs=0.002)
    assert all(one.state is SetState.RUNNING for one in bus.sets)


def test_three_times_the_accepted_step_darkens_the_island() -> None:
    bus = island(2.8 * MW)
    swing(bus, 2.8 * MW, 3.7 * MW, 10.0)
    assert not bus.alive
    assert bus.frequency == 0.0
    assert {trip.cause for trip in bus.trips} <= {"under-frequency"}


def test_a_rich_burn_engine_takes_the_step_that_a_lean_one_does_not() -> None:
    lean, rich = island(2.8 * MW), island(2.8 * MW, RICH)
    swing(lean, 2.8 * MW, 3.6 * MW, 10.0)
    swing(rich, 2.8 * MW, 3.6 * MW, 10.0)
    assert (lean.alive, rich.alive) == (False, True)


def test_a_gradual_rise_to_the_rating_is_carried() -> None:
    bus, load_w = island(1 * MW), 1 * MW
    for second in range(1, 801):
        before_w, load_w = load_w, min(3.95 * MW, load_w + 4 * MW * 0.004)
        bus.step(float(second), 1.0, before_w, load_w)
        assert bus.lowest > 0.99
    assert bus.alive
    assert bus.capability_w == pytest.approx(4 * MW, rel=1e-6)


def test_load_that_vanishes_raises_the_frequency_and_all_of_it_trips() -> None:
    bus = island(3 * MW)
    _, high = swing(bus, 3 * MW, 2.4 * MW, 10.0)
    assert 1.005 < high < 1.05
    assert bus.alive
    stiff = replace(LEAN, over_hz=1.06)
    bus = island(3.9 * MW, stiff)
    swing(bus, 3.9 * MW, 0.0, 10.0)
    assert any(one.state is SetState.LOCKED for one in bus.sets)


def test_a_little_too_much_for_too_long_trips_by_time() -> None:
    bus = island(4 * MW)
    causes = []
    for second in range(1, round(LEAN.overload_trip_s) + 2):
        bus.trips = []
        bus.step(float(second), 1.0, 4.1 * MW, 4.1 * MW)
        causes += [trip.cause for trip in bus.trips]
        if second < LEAN.overload_trip_s - 1:
            assert not causes
    assert causes[0] == "overload"


def test_less_pressure_is_less_power() -> None:
    bus = island(3 * MW)
    full_w = bus.sustained_w
    bus.pressure = 0.5
    assert bus.sustained_w == full_w / 2
    assert bus.capability_w <= full_w / 2


def test_a_set_starts_joins_softly_and_takes_its_part() -> None:
    bus = island(2 * MW, sets=3)
    bus.sets.append(GeneratorSet(MW, SetState.STOPPED))
    bus.start(3, 0.0)
    seen = []
    for second in range(1, 200):
        bus.step(float(second), 1.0, 2 * MW, 2 * MW)
        seen.append(bus.rating_w)
    assert seen[round(LEAN.start_s) - 2] == 3 * MW
    assert 3 * MW < seen[round(LEAN.start_s) + 14] < 4 * MW
    assert seen[-1] == 4 * MW


def test_a_fault_waits_for_repair_and_a_trip_for_its_time() -> None:
    bus = island(0.2 * MW)
    bus.trip(0, "fault", 0.0)
    bus.trip(1, "overload", 0.0)
    for second in range(1, round(LEAN.restart_s + LEAN.start_s) + 5):
        bus.step(float(second), 1.0, 0.2 * MW, 0.2 * MW)
    assert [one.state for one in bus.sets[:2]] == [SetState.BROKEN, SetState.RUNNING]
    bus.repair(0, 1000.0)
    assert [one.state for one in bus.sets[:2]] == [SetState.STARTING, SetState.RUNNING]


def test_a_dead_bus_comes_back_with_its_first_set() -> None:
    bus = island(0.0)
    for index in range(4):
        bus.trip(index, "overload", 0.0)
    bus.step(1.0, 1.0, 0.0, 0.0)
    assert bus.frequency == 0.0
    for second in range(2, round(LEAN.restart_s + LEAN.start_s) + 5):
        bus.step(float(second), 1.0, 0.0, 0.0)
    assert bus.alive
    assert bus.frequency == pytest.approx(1.0)


def test_the_relay_that_sheds_sees_the_frequency_fall() -> None:
    bus = island(2.8 * MW)
    bus.shed_below = 0.97
    operated = False
    for number in range(1, 80):
        bus.step(number * SUBSTEP_S, SUBSTEP_S, 3.7 * MW, 3.7 * MW)
        operated = operated or bus.shedding
    assert operated


@given(
    loads=st.lists(st.floats(0.0, 1.6), min_size=1, max_size=40),
    dt=st.floats(0.1, 10.0),
    pressure=st.floats(0.0, 1.0),
    start=st.floats(0.0, 1.0),
)
def test_whatever_the_load_does_the_frequency_is_a_number(
    loads: list[float], dt: float, pressure: float, start: float
) -> None:
    bus = island(start * 4 * MW)
    bus.pressure = pressure
    before_w, now = start * 4 * MW, 0.0
    for load in loads:
        now += dt
        bus.step(now, dt, before_w, load * 4 * MW)
        before_w = load * 4 * MW
        assert 0.0 <= bus.lowest <= bus.highest < 2.0
        assert 0.0 <= bus.capability_w <= bus.sustained_w + 1e-6
        assert bus.alive or bus.sustained_w == 0.0
