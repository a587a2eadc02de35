"""Our count against the pool's."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.ledger.reconcile import Verdict, reconcile

DIFFICULTY = 65536.0


@pytest.mark.parametrize(
    ("z", "verdict"),
    [
        (0.0, Verdict.OK),
        (2.99, Verdict.OK),
        (-3.0, Verdict.OK),
        (3.01, Verdict.WARN),
        (-4.5, Verdict.WARN),
        (4.51, Verdict.ALARM),
        (-4.51, Verdict.ALARM),
    ],
)
def test_the_verdict_follows_from_z(z: float, verdict: Verdict) -> None:
    met = 400
    # Chance is the root of what was to be expected if that is more than what came.
    expected = met + z * math.sqrt(met) if z < 0 else ((z + math.sqrt(z * z + 4 * met)) / 2) ** 2
    found = reconcile(expected * DIFFICULTY, met * DIFFICULTY, met * DIFFICULTY**2)
    assert found.z == pytest.approx(z)
    assert found.verdict is verdict


def test_the_sentence_says_how_much_and_what_it_means() -> None:
    found = reconcile(110 * DIFFICULTY * 100, 100 * DIFFICULTY * 100, 10_000 * DIFFICULTY**2)
    assert found.sentence == "we credited 10.00% more than the pool's shares stand for: not chance (z = +9.5)"
    assert "less" in reconcile(90.0, 100.0, 100.0).sentence


@pytest.mark.parametrize(("expected", "met", "verdict"), [(8, 1, Verdict.OK), (40, 1, Verdict.ALARM)])
def test_a_single_share_for_the_pool_is_little_to_judge_by(expected: int, met: int, verdict: Verdict) -> None:
    found = reconcile(expected * DIFFICULTY, met * DIFFICULTY, met * DIFFICULTY**2)
    assert found.verdict is verdict


def test_before_the_first_share_for_the_pool_there_is_nothing_to_compare() -> None:
    assert reconcile(1e9, 0.0, 0.0).verdict is Verdict.OK


@given(
    local=st.floats(0, 1e30),
    upstream=st.floats(1, 1e30),
    shares=st.integers(1, 10**6),
    power=st.integers(0, 40),
)
def test_the_unit_of_difficulty_changes_nothing(
    local: float, upstream: float, shares: int, power: int
) -> None:
    square, unit = upstream * upstream / shares, 2.0**power
    scaled = reconcile(local * unit, upstream * unit, square * unit * unit)
    assert scaled.z == pytest.approx(reconcile(local, upstream, square).z)


def test_honest_work_is_seldom_suspected() -> None:
    chance = random.Random(7)
    found = []
    for _ in range(200):
        # 20,000 credited shares of 1024, each of which meets the pool's target with the chance that it has.
        met = sum(chance.random() < 1024 / DIFFICULTY for _ in range(20_000))
        found.append(reconcile(20_000 * 1024.0, met * DIFFICULTY, met * DIFFICULTY**2))
    assert sum(each.verdict is not Verdict.OK for each in found) <= 6
    assert not any(each.verdict is Verdict.ALARM for each in found)
    assert math.fsum(each.z for each in found) / len(found) == pytest.approx(0.0, abs=0.3)


def test_a_tenth_that_is_missing_is_an_alarm() -> None:
    met = 10_000
    assert reconcile(0.9 * met * DIFFICULTY, met * DIFFICULTY, met * DIFFICULTY**2).verdict is Verdict.ALARM
