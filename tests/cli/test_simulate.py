"""``simulate``: its figures, its picture, and every file that it cannot use."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.cli import main
from proxy.cli.simulate import _shipped
from proxy.simulation.policies import POLICIES

SHORT = ("--miners", "8", "--days", "0.002")  # three minutes
KEYS = {
    *("violation_ws", "violation_reference_ws", "worst_excess_w", "seconds_over", "genset_trips"),
    *("min_hz", "max_hz", "energy_used_ratio", "hashes", "oracle_ratio", "switches_per_miner_day"),
    *("reaction_p95_s", "jain", "sla_minutes_missed", "unverified_ws", "false_credit_ws", "plant_hash"),
    *("virtual_s", "wall_s", "policy", "scenario", "seed", "miners", "simulated"),
}


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["simulate", *words])


def facts(*words: str) -> Any:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_json_has_every_figure() -> None:
    answer = facts(*SHORT, "--scenario", "gas-dip", "--seed", "3")
    assert set(answer) >= KEYS
    assert answer["simulated"] is True
    assert (answer["policy"], answer["scenario"], answer["seed"]) == ("ours", "gas-dip", 3)
    assert answer["virtual_s"] == 173.0
    assert 0.8 < answer["oracle_ratio"] <= 1.0
    assert answer["violation_reference_ws"] == 0.0
    assert len(answer["plant_hash"]) == 64


def test_alone_it_is_measured_against_nothing() -> None:
    answer = facts(*SHORT, "--alone")
    assert answer["oracle_ratio"] is None
    assert answer["violation_reference_ws"] is None
    assert answer["hashes"] > 0


def test_the_oracle_steers_nothing() -> None:
    answer = facts(*SHORT, "--policy", "oracle")
    assert answer["oracle_ratio"] == 1.0
    assert "violation_ws" not in answer


def test_all_policies_stand_side_by_side() -> None:
    result = run(*SHORT, "--policy", "all")
    assert result.exit_code == 0, result.output
    heading = next(line for line in result.stdout.splitlines() if line.startswith("figure"))
    assert heading.split() == ["figure", *POLICIES, "oracle"]
    assert "\noracle ratio " in result.stdout


def test_without_a_solver_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    answer = facts(*SHORT)
    assert answer["oracle_ratio"] is None
    assert "pumpjack[simulate]" in answer["note"]
    result = run(*SHORT, "--policy", "oracle")
    assert result.exit_code == 1
    assert "pumpjack[simulate]" in result.stderr


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "run.svg"
    assert run(*SHORT, "--alone", "--svg", str(picture)).exit_code == 0
    assert picture.read_text().startswith("<svg")


def test_a_plant_of_ones_own_is_taken(tmp_path: Path) -> None:
    plant = tmp_path / "mine.toml"
    plant.write_text(_shipped().replace("line_pack_s = { value = 90.0", "line_pack_s = { value = 91.0"))
    mine, shipped = facts(*SHORT, "--alone", "--plant", str(plant)), facts(*SHORT, "--alone")
    assert mine["plant_hash"] != shipped["plant_hash"]


def test_a_trace_is_taken(tmp_path: Path) -> None:
    trace = tmp_path / "gas.csv"
    trace.write_text("seconds,kw\n0,50\n60,40\n")
    assert facts(*SHORT, "--alone", "--trace", str(trace))["hashes"] > 0


@pytest.mark.parametrize("option", ["--plant", "--trace"])
@pytest.mark.parametrize(
    ("content", "code", "word"),
    [(None, 1, "cannot read"), (b"\xff\xfe", 1, "UTF-8"), (b"[gas]\nwells = 3", 3, "mistake")],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, option: str, content: bytes | None, code: int, word: str
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    result = run(*SHORT, option, str(path))
    assert result.exit_code == code, result.output
    assert word in result.stderr
    assert str(path) in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--scenario", "nothing"),
        ("--policy", "all", "--svg", "x.svg"),
        ("--policy", "all", "--sweep"),
        ("--miners", "0"),
        ("--budget-share", "0"),
        ("--days", "nan"),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


def test_a_failing_corner_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    from proxy.simulation import sweep

    corner = sweep.Corner("gas.line_pack_s", "low", 20.0)
    fine = sweep.Corner("gas.line_pack_s", "high", 600.0)
    monkeypatch.setattr(
        sweep, "sweep", lambda *_: iter([sweep.Finding(corner, ("3 trips",)), sweep.Finding(fine, ())])
    )
    result = run(*SHORT, "--sweep")
    assert result.exit_code == 1
    assert "gas.line_pack_s at its low 20: 3 trips" in result.stdout
    assert "2 corners, 0 impossible, 1 failed" in result.stdout
    result = run(*SHORT, "--sweep", "--json")
    assert "gas.line_pack_s at its low 20: 3 trips" in result.stderr, "a sweep takes hours: told at once"
    assert json.loads(result.stdout)["failed"][0]["failures"] == ["3 trips"]
