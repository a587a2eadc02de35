"""The launcher as a module, in a checkout that a test may change."""

import importlib.util
import shutil
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("MANIFEST.in", "README.md", "LICENSE", "constraints.txt", "dev", "pyproject.toml", "setup.py")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of what a clone holds, as far as set-up reads it; its path has a space in it."""
    copy = tmp_path / "a checkout"
    copy.mkdir()
    for name in PARTS:
        shutil.copy(ROOT / name, copy)
    built = shutil.ignore_patterns("__pycache__", "*.so", "hotpath.c")
    shutil.copytree(ROOT / "ext", copy / "ext", ignore=built)
    shutil.copytree(ROOT / "proxy", copy / "proxy", ignore=built)
    (copy / "tests").mkdir()
    (copy / "benchmarks").mkdir()
    return copy


@pytest.fixture
def dev(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the launcher of the copied checkout, imported."""
    for name in ("NO_APT", "NO_COLOR", "PUMPJACK_PURE", "CC"):
        monkeypatch.delenv(name, raising=False)
    loader = SourceFileLoader("dev_of_a_copy", str(checkout / "dev"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
