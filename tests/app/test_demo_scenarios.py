"""The demo's scenarios and their timetable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.app.scenarios import SCENARIOS, STORY, Act, Scenario, Timetable
from proxy.app.simulated_site import POOLS, TENANTS, Plan
from proxy.units import Seconds

STORIES = [row for row in SCENARIOS.values() if row.steps]
MENDS = {Act.CUT: Act.RETURN, Act.HANG: Act.GO_ON, Act.LIE: Act.REPAIR}

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
every_story = pytest.mark.parametrize("scenario", STORIES, ids=[row.name for row in STORIES])


@every_scenario
def test_steps_are_in_order_within_the_story_and_about_pools_that_exist(scenario: Scenario) -> None:
    times = [step.at for step in scenario.steps]
    assert times == sorted(times)
    assert all(0 < at < STORY for at in times)
    assert all(step.tenant in TENANTS and step.pool in POOLS for step in scenario.steps)


@every_story
def test_whatever_breaks_is_mended_in_the_same_story(scenario: Scenario) -> None:
    broken: dict[tuple[str, str], Act] = {}
    for step in scenario.steps:
        if step.act in MENDS:
            broken[step.tenant, step.pool] = MENDS[step.act]
        else:
            assert broken.pop((step.tenant, step.pool)) is step.act
    assert not broken


@every_story
def test_a_story_fits_into_every_duration_that_is_taken(scenario: Scenario) -> None:
    for duration in (scenario.least, Seconds(20.0), Seconds(30.0), Seconds(100.0)):
        if duration < scenario.least:
            continue
        timetable = Timetable.of(scenario, 1.0, duration)
        following, steps = timetable.following(Seconds(0.0)), []
        while following is not None:
            steps.append(following)
            following = timetable.following(following[0])
        assert [step for _, step in steps[: len(scenario.steps)]] == list(scenario.steps)
        assert len(steps) % len(scenario.steps) == 0
        assert all(due < duration for due, _ in steps)


@every_story
def test_a_duration_too_short_for_a_story_is_refused(scenario: Scenario) -> None:
    with pytest.raises(ValueError, match="at least"):
        Timetable.of(scenario, 20.0, Seconds(scenario.least - 1))


def test_without_a_story_any_duration_is_long_enough() -> None:
    assert Timetable.of(SCENARIOS["steady"], 1.0, Seconds(1.0)).following(Seconds(0.0)) is None


def test_without_a_duration_the_story_is_told_for_ever() -> None:
    timetable = Timetable.of(SCENARIOS["pool-outage"], 2.0, None)
    following = timetable.following(Seconds(100 * 15.0))
    assert following is not None
    assert following[0] == pytest.approx(100 * 15.0 + 2.5)


@given(
    name=st.sampled_from([row.name for row in STORIES]),
    speed=st.floats(0.1, 20),
    elapsed=st.floats(0, 1e4).map(Seconds),
)
def test_what_follows_is_always_later(name: str, speed: float, elapsed: Seconds) -> None:
    following = Timetable.of(SCENARIOS[name], speed, None).following(elapsed)
    assert following is not None
    assert following[0] > elapsed


@given(miners=st.integers(1, 10_000), speed=st.floats(0.1, 20), name=st.sampled_from(list(SCENARIOS)))
def test_the_miners_together_never_ask_for_more_than_the_machine_hashes(
    miners: int, speed: float, name: str
) -> None:
    plan = Plan(SCENARIOS[name], miners, speed, 1)
    least, most = plan.hashrates
    assert 0 < least < most
    assert plan.mean * miners <= 3e6 * 1.001
    assert sum(plan.fleet_sizes.values()) == miners
    assert plan.pool_settings.difficulty > plan.first_difficulty > 0
