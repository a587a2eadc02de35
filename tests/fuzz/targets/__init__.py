"""What is fuzzed: each module has a ``run`` that takes bytes and raises if something is wrong."""

from collections.abc import Callable
from importlib import import_module
from typing import Final

TARGETS: Final = (
    "lane",
    "submit_scan",
    "downstream",
    "upstream",
    "json",
    "framing",
    "shares",
    "replies",
    "evidence",
    "hashing",
)
"""The most telling first."""


def module_of(name: str) -> str:
    """Return the module of a target."""
    return f"tests.fuzz.targets.{name}"


def target(name: str) -> Callable[[bytes], None]:
    """Return what runs one input of a target."""
    run: Callable[[bytes], None] = import_module(module_of(name)).run
    return run
