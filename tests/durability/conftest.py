"""The shim, compiled once for all tests of a process."""

from pathlib import Path

import pytest

from tests.durability.disk import compiled


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("shim"))
