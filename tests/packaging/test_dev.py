"""The launcher: what it takes for a reason to work again, and what it says where it cannot."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.checkout


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_an_older_python_gets_as_far_as_the_message(dev: ModuleType) -> None:
    # Compiles for 3.8: everything newer would be a SyntaxError instead of a sentence.
    ast.parse(Path(dev.__file__ or "").read_text(), feature_version=(3, 8))


def test_an_unknown_verb_is_an_error_of_usage(dev: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert dev.main(["tset"]) == 2
    assert "no verb 'tset'; one of: demo, test, check, build" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["help"], ["--help"], ["-h"]])
def test_help_names_every_verb(dev: ModuleType, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert dev.main(words) == 0
    shown = capsys.readouterr().out
    assert all(f"./dev {verb}" in shown for verb in dev.VERBS)


@pytest.mark.parametrize(
    "edit",
    [
        lambda root: append(root / "ext" / "hotpath.pyx", "# edited\n"),
        lambda root: append(root / "ext" / "sha256d.h", "/* edited */\n"),
        lambda root: append(root / "setup.py", "# edited\n"),
        lambda root: (root / "ext" / "added.c").write_text("int added;\n"),
        lambda root: (root / "ext" / "sha256d.c").rename(root / "ext" / "renamed.c"),
        lambda root: append(root / "constraints.txt", "# another Cython, say\n"),
    ],
    ids=["pyx", "header", "setup.py", "added", "renamed", "lock"],
)
def test_the_core_is_stale_once_what_it_is_made_of_changes(
    dev: ModuleType, checkout: Path, edit: Callable[[Path], object]
) -> None:
    (checkout / "proxy" / "hotpath" / "_compiled.test.so").touch()
    stamp = {"extension": dev.extension_key()}
    assert dev.core_is_current(stamp)
    edit(checkout)
    assert not dev.core_is_current(stamp)


def test_the_core_is_stale_once_it_is_gone(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev, "has_compiler", lambda: True)
    assert not dev.core_is_current({"extension": dev.extension_key()})


def test_a_compiler_that_arrives_later_is_used(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev, "has_compiler", lambda: False)
    assert dev.core_is_current({"extension": "none"})
    monkeypatch.setattr(dev, "has_compiler", lambda: True)
    assert not dev.core_is_current({"extension": "none"})


def test_a_new_dependency_makes_a_new_environment(dev: ModuleType, checkout: Path) -> None:
    before = dev.environment_key()
    text = (checkout / "pyproject.toml").read_text()
    (checkout / "pyproject.toml").write_text(text.replace("dependencies = [", 'dependencies = ["more",', 1))
    assert dev.environment_key() != before


def test_a_rule_for_the_linter_makes_no_new_environment(dev: ModuleType, checkout: Path) -> None:
    before = dev.environment_key()
    append(checkout / "pyproject.toml", "[tool.another]\nrule = true\n")
    assert dev.environment_key() == before


def test_a_half_written_stamp_counts_for_nothing(dev: ModuleType) -> None:
    dev.VENV.mkdir()
    dev.STAMP.write_text('{"environment": "')
    assert dev.read_stamp() == {}


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(...)'",
        "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool: Read timed out.: ReadTimeout",
        "[Errno -3] Temporary failure in name resolution",
    ],
)
def test_a_dead_network_is_one_clear_line(dev: ModuleType, line: str) -> None:
    trouble = dev.pip_trouble([line, "ERROR: No matching distribution found for aiohttp>=3.10"])
    assert "the package index cannot be reached" in trouble
    assert "\n" not in trouble


def test_a_wheel_that_is_missing_from_the_wheelhouse_is_named(dev: ModuleType) -> None:
    dev.WHEELHOUSE.mkdir()
    trouble = dev.pip_trouble(["ERROR: No matching distribution found for aiohttp>=3.10"])
    assert "./wheelhouse lacks" in trouble
    assert "aiohttp" in trouble


def test_a_wheelhouse_replaces_the_index(dev: ModuleType) -> None:
    assert "PIP_NO_INDEX" not in dev.pip_environment()
    dev.WHEELHOUSE.mkdir()
    env = dev.pip_environment()
    assert env["PIP_NO_INDEX"] == "1"
    assert " " not in env["PIP_FIND_LINKS"] + env["PIP_CONSTRAINT"]


def test_without_pip_and_rights_one_line_says_what_to_do(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "missing_from_debian", lambda: ["python3-venv", "gcc"])
    monkeypatch.setenv("NO_APT", "1")
    with pytest.raises(SystemExit) as left:
        dev.set_up([])
    assert left.value.code == 1
    expected = "dev: this Python has no pip/ensurepip. Run once: sudo apt-get install -y python3-venv\n"
    assert capsys.readouterr().err == expected


def test_no_apt_is_obeyed_even_by_root(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev, "BASE_PYTHON", dev.DEBIAN_PYTHON)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(Path, "exists", lambda path: True)
    assert dev.may_use_apt() == []
    monkeypatch.setenv("NO_APT", "1")
    assert dev.may_use_apt() is None


def test_a_python_that_debian_did_not_install_is_left_alone(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "BASE_PYTHON", Path("/opt/python/bin/python3"))
    assert dev.may_use_apt() is None


def test_the_slow_core_is_said_loudly_and_plainly_where_colour_is_unwanted(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    dev.warn_pure("no C compiler")
    assert "\033[" in capsys.readouterr().err
    monkeypatch.setenv("NO_COLOR", "1")
    dev.warn_pure("no C compiler")
    said = capsys.readouterr()
    assert "PURE PYTHON: no C compiler" in said.err
    assert "--allow-pure-python" in said.err
    assert "\033[" not in said.err
    assert said.out == ""


def test_it_runs_as_a_script_and_by_name(checkout: Path) -> None:
    for command in ([str(checkout / "dev"), "help"], [sys.executable, "dev", "help"]):
        run = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=30)
        assert run.returncode == 0
        assert run.stdout.startswith("Set up and drive Pumpjack")
