"""Corners: all of the assumed figures, and what happens at one."""

from importlib.resources import files

from proxy.simulation.scenarios import SCENARIOS
from proxy.simulation.sweep import Corner, at, corners
from proxy.simulation.world import Setting

PLANT = files("proxy.plant").joinpath("plant.toml").read_text(encoding="utf-8")
SETTING = Setting(SCENARIOS["steady"], 6, 120.0, 1)


def test_every_assumed_figure_goes_to_both_ends() -> None:
    found = {(corner.key, corner.end): corner.value for corner in corners(PLANT)}
    assert found["gas.line_pack_s", "low"] == 20.0
    assert found["gas.line_pack_s", "high"] == 600.0
    assert not [key for key, _ in found if key == "site.nominal_hz"]


def test_a_corner_is_run() -> None:
    found = at(PLANT, SETTING, Corner("gas.line_pack_s", "low", 20.0), "ours")
    assert (found.failures, found.impossible) == ((), "")


def test_a_corner_that_cannot_be_is_told() -> None:
    found = at(PLANT, SETTING, Corner("gas.derate_kpa", "high", 900.0), "ours")
    assert "derate_kpa" in found.impossible
