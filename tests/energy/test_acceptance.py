"""What engines take in one step, and how their air follows the load."""

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.energy.acceptance import Acceptance, air_left_w

ENGINES = Acceptance(low=0.07, high=0.035, knee=0.6, period_s=18.0, air_s=4.0)
loads = st.floats(0, 1e6)


def test_a_step_is_a_part_of_what_runs_and_smaller_above_the_knee() -> None:
    assert ENGINES.step_w(1e6, 500e3) == pytest.approx(70e3)
    assert ENGINES.step_w(1e6, 700e3) == pytest.approx(35e3)
    assert ENGINES.accepts_w(1e6, 700e3) == pytest.approx(735e3)
    assert ENGINES.accepts_w(0.0, 0.0) == 0.0


def test_unknown_air_is_none() -> None:
    assert ENGINES.accepts_w(1e6, nan) == pytest.approx(70e3)


@given(loads, loads, st.floats(0, 10))
def test_air_rises_no_faster_than_a_step_in_each_period(air: float, load: float, elapsed: float) -> None:
    after = ENGINES.air_w(air, load, 1e6, elapsed)
    assert min(air, load) - 1e-6 <= after <= max(air, load) + 1e-6
    assert after - air <= ENGINES.step_w(1e6, air) * elapsed / 18.0 + 1e-6


def test_air_is_the_load_when_nothing_was_known_and_stays_when_the_load_is_unknown() -> None:
    assert ENGINES.air_w(nan, 400e3, 1e6, 1.0) == 400e3
    assert ENGINES.air_w(300e3, nan, 1e6, 1.0) == 300e3
    assert ENGINES.air_w(300e3, 300e3, 0.0, 1.0) == 0.0


def test_a_lost_set_takes_its_air_along() -> None:
    assert air_left_w(800e3, 750e3, 250e3) == pytest.approx(600e3)
