"""The core for ARMv8: what `./dev arm` says where it cannot, and that it passes where it can."""

import os
import subprocess
import sys
from types import ModuleType

import pytest

from tests.conftest import Require
from tests.packaging.conftest import ROOT

pytestmark = pytest.mark.checkout


def test_what_is_missing_for_arm_is_named_in_one_line(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_APT", "1")
    monkeypatch.setattr(dev, "ARM_EMULATORS", ("no-such-emulator",))
    monkeypatch.setattr(dev, "ARM_COMPILER", "no-such-compiler")
    with pytest.raises(SystemExit) as left:
        dev.arm([])
    assert left.value.code == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("dev: arm needs what Debian calls gcc-aarch64-linux-gnu ")
    assert last.endswith(" qemu-user")


def test_tools_for_arm_are_installed_whatever_python_this_is(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "BASE_PYTHON", "/opt/python/bin/python3")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(dev.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert dev.may_use_apt(for_python=False) == []
    monkeypatch.setenv("NO_APT", "1")
    assert dev.may_use_apt(for_python=False) is None


def test_arm_takes_no_options(dev: ModuleType) -> None:
    with pytest.raises(SystemExit):
        dev.arm(["--fast"])


@pytest.mark.slow
def test_the_core_is_right_on_arm(dev: ModuleType, require: Require) -> None:
    require("a compiler for ARMv8 and qemu (./dev arm installs them)", not dev.missing_for_arm())
    run = subprocess.run(
        [sys.executable, ROOT / "dev", "arm"],
        env={**os.environ, "NO_APT": "1"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert run.returncode == 0, run.stderr
    assert "all equal, with portable-c armv8-sha2 portable-c armv8-sha2-x4" in run.stdout
