"""The whole plant: what is conserved, what instruments show, that it repeats itself and never breaks."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import ConfigError
from proxy.plant.fleet import fleet
from proxy.plant.parameters import truth
from proxy.plant.plant import Plant
from proxy.plant.script import (
    Ambient,
    BrownOut,
    Disturbance,
    GasFactor,
    GasWave,
    Join,
    LanLost,
    MeterFault,
    Script,
    SetEvent,
    UplinkLost,
    WellShut,
)
from proxy.plant.site import derate, site
from proxy.plant.step import Commands, Step
from tests.plant.sites import EXACT, NOMINAL, STIFF, a_plant, after, at, steps, watts


def test_a_steady_site_is_steady() -> None:
    for step in steps(a_plant(), 300):
        assert step.truth.frequency_hz == pytest.approx(60.0, abs=0.1)
        assert step.truth.excess_w == 0
        assert not step.truth.trips
    assert step.truth.header_kpa < NOMINAL.gas.flare_kpa + 10


def test_the_sets_are_as_large_as_the_preload_asks() -> None:
    plant = a_plant()
    step = plant.step(1.0)
    drawn_w = step.truth.load_w + step.truth.aux_w
    assert drawn_w / plant.site.derated_w == pytest.approx(0.75, rel=0.005)
    assert step.truth.sustained_w == pytest.approx(plant.site.derated_w)
    # N-1: three sets carry what four do.
    assert drawn_w <= plant.site.derated_w * 3 / 4 * 1.005


def test_energy_is_the_integral_of_watts() -> None:
    plant = a_plant(GasFactor(20.0, 0.5))
    joules = sum(
        step.truth.load_w + step.truth.aux_w for step in steps(plant, 200, first=Commands(sleep=at(0, 1)))
    )
    assert plant.step(1e-6).truth.energy_j == pytest.approx(joules, rel=1e-6)


def test_gas_is_conserved_and_burned_by_the_line_of_the_data_sheet() -> None:
    plant = a_plant(GasWave(0.0, 0.3, 60.0))
    began = plant.header.stored_m3
    step = after(plant, 600)
    true = step.truth
    assert began + true.inflow_m3 == pytest.approx(true.stored_m3 + true.gas_m3 + true.flare_m3)
    rating_kw = sum(plant.site.ratings_w) / 1e3
    expected = 30.8 / 1040 * rating_kw * 600 / 3600 + 0.2942 * true.energy_j / 3.6e6
    assert true.gas_m3 == pytest.approx(expected, rel=0.005)


def test_less_load_leaves_more_gas() -> None:
    lazy, busy = a_plant(GasFactor(1.0, 0.5)), a_plant(GasFactor(1.0, 0.5))
    kept = after(lazy, 200, Commands(sleep=np.arange(30))).truth
    spent = after(busy, 200).truth
    assert kept.header_kpa > spent.header_kpa
    assert kept.gas_m3 < spent.gas_m3
    assert kept.inflow_m3 == pytest.approx(spent.inflow_m3)


def test_a_gas_dip_that_nobody_answers_darkens_the_site_after_the_line_pack() -> None:
    plant = a_plant(GasFactor(60.0, 0.3), line_pack_s=60.0)
    dark_s = next(step.truth.now_s for step in steps(plant, 600) if not any(step.truth.running))
    derated_s = 60.0 + NOMINAL.gas.line_pack_s * 0.5
    assert derated_s < dark_s < 400.0
    step = after(plant, 5)
    assert step.truth.load_w == 0
    assert step.truth.hashes == 0
    assert step.truth.frequency_hz == 0


def test_a_dip_that_is_answered_in_time_is_survived() -> None:
    plant = a_plant(GasFactor(60.0, 0.3), line_pack_s=60.0)
    after(plant, 70)
    for step in steps(plant, 900, first=Commands(sleep=np.arange(48))):
        assert all(step.truth.running)
    assert step.truth.excess_w == 0


def test_a_lean_site_does_not_survive_the_loss_of_a_set_and_a_rich_one_does() -> None:
    lean, rich = (a_plant(SetEvent(30.0, 0, "trip"), engine=kind) for kind in ("lean", "rich"))
    assert not any(after(lean, 60).truth.running)
    step = after(rich, 60)
    assert step.truth.running == (False, True, True, True)
    assert step.truth.frequency_hz == pytest.approx(60.0, abs=0.5)


def test_a_relay_that_sheds_saves_what_software_cannot() -> None:
    plant = a_plant(SetEvent(30.0, 0, "trip"), shed_hz=58.0)
    step = after(plant, 60)
    assert sum(step.truth.running) == 3
    assert not step.seen.circuit_closed[0]
    assert not step.truth.circuit_w[0].any()


def test_a_fault_is_reported_once_with_its_cause() -> None:
    causes = [
        trip.cause
        for step in steps(a_plant(SetEvent(5.0, 1, "trip"), engine="rich"), 20)
        for trip in step.truth.trips
    ]
    assert causes == ["fault"]


def test_after_a_black_out_circuits_close_one_after_the_other_and_the_site_comes_back() -> None:
    plant = a_plant(
        *(SetEvent(10.0, one, "trip") for one in range(4)),
        *(SetEvent(60.0, one, "repair") for one in range(4)),
        parameters=STIFF,
    )
    assert after(plant, 30).truth.load_w == 0
    closed = [int(step.seen.circuit_closed[:3].sum()) for step in steps(plant, 400)]
    assert closed[0] == 0
    assert {1, 2, 3} <= set(closed)
    step = after(plant, 900)
    assert step.truth.load_w > 0.9 * a_plant().step(1.0).truth.load_w
    assert all(step.truth.running)


def test_a_site_that_begins_dark_begins_without_load() -> None:
    made = fleet(STIFF, "homogeneous", 30, 1)
    layout = site(STIFF, made)
    dark = type(layout)(
        **{**{one.name: getattr(layout, one.name) for one in fields(layout)}, "running": (False,) * 4}
    )
    plant = Plant(STIFF, made, dark, 1, Script(tuple(SetEvent(10.0, one, "start") for one in range(4))))
    step = after(plant, 60)
    assert (step.truth.load_w, step.truth.excess_w, step.truth.frequency_hz) == (0.0, 0.0, 0.0)
    assert after(plant, 900).truth.load_w > 0


def test_circuits_open_and_close_and_their_parents_add_up() -> None:
    plant = a_plant()
    step = after(plant, 5, Commands(open=at(1)))
    assert not step.truth.circuit_w[1].any()
    assert not step.truth.miner_w[plant.fleet.circuit == 1].any()
    assert step.truth.circuit_w[3] == pytest.approx(step.truth.circuit_w[:3].sum(axis=0))
    assert step.truth.load_w == pytest.approx(step.truth.miner_w.sum() * (1 + NOMINAL.site.loss))
    assert after(plant, 400, Commands(close=at(1))).truth.circuit_w[1].all()
    assert after(plant, 3, Commands(open=at(3))).truth.load_w == 0


def test_volt_amperes_and_amperes_follow_from_watts() -> None:
    seen = after(a_plant(), 10).seen
    factor = seen.circuit_w / seen.circuit_va
    assert factor == pytest.approx(NOMINAL.site.power_factor, rel=0.03)
    assert seen.circuit_a * NOMINAL.site.voltage_v == pytest.approx(seen.circuit_va, rel=0.03)


def test_a_breaker_that_is_too_small_opens_in_the_end() -> None:
    small = STIFF.with_value("site.breaker_margin", 0.7)
    plant = a_plant(parameters=small)
    after(plant, 600, Commands(limit=(np.arange(60), np.full(60, 9000.0))))
    assert not plant.feeders.closed.all()


def test_fans_and_engines_take_more_when_it_is_hot() -> None:
    cool, hot = a_plant(), a_plant(Ambient(0.0, 40.0))
    assert after(hot, 5).truth.aux_w > 1.05 * after(cool, 5).truth.aux_w
    assert hot.island.sustained_w < cool.island.sustained_w


@given(warm=st.floats(-30, 50), high=st.floats(0, 4000), methane=st.floats(40, 100), more=st.floats(0.1, 20))
def test_heat_height_and_rich_gas_only_ever_derate(
    warm: float, high: float, methane: float, more: float
) -> None:
    for engine in NOMINAL.engine.values():
        left = derate(engine, warm, high, methane)
        assert 0.0 <= left <= 1.0
        assert derate(engine, warm + more, high, methane) <= left
        assert derate(engine, warm, high + 100 * more, methane) <= left
        assert derate(engine, warm, high, methane - more) <= left


def test_a_site_for_gas_that_its_engines_cannot_burn_is_refused() -> None:
    with pytest.raises(ConfigError, match="methane number"):
        a_plant(parameters=EXACT.with_value("gas.methane_number", 60.0))
    burns = a_plant(parameters=EXACT.with_value("gas.methane_number", 60.0), engine="rich")
    assert burns.site.derate == 1.0


# -- instruments ---------------------------------------------------------------------------------------------


def test_meters_are_right_on_average_and_coarse() -> None:
    readings = [step.seen for step in steps(a_plant(), 300)]
    true_w = a_plant().step(1.0).truth
    total_w = true_w.load_w + true_w.aux_w
    site_w = np.array([seen.site_w for seen in readings])
    assert site_w.mean() == pytest.approx(total_w, rel=0.002)
    assert 0.003 < site_w.std() / total_w < 0.007
    assert all(seen.frequency_hz * 10 == pytest.approx(round(seen.frequency_hz * 10)) for seen in readings)
    assert np.array([seen.set_w.sum() for seen in readings]).mean() == pytest.approx(total_w, rel=0.002)


def test_a_meter_lags() -> None:
    plant = a_plant(parameters=EXACT.with_value("meter.lag_s", 1.5))
    after(plant, 10)
    step = after(plant, 1, Commands(open=at(3)))
    assert step.truth.load_w == 0
    assert step.seen.site_w > 0.3 * plant.site.derated_w
    assert after(plant, 15).seen.site_w == pytest.approx(step.truth.aux_w, rel=0.05)


@pytest.mark.parametrize("what", ["lost", "stuck", "scale", "flip", "nan", "noise"])
def test_a_fault_shows_in_what_is_seen_and_not_in_what_is(what: str) -> None:
    sound = a_plant()
    broken = a_plant(MeterFault(20.0, "site", what, for_s=30.0, size=1000.0))  # type: ignore[arg-type]
    after(sound, 20)
    after(broken, 20)
    command = Commands(sleep=np.arange(30))
    pairs = list(zip(steps(sound, 25, first=command), steps(broken, 25, first=command), strict=True))
    assert all(one.truth.load_w == other.truth.load_w for one, other in pairs)
    good, bad = pairs[-1][0].seen, pairs[-1][1].seen
    match what:
        case "lost":
            assert bad.site_at_s <= 20.0
            assert good.site_at_s == 45.0
        case "stuck":
            assert bad.site_at_s == 45.0
            assert len({other.seen.site_w for _, other in pairs}) == 1
        case "scale":
            assert bad.site_w == pytest.approx(1000 * good.site_w)
        case "flip":
            assert bad.site_w == -good.site_w
        case "nan":
            assert np.isnan(bad.site_w)
        case _:
            assert abs(bad.site_w / good.site_w) > 5
    assert bad.circuit_w == pytest.approx(good.circuit_w)
    assert after(broken, 15).seen.site_w == pytest.approx(after(sound, 15).seen.site_w)


@pytest.mark.parametrize(
    "meter", ["circuit", "circuit:1", "set", "set:2", "hz", "header", "flare", "ambient"]
)
def test_every_instrument_can_be_lost(meter: str) -> None:
    seen = after(a_plant(MeterFault(5.0, meter, "lost")), 20).seen
    name = meter.split(":")[0]
    times = {
        "circuit": seen.circuit_at_s,
        "set": seen.set_at_s,
        "hz": np.array([seen.frequency_at_s]),
        "header": np.array([seen.header_at_s]),
        "flare": np.array([seen.flare_at_s]),
        "ambient": np.array([seen.ambient_at_s]),
    }
    old = times[name] <= 5.0
    assert old.sum() == (1 if ":" in meter else old.size)
    assert seen.site_at_s == 20.0


def test_an_instrument_that_is_not_there_cannot_break() -> None:
    with pytest.raises(KeyError, match="circuit:9"):
        after(a_plant(MeterFault(0.0, "circuit:9", "lost")), 2)


def test_meters_fall_silent_by_themselves_as_often_as_they_are_said_to() -> None:
    parameters = EXACT.with_value("meter.dropout_s", 0.01)
    made = fleet(parameters, "homogeneous", 10, 1)
    plant = Plant(parameters, made, site(parameters, made), 1)
    silent = sum(step.seen.site_at_s < step.truth.now_s for step in steps(plant, 4000))
    assert 0.01 < silent / 4000 < 0.08


# -- all of it ---------------------------------------------------------------------------------------------


def everything(step: Step) -> list[object]:
    return [
        value.tobytes() if isinstance(value, np.ndarray) else repr(value)
        for part in (step.truth, step.seen)
        for value in part
    ]


def wild(seed: int) -> Plant:
    parameters = truth(NOMINAL, seed)
    made = fleet(NOMINAL, "mixed", 80, seed, tenants=2, circuits=4)
    events: tuple[Disturbance, ...] = (
        GasFactor(50.0, 0.6, ramp_s=20.0),
        WellShut(80.0, 1, 100.0),
        BrownOut(120.0, circuit=2),
        Join(30.0, (3, 4)),
    )
    return Plant(parameters, made, site(NOMINAL, made), seed, Script(events, wells_vary=True))


def test_the_same_seed_gives_the_same_steps_to_the_last_bit() -> None:
    command = Commands(sleep=np.arange(20), limit=(np.arange(20, 60), np.full(40, 1500.0)))
    one, other = (list(map(everything, steps(wild(5), 200, first=command))) for _ in range(2))
    assert one == other
    assert everything(after(wild(6), 200, command)) != one[-1]


events = st.one_of(
    st.builds(GasFactor, at_s=st.floats(0, 60), factor=st.floats(0, 2), ramp_s=st.floats(0, 30)),
    st.builds(
        SetEvent,
        at_s=st.floats(0, 60),
        set=st.integers(0, 3),
        what=st.sampled_from(["trip", "repair", "start", "stop"]),
    ),
    st.builds(BrownOut, at_s=st.floats(0, 60), circuit=st.integers(-1, 2)),
    st.builds(UplinkLost, at_s=st.floats(0, 60), for_s=st.floats(0, 60)),
    st.builds(LanLost, at_s=st.floats(0, 60), for_s=st.floats(0, 60), circuit=st.integers(-1, 2)),
    st.builds(Ambient, at_s=st.floats(0, 60), celsius=st.floats(-40, 60), ramp_s=st.floats(0, 30)),
    st.builds(Join, at_s=st.floats(0, 60), miners=st.just((1, 2))),
    st.builds(
        MeterFault,
        at_s=st.floats(0, 60),
        meter=st.sampled_from(["site", "circuit", "set", "hz"]),
        what=st.sampled_from(["lost", "nan", "scale"]),
    ),
)
some = st.lists(st.integers(0, 29), max_size=30).map(lambda them: np.array(sorted(set(them)), dtype=np.int64))
branches = st.lists(st.integers(0, 3), max_size=2).map(
    lambda them: np.array(sorted(set(them)), dtype=np.int64)
)
commands = st.builds(
    Commands,
    limit=some.flatmap(
        lambda them: st.floats(-1e4, 1e4).map(lambda limit: (them, np.full(them.size, limit)))
    ),
    sleep=some,
    wake=some,
    withhold=some,
    release=some,
    disconnect=some,
    open=branches,
    close=branches,
)


@given(
    script=st.lists(events, max_size=6),
    told=st.lists(commands, min_size=1, max_size=12),
    dt=st.sampled_from([0.2, 1.0, 5.0, 10.0]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_whatever_befalls_it_the_truth_is_made_of_numbers(
    script: list[Disturbance], told: list[Commands], dt: float, seed: int
) -> None:
    plant = a_plant(*script, kind="mixed", miners=30, parameters=truth(NOMINAL, seed), seed=seed)
    began = plant.header.stored_m3
    for command in told:
        true = plant.step(dt, command).truth
        for name, value in true._asdict().items():
            assert isinstance(value, tuple) or np.isfinite(value).all(), name
        assert true.miner_w.min() >= 0
        assert true.load_w == pytest.approx(true.miner_w.sum() * (1 + plant.parameters.site.loss))
        assert 0 <= true.capability_w <= true.sustained_w + 1e-6
        assert true.excess_w >= 0
        assert not (true.hashrate_hs[true.miner_w == 0] > 0).any()
        assert any(true.running) or (true.load_w == 0 and true.hashes == 0)
        gone = true.gas_m3 + true.flare_m3 + true.stored_m3
        assert began + true.inflow_m3 == pytest.approx(gone)


@pytest.mark.parametrize("dt", [0.0, -1.0, 10.5, float("nan")])
def test_a_step_of_no_sensible_length_is_refused(dt: float) -> None:
    with pytest.raises(ValueError, match="a step lasts"):
        a_plant().step(dt)


def test_a_step_in_halves_leads_to_the_same_place() -> None:
    whole, halves = a_plant(), a_plant()
    order = Commands(limit=(np.arange(60), np.full(60, 1500.0)))
    one, other = after(whole, 300, order), after(halves, 300, order, dt=0.5)
    assert other.truth.load_w == pytest.approx(one.truth.load_w, rel=0.002)
    assert other.truth.energy_j == pytest.approx(one.truth.energy_j, rel=0.01)
    assert other.truth.header_kpa == pytest.approx(one.truth.header_kpa, rel=0.01)


def test_watts_that_are_asked_for_do_not_change_hands() -> None:
    limits = watts(1500.0, 1600.0)
    a_plant().step(1.0, Commands(limit=(at(0, 1), limits)))
    assert list(limits) == [1500.0, 1600.0]
