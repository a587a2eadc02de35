"""The world once more, on the reference instead of the compiled core, in the same process.

What both ways of a submit have in common, the counting for one, would be wrong in both alike if both ran on
the compiled core. So ``proxy`` is loaded a second time, as PUMPJACK_PURE loads it, and kept apart.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import cast

import tests.fuzz
from tests.fuzz.world import World

WORLD = World.__module__


def _is_apart(name: str) -> bool:
    return name == "proxy" or name.startswith("proxy.") or name == WORLD


@contextmanager
def _pure() -> Iterator[None]:
    before = os.environ.get("PUMPJACK_PURE")
    os.environ["PUMPJACK_PURE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PUMPJACK_PURE"]
        else:
            os.environ["PUMPJACK_PURE"] = before


@cache
def reference_world() -> type[World]:
    """Return the class of worlds that run on the reference."""
    kept: dict[str, ModuleType] = {
        name: sys.modules.pop(name) for name in list(sys.modules) if _is_apart(name)
    }
    try:
        with _pure():
            module = import_module(WORLD)
    finally:
        for name in [name for name in sys.modules if _is_apart(name)]:
            del sys.modules[name]
        sys.modules.update(kept)
        setattr(tests.fuzz, WORLD.rpartition(".")[2], kept[WORLD])
    return cast("type[World]", module.World)
