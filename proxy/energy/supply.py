"""What the generators can give now, and what tells early that it will be less.

Gas that an engine burns is consumption: it falls when the load falls, and a budget made from it would follow
itself down to nothing. Supply shows elsewhere: in the pressure of the header, which falls while the pipes'
content (line-pack) still feeds the engines; in the flare, which burns what nobody takes; in the governor's
valve, which opens further for the same watts; in frequency, last of all.
"""

import math
from dataclasses import dataclass

import numpy as np

from proxy.energy.arrays import Bools, Floats
from proxy.energy.budget import Term
from proxy.energy.site import HardwareShed, NMinusOne, Reserve, ReserveKw

REGULATION = 0.05
"""Part of what runs that is kept free for the governors of the engines to work with [A]."""
CARRIED = 0.8
"""Silent sets give at least so much of their share, or one of them is gone: one of four would leave 0.75."""
VALVE_STOP = 0.97
"""A valve that is open so far gives no more."""
VALVE_FREEZE = 0.92
"""From here on nothing is raised [A]."""
CALM_S = 60.0
"""Nothing is raised for so long after frequency was out of its band."""


def capability_w(nominal_w: Floats, derate: Floats, running: Bools, w: Floats, valve: Floats) -> Floats:
    """Return what each generator can give for hours, as far as it is proven [G].

    A set that does not run gives nothing, and one whose valve is at its stop no more than it gives now.

    Args:
        nominal_w: Ratings.
        derate: Factors of heat, altitude and methane number as they are now.
        running: On the bus and taking load; where that is unknown, False.
        w: Active power now; NaN where unknown.
        valve: Opening of the governor's fuel valve, 0 to 1; NaN where the controller does not tell it.

    """
    rated = np.where(running, nominal_w * derate, 0.0)
    at_stop = (valve >= VALVE_STOP) & (w < rated)  # NaN compares as False
    return np.where(at_stop, np.maximum(0.0, w), rated)


def carried(rated_w: float, given_w: float, silent_w: float, bus_w: float) -> bool:
    """Return whether sets that are silent are proven to be on the bus still, all of them.

    Sets share by rating: what those that speak do not give, the silent ones do.

    Args:
        rated_w: Ratings of the sets that speak.
        given_w: What they give; NaN is unknown and proves nothing.
        silent_w: Ratings of the silent ones.
        bus_w: Load of the bus.

    """
    if rated_w <= 0.0 or not given_w > 0.0:
        return False
    return bus_w - given_w > CARRIED * (given_w / rated_w * silent_w)


def reserve_w(reserve: Reserve, capability: Floats) -> float:
    """Return what is to be kept free of what the running sets give, in watts.

    Args:
        reserve: The site's choice.
        capability: Watts of each set; 0 for one that does not run. With a single one left ``n-1`` keeps the
            regulating part only: if it trips too, there is nobody to whom a reserve could be of use.

    """
    regulation = REGULATION * float(capability.sum())
    match reserve:
        case NMinusOne():
            several = int((capability > 0).sum()) > 1
            return max(regulation, float(capability.max(initial=0.0))) if several else regulation
        case ReserveKw(kw):
            return max(regulation, kw * 1000.0)
        case HardwareShed():
            return regulation


def generators(reserve: Reserve, capability: Floats, factor: float = 1.0) -> Term:
    """Return what generators allow: what they give, less the reserve.

    Args:
        reserve: The site's choice.
        capability: Watts of each set [G].
        factor: What ``supply`` and ``droop`` leave of it, 0 to 1. Gas that is short is short for all sets
            together, and so the reserve for the loss of one is taken from the sets, not from the gas.

    """
    total = float(capability.sum())
    kept = reserve_w(reserve, capability)
    by_sets = total - kept
    free = max(REGULATION * factor * total, kept if isinstance(reserve, ReserveKw) else 0.0)
    by_gas = factor * total - free
    watts = max(0.0, min(by_sets, by_gas))
    running = int((capability > 0).sum())
    sentence = f"{running} generators give {total / 1000:,.0f} kW, "
    if by_gas < by_sets:
        sentence += f"of which supply allows {100 * factor:.0f} % less {free / 1000:,.0f} kW of reserve"
    else:
        sentence += f"less {kept / 1000:,.0f} kW of reserve ({_name(reserve)})"
    return Term("generators" if by_sets <= by_gas else "gas", watts, sentence)


def _name(reserve: Reserve) -> str:
    match reserve:
        case NMinusOne():
            return "n-1"
        case HardwareShed(tested):
            return f"hardware-shed, tested {tested}"
        case ReserveKw():
            return "kW"


