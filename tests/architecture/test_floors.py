"""The floors of the house hold, and the linter that says so would see it if they did not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.checkout


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of the ``pyproject.toml`` in ``folder`` against the ``proxy/`` beside it."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=50,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with a copy of ``proxy/`` and the contracts, to plant faults in."""
    shutil.copytree(ROOT / "proxy", tmp_path / "proxy", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(folder: Path, module: str, line: str) -> None:
    """Write ``line`` at the top of a new module of the copy."""
    path = folder / module
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{line}\n")


def test_floors_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


def test_a_copy_without_a_fault_passes(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout


def test_every_folder_of_code_is_a_package() -> None:
    # The linter passes a folder without __init__.py by, and everything in it.
    folders = {path.parent for path in (ROOT / "proxy").rglob("*.py")}
    assert not [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()]


@pytest.mark.parametrize("room", ["hotpath", "mining", "relay", "stratum"])
@pytest.mark.parametrize("edge", ["asyncio", "logging", "random", "socket", "threading", "time"])
def test_a_pure_room_that_reaches_outside_is_seen(copy: Path, room: str, edge: str) -> None:
    plant(copy, f"proxy/{room}/planted.py", f"import {edge}")
    result = lint(copy)
    assert result.returncode == 1
    assert f"proxy.{room} is not allowed to import {edge}" in result.stdout


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("mining", "stratum"),
        ("stratum", "mining"),
        ("hotpath", "mining"),
        ("stratum", "events"),
        ("relay", "adapters"),
        ("relay", "config"),
    ],
)
def test_an_import_that_points_up_or_across_is_seen(copy: Path, lower: str, higher: str) -> None:
    plant(copy, f"proxy/{lower}/planted.py", f"import proxy.{higher}")
    result = lint(copy)
    assert result.returncode == 1
    assert f"proxy.{lower} is not allowed to import proxy.{higher}" in result.stdout


def test_an_edge_that_opens_a_door_to_another_is_seen(copy: Path) -> None:
    plant(copy, "proxy/adapters/tcp/planted.py", "import proxy.adapters.stores")
    result = lint(copy)
    assert result.returncode == 1
    assert "proxy.adapters.tcp is not allowed to import proxy.adapters.stores" in result.stdout


def test_a_module_that_has_no_floor_is_seen(copy: Path) -> None:
    plant(copy, "proxy/helpers.py", '"""A module of no floor."""')
    result = lint(copy)
    assert result.returncode == 1
    assert "proxy.helpers" in result.stdout
