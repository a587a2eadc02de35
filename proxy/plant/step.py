"""What goes into a step of the plant and what comes out of it.

What comes out are named tuples, for they are made each second: a frozen dataclass takes more than twice as
long.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from proxy.plant.fleet import Flags, Floats, Ints
from proxy.plant.island import Trip

NOBODY: Ints = np.zeros(0, dtype=np.int64)
NO_WATTS: Floats = np.zeros(0)


@dataclass(frozen=True, slots=True)
class Commands:
    """What is done to the plant at the beginning of a step. Indices of miners."""

    limit: tuple[Ints, Floats] = (NOBODY, NO_WATTS)
    """Miners, and the watts that each is limited to."""
    sleep: Ints = field(default_factory=lambda: NOBODY)
    wake: Ints = field(default_factory=lambda: NOBODY)
    withhold: Ints = field(default_factory=lambda: NOBODY)
    release: Ints = field(default_factory=lambda: NOBODY)
    disconnect: Ints = field(default_factory=lambda: NOBODY)
    open: Ints = field(default_factory=lambda: NOBODY)
    """Circuits, as `close`."""
    close: Ints = field(default_factory=lambda: NOBODY)


NOTHING = Commands()


class Truth(NamedTuple):
    """How it really is at the end of a step."""

    now_s: float
    load_w: float
    """Miners with the losses of their feeders, at the bus."""
    aux_w: float
    miner_w: Floats
    hashrate_hs: Floats
    miner_state: "np.ndarray[tuple[int], np.dtype[np.int8]]"
    """`asics.State` of each."""
    hashes: float
    """Done in this step."""
    capability_w: float
    """What the running sets could give at the bus now: derates, gas pressure, and the next accepted step."""
    sustained_w: float
    """The same without the limit of the step: what they can give once loaded step by step."""
    gas_sustained_w: float
    """What the present inflow of gas would carry for good, at the running sets' ratings."""
    excess_w: float
    """Load and auxiliaries over `capability_w`, at least 0."""
    circuit_w: Floats
    """[C, 3]"""
    frequency_hz: float
    lowest_hz: float
    """Extremes within this step."""
    highest_hz: float
    running: tuple[bool, ...]
    trips: tuple[Trip, ...]
    """Sets that left the bus in this step, with the cause."""
    underloaded_s: float
    """How long the sets have run below their least load since the beginning."""
    breakers_tripped: tuple[int, ...]
    header_kpa: float
    inflow_m3h: float
    gas_m3: float
    """Burned since the beginning, Nm3."""
    flare_m3: float
    """Flared since the beginning, Nm3."""
    inflow_m3: float
    """Come in since the beginning, Nm3."""
    stored_m3: float
    """In the header now, Nm3."""
    energy_j: float
    """Given by the sets since the beginning."""
    ambient_c: float


class Seen(NamedTuple):
    """What the instruments tell. NaN: not told. Each ``_at_s`` is when it was read, seconds of the run."""

    site_w: float
    """All that the sets give: miners, losses and auxiliaries."""
    site_at_s: float
    circuit_w: Floats
    """[C, 3], as the next two; a lost meter goes on with its last reading and an old time."""
    circuit_a: Floats
    circuit_va: Floats
    circuit_at_s: Floats
    circuit_closed: Flags
    set_running: Flags
    """[G], as the controllers say; with `set_at_s` old, nobody knows."""
    set_state: "np.ndarray[tuple[int], np.dtype[np.int64]]"
    """`island.SetState` of each."""
    set_w: Floats
    set_hz: Floats
    set_valve: Floats
    """0 closed, 1 fully open."""
    set_available_w: Floats
    """What the controller says it could give: NaN, these do not tell."""
    set_at_s: Floats
    frequency_hz: float
    frequency_at_s: float
    header_kpa: float
    header_at_s: float
    flare_m3h: float
    flare_at_s: float
    ambient_c: float
    ambient_at_s: float
    miner_w: Floats
    """[N] as the miners tell; NaN where the firmware tells none."""
    miner_age_s: Floats
    """Since each last answered."""
    miner_claim: "np.ndarray[tuple[int], np.dtype[np.int8]]"
    """`asics.Claim` of each."""
    refused: Ints
    """Miners that answered a command of this step with an error, or not at all."""
    shares: Ints
    """[N] that arrived in this step."""
    connected: Flags
    difficulty: Floats
    """The fleet's own array: not to be changed."""


class Step(NamedTuple):
    """What a step led to."""

    truth: Truth
    seen: Seen
