"""What happens to the simulated site: a table of scenarios. Seconds are of the run, watts are in parts.

A row fixes everything that a result depends on beside plant, fleet size, length and seed. Times are given for
runs of a day; shorter runs see the beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType

import numpy as np

from proxy.energy.site import NMinusOne, Reserve
from proxy.plant.script import (
    BrownOut,
    Deaf,
    Disturbance,
    GasFactor,
    GasWave,
    Join,
    Liars,
    MeterFault,
    SetEvent,
    UplinkLost,
)
from proxy.simulation.entitled import Claim

HOUR_S = 3_600.0
_FEEDERS = 8
_N_MINUS_ONE = NMinusOne()
TWO_TENANTS = (Claim("acme", 0.35, 2.0), Claim("borealis", 0.2, 1.0, priority=1))
SQUEEZED = (
    Claim("acme", 0.4, 1.0),
    Claim("borealis", 0.2, 3.0, priority=1),
    Claim("cirrus", 0.0, 1.0, priority=2),
)
"""Their guarantees are parts of the fleet's default draw; their sum stays below firm capacity."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row."""

    name: str
    help: str
    happens: Callable[[Scenario, Story], Iterator[Disturbance]] | None = None
    """What befalls the plant from ``onset_s`` on, once for each recurrence."""
    onset_s: float = 1_800.0
    size: float = 0.0
    """How hard it is; its meaning is that of what happens."""
    for_s: float = 0.0
    """How long it lasts."""
    every_s: float = inf
    """When it comes again, counted from one beginning to the next."""
    preload: float = 0.85
    """The fleet's default draw with auxiliaries, over what all sets give."""
    sets: int = 4
    engine: str = "lean"
    """Kind of the engines: lean ones take load in small steps."""
    reserve: Reserve = _N_MINUS_ONE
    supply: float = 1.0
    """Part of the wells' nominal inflow that there is from the beginning."""
    line_pack_s: float | None = None
    """How long the header alone could feed the whole site; None: as long as the plant says."""
    wells_vary: bool = False
    """Whether wells drift, slug and shut in by themselves besides, by the figures of the plant."""
    fleet: str = "mixed"
    tenants: tuple[Claim, ...] = TWO_TENANTS
    circuits: int = 4
    dark: bool = False
    """Whether it begins without voltage: all sets stand."""
    cap: float = inf
    """Ordered cap while it happens, over the fleet's default draw."""

    def onsets(self, duration_s: float) -> Iterator[float]:
        """Yield when it happens in a run of so many seconds."""
        at = self.onset_s
        while at < duration_s:
            yield at
            at += self.every_s


@dataclass(frozen=True, slots=True)
class Story:
    """What a row needs to know to become a script."""

    at_s: float
    """This recurrence's beginning."""
    miners: int
    chance: np.random.Generator

    def some(self, part: float) -> tuple[int, ...]:
        """Return a part of the miners, at least one, drawn by chance."""
        count = max(1, round(part * self.miners))
        return tuple(sorted(int(index) for index in self.chance.permutation(self.miners)[:count]))


def _gas_dip(row: Scenario, story: Story) -> Iterator[Disturbance]:
    yield GasFactor(story.at_s, row.size * row.supply, ramp_s=60.0)
    yield GasFactor(story.at_s + row.for_s, row.supply, ramp_s=120.0)


def _trip(row: Scenario, story: Story) -> Iterator[Disturbance]:
    yield SetEvent(story.at_s, 0, "trip")
    yield SetEvent(story.at_s + row.for_s, 0, "repair")


def _slugs(row: Scenario, story: Story) -> Iterator[Disturbance]:
    yield GasWave(story.at_s, row.size, period_s=1_800.0, for_s=row.for_s)


def _meters_lost(row: Scenario, story: Story) -> Iterator[Disturbance]:
    yield MeterFault(story.at_s, "site", "lost", row.for_s)
    yield MeterFault(story.at_s, "circuit", "lost", row.for_s)


def _meters_stuck(row: Scenario, story: Story) -> Iterator[Disturbance]:
    # Frozen digits alone harm nobody; they do when the gas fails behind them.
    yield MeterFault(story.at_s, "site", "stuck", row.for_s)
    yield MeterFault(story.at_s, "circuit", "stuck", row.for_s)
    yield from _gas_dip(row, Story(story.at_s + 60.0, story.miners, story.chance))


def _uplink_lost(row: Scenario, story: Story) -> Iterator[Disturbance]:
    yield UplinkLost(story.at_s, row.for_s)


def _cold_start(row: Scenario, story: Story) -> Iterator[Disturbance]:
    for number in range(row.sets):
        yield SetEvent(story.at_s + 60.0 * number, number, "start")
    # Somebody closes the feeders, a part of the fleet after the other: no bus takes all of them at once.
    everybody = story.chance.permutation(story.miners)
    parts = [part for part in np.array_split(everybody, _FEEDERS) if len(part)]
    for number, part in enumerate(parts):
        yield Join(story.at_s + row.for_s + 60.0 * number, tuple(sorted(int(index) for index in part)))


