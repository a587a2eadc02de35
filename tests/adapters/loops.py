"""Sockets are tested on both event loops: asyncio's own and uvloop, on which the program runs."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest
import uvloop

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def both_loops(scene: Callable[[], Coroutine[None, None, None]]) -> Callable[[str], None]:
    """Make a test of a coroutine function without arguments, run once on each loop."""

    def test(loop: str) -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(scene())

    test.__name__, test.__doc__, test.__module__ = scene.__name__, scene.__doc__, scene.__module__
    return pytest.mark.parametrize("loop", LOOPS)(test)
