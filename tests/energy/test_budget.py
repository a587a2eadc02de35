from datetime import date
from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.budget import Term, budget, emergency_stop
from proxy.energy.ladder import LADDERS, Ladder, Rung, ceiling_w
from proxy.energy.orders import (
    OperatorCap,
    Order,
    Window,
    calendar,
    curtailment,
    operator,
)
from proxy.energy.site import HardwareShed, NMinusOne, Reserve, ReserveKw
from proxy.energy.supply import (
    Header,
    capability_w,
    carried,
    droop,
    generators,
    reserve_w,
    supply,
)

watts = st.floats(0, 1e7)
maybe = watts | st.just(nan) | st.just(inf)
terms = st.lists(maybe.map(lambda allowed: Term("source", allowed, "so it is")), max_size=6)


# -- the least of all ----------------------------------------------------------------------------------------


@given(terms, watts, watts, watts)
def test_the_budget_is_never_above_any_source_less_auxiliaries(
    terms: list[Term], before: float, auxiliaries: float, sigma: float
) -> None:
    result = budget(terms, before_w=before, auxiliaries_w=auxiliaries, sigma_w=sigma)
    known = [term.watts for term in terms if not isnan(term.watts)]
    assert result.watts >= 0
    assert result.watts <= max(0.0, min(known, default=inf) - auxiliaries - 2 * sigma)


@given(terms, watts)
def test_unknown_never_raises(terms: list[Term], before: float) -> None:
    unknown = [*terms, Term("feeder", nan, "nobody knows")]
    result = budget(unknown, before_w=before)
    assert result.watts <= before
    assert "feeder is unknown" in result.frozen
    assert budget(terms, before_w=before, frozen=["a valve is open"]).watts <= before


def test_what_binds_is_told_while_nothing_is_raised() -> None:
    cap = Term("cap", 100e3, "capped by somebody")
    frozen = ["a valve is open", "a valve is open"]
    wavering = budget([cap], before_w=99e3, frozen=frozen)
    assert (wavering.watts, wavering.bound) == (99e3, "cap")
    assert wavering.sentence.count("a valve is open") == 1
    assert "capped by somebody" in wavering.sentence
    assert budget([cap], before_w=50e3, frozen=frozen).bound == "frozen"


@given(terms, watts, watts, watts)
def test_one_more_source_never_raises(terms: list[Term], more: float, before: float, sigma: float) -> None:
    fewer = budget(terms, before_w=before, sigma_w=sigma).watts
    assert budget([*terms, Term("more", more, "")], before_w=before, sigma_w=sigma).watts <= fewer


def test_the_budget_says_what_bound_it_and_why() -> None:
    result = budget(
        [Term("feeder", 900e3, "the feeder carries 900 kW"), Term("operator", 500e3, "capped: wind")],
        before_w=0.0,
        auxiliaries_w=50e3,
        sigma_w=1e3,
    )
    assert (result.watts, result.bound) == (448e3, "operator")
    assert "448.0 kW" in result.sentence
    assert "capped: wind" in result.sentence
    assert "less 50.0 kW for auxiliaries and 2.0 kW" in result.sentence


def test_an_emergency_stop_leaves_nothing() -> None:
    stop = budget([Term("feeder", inf, ""), emergency_stop("smoke in north")], before_w=1e6)
    assert (stop.watts, stop.bound) == (0.0, "emergency stop")
    assert "smoke in north" in stop.sentence


