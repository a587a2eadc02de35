"""The program without its process, on either loop: for faults that are put inside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from proxy.app.program import Program
from proxy.config.load import settings_from
from proxy.events import Event
from tests.system.pumpjack import PATIENCE
from tests.system.site import Table

Loop = Callable[[], asyncio.AbstractEventLoop]

both_loops = pytest.mark.parametrize(
    "loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


def on(loop: Loop, scene: Coroutine[None, None, None]) -> None:
    """Run a scene on a loop of its own."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scene)


@asynccontextmanager
async def program_of(
    folder: Path, content: Table, heard: Callable[[Event], None] | None = None
) -> AsyncIterator[Program]:
    """Run the program beside the body."""
    content = {**content, "site": {"data_dir": str(folder / "data")}}
    program = Program(settings_from(content, base=folder), seed=7, hear=heard)
    async with asyncio.TaskGroup() as group:
        group.create_task(program.run())
        async with asyncio.timeout(PATIENCE):
            await program.listening.wait()
        try:
            yield program
        finally:
            program.stop()
