"""Goals, what was measured, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from statistics import median
from typing import Any, TypeVar

Json = dict[str, Any]
Item = TypeVar("Item")


class Sense(Enum):
    """On which side of its bound a goal is met."""

    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing that is asked of Pumpjack. Never an absolute time: that would be asked of the machine."""

    name: str
    sense: Sense
    bound: float
    rounds: tuple[float, ...]
    """What each round gave. Empty: it cannot be measured on this machine."""
    unit: str = ""
    """Empty: a ratio."""
    note: str = ""

    @property
    def measured(self) -> float | None:
        """The median of the rounds."""
        return median(self.rounds) if self.rounds else None

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the bound; None where nothing could be measured."""
        measured = self.measured
        if measured is None:
            return None
        return measured >= self.bound if self.sense is Sense.AT_LEAST else measured <= self.bound

    @property
    def text(self) -> str:
        """The goal in words."""
        return f"{self.sense.value} {self.bound:g}{f' {self.unit}' if self.unit else ''}"

    def json(self) -> Json:
        """Return the row of the file's ``goals``."""
        row = {"name": self.name, "goal": self.text, "measured": self.measured, "met": self.met}
        return row | {"rounds": list(self.rounds)} | ({"note": self.note} if self.note else {})


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table beside the goals: what helps to understand them, asked of nobody."""

    name: str
    rounds: tuple[float, ...]
    unit: str = ""

    @property
    def measured(self) -> float:
        """The median of the rounds."""
        return median(self.rounds)

    def json(self) -> Json:
        """Return the row of the file's ``context``."""
        return {"name": self.name, "measured": self.measured, "unit": self.unit or "ratio"} | {
            "rounds": list(self.rounds)
        }


@dataclass(slots=True)
class Answer:
    """What one benchmark found out."""

    goals: list[Goal] = field(default_factory=list)
    context: list[Line] = field(default_factory=list)
    details: Json = field(default_factory=dict)
    """Every round as it was measured."""
    profiles: Json = field(default_factory=dict)
    """Of each missed goal, by its name: where the time or the memory goes."""


def ratios(dividends: Sequence[float], divisors: Sequence[float]) -> tuple[float, ...]:
    """Return the ratio of each round: what a noisy minute does to both sides cancels.

    Raises:
        ValueError: the two sides have not as many rounds.

    """
    return tuple(dividend / divisor for dividend, divisor in zip(dividends, divisors, strict=True))


def rotated(items: Sequence[Item], round_number: int) -> Sequence[Item]:
    """Return the contenders in the order of a round, so that none always follows the same one."""
    start = round_number % len(items)
    return [*items[start:], *items[:start]]