@pytest.mark.parametrize("wrong", ["before_w", "auxiliaries_w", "sigma_w"])
def test_a_budget_needs_numbers_where_it_cannot_do_without(wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        budget([], **{"before_w": 0.0, wrong: nan})  # type: ignore[arg-type] # frozen is not among them


# -- generators ----------------------------------------------------------------------------------------------


def test_a_set_whose_valve_is_at_its_stop_gives_no_more_than_now() -> None:
    nominal, derate = np.full(4, 1e6), np.full(4, 0.9)
    running = np.array([True, True, True, False])
    given_w = capability_w(
        nominal, derate, running, np.array([500e3, 500e3, nan, 0.0]), np.array([0.99, 0.7, 0.99, 0.0])
    )
    assert given_w == pytest.approx([500e3, 900e3, 900e3, 0.0])


def test_silent_sets_are_on_the_bus_while_those_that_speak_do_not_give_it_all() -> None:
    """Three speak of four alike: each gives a quarter of 1,200 kW while all run, a third when one is gone."""
    assert carried(1500e3, 900e3, 500e3, 1200e3)
    assert not carried(1500e3, 1200e3, 500e3, 1200e3)
    # One of two silent ones is gone.
    assert not carried(1000e3, 800e3, 1000e3, 1200e3)
    for given_w in (nan, 0.0, -1.0):
        assert not carried(1500e3, given_w, 500e3, 1200e3)
    assert not carried(0.0, 0.0, 2000e3, 1200e3)


@given(
    st.lists(st.just(0.0) | st.floats(1e5, 2e6), min_size=1, max_size=5),
    st.sampled_from([NMinusOne(), HardwareShed(date(2026, 1, 1)), ReserveKw(300.0)]),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_generators_allow_less_when_less_is_given_and_keep_the_reserve(
    sets: list[float], reserve: Reserve, low: float, high: float
) -> None:
    capability = np.array(sets)
    less, more = (generators(reserve, capability, factor).watts for factor in sorted((low, high)))
    assert 0 <= less <= more
    assert more <= max(0.0, capability.sum() - reserve_w(reserve, capability))


def test_the_last_set_is_not_held_in_reserve_for_itself() -> None:
    assert reserve_w(NMinusOne(), np.array([1e6, 8e5, 0.0])) == 1e6
    assert reserve_w(NMinusOne(), np.array([1e6, 0.0, 0.0])) == pytest.approx(50e3)
    before = generators(NMinusOne(), np.array([1e6, 1e6])).watts
    after = generators(NMinusOne(), np.array([1e6, 0.0])).watts
    assert after >= 0.95 * before


def test_short_gas_is_not_reserved_twice() -> None:
    term = generators(NMinusOne(), np.array([1e6, 1e6]), 0.5)
    assert term.watts == pytest.approx(950e3)
    assert term.name == "gas"
    assert generators(ReserveKw(300.0), np.array([1e6, 1e6]), 0.5).watts == pytest.approx(700e3)


# -- gas and frequency ---------------------------------------------------------------------------------------

HEADER = Header(full_kpa=300.0, empty_kpa=200.0)


def factor(pressure: float, slope: float = 0.0, flare: float = 0.0) -> float:
    return supply(
        HEADER, pressure_kpa=pressure, slope_kpa_s=slope, valve=0.5, flare_m3h=flare, calm_s=inf
    ).factor


def test_a_falling_header_lets_the_load_down_before_it_is_empty() -> None:
    assert factor(310.0) == 1.0
    assert factor(310.0, -1.0) == pytest.approx(0.8)
    assert factor(250.0) == pytest.approx(0.5)
    assert factor(150.0) == 0.0


def test_gas_at_the_flare_is_gas_that_nobody_takes() -> None:
    assert factor(310.0, -1.0, flare=100.0) == 1.0
    assert factor(310.0, -1.0, flare=2.0) < 1.0  # the pilot's


@given(st.floats(0, 500), st.floats(0, 500), st.floats(-5, 5))
def test_less_pressure_never_allows_more(one: float, other: float, slope: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= factor(low, slope) <= factor(high, slope) <= 1


def test_a_gas_shortage_settles_where_as_much_is_burnt_as_comes_in() -> None:
    # A header of 2 m3 of gas for each kPa; engines burn 1 m3/s at full load, wells give 0.6 of it.
    pressure, load, previous, trace = 320.0, 1.0, 320.0, []
    for second in range(3600):
        slope = (pressure - previous) if second else 0.0
        previous = pressure
        load += (factor(pressure, slope) - load) / 10.0  # the fleet follows within some seconds
        pressure += (0.6 - load) / 2.0
        trace.append((pressure, load))
    assert min(pressure for pressure, _ in trace) > HEADER.empty_kpa
    assert [load for _, load in trace[-600:]] == pytest.approx([0.6] * 600, abs=0.01)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"pressure_kpa": nan}, "pressure of the gas header is unknown"),
        ({"valve": 0.95}, "valve is 95 % open"),
        ({"calm_s": 20.0}, "out of its band 20 s ago"),
        ({"pressure_kpa": 280.0, "slope_kpa_s": -0.1}, "falls by 6.0 kPa a minute"),
    ],
)
def test_signs_of_strain_freeze_raises(seen: dict[str, float], reason: str) -> None:
    calm = {"pressure_kpa": 310.0, "slope_kpa_s": 0.0, "valve": 0.5, "flare_m3h": 0.0, "calm_s": inf}
    assert supply(HEADER, **calm).frozen == ()
    assert reason in "; ".join(supply(HEADER, **(calm | seen)).frozen)


