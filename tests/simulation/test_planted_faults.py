"""Faults that are planted into the governor turn a figure red: the checks can fail."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from proxy.energy import charges, dispatch
from proxy.energy.arrays import Floats
from proxy.energy.budget import Budget
from proxy.governor.engine import Governor
from proxy.plant.parameters import Parameters
from proxy.plant.script import Disturbance, MeterFault
from proxy.simulation.loop import Run
from proxy.simulation.loop import run as run_loop
from proxy.simulation.policies import POLICIES
from proxy.simulation.report import Result, against, result
from proxy.simulation.scenarios import SCENARIOS, Scenario, Story
from proxy.simulation.world import Setting, World, world

OURS = POLICIES["ours"]


def dip(parameters: Parameters) -> World:
    row = replace(SCENARIOS["gas-dip"], onset_s=120.0, for_s=900.0, size=0.4)
    return world(parameters, Setting(row, 24, 1_200.0, 1, "luxos"))


def judged(site: World) -> Result:
    return result(site, "ours", against(site, reference=True, oracle=False))


def test_without_a_fault_nothing_is_red(parameters: Parameters) -> None:
    assert judged(dip(parameters)).failures == []


def test_a_lost_sign_is_seen_as_violation(parameters: Parameters, monkeypatch: pytest.MonkeyPatch) -> None:
    right = dispatch.sized_w
    monkeypatch.setattr(dispatch, "sized_w", lambda deficit_w, margin: -right(deficit_w, margin))
    assert judged(dip(parameters)).failures


def test_crediting_on_command_is_seen_as_false_credit(
    parameters: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = replace(SCENARIOS["deaf-miners"], onset_s=660.0, for_s=600.0, size=0.5)
    site = world(parameters, Setting(row, 24, 1_200.0, 1, "luxos"))
    honest = run_loop(site, OURS).measured.false_credit_ws

    told = charges.told

    def believed(before_w: Floats, target_w: Floats, drawn_w: Floats, charge_w: Floats) -> charges.Charged:
        return replace(told(before_w, target_w, drawn_w, charge_w), charge_w=target_w)

    def charged(seen_w: float, latent_w: float, charge_w: Floats, bias: float) -> float:
        return float(charge_w.sum())

    monkeypatch.setattr(charges, "told", believed)
    monkeypatch.setattr(charges, "proven_w", charged)
    assert run_loop(site, OURS).measured.false_credit_ws > 100.0 * honest + 1e4


def _blind(row: Scenario, story: Story) -> Iterator[Disturbance]:
    # Feeders' and sets' meters go before the order ends: when there is room again, nobody sees the load.
    for meter in ("site", "circuit", "set"):
        yield MeterFault(story.at_s + 270.0, meter, "lost", 300.0)


def blind(parameters: Parameters) -> World:
    row = replace(SCENARIOS["steady"], happens=_blind, onset_s=60.0, for_s=300.0, cap=0.4)
    return world(parameters, Setting(row, 24, 620.0, 1, "luxos"))


def rose_blindly(found: Run) -> bool:
    """Return whether the load rose while no meter told it."""
    before = (found.series.at_s > 300.0) & (found.series.at_s < 330.0)
    unseen = (found.series.at_s > 335.0) & (found.series.at_s < 600.0)
    used = found.series.used_w
    return bool(used[unseen].max() > 1.05 * np.mean(used[before]))


def test_nothing_is_raised_while_the_load_is_unknown(parameters: Parameters) -> None:
    assert not rose_blindly(run_loop(blind(parameters), OURS))


def test_raising_on_unknown_is_seen(parameters: Parameters, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed, ticked = Governor._budget, Governor._tick

    def carefree(self: Governor, *args):  # type: ignore[no-untyped-def]
        # As if what nobody tells were no limit.
        found: Budget = allowed(self, *args)
        return replace(found, frozen="", watts=1e9) if args[0] > 330.0 else found

    def eager(self: Governor, *args):  # type: ignore[no-untyped-def]
        tick = ticked(self, *args)
        tick.may_raise, tick.room_w = True, 1e9
        return tick

    monkeypatch.setattr(Governor, "_budget", carefree)
    monkeypatch.setattr(Governor, "_tick", eager)
    assert rose_blindly(run_loop(blind(parameters), OURS))
