"""The suites that touch the core, run on the sanitised build."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Final

from tests.fuzz.workshop import Copy

SUITES: Final = ("tests/hotpath", "tests/mining", "tests/relay", "tests/stratum")
SLOWNESS: Final = 5
"""How many times the usual timeout a test gets: ASan with Python's objects one by one is slow."""


def run_tests(copy: Copy, say: Callable[[str], None]) -> bool:
    """Run the suites; return whether they passed and no sanitizer objected."""
    copy.build_core()
    say(f"tests: {' '.join(SUITES)}")
    words = ["-q", "-p", "no:cacheprovider", f"--timeout={60 * SLOWNESS}", *SUITES]
    run = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=copy.tree, env=copy.environment())
    say("tests: passed" if run.returncode == 0 else f"tests: FAILED with {run.returncode}")
    return run.returncode == 0
