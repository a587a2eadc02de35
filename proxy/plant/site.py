"""How a simulated site is laid out: sets, circuits, gas supply; all of it nominal and known to its owner."""

from dataclasses import dataclass

import numpy as np

from proxy.errors import ConfigError
from proxy.plant.figures import Engine
from proxy.plant.fleet import Fleet
from proxy.plant.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Circuit:
    """A breaker with what hangs behind it."""

    name: str
    parent: int
    """Index of the circuit that feeds it, greater than its own; -1: the bus."""
    breaker_a: float
    """Rating of each phase."""


@dataclass(frozen=True, slots=True)
class SiteLayout:
    """What stands on the site; nominal figures, as a nameplate or a drawing would tell."""

    engine: str
    """Kind of the engines, a key of the plant's."""
    ratings_w: tuple[float, ...]
    """Nameplate of each set, before any derate."""
    derate: float
    """Nominal part of the rating that is left at the site's altitude, mean ambient and methane number."""
    circuits: tuple[Circuit, ...]
    """Leaves first, in the order of the fleet's `circuit`; then what feeds them."""
    gas_m3h: float
    """Mean inflow of all wells, Nm3/h."""
    line_pack_m3_kpa: float
    """Nm3 that the header takes or gives per kPa."""
    running: tuple[bool, ...]
    """Which sets run at the beginning."""
    shed_hz: float = 0.0
    """Frequency at which a relay opens `shed_circuits`; 0: there is none."""
    shed_s: float = 0.15
    """How long the frequency must be that low."""
    shed_circuits: tuple[int, ...] = ()

    @property
    def derated_w(self) -> float:
        """Nominal power of all sets, at the site's altitude, mean ambient and methane number."""
        return sum(self.ratings_w) * self.derate


def derate(engine: Engine, ambient_c: float, altitude_m: float, methane_number: float) -> float:
    """Return the part of its rating that an engine has left; 0 below its least methane number."""
    if methane_number < engine.methane_least:
        return 0.0
    heat = 1.0 - engine.heat_per_c * max(0.0, ambient_c - engine.heat_from_c)
    height = 1.0 - engine.altitude_per_m * max(0.0, altitude_m - engine.altitude_from_m)
    span = max(engine.methane_full - engine.methane_least, 1e-9)
    part = min(1.0, (methane_number - engine.methane_least) / span)
    knock = engine.methane_least_power + (1.0 - engine.methane_least_power) * part
    return max(0.0, heat) * max(0.0, height) * knock


def auxiliary_w(parameters: Parameters, load_w: float, rating_running_w: float, ambient_c: float) -> float:
    """Return the watts of the site beside its miners: a base, the running sets' own, and fans."""
    own = parameters.auxiliary
    heat = max(0.0, 1.0 + own.fan_per_c * (ambient_c - 25.0))
    return own.base_w + own.set_fraction * rating_running_w + own.fan_fraction * load_w * heat


def burned_m3h(parameters: Parameters, engine: Engine, power_w: float, rating_running_w: float) -> float:
    """Return the gas, in Nm3/h, that running sets burn for ``power_w`` in all."""
    # The line was fitted at the heating value of the data sheet.
    heating = 35.64 / parameters.gas.lower_heating_value_mj_m3
    no_load = engine.fuel_no_load_m3h_kw * rating_running_w
    return (no_load + engine.fuel_m3_kwh * power_w) * heating / 1000.0


def site(
    parameters: Parameters,
    fleet: Fleet,
    sets: int = 4,
    preload: float = 0.75,
    engine: str = "lean",
    line_pack_s: float | None = None,
    shed_hz: float = 0.0,
    shed_circuits: tuple[int, ...] = (),
) -> SiteLayout:
    """Return a site for this fleet: equal sets, loaded to ``preload`` of their derated sum.

    With four sets, 0.75 is what leaves one to spare. The wells give `gas.surplus` times what all sets burn at
    their derated sum. Every leaf circuit hangs behind one main breaker.

    Raises:
        ConfigError: No such engine, it cannot burn this gas, or a number is out of range.

    """
    if engine not in parameters.engine:
        raise ConfigError([f"engine {engine!r}: the plant has {', '.join(sorted(parameters.engine))}"])
    if sets < 1 or not 0.0 < preload <= 2.0:
        raise ConfigError([f"a site needs a set and a preload in (0, 2], not {sets} and {preload}"])
    kind, place = parameters.engine[engine], parameters.site
    left = derate(kind, place.ambient_c, place.altitude_m, parameters.gas.methane_number)
    if left <= 0.0:
        raise ConfigError(
            [f"engine {engine!r}: no power with gas of methane number {parameters.gas.methane_number}"]
        )
    load_w = float(fleet.of_model("default_w").sum()) * (1.0 + place.loss)
    # The auxiliaries of the sets depend on their rating, which is what is looked for: a linear equation.
    drawn_w = load_w + auxiliary_w(parameters, load_w, 0.0, place.ambient_c)
    rating_w = drawn_w / (preload * left - parameters.auxiliary.set_fraction)
    if rating_w <= 0.0:
        raise ConfigError([f"a preload of {preload} does not even carry the sets' own needs"])
    full_m3h = burned_m3h(parameters, kind, rating_w * left, rating_w)
    stored_s = parameters.gas.line_pack_s if line_pack_s is None else line_pack_s
    return SiteLayout(
        engine=engine,
        ratings_w=(rating_w / sets,) * sets,
        derate=left,
        circuits=_circuits(parameters, fleet),
        gas_m3h=full_m3h * parameters.gas.surplus,
        line_pack_m3_kpa=full_m3h
        / 3600.0
        * stored_s
        / (parameters.gas.normal_kpa - parameters.gas.derate_kpa),
        running=(True,) * sets,
        shed_hz=shed_hz,
        shed_circuits=shed_circuits,
    )


def _circuits(parameters: Parameters, fleet: Fleet) -> tuple[Circuit, ...]:
    """Return the fleet's leaf circuits and the main, with breakers for every miner at its ceiling."""
    place = parameters.site
    leaves = int(fleet.circuit.max()) + 1
    most_w = np.bincount(
        fleet.circuit * 3 + fleet.phase, weights=fleet.of_model("ceiling_w"), minlength=leaves * 3
    )
    most_a = most_w.reshape(leaves, 3) * place.breaker_margin / place.power_factor / place.voltage_v
    made = [Circuit(f"circuit-{leaf}", leaves, float(most_a[leaf].max())) for leaf in range(leaves)]
    return (*made, Circuit("main", -1, float(most_a.sum(axis=0).max())))
