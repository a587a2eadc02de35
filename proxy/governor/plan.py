"""What the governor answers each tick: steps, and why."""

from dataclasses import dataclass, field

import numpy as np

from proxy.energy.arrays import Floats, Ints

NOBODY: Ints = np.empty(0, dtype=np.int64)
NOTHING: Floats = np.empty(0, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Steps:
    """Instructions in the order in which they are to be sent: reductions first."""

    miner: Ints = field(default_factory=lambda: NOBODY)
    verb: Ints = field(default_factory=lambda: NOBODY)
    """``Verb`` codes."""
    watts: Floats = field(default_factory=lambda: NOTHING)
    """The limit of a ``LIMIT`` or ``WAKE``; else what the miner is expected to come to."""

    def of(self, verb: int) -> tuple[Ints, Floats]:
        """Return the miners told so and their watts."""
        chosen = self.verb == verb
        return self.miner[chosen], self.watts[chosen]


NO_STEPS = Steps()


@dataclass(frozen=True, slots=True)
class Decision:
    """Something the governor did, with the constraint that bound it."""

    at: float
    what: str
    """``shed``, ``raise``, ``trim``, ``escalate``, ``admit``, ``stop``, ``lockout``, ``budget``."""
    miners: int
    """How many it touches."""
    watts: float
    """By how much the fleet is to change: negative is down."""
    bound: str
    """Name of the constraint."""
    sentence: str
    """Why, for a person."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person should look at; repeated at most once in the alarm interval."""

    at: float
    kind: str
    subject: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to one tick."""

    at: float
    steps: Steps
    open: tuple[int, ...]
    """Circuits whose switch is to be opened: the last actuator."""
    close: tuple[int, ...]
    prove: Ints
    """Miners whose lower difficulty would prove a reduction sooner."""
    budget_w: float
    """What the fleet may draw."""
    bound: str
    """The constraint that made it so."""
    sentence: str
    capability_w: float
    """What the supply is believed to give the fleet at most now; reserve included."""
    proven_w: float
    """Most that the fleet can be drawing, or come to draw, by evidence."""
    expected_w: float
    """What the fleet is expected to draw once the reductions in flight have arrived."""
    decisions: tuple[Decision, ...]
    alarms: tuple[Alarm, ...]
    debts_wh: Floats
    """What each tenant is owed of this month, in watt-hours."""
    standing: tuple[tuple[str, str], ...] = ()
    """Kind and subject of the alarms, of this tick or before, whose reason lasts."""
