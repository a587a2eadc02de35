"""The load settles on plants that nobody chose: a sample of what `./dev simulate-long` looks at."""

from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.governor.rounds import Rounds
from proxy.simulation.scenarios import SCENARIOS
from proxy.simulation.world import Setting, world
from tests.simulation.random_plants import LENGTH_S, MINERS, SUSTAINED, look, swings, swung
from tests.simulation.worlds import nominal


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 5])
def test_there_is_no_sustained_oscillation(seed: int) -> None:
    found = look(seed)
    assert not found.wrong, found


def test_a_governor_that_forgets_its_dead_band_and_its_patience_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Every eighth round turns the fleet down by a twentieth, the others give it back.
    whole = Rounds.round
    turns = count(1)

    def restless(self: Rounds, tick, settle_w):  # type: ignore[no-untyped-def]  # as the method it stands for
        if next(turns) % 8 == 0:
            self.shed(tick, 0.05 * tick.load_w, "nothing", "a planted fault")
        return whole(self, tick, settle_w)

    site = world(nominal(), Setting(SCENARIOS["steady"], MINERS, LENGTH_S, 1, "mixed"))
    assert swung(site, 1)[0] == 0
    monkeypatch.setattr(Rounds, "round", restless)
    assert swung(site, 1)[0] >= SUSTAINED


def test_a_gauge_of_coarse_steps_is_not_taken_for_a_fall_of_the_pressure() -> None:
    # Steps of 5 kPa: a governor that takes each for a fall swings ten times.
    plant = nominal().with_value("meter.kpa", 5.0).with_value("gas.derate_kpa", 201.4)
    row = replace(SCENARIOS["steady"], preload=0.7275, supply=0.65)
    site = world(plant, Setting(row, MINERS, LENGTH_S, 9, "luxos"))
    assert swung(site, 1)[0] < 2


def test_swings_are_counted_by_their_turns() -> None:
    steps = np.array([100.0, 110.0, 100.0, 110.0, 100.0])
    assert swings(steps, 5.0) == 4
    assert swings(steps, 20.0) == 0
    assert swings(np.linspace(0.0, 100.0, 50), 5.0) == 1


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=60), st.floats(1.0, 1e5))
def test_a_load_swings_no_more_often_when_it_must_swing_further(load: list[float], least: float) -> None:
    assert swings(np.array(load), 2.0 * least) <= swings(np.array(load), least)


def test_noise_below_the_measure_is_no_swing() -> None:
    noise = np.random.default_rng(1).normal(1_000.0, 2.0, 600)
    assert swings(noise, 20.0) == 0