def _deaf(row: Scenario, story: Story) -> Iterator[Disturbance]:
    who = story.some(row.size)
    yield Deaf(story.at_s - 600.0, who[::2], row.for_s + 1_200.0)
    yield Liars(story.at_s - 600.0, who[1::2], row.for_s + 1_200.0)
    yield GasFactor(story.at_s, 0.55 * row.supply, ramp_s=60.0)
    yield GasFactor(story.at_s + row.for_s, row.supply, ramp_s=120.0)


def _brown_out(row: Scenario, story: Story) -> Iterator[Disturbance]:
    for circuit in range(round(row.size * row.circuits)):
        yield BrownOut(story.at_s, circuit)


def _join(row: Scenario, story: Story) -> Iterator[Disturbance]:
    yield Join(story.at_s, story.some(row.size))


_ROWS = (
    Scenario("steady", "Nothing happens. Power is scarce: the fleet wants an eighth more than there is."),
    Scenario(
        "gas-dip",
        "The wells fall to 0.55 of their inflow for an hour, every six hours; each varies besides.",
        _gas_dip,
        wells_vary=True,
        size=0.55,
        for_s=HOUR_S,
        every_s=6 * HOUR_S,
    ),
    Scenario(
        "genset-trip",
        "One of four rich-burn sets trips and is repaired an hour later, every twelve hours.",
        _trip,
        engine="rich",
        for_s=HOUR_S,
        every_s=12 * HOUR_S,
    ),
    Scenario(
        "slugging",
        "The inflow is short and swings by three tenths within 30 minutes, for four hours out of six; each "
        "well varies besides.",
        _slugs,
        wells_vary=True,
        size=0.3,
        for_s=4 * HOUR_S,
        every_s=6 * HOUR_S,
        supply=0.7,
    ),
    Scenario(
        "meter-lost",
        "All feeder meters fall silent for ten minutes, every six hours.",
        _meters_lost,
        for_s=600.0,
        every_s=6 * HOUR_S,
    ),
    Scenario(
        "meter-stuck",
        "Feeder meters freeze for half an hour, and a minute later the gas dips to 0.55.",
        _meters_stuck,
        size=0.55,
        for_s=1_800.0,
        every_s=6 * HOUR_S,
    ),
    Scenario(
        "uplink-lost",
        "No pool is reached for fifteen minutes, every six hours: nobody has work.",
        _uplink_lost,
        for_s=900.0,
        every_s=6 * HOUR_S,
    ),
    Scenario(
        "cold-start",
        "The site is dark; its sets start a minute apart, then feeders are closed, an eighth each minute.",
        _cold_start,
        onset_s=60.0,
        for_s=480.0,
        dark=True,
        engine="rich",
    ),
    Scenario(
        "tenant-squeeze",
        "The wells fall to 0.5 for two hours, every eight hours, on three tenants with guarantees; each "
        "varies besides.",
        _gas_dip,
        wells_vary=True,
        size=0.5,
        for_s=2 * HOUR_S,
        every_s=8 * HOUR_S,
        tenants=SQUEEZED,
    ),
    Scenario(
        "deaf-miners",
        "A tenth of the miners ignore commands, half of these lie about it, and the gas dips to 0.55.",
        _deaf,
        size=0.1,
        for_s=HOUR_S,
        every_s=6 * HOUR_S,
    ),
    Scenario(
        "price-spikes",
        "An order caps the fleet at 0.3 of its default draw for a quarter of an hour, every two hours.",
        for_s=900.0,
        every_s=2 * HOUR_S,
        cap=0.3,
    ),
    Scenario(
        "brown-out",
        "The voltage dips in half of the circuits and all miners there reboot, every twelve hours.",
        _brown_out,
        size=0.5,
        every_s=12 * HOUR_S,
    ),
    Scenario(
        "joiners",
        "A fifth of the miners did not exist before: they are switched on after half an hour.",
        _join,
        size=0.2,
    ),
)
SCENARIOS: Mapping[str, Scenario] = MappingProxyType({row.name: row for row in _ROWS})


def disturbances(row: Scenario, miners: int, duration_s: float, seed: int) -> list[Disturbance]:
    """Return what befalls the plant, in the order of time."""
    found: list[Disturbance] = []
    if row.supply != 1.0:
        found.append(GasFactor(0.0, row.supply))
    if row.happens is not None:
        for number, at in enumerate(row.onsets(duration_s)):
            chance = np.random.default_rng([seed, number, 0x5CE])
            found += row.happens(row, Story(at, miners, chance))
    return sorted(found, key=lambda event: event.at_s)


def ordered_cap(row: Scenario, now_s: float) -> float:
    """Return the cap that is ordered now, over the fleet's default draw; infinite without an order."""
    since = now_s - row.onset_s
    if row.cap == inf or since < 0:
        return inf
    return row.cap if since % row.every_s < row.for_s else inf
