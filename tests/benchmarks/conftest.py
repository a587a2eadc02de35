"""The C programs, started for a test; they and the benchmarks are parts of a checkout, not of a wheel."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Require

if TYPE_CHECKING:
    from benchmarks.programs import Child

ROOT = Path(__file__).resolve().parents[2]

# Where the installed wheel is tested there is no benchmarks/ to import: these tests are about the checkout.
collect_ignore_glob = [] if (ROOT / "benchmarks").is_dir() else ["test_*.py"]

Start = Callable[..., "Child"]


@pytest.fixture
def start(require: Require) -> Iterator[Start]:
    """Return a function that starts a C program by its name, with words for it."""
    from benchmarks.programs import Child, compiled

    require("a C compiler", shutil.which("cc") is not None or shutil.which("gcc") is not None)
    with ExitStack() as stack:

        def started(name: str, *words: object) -> Child:
            return stack.enter_context(Child([str(compiled(name)), *map(str, words)]))

        yield started
