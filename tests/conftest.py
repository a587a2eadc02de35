"""What every test may use: the rule for missing parts, and hypothesis without deadlines."""

import os
from collections.abc import Iterator
from typing import Protocol

import pytest
import structlog
from hypothesis import settings

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# A noisy machine must not fail a property; in CI a failure must be the same on every run.
settings.register_profile("pumpjack", deadline=None, derandomize=IN_CI, print_blob=True)
settings.load_profile("pumpjack")


class Require(Protocol):
    """Says that a test cannot run without a part of the machine."""

    def __call__(self, part: str, present: bool) -> None:
        """Go on if ``part`` is present; else skip visibly on a developer's machine and fail in CI."""


def need(part: str, present: bool) -> None:
    """Go on if ``part`` is present; else skip visibly on a developer's machine and fail in CI."""
    if present:
        return
    if IN_CI:
        pytest.fail(f"CI lacks {part}", pytrace=False)
    pytest.skip(f"needs {part}")


@pytest.fixture(name="require", scope="session")
def _require() -> Require:
    return need


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """Let no test leave the log pointing at a stream that is closed by now."""
    yield
    structlog.reset_defaults()
