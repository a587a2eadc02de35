from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.goals import Answer, Goal, Line, Sense, ratios, rotated
from benchmarks.report import document

pytestmark = pytest.mark.checkout

costs = st.lists(st.floats(1, 1e9), min_size=1, max_size=15)


def test_a_round_is_divided_by_the_same_round_of_the_other() -> None:
    assert ratios([10.0, 30.0], [5.0, 60.0]) == (2.0, 0.5)


def test_a_minute_that_slows_both_sides_changes_no_ratio() -> None:
    calm, busy = ratios([10.0, 10.0], [5.0, 5.0]), ratios([10.0, 90.0], [5.0, 45.0])
    assert calm == busy


def test_sides_with_different_numbers_of_rounds_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


@given(costs)
def test_measured_is_the_median_of_the_rounds(rounds: list[float]) -> None:
    assert Goal("goal", Sense.AT_LEAST, 1.0, tuple(rounds)).measured == median(rounds)
    assert Line("line", tuple(rounds)).measured == median(rounds)


@pytest.mark.parametrize(
    ("sense", "below", "at", "above"),
    [(Sense.AT_LEAST, False, True, True), (Sense.AT_MOST, True, True, False)],
)
def test_a_goal_is_met_at_its_bound_and_on_its_good_side(
    sense: Sense, below: bool, at: bool, above: bool
) -> None:
    met = [Goal("goal", sense, 1.2, (measured,)).met for measured in (1.1, 1.2, 1.3)]
    assert met == [below, at, above]


def test_one_bad_round_misses_no_goal() -> None:
    assert Goal("goal", Sense.AT_LEAST, 0.7, (0.8, 0.1, 0.75)).met is True


def test_what_a_machine_cannot_measure_is_neither_met_nor_missed() -> None:
    row = Goal("goal", Sense.AT_LEAST, 0.9, (), note="no such instruction").json()
    assert (row["measured"], row["met"], row["rounds"]) == (None, None, [])
    assert row["note"] == "no such instruction"


def test_everyone_is_first_in_turn() -> None:
    names = ("ours", "full", "floor")
    assert [rotated(names, number)[0] for number in range(4)] == ["ours", "full", "floor", "ours"]
    assert all(sorted(rotated(names, number)) == sorted(names) for number in range(4))


def test_the_file_begins_with_goals_and_a_missed_one_has_its_profile() -> None:
    answer = Answer(
        goals=[
            Goal("slow", Sense.AT_MOST, 1.2, (2.0, 3.0, 4.0)),
            Goal("small", Sense.AT_MOST, 3, (2.5,), "KiB"),
        ],
        details={"case": [1, 2, 3]},
        profiles={"slow": {"python": {"rows": []}}},
    )
    made = document({"fanout": answer}, {"cpu": "any"})
    assert next(iter(made)) == "goals"
    slow, small = made["goals"]
    assert slow == {
        "name": "slow",
        "goal": "<= 1.2",
        "measured": 3.0,
        "met": False,
        "rounds": [2.0, 3.0, 4.0],
        "profile": {"python": {"rows": []}},
    }
    assert (small["goal"], small["met"], "profile" in small) == ("<= 3 KiB", True, False)
    assert made["rounds"] == {"fanout": {"case": [1, 2, 3]}}
