"""What befalls a plant, and when: the disturbances of a scenario, as data. Seconds are of the run."""

from dataclasses import dataclass
from math import inf
from typing import Literal


@dataclass(frozen=True, slots=True)
class GasFactor:
    """From ``at_s`` the wells' total moves to ``factor`` of its own, evenly within ``ramp_s``."""

    at_s: float
    factor: float
    ramp_s: float = 0.0


@dataclass(frozen=True, slots=True)
class GasWave:
    """A slug: the total swings by ``amplitude`` of itself as a sine that begins with a fall."""

    at_s: float
    amplitude: float
    period_s: float
    for_s: float = inf


@dataclass(frozen=True, slots=True)
class GasWander:
    """The total wanders: exp of an Ornstein-Uhlenbeck process of this deviation and time constant."""

    at_s: float
    sigma: float
    tau_s: float


@dataclass(frozen=True, slots=True)
class WellShut:
    """One well gives nothing for a while."""

    at_s: float
    well: int
    for_s: float


@dataclass(frozen=True, slots=True)
class SetEvent:
    """A set trips and stays out until repaired, is repaired and started, is started, or stopped."""

    at_s: float
    set: int
    what: Literal["trip", "repair", "start", "stop"]


@dataclass(frozen=True, slots=True)
class Ambient:
    """The air moves to ``celsius`` evenly within ``ramp_s``."""

    at_s: float
    celsius: float
    ramp_s: float = 0.0


@dataclass(frozen=True, slots=True)
class MeterFault:
    """An instrument lies for a while.

    ``meter`` is ``site``, ``circuit:3``, ``set:1``, ``hz``, ``header``, ``flare`` or ``ambient``; without a
    number all circuits or sets. ``noise`` adds ``size`` of the reading (sigma), ``scale`` multiplies by it.
    """

    at_s: float
    meter: str
    what: Literal["lost", "stuck", "noise", "scale", "flip", "nan"]
    for_s: float = inf
    size: float = 1000.0


@dataclass(frozen=True, slots=True)
class UplinkLost:
    """No pool is reached: nobody has work, shares go nowhere."""

    at_s: float
    for_s: float


@dataclass(frozen=True, slots=True)
class LanLost:
    """Miners are not reached: no sessions, no commands, no telemetry. ``circuit`` -1: all of them."""

    at_s: float
    for_s: float
    circuit: int = -1


@dataclass(frozen=True, slots=True)
class BrownOut:
    """The voltage dips: miners reboot, all at once. ``circuit`` -1: all of them."""

    at_s: float
    circuit: int = -1


@dataclass(frozen=True, slots=True)
class Join:
    """These miners did not exist before: they are switched on now."""

    at_s: float
    miners: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Deaf:
    """These miners take commands and do nothing."""

    at_s: float
    miners: tuple[int, ...]
    for_s: float = inf


@dataclass(frozen=True, slots=True)
class Liars:
    """These miners do nothing and report that they did."""

    at_s: float
    miners: tuple[int, ...]
    for_s: float = inf


Disturbance = (
    GasFactor
    | GasWave
    | GasWander
    | WellShut
    | SetEvent
    | Ambient
    | MeterFault
    | UplinkLost
    | LanLost
    | BrownOut
    | Join
    | Deaf
    | Liars
)


@dataclass(frozen=True, slots=True)
class Script:
    """All that befalls a plant beside its own nature."""

    disturbances: tuple[Disturbance, ...] = ()
    wells_vary: bool = False
    """Whether wells drift, slug and shut in by themselves, by the figures of the plant."""
    meters_fail: bool = True
    """Whether meters fall silent for seconds by themselves."""
