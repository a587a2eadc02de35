"""Every figure of the plant file makes a difference to some run, or is marked as one that does not."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from proxy.errors import ConfigError
from proxy.plant.carbon import emitted
from proxy.plant.plant import Plant
from proxy.plant.script import Ambient, BrownOut, Disturbance, GasFactor, LanLost, SetEvent
from proxy.plant.step import NOTHING, Commands
from proxy.simulation.scenarios import SCENARIOS, Scenario, Story
from proxy.simulation.world import Setting, world
from tests.simulation.worlds import nominal

MINERS = 36
"""Two of each machine of the fleet that has one of each."""
ALL = np.arange(MINERS)


def _hard_day(row: Scenario, story: Story) -> Iterator[Disturbance]:
    """Heat, a dip that empties the header, a dip of the voltage, a lost network, sets that fail."""
    yield Ambient(30.0, 48.0, 60.0)
    yield LanLost(30.0, 20.0, 0)
    yield BrownOut(65.0)
    yield GasFactor(400.0, 0.2)
    yield GasFactor(700.0, 1.6)
    yield SetEvent(760.0, 0, "start")


def _failures(row: Scenario, story: Story) -> Iterator[Disturbance]:
    yield SetEvent(60.0, 0, "trip")
    yield SetEvent(200.0, 0, "repair")
    yield SetEvent(200.0, 1, "stop")


def _heat(row: Scenario, story: Story) -> Iterator[Disturbance]:
    yield Ambient(30.0, 48.0, 60.0)


def _drop(row: Scenario, story: Story) -> Iterator[Disturbance]:
    yield BrownOut(20.0)


STEADY = replace(SCENARIOS["slugging"], supply=1.0, fleet="every", onset_s=0.0)
HARSH = {
    "site.altitude_m": 1_500.0,
    "site.breaker_margin": 0.9,
    "site.breaker_tau_s": 30.0,
    "miner.trip_c": 85.0,
    "miner.lie": 0.1,
}
"""A high site with small breakers and hot boards: what is only of use there acts there."""
LEAN, RICH = HARSH | {"gas.methane_number": 75.0}, HARSH | {"gas.methane_number": 52.0}
WILD = {"gas.short_trips_month": 5_000.0, "gas.long_trips_year": 60_000.0, "gas.long_trip_s": 300.0}
"""Wells that shut in every few minutes."""
UNASKED: dict[str, float] = {"gas.surplus": 1.6}
"""Gas enough, and nobody is told anything: sets alone meet an overload and a load that is gone."""
LIGHT = UNASKED | {
    f"engine.{kind}.{name}": value
    for kind in ("lean", "rich")
    for name, value in (
        ("inertia_s", 0.5),
        ("unload_step", 0.15),
        ("unload_residual", 1.0),
        ("turbo_lag_s", 5.0),
    )
}
"""Sets that run up as far as a relay of theirs."""
ROWS: tuple[tuple[Scenario, Mapping[str, float]], ...] = (
    (replace(STEADY, happens=_hard_day), LEAN),
    (replace(STEADY, happens=_failures, preload=0.7), LEAN),
    (replace(SCENARIOS["cold-start"], fleet="every", engine="lean"), {}),
    (replace(STEADY, happens=_hard_day, engine="rich"), RICH),
    (replace(STEADY, happens=_failures, preload=0.7, engine="rich"), RICH),
    (replace(SCENARIOS["cold-start"], fleet="every"), {}),
    (STEADY, WILD),
    (replace(STEADY, happens=_heat, preload=0.97), UNASKED),
    (replace(STEADY, happens=_drop, preload=0.97), LIGHT),
    (replace(STEADY, happens=_heat, preload=0.97, engine="rich"), UNASKED),
    (replace(STEADY, happens=_drop, preload=0.97, engine="rich"), LIGHT),
)
OF = {"engine.lean": (0, 1, 7, 8, 2), "engine.rich": (3, 4, 9, 10, 5), "gas": (6, 0), "fleet": (0,)}
"""Which rows can show a figure of a section; the others: the first three."""
SECONDS = 700


def ordered(second: int) -> Commands:
    """Return what is told in a second: all are limited, then put down in one of three ways, and come back."""
    match second:
        case 10:
            return Commands(limit=(ALL, np.full(MINERS, 1_500.0)))
        case 60:
            return Commands(sleep=ALL[::2], withhold=ALL[1::4], disconnect=ALL[3::4])
        case 290:
            limits = (ALL, np.full(MINERS, 3_900.0))
            return Commands(limit=limits, wake=ALL[::2], release=ALL[1::2])
        case 400:
            return Commands(sleep=ALL)
        case 450:
            return Commands(wake=ALL)
        case _:
            return NOTHING


def course(plant: Plant, *, told: bool) -> Iterator[tuple[float, ...]]:
    """Yield what can be seen of each second, the carbon of the run with the last."""
    for second in range(SECONDS):
        truth, seen = plant.step(1.0, ordered(second) if told else NOTHING)
        engine = plant.parameters.engine[plant.site.engine]
        burned = emitted(plant.parameters, engine, truth.gas_m3, truth.flare_m3)
        yield (
            truth.load_w,
            truth.hashes,
            truth.frequency_hz,
            truth.lowest_hz,
            truth.highest_hz,
            truth.capability_w,
            truth.underloaded_s,
            truth.header_kpa,
            float(truth.miner_state.sum()),
            burned.co2e_kg,
            burned.co2e_flared_kg,
            seen.site_w,
            seen.header_kpa,
            seen.ambient_c,
            seen.frequency_hz,
            float(seen.circuit_a.sum()),
            float(np.nansum(seen.miner_w)),
            float(seen.shares.sum()),
            float(seen.connected.sum()),
        )


def built(row: int, kind: str, key: str = "", value: float = 0.0) -> Plant:
    scenario, base = ROWS[row]
    changes = dict(base) | ({key: value} if key else {})
    parameters = nominal()
    for name in sorted(changes, key=lambda one: one == key):
        parameters = parameters.with_value(name, changes[name])
    return world(parameters, Setting(scenario, MINERS, float(SECONDS), 1, kind)).plant()


@cache
def usual(row: int, kind: str) -> list[tuple[float, ...]]:
    return list(course(built(row, kind), told="gas.surplus" not in ROWS[row][1]))


def differs(key: str, value: float) -> bool:
    """Return whether any course is another with this value."""
    section, name, *_ = key.split(".")
    rows = OF.get(section) or OF.get(f"{section}.{name}") or (0, 1, 2)
    kind = name if section == "fleet" else "every"
    for row in rows:
        try:
            plant = built(row, kind, key, value)
        except ConfigError:
            continue  # no such plant
        if any(
            was != now
            for was, now in zip(
                usual(row, kind), course(plant, told="gas.surplus" not in ROWS[row][1]), strict=True
            )
        ):
            return True
    return False


def acts(key: str) -> bool:
    """Return whether a figure makes a difference at one of its ends."""
    figure = nominal().values[key]
    if figure.unit == "0/1":
        return differs(key, 1.0 - figure.value)
    ends = [end for end in (figure.low, figure.high) if end != figure.value]
    if figure.value == 0.0:
        ends.append(1.0)
    return any(differs(key, end) for end in ends or [0.9 * figure.value, 1.1 * figure.value])


KEYS = sorted(nominal().values)


@pytest.mark.parametrize("key", [*KEYS[::17], "miner.inrush"])
def test_a_figure_acts_or_is_marked_as_not_acting(key: str) -> None:
    assert acts(key) is nominal().values[key].acts


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
def test_every_figure_acts_or_is_marked_as_not_acting(key: str) -> None:
    assert acts(key) is nominal().values[key].acts
