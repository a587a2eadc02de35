"""The oracle is an upper bound: never below what brute force finds, and close above it."""

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.simulation.concave import Floats, Line, envelope, together
from proxy.simulation.oracle import Course, Kind, OracleUnavailable, most_hashes

SLEEP_W = 25.0


def floats(*numbers: float) -> Floats:
    return np.array(numbers, dtype=np.float64)


def course(usable_w: Floats, seconds: float = 10.0, *, owed: Floats | None = None, kinds: int = 1) -> Course:
    owed_w = np.zeros((1, len(usable_w))) if owed is None else owed
    return Course(np.full(len(usable_w), seconds), usable_w, owed_w, np.zeros(kinds))


points = st.lists(
    st.tuples(st.floats(100.0, 4_000.0), st.floats(1.0, 400.0)),
    min_size=1,
    max_size=6,
    unique_by=lambda p: p[0],
)


@given(points)
def test_no_operating_point_lies_above_its_envelope(found: list[tuple[float, float]]) -> None:
    watts, hashes = np.array([(SLEEP_W, 0.0), *found]).T
    line = envelope(watts, hashes)
    assert np.all(np.diff(line.slope) <= 1e-9)
    for at, high in zip(watts, hashes, strict=True):
        assert line.at(at) >= high * (1 - 1e-9)


@given(st.lists(st.tuples(st.floats(0.1, 100.0), st.floats(1.0, 5_000.0)), min_size=1, max_size=60))
def test_segments_put_together_are_never_below_the_exact_line(found: list[tuple[float, float]]) -> None:
    slopes, widths = np.array(found).T
    rough = together(slopes, widths, 0.0)
    order = np.argsort(-slopes)
    exact = Line(0.0, slopes[order], widths[order])
    for watts in np.linspace(0.0, widths.sum(), 23):
        assert rough.at(watts) >= exact.at(watts) * (1 - 1e-6)


def test_a_class_is_described_to_a_thousandth() -> None:
    hashes = np.linspace(40.0, 163.0, 60)
    miners = [envelope(*_quadratic(hashes, spread)) for spread in np.linspace(0.95, 1.05, 50)]
    slopes = np.concatenate([line.slope for line in miners])
    widths = np.concatenate([line.width_w for line in miners])
    rough = together(slopes, widths, 50 * SLEEP_W)
    exact = Line(50 * SLEEP_W, *(v[np.argsort(-slopes, kind="stable")] for v in (slopes, widths)))
    for share in (0.1, 0.3, 0.45, 0.7, 0.95):
        watts = share * widths.sum()
        assert rough.at(watts) == pytest.approx(exact.at(watts), rel=5e-3)


def _quadratic(hashes: Floats, spread: float) -> tuple[Floats, Floats]:
    watts = spread * (200.6 + 11.854 * hashes + 0.0774765 * hashes**2)
    return np.concatenate([[SLEEP_W], watts]), np.concatenate([[0.0], hashes])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(200.0, 3_500.0), min_size=1, max_size=3, unique=True), min_size=1, max_size=3
    ),
    st.lists(st.floats(0.0, 11_000.0), min_size=1, max_size=3),
    st.data(),
)
def test_no_choice_of_levels_beats_it(
    levels: list[list[float]], usable: list[float], data: st.DataObject
) -> None:
    miners = []
    for mine in levels:
        hashes = [data.draw(st.floats(1.0, 300.0)) for _ in mine]
        miners.append(([SLEEP_W, *mine], [0.0, *hashes]))
    best = 0.0
    for watts in usable:
        choices = itertools.product(*(range(len(mine[0])) for mine in miners))
        best += max(
            (
                sum(mine[1][pick] for mine, pick in zip(miners, choice, strict=True)) * 10.0
                for choice in choices
                if sum(mine[0][pick] for mine, pick in zip(miners, choice, strict=True)) <= watts
            ),
            default=0.0,
        )
    kinds = [Kind(0, envelope(np.array(watts), np.array(hashes)), np.inf) for watts, hashes in miners]
    found = most_hashes(kinds, course(np.array(usable), kinds=len(kinds)))
    assert found >= best * (1 - 1e-6)


def test_a_whole_fleet_at_full_power_is_what_it_finds_when_there_is_enough() -> None:
    kind = Kind(0, Line(100.0, floats(2.0, 1.0), floats(500.0, 500.0)), np.inf)
    assert most_hashes([kind], course(floats(2_000.0, 2_000.0))) == pytest.approx(2 * 10 * 1_500.0)


def test_it_takes_the_steep_segment_first() -> None:
    kinds = [Kind(0, Line(0.0, floats(1.0), floats(500.0)), np.inf)]
    kinds.append(Kind(0, Line(0.0, floats(3.0), floats(500.0)), np.inf))
    assert most_hashes(kinds, course(floats(600.0), kinds=2)) == pytest.approx(10 * (1_500.0 + 100.0))


def test_a_ramp_holds_it_back() -> None:
    kind = Kind(0, Line(0.0, floats(1.0), floats(1_000.0)), up_w_s=10.0)
    # 100 W within the first bucket, then 100 W more in each.
    found = most_hashes([kind], course(np.full(3, 1_000.0)))
    assert found == pytest.approx(10 * (100.0 + 200.0 + 300.0))


def test_miners_hash_only_once_they_have_joined() -> None:
    kind = Kind(0, Line(0.0, floats(1.0), floats(100.0)), np.inf, from_s=15.0)
    assert most_hashes([kind], course(np.full(3, 1_000.0))) == pytest.approx(10 * 200.0)


def test_entitlements_cost_hashes() -> None:
    kinds = [Kind(0, Line(0.0, floats(1.0), floats(500.0)), np.inf)]
    kinds.append(Kind(1, Line(0.0, floats(3.0), floats(500.0)), np.inf))
    owed = np.array([[200.0], [0.0]])
    found = most_hashes(kinds, course(floats(500.0), owed=owed, kinds=2))
    assert found == pytest.approx(10 * (200.0 + 900.0))


def test_entitlements_that_do_not_fit_are_kept_as_far_as_they_can() -> None:
    kind = Kind(0, Line(0.0, floats(1.0), floats(500.0)), np.inf)
    found = most_hashes([kind], course(floats(100.0), owed=np.array([[400.0]])))
    assert found == pytest.approx(10 * 100.0)


def test_without_a_solver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(OracleUnavailable, match=r"pumpjack\[simulate\]"):
        most_hashes([Kind(0, Line(0.0, floats(1.0), floats(1.0)), np.inf)], course(floats(1.0)))
