"""Figures of runs that can be reckoned by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.simulation.entitled import Claim, entitled
from proxy.simulation.metrics import Measured, Metrics, Moment
from proxy.simulation.series import BUCKETS, Recorder

ACME = Claim("acme", 4_000.0, 1.0)
BOREALIS = Claim("borealis", 0.0, 3.0)


def moment(at: float, **changed: object) -> Moment:
    facts: dict[str, object] = {
        "at_s": at,
        "dt_s": 1.0,
        "load_w": 8_000.0,
        "aux_w": 500.0,
        "capability_w": 10_000.0,
        "excess_w": 0.0,
        "usable_w": 9_000.0,
        "hashes": 100.0,
        "low_hz": 60.0,
        "high_hz": 60.0,
        "trips": 0,
        "miner_w": np.array([4_000.0, 4_000.0]),
        "hashing": np.array([True, True]),
        "connected": np.array([True, True]),
        "proven_w": 8_000.0,
        "expected_w": 8_000.0,
    }
    facts.update(changed)
    return Moment(**facts)  # type: ignore[arg-type]  # facts are those of the class


def measured(*moments: Moment) -> Measured:
    metrics = Metrics(10_000.0, [ACME, BOREALIS], np.array([0, 1]), np.array([5_000.0, 5_000.0]))
    for one in moments:
        metrics.add(one)
    return metrics.measured()


def test_excess_is_added_up_in_watt_seconds() -> None:
    found = measured(moment(0.0, excess_w=300.0), moment(1.0, excess_w=100.0, dt_s=2.0), moment(3.0))
    assert found.violation_ws == 300.0 + 200.0
    assert found.worst_excess_w == 300.0
    assert found.seconds_over == 3.0


def test_reaction_is_the_time_until_a_twentieth_is_left() -> None:
    excess = [0.0, 1_000.0, 600.0, 100.0, 40.0, 20.0, 0.0]
    found = measured(*(moment(float(at), excess_w=watts) for at, watts in enumerate(excess)))
    assert found.reaction_p95_s == 3.0  # over 50 W at 1, 2 and 3


def test_of_many_reactions_the_slow_ones_tell() -> None:
    lengths = [2] * 18 + [9, 9]
    at = 0.0
    moments = []
    for length in lengths:
        for over in [True] * length + [False]:
            moments.append(moment(at, excess_w=500.0 if over else 0.0))
            at += 1.0
    assert measured(*moments).reaction_p95_s == 9.0


def test_without_excess_there_is_no_reaction() -> None:
    assert measured(moment(0.0)).reaction_p95_s is None


def test_energy_used_counts_no_watt_beyond_what_was_usable() -> None:
    found = measured(moment(0.0, load_w=4_500.0), moment(1.0, load_w=20_000.0))
    assert found.energy_used_ratio == pytest.approx((4_500.0 + 9_000.0) / 18_000.0)


def test_frequency_trips_and_hashes() -> None:
    found = measured(moment(0.0, low_hz=58.5), moment(1.0, high_hz=61.5, trips=2), moment(2.0))
    assert (found.min_hz, found.max_hz, found.genset_trips, found.hashes) == (58.5, 61.5, 2, 300.0)


def test_each_beginning_and_end_of_hashing_is_a_switch() -> None:
    asleep = np.array([True, False])
    found = measured(moment(0.0), moment(1.0, hashing=asleep), moment(2.0), moment(3.0))
    # Two switches of two miners in the ten seconds that one sum of tenants stands for.
    assert found.switches_per_miner_day == pytest.approx(2 / (2 * 10.0 / 86_400.0))


def test_what_is_counted_on_but_not_proven_is_unverified() -> None:
    found = measured(moment(0.0, expected_w=7_000.0), moment(1.0))
    assert (found.unverified_ws, found.false_credit_ws) == (1_000.0, 0.0)


def test_crediting_what_is_still_drawn_is_false_credit() -> None:
    found = measured(moment(0.0, proven_w=5_000.0, expected_w=5_000.0), moment(1.0))
    assert (found.unverified_ws, found.false_credit_ws) == (0.0, 0.99 * 8_000.0 - 5_000.0)


def test_a_minute_below_the_guarantee_is_missed() -> None:
    starved = np.array([3_000.0, 5_000.0])
    minute = [moment(10.0 * tick, dt_s=10.0, miner_w=starved) for tick in range(6)]
    fine = [moment(60.0 + 10.0 * tick, dt_s=10.0) for tick in range(6)]
    assert measured(*minute, *fine).sla_minutes_missed == 1.0


def test_nobody_is_owed_more_than_its_miners_can_draw() -> None:
    off = [moment(10.0 * t, dt_s=10.0, miner_w=np.zeros(2), connected=np.zeros(2, bool)) for t in range(6)]
    assert measured(*off).sla_minutes_missed == 0.0


def test_tenants_that_get_what_they_are_entitled_to_are_served_fairly() -> None:
    # 9,000 W: 4,000 to acme, of the rest a quarter to acme and three to borealis.
    fair = moment(0.0, miner_w=np.array([5_000.0, 4_000.0]) * 0.9)
    assert measured(fair).jain == pytest.approx(1.0, abs=0.02)
    assert measured(moment(0.0, miner_w=np.array([5_000.0, 0.0]))).jain == pytest.approx(0.5)


def test_surplus_goes_by_share_and_what_one_cannot_use_to_the_other() -> None:
    assert entitled(9_000.0, [ACME, BOREALIS], [9_000.0, 9_000.0]) == [5_250.0, 3_750.0]
    assert entitled(9_000.0, [ACME, BOREALIS], [9_000.0, 1_000.0]) == [8_000.0, 1_000.0]


def test_guarantees_that_do_not_fit_go_by_priority() -> None:
    claims = [Claim("late", 4_000.0, 1.0, priority=1), Claim("early", 4_000.0, 1.0, priority=0)]
    assert entitled(5_000.0, claims, [9_000.0, 9_000.0]) == [1_000.0, 4_000.0]


claims = st.builds(
    Claim,
    st.just("one"),
    st.floats(0.0, 1e6),
    st.one_of(st.just(0.0), st.floats(0.1, 10.0)),
    st.integers(0, 2),
)


@given(st.floats(-1e3, 3e6), st.lists(st.tuples(claims, st.floats(0.0, 1e6)), min_size=1, max_size=4))
def test_nobody_is_granted_more_than_there_is_or_than_it_can_use(
    usable: float, rows: list[tuple[Claim, float]]
) -> None:
    granted = entitled(usable, [claim for claim, _ in rows], [demand for _, demand in rows])
    assert sum(granted) <= max(0.0, usable) * (1 + 1e-9) + 1e-6
    for watts, (_, demand) in zip(granted, rows, strict=True):
        assert 0.0 <= watts <= demand * (1 + 1e-9) + 1e-6


def test_the_series_of_a_year_is_as_short_as_that_of_a_day() -> None:
    recorder = Recorder(365 * 86_400.0)
    for day in range(0, 365 * 86_400, 6 * 3_600):
        recorder.add(moment(float(day)))
    assert len(recorder.series().seconds) <= BUCKETS


def test_a_bucket_holds_means_and_extremes() -> None:
    recorder = Recorder(2_880.0)  # buckets of two seconds
    recorder.add(moment(0.0, load_w=100.0, low_hz=59.0, high_hz=59.0, hashes=50.0))
    recorder.add(moment(1.0, load_w=300.0, low_hz=61.0, high_hz=61.0, hashes=150.0))
    recorder.add(moment(2.0, load_w=700.0))
    series = recorder.series()
    assert series.used_w.tolist() == [200.0, 700.0]
    assert series.hashrate_hs.tolist() == [100.0, 100.0]
    assert (series.low_hz[0], series.high_hz[0]) == (59.0, 61.0)
    assert series.seconds.tolist() == [2.0, 1.0]
