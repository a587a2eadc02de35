"""Which twin serves, and that a broken one is never taken for a missing one."""

import os
import shutil
import subprocess
import sys
from importlib import machinery
from pathlib import Path
from types import ModuleType

import pytest

from proxy import hotpath
from proxy.hotpath import reference

SAY = "from proxy import hotpath; print(hotpath.COMPILED, hotpath.implementation())"


def said(environment: dict[str, str], where: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter, from ``where`` if the package of this run is not meant."""
    root = where or Path(hotpath.__file__).parents[2]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PUMPJACK_")}
    return subprocess.run(
        [sys.executable, "-c", SAY],
        cwd=root,
        env={**clean, "PYTHONPATH": str(root), **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.fixture(name="bare")
def _bare(tmp_path: Path) -> Path:
    """Return a folder with the package, its compiled twins left out."""
    without = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(Path(hotpath.__file__).parents[1], tmp_path / "proxy", ignore=without)
    return tmp_path


def test_compiled_twin_is_chosen_where_it_is(compiled: ModuleType) -> None:
    assert said({}).stdout == f"True {compiled._implementations()[-1]}\n"


def test_environment_forces_the_reference() -> None:
    assert said({"PUMPJACK_PURE": "1"}).stdout == "False python\n"


def test_environment_forces_portable_c(compiled: ModuleType) -> None:
    assert said({"PUMPJACK_SHA": "portable"}).stdout == "True portable-c\n"


def test_misspelt_implementation_is_an_error(compiled: ModuleType) -> None:
    done = said({"PUMPJACK_SHA": "portabel"})
    assert done.returncode != 0
    assert "ValueError: PUMPJACK_SHA may be 'portable' or unset, not 'portabel'" in done.stderr


def test_missing_twin_leaves_the_reference(bare: Path) -> None:
    assert said({}, bare).stdout == "False python\n"


def test_broken_twin_raises(bare: Path) -> None:
    (bare / "proxy" / "hotpath" / f"_compiled{machinery.EXTENSION_SUFFIXES[0]}").write_bytes(b"not a library")
    done = said({}, bare)
    assert done.returncode != 0
    assert "ImportError" in done.stderr


def test_twin_that_lacks_a_module_raises(bare: Path) -> None:
    (bare / "proxy" / "hotpath" / "_compiled.py").write_text("import proxy.no_such_module\n")
    done = said({}, bare)
    assert done.returncode != 0
    assert "No module named 'proxy.no_such_module'" in done.stderr


def test_reference_is_named_python() -> None:
    assert reference.implementation() == "python"


def test_unknown_implementation_is_refused_and_changes_nothing(native: ModuleType) -> None:
    before = native.implementation()
    with pytest.raises(ValueError, match="no implementation 'abacus'"):
        native._select("abacus")
    assert native.implementation() == before