def test_unknown_flare_valve_and_slope_are_no_strain() -> None:
    quiet = supply(HEADER, pressure_kpa=310.0, slope_kpa_s=nan, valve=nan, flare_m3h=nan, calm_s=inf)
    assert (quiet.factor, quiet.frozen) == (1.0, ())


def test_a_header_has_its_pressures_in_order() -> None:
    with pytest.raises(ValueError, match="full_kpa"):
        Header(full_kpa=100.0, empty_kpa=100.0)


@pytest.mark.parametrize("resolution", [0.01, 0.1, 0.5])
def test_two_bits_of_frequency_are_noise(resolution: float) -> None:
    band = max(2 * resolution, 0.3)
    assert droop(60.0 - band + 1e-9, 60.0, resolution) == (1.0, "")
    trimmed, frozen = droop(60.0 - band - 0.3, 60.0, resolution)
    assert trimmed == pytest.approx(0.9)
    assert "Hz off" in frozen
    assert droop(60.0 + band + 0.1, 60.0, resolution)[1]
    assert droop(nan, 60.0, resolution) == (1.0, "frequency is unknown")


@given(st.floats(0, 120), st.floats(0, 120))
def test_a_lower_frequency_never_leaves_more(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= droop(low, 60.0, 0.1)[0] <= droop(high, 60.0, 0.1)[0] <= 1


# -- calendar, orders, caps, prices --------------------------------------------------------------------------

THURSDAY_S = 0.0  # the first second of 1970
HOUR = 3600.0


def test_a_window_holds_on_its_days_and_past_midnight_into_the_next() -> None:
    night = Window("night", frozenset({3}), 22 * HOUR, 6 * HOUR, 100.0)
    assert not night.holds(THURSDAY_S + 21.9 * HOUR, 0.0)
    assert night.holds(THURSDAY_S + 22 * HOUR, 0.0)
    assert night.holds(THURSDAY_S + 29.9 * HOUR, 0.0)
    assert not night.holds(THURSDAY_S + 30 * HOUR, 0.0)
    assert not night.holds(THURSDAY_S + 5 * HOUR, 0.0)
    assert night.holds(THURSDAY_S + 23 * HOUR, 6 * HOUR)  # 5 in the morning of Friday there
    assert not night.holds(THURSDAY_S + 23 * HOUR, 8 * HOUR)
    [term] = calendar([night], THURSDAY_S + 23 * HOUR, 0.0)
    assert (term.watts, term.sentence) == (100.0, "calendar: night, Thursday 22:00 to 06:00")


@given(st.integers(0, 6), st.integers(0, 287), st.integers(0, 288))
def test_a_window_holds_as_long_as_it_says_each_week(day: int, start: int, end: int) -> None:
    window = Window("w", frozenset({day}), start * 300.0, end * 300.0, 0.0)
    held = sum(window.holds(at * 300.0, -5 * HOUR) for at in range(7 * 288))
    assert held == (end - start if start < end else 288 + end - start)


@pytest.mark.parametrize(
    ("days", "start", "end", "cap"),
    [
        ({7}, 0.0, 1.0, 0.0),
        (set(), 0.0, 1.0, 0.0),
        ({0}, -1.0, 1.0, 0.0),
        ({0}, 0.0, 90e3, 0.0),
        ({0}, 0.0, 1.0, nan),
    ],
)
def test_windows_that_cannot_be_are_refused(days: set[int], start: float, end: float, cap: float) -> None:
    with pytest.raises(ValueError, match="Window"):
        Window("w", frozenset(days), start, end, cap)


def test_an_order_is_met_at_its_beginning_and_ends() -> None:
    order = Order("grid", 1000.0, 2000.0, 50e3)
    assert list(curtailment([order], 990.0)) == []
    assert [term.watts for term in curtailment([order], 990.0, unload_w_s=1e3)] == [60e3]
    assert [term.watts for term in curtailment([order], 1000.0, unload_w_s=1e3)] == [50e3]
    assert list(curtailment([order], 2000.0)) == []


def test_a_cap_by_hand_tells_who_and_why_and_ends_by_itself() -> None:
    cap = OperatorCap(200e3, 7200.0, "storm", "Ada")
    [term] = operator(cap, 3600.0)
    assert term == Term("operator", 200e3, "capped by Ada for another 60 min: storm")
    assert list(operator(cap, 7200.0)) == []
    assert list(operator(None, 0.0)) == []


# -- the ladder of silence -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "rung", "most"),
    [
        (0.0, Rung.FRESH, inf),
        (2.9, Rung.FRESH, inf),
        (3.0, Rung.HOLD, 1000.0),
        (15.0, Rung.SAFE, 600.0),
        (60.0, Rung.GUARANTEES, 400.0),
        (240.0, Rung.SLEEP, 10.0),
        (inf, Rung.SLEEP, 10.0),
        (nan, Rung.SLEEP, 10.0),
    ],
)
def test_the_feeders_silence_leads_down(age: float, rung: Rung, most: float) -> None:
    assert LADDERS["feeder"].rung(age) is rung
    assert (
        ceiling_w(Ladder(), age, last_w=1000.0, hour_least_w=600.0, guaranteed_w=400.0, sleep_w=10.0) == most
    )


