"""The fixture that starts the program; at the end each one must have ended well, with a clean log."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.system.pumpjack import Pumpjack, running
from tests.system.site import Table, written


class Launch(Protocol):
    """Starts a pumpjack and returns it once it listens."""

    async def __call__(
        self, content: Table, environment: Mapping[str, str] | None = None, *, pure: bool = False
    ) -> Pumpjack:
        """Start one with this configuration, in a folder of the test's."""


@pytest.fixture
async def launch(tmp_path: Path) -> AsyncIterator[Launch]:
    async with AsyncExitStack() as stack:

        async def start(
            content: Table, environment: Mapping[str, str] | None = None, *, pure: bool = False
        ) -> Pumpjack:
            path = written(tmp_path, content)
            data_dir = Path(content.get("site", {}).get("data_dir", tmp_path / "data"))
            return await stack.enter_async_context(
                running(["-c", str(path)], data_dir, environment, pure=pure)
            )

        yield start
