"""What the governor is told each tick. NaN means unknown; nothing here has been judged yet."""

from dataclasses import dataclass
from enum import IntEnum

from proxy.energy.arrays import Bools, Floats, Ints


class Claim(IntEnum):
    """What a miner says of itself."""

    UNKNOWN = 0
    MINING = 1
    ASLEEP = 2
    UNREACHABLE = 3


@dataclass(frozen=True, slots=True)
class GeneratorReading:
    """One look at the controllers of all generating sets."""

    running: Bools
    watts: Floats
    """At each set's terminals."""
    hz: float
    """Of the bus."""
    valve: Floats
    """Opening of each set's fuel valve, 0 to 1."""
    available_w: Floats
    """What each set could give now, where its controller tells; else NaN."""
    at: Floats
    """When each set's controller was read."""


@dataclass(frozen=True, slots=True)
class Instructions:
    """What people and contracts want now; the strictest holds."""

    cap_w: float = float("inf")
    """Most watts for the fleet, by an operator, a schedule, a price or a curtailment order."""
    cap_name: str = ""
    """Who said so."""
    held: bool = False
    """Raise nothing until released; reductions go on."""
    stopped: bool = False
    """Emergency stop: everything down by the fastest way, nothing up."""
    ends: bool = False
    """The program ends and lets its miners go: who leaves is not lost, and nothing is raised."""
    locked: tuple[int, ...] = ()
    """Circuits locked out for maintenance: their miners go down and stay down."""


FREE = Instructions()
"""Nobody wants anything."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Everything that was read for one tick. Arrays of miners have the length of the devices."""

    circuit_w: Floats
    """``[C, 3]``: active power of each circuit's phases; NaN where there is no meter."""
    circuit_at: Floats
    """``[C]``: when each circuit's meter was read, on the clock of ``now``; NaN never."""
    site_w: float
    """Power of the fleet's feeder (everything but auxiliaries); NaN where there is no such meter."""
    site_at: float
    generators: GeneratorReading | None
    header_kpa: float
    flare_m3h: float
    ambient_c: float
    aux_w: float
    """Measured auxiliaries; NaN: the configured figure is taken."""
    available_w: float
    """What an outside source (file, HTTP) says may be drawn; NaN where it is unknown."""
    available_at: float
    miner_w: Floats
    """Each miner's own figure; NaN where its firmware tells none."""
    miner_at: Floats
    """When each miner was polled."""
    claimed: Ints
    """``Claim`` codes."""
    shares: Ints
    """Accepted shares since the last tick."""
    connected: Bools
    instructions: Instructions = FREE
    refused: tuple[int, ...] = ()
    """Miners that answered the last tick's command with an error, or not at all."""
    month: str = ""
    """Of the wall clock, as ``2026-11``: debts are kept by it."""