def test_without_a_lower_hour_seven_tenths_are_safe() -> None:
    for hour in (900.0, nan):
        assert ceiling_w(Ladder(), 20.0, last_w=1000.0, hour_least_w=hour, guaranteed_w=0.0) == 700.0


@given(
    st.sampled_from(sorted(LADDERS)),
    st.floats(0, 4000),
    st.floats(0, 4000),
    watts | st.just(nan),
    watts | st.just(nan),
    watts,
)
def test_longer_silence_never_permits_more(
    role: str, one: float, other: float, last: float, hour: float, guaranteed: float
) -> None:
    young, old = sorted((one, other))

    def most(age: float) -> float:
        return ceiling_w(LADDERS[role], age, last_w=last, hour_least_w=hour, guaranteed_w=guaranteed)

    assert most(old) <= most(young)
    assert LADDERS[role].rung(old) >= LADDERS[role].rung(young)
    if young >= LADDERS[role].hold_s and not isnan(last):
        assert most(young) <= last


def test_a_meter_that_never_was_leads_as_far_as_its_role_goes() -> None:
    assert {role: ladder.rung(inf) for role, ladder in LADDERS.items()} == {
        "feeder": Rung.SLEEP,
        "generators": Rung.SLEEP,
        "circuit": Rung.SLEEP,
        "source": Rung.SLEEP,
        "header": Rung.SAFE,
        "frequency": Rung.SAFE,
        "tenant": Rung.HOLD,
        "miner": Rung.HOLD,
    }


def test_rungs_come_one_after_the_other() -> None:
    with pytest.raises(ValueError, match="one after the other"):
        Ladder(safe_s=2.0)
