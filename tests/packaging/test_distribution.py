"""What is handed out: the sdist holds what a wheel is made of, and no compiler means a loud slow wheel."""

import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import Require

pytestmark = [pytest.mark.checkout, pytest.mark.timeout(240)]


def run_hook(hook: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Call one hook of the build backend in ``folder``, output into ``folder/out``, without a network."""
    program = f"import setuptools.build_meta as backend; backend.{hook}('out')"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.fixture
def sdist(checkout: Path, tmp_path: Path, require: Require) -> Path:
    """Return the unpacked sdist of the checkout."""
    require("setuptools and Cython (./dev installs them)", all(map(find_spec, ("setuptools", "Cython"))))
    made = run_hook("build_sdist", checkout)
    assert made.returncode == 0, made.stderr
    (archive,) = (checkout / "out").glob("*.tar.gz")
    # Not tarfile: without a filter 3.12 warns, and Debian 12's 3.11.2 does not know filters yet.
    subprocess.run(["tar", "-xzf", archive, "-C", tmp_path], check=True)
    return tmp_path / archive.name.removesuffix(".tar.gz")


def wheel_names(folder: Path) -> list[str]:
    (wheel,) = (folder / "out").glob("*.whl")
    return zipfile.ZipFile(wheel).namelist()


def test_the_sdist_holds_every_source_and_nothing_built(sdist: Path, checkout: Path) -> None:
    sources = {path.name for path in (checkout / "ext").iterdir()}
    assert "hotpath.pyx" in sources
    assert {path.name for path in (sdist / "ext").iterdir()} == sources
    assert (sdist / "dev").exists()
    assert not list(sdist.rglob("*.so"))


def test_without_a_compiler_the_wheel_is_built_and_says_loudly_that_it_is_slow(sdist: Path) -> None:
    made = run_hook("build_wheel", sdist, CC="false", PUMPJACK_COMPILED="optional")
    assert made.returncode == 0, made.stderr
    assert "PURE PYTHON" in made.stderr
    names = wheel_names(sdist)
    assert {"proxy/hotpath/reference.py", "proxy/plant/plant.toml"} <= set(names)
    assert not [name for name in names if name.endswith(".so")]
    assert {name.split("/")[0].split("-")[0] for name in names} == {"proxy", "pumpjack"}


def test_where_the_compiled_core_is_required_a_failing_compiler_is_an_error(sdist: Path) -> None:
    assert run_hook("build_wheel", sdist, CC="false", PUMPJACK_COMPILED="required").returncode != 0


@pytest.mark.slow  # `./dev build` makes the same wheel, and tests it
def test_with_a_compiler_the_wheel_holds_the_compiled_core(
    sdist: Path, dev: ModuleType, require: Require
) -> None:
    require("a C compiler and Python.h", dev.has_compiler())
    made = run_hook("build_wheel", sdist, PUMPJACK_COMPILED="required")
    assert made.returncode == 0, made.stderr
    assert "PURE PYTHON" not in made.stderr
    names = wheel_names(sdist)
    assert [name for name in names if name.startswith("proxy/hotpath/_compiled") and name.endswith(".so")]
    assert "proxy/hotpath/_compiled.pyi" in names
    assert "proxy/py.typed" in names
