"""Corners: all of the assumed figures that act, what happens at one, and that a failing one is told."""

from dataclasses import replace
from importlib.resources import files

import pytest
from click.testing import CliRunner

from proxy.cli.simulate import simulate
from proxy.plant.parameters import Parameters
from proxy.simulation import sweep
from proxy.simulation.scenarios import SCENARIOS
from proxy.simulation.sweep import Corner, at, corners
from proxy.simulation.world import Setting

PLANT = files("proxy.plant").joinpath("plant.toml").read_text(encoding="utf-8")
SETTING = Setting(SCENARIOS["steady"], 6, 120.0, 1)
DIP = replace(SETTING, scenario=SCENARIOS["gas-dip"])


def test_every_assumed_figure_goes_to_both_ends() -> None:
    found = {(corner.key, corner.end): corner.value for corner in corners(PLANT, SETTING)}
    assert found["gas.line_pack_s", "low"] == 20.0
    assert found["gas.line_pack_s", "high"] == 600.0
    assert not [key for key, _ in found if key == "site.nominal_hz"]


def test_what_is_not_there_is_not_swept(parameters: Parameters) -> None:
    steady, dip = ({corner.key for corner in corners(PLANT, one)} for one in (SETTING, DIP))
    wells = {"gas.slug_amplitude", "gas.slow_tau_s", "gas.short_trips_month"}
    assert wells <= dip
    assert not wells & steady
    every = set(parameters.assumed())
    gone = {key.rpartition(".")[0] for key in every - dip}
    assert gone == {
        "carbon",
        "engine.rich",
        "fleet.every",
        "fleet.luxos",
        "fleet.sleep-only",
    }
    luxos = {corner.key for corner in corners(PLANT, replace(DIP, fleet="luxos"))}
    assert "firmware.luxos.sleep_w" in luxos
    assert "firmware.stock.sleep_w" not in luxos
    assert "miner.inrush" not in every


def test_a_corner_is_run() -> None:
    found = at(PLANT, SETTING, Corner("gas.line_pack_s", "low", 20.0), "ours")
    assert (found.failures, found.impossible) == ((), "")


def test_a_corner_that_cannot_be_is_told() -> None:
    found = at(PLANT, SETTING, Corner("gas.derate_kpa", "high", 900.0), "ours")
    assert "derate_kpa" in found.impossible


def test_a_corner_that_fails_is_printed_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in between is made up: a policy that does nothing, a dip, and a header that holds less."""
    small = Corner("gas.line_pack_s", "low", 20.0)
    monkeypatch.setattr(sweep, "corners", lambda *_: [small])
    words = ["--scenario", "gas-dip", "--policy", "do-nothing", "--miners", "6", "--days", "0.03", "--sweep"]
    result = CliRunner().invoke(simulate, words)
    assert result.exit_code == 1
    assert "gas.line_pack_s at its low 20: violation" in result.stdout
    assert "trips, the reference 0" in result.stdout
    assert "1 corners, 0 impossible, 1 failed" in result.stdout
