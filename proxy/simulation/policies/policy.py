"""What every policy answers to: readings in, steps out; and what it must tell to be judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from proxy.governor.plan import Steps
from proxy.governor.readings import Readings


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be done now, and what the policy takes the load to be."""

    proven_w: float
    """The most that the fleet can be drawing, as far as the policy knows."""
    expected_w: float
    """What it will draw once everything that was told has worked."""
    steps: Steps = field(default_factory=Steps)
    open: tuple[int, ...] = ()
    close: tuple[int, ...] = ()
    """Circuits to be switched."""


class Policy(Protocol):
    """Steers a fleet by what instruments tell, once a second."""

    def step(self, now: float, readings: Readings) -> Answer:
        """Return what is to be done now, in seconds since the beginning."""
        ...