@dataclass(frozen=True, slots=True)
class Header:
    """The gas header of a site.

    Raises:
        ValueError: ``empty_kpa`` is not below ``full_kpa``, or a negative lead.

    """

    full_kpa: float
    """At this pressure and above the wells give what the engines take."""
    empty_kpa: float
    """Where engines lose power."""
    lead_s: float = 30.0
    """How far ahead a falling pressure is drawn on: what the fleet needs to come down, twice [A]."""
    flare_least_m3h: float = 5.0
    """More than pilot and purge: gas is left over [A]."""

    def __post_init__(self) -> None:
        if not self.empty_kpa < self.full_kpa or self.lead_s < 0:
            raise ValueError(f"empty_kpa must be below full_kpa, and lead_s not negative: {self}")


@dataclass(frozen=True, slots=True)
class Supply:
    """What of the generators' power the gas allows."""

    factor: float
    """0 to 1; it falls before capability does."""
    frozen: tuple[str, ...]
    """Reasons why nothing may be raised."""
    sentence: str


def supply(
    header: Header, *, pressure_kpa: float, slope_kpa_s: float, valve: float, flare_m3h: float, calm_s: float
) -> Supply:
    """Return how far the gas carries.

    The load is let down in proportion as the header empties, so that both meet where as much is burnt as
    comes in; the line-pack is what there is to find that point with. A proportional rule alone holds no
    memory that could wind up. Unknown values let nothing down here (their meter's ladder does that) but
    freeze.

    Args:
        header: The site's pressures.
        pressure_kpa: Of the header; NaN is unknown.
        slope_kpa_s: Its change, smoothed over a few seconds; NaN is unknown.
        valve: The widest of all running sets' fuel valves, 0 to 1; NaN if no controller tells.
        flare_m3h: What is flared; NaN if nobody measures.
        calm_s: Seconds since frequency was last out of its band.

    """
    frozen = []
    if valve > VALVE_FREEZE:
        frozen.append(f"a fuel valve is {100 * valve:.0f} % open")
    if calm_s < CALM_S:
        frozen.append(f"frequency was out of its band {calm_s:.0f} s ago")
    if math.isnan(pressure_kpa):
        frozen.append("the pressure of the gas header is unknown")
        return Supply(1.0, tuple(frozen), "the pressure of the gas header is unknown")
    # Gas at the flare is gas that nobody takes: then a fall of pressure is the flare's doing.
    flaring = flare_m3h > header.flare_least_m3h
    falling = 0.0 if flaring or math.isnan(slope_kpa_s) else min(0.0, slope_kpa_s)
    ahead_kpa = pressure_kpa + falling * header.lead_s
    span_kpa = header.full_kpa - header.empty_kpa
    factor = min(1.0, max(0.0, (ahead_kpa - header.empty_kpa) / span_kpa))
    if falling < 0 and factor < 1:
        frozen.append(f"the gas header falls by {-60 * falling:.1f} kPa a minute")
    sentence = f"gas header at {pressure_kpa:,.0f} kPa, {ahead_kpa:,.0f} kPa in {header.lead_s:.0f} s"
    return Supply(factor, tuple(frozen), f"{sentence}: {100 * factor:.0f} %")


def droop(hz: float, nominal_hz: float, resolution_hz: float, droop: float = 0.05) -> tuple[float, str]:
    """Return the part of the budget that frequency leaves, 0 to 1, and why nothing may be raised, if so.

    Args:
        hz: Frequency; NaN is unknown: nothing is trimmed, nothing raised.
        nominal_hz: 50 or 60.
        resolution_hz: What one bit of the reading is worth: 0.1 on DSE and ComAp, 0.01 on DEIF [S]. Two of
            them are noise; half a percent is what an isochronous governor moves by itself (G2 band 1.5 %)
            [A].
        droop: Fall of frequency from no load to full, over nominal: 4 to 5 % [S].

    """
    if math.isnan(hz):
        return 1.0, "frequency is unknown"
    band_hz = max(2.0 * resolution_hz, 0.005 * nominal_hz)
    off_hz = hz - nominal_hz
    frozen = f"frequency is {hz:.2f} Hz, {off_hz:+.2f} Hz off" if abs(off_hz) > band_hz else ""
    if off_hz >= -band_hz:
        return 1.0, frozen
    return max(0.0, 1.0 - (-off_hz - band_hz) / (droop * nominal_hz)), frozen
