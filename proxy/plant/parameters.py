"""The figures a plant is made of: a strict, documented file, its digest, and the truths drawn around it."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from types import MappingProxyType
from typing import Any, ClassVar
from zlib import crc32

import numpy as np

from proxy.errors import ConfigError
from proxy.plant.figures import (
    Asic,
    Auxiliary,
    Carbon,
    Engine,
    Firmware,
    Gas,
    Meter,
    Miner,
    Surroundings,
    Value,
)

DRAWN: Mapping[str, tuple[float, float]] = {
    "": (1.0, 1.0),
    "curve": (0.95, 1.05),
    "lag": (0.5, 2.0),
    "step": (0.7, 1.3),
}
"""By what a true value may differ from its nominal: least and greatest factor."""

_WORDS = {"value", "low", "high", "unit", "basis", "source", "drawn", "acts"}


@dataclass(frozen=True)
class Parameters:
    """A whole plant file, checked. Make one with `load`; it never changes."""

    values: Mapping[str, Value]
    """Every figure by its dotted key, such as ``engine.lean.inertia_s``."""
    digest: str
    """SHA-256 of the canonical content: equal digests, equal plants. Comments and layout do not count."""
    gas: Gas
    site: Surroundings
    auxiliary: Auxiliary
    meter: Meter
    miner: Miner
    carbon: Carbon
    engine: Mapping[str, Engine]
    firmware: Mapping[str, Firmware]
    asic: Mapping[str, Asic]
    fleet: Mapping[str, Mapping[str, float]]
    """Weights of ``asic/firmware`` in each kind of fleet."""

    SINGLE: ClassVar[Mapping[str, type[Any]]] = {
        "gas": Gas,
        "site": Surroundings,
        "auxiliary": Auxiliary,
        "meter": Meter,
        "miner": Miner,
        "carbon": Carbon,
    }
    NAMED: ClassVar[Mapping[str, type[Any]]] = {"engine": Engine, "firmware": Firmware, "asic": Asic}

    def assumed(self) -> tuple[str, ...]:
        """Return the keys of all figures that act and that nobody published: those to sweep."""
        return tuple(key for key, value in self.values.items() if value.basis == "assumed" and value.acts)

    def with_value(self, key: str, value: float) -> "Parameters":
        """Return the same plant with one figure changed; its low and high make room if they must.

        Raises:
            ConfigError: There is no such key, or the plant would be impossible.

        """
        if key not in self.values:
            raise ConfigError([f"{key}: no such figure in the plant"])
        return of_values({**self.values, key: _moved(self.values[key], value)})


def load(text: str) -> Parameters:
    """Return the plant that a TOML text describes.

    Raises:
        ConfigError: The text is no TOML, or figures are missing, unknown or impossible; all are named.

    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as trouble:
        raise ConfigError([f"the plant file is no TOML: {trouble}"]) from None
    mistakes: list[str] = []
    values: dict[str, Value] = {}
    _collect(tables, "", values, mistakes)
    if mistakes:
        raise ConfigError(mistakes)
    return of_values(values)


def of_values(values: Mapping[str, Value]) -> Parameters:
    """Return the plant that has these figures.

    Raises:
        ConfigError: A figure is missing, unknown or impossible; each is named by its key.

    """
    mistakes: list[str] = []
    tree: dict[str, Any] = {}
    for key, value in values.items():
        section, *rest = key.split(".")
        if section in Parameters.SINGLE and len(rest) == 1:
            tree.setdefault(section, {})[rest[0]] = value.value
        elif section in {*Parameters.NAMED, "fleet"} and len(rest) == 2:
            tree.setdefault(section, {}).setdefault(rest[0], {})[rest[1]] = value.value
        else:
            mistakes.append(f"{key}: unknown")
    built: dict[str, Any] = {
        name: _section(kind, name, tree.get(name, {}), mistakes) for name, kind in Parameters.SINGLE.items()
    }
    for name, kind in Parameters.NAMED.items():
        table = tree.get(name, {})
        if not table:
            mistakes.append(f"{name}: at least one is needed")
        built[name] = MappingProxyType(
            {one: _section(kind, f"{name}.{one}", content, mistakes) for one, content in table.items()}
        )
    built["fleet"] = MappingProxyType(
        {kind: MappingProxyType(weights) for kind, weights in tree.get("fleet", {}).items()}
    )
    if not mistakes:
        mistakes = _impossible(built)
    if mistakes:
        raise ConfigError(mistakes)
    return Parameters(values=MappingProxyType(dict(values)), digest=_digest(values), **built)


def truth(parameters: Parameters, seed: int) -> Parameters:
    """Return a plant as it may really be: each figure that is marked `drawn` moved by chance, by `DRAWN`.

    Figures marked ``curve`` and ``step`` are drawn evenly, lags evenly in their logarithm; an assumed one
    stays within its low and high. The same seed draws the same plant, whatever the order of the file.
    """
    values = dict(parameters.values)
    for key, nominal in parameters.values.items():
        if not nominal.drawn:
            continue
        low, high = DRAWN[nominal.drawn]
        # By its key: a figure more in the file, or one less, draws no other plant.
        part = np.random.default_rng([seed, 0x7E57, crc32(key.encode())]).random()
        factor = low * (high / low) ** part if nominal.drawn == "lag" else low + (high - low) * part
        true = nominal.value * factor
        if nominal.basis == "assumed":
            true = min(max(true, nominal.low), nominal.high)
        values[key] = _moved(nominal, true)
    return of_values(values)


def _moved(nominal: Value, value: float) -> Value:
    return replace(nominal, value=value, low=min(nominal.low, value), high=max(nominal.high, value))


def _collect(table: Mapping[str, Any], prefix: str, values: dict[str, Value], mistakes: list[str]) -> None:
    for name, content in table.items():
        key = f"{prefix}{name}"
        if not isinstance(content, dict):
            mistakes.append(f"{key}: must be a table with value, unit and basis")
        elif "value" in content:
            value = _value(key, content, mistakes)
            if value is not None:
                values[key] = value
        else:
            _collect(content, f"{key}.", values, mistakes)


def _value(key: str, table: Mapping[str, Any], mistakes: list[str]) -> Value | None:
    """Return the figure of a table, or None and the reasons why it is none."""
    wrong = [f"{key}.{word}: unknown" for word in table if word not in _WORDS]
    numbers = {word: table.get(word, table["value"]) for word in ("value", "low", "high")}
    for word, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not isfinite(number):
            wrong.append(f"{key}.{word}: must be a number, not {number!r}")
    words = {word: table.get(word, "") for word in ("unit", "basis", "source", "drawn")}
    wrong += [f"{key}.{word}: must be a text" for word, text in words.items() if not isinstance(text, str)]
    if not wrong:
        if not numbers["low"] <= numbers["value"] <= numbers["high"]:
            wrong.append(f"{key}: value must lie between low and high")
        if words["basis"] not in {"sourced", "assumed"}:
            wrong.append(f"{key}.basis: must be sourced or assumed")
        if words["basis"] == "assumed" and not {"low", "high"} <= set(table):
            wrong.append(f"{key}: an assumed figure needs low and high")
        if words["basis"] == "sourced" and not words["source"]:
            wrong.append(f"{key}.source: a sourced figure names its source")
        if not isinstance(table.get("acts", True), bool):
            wrong.append(f"{key}.acts: must be true or false")
        if words["drawn"] not in DRAWN:
            wrong.append(f"{key}.drawn: must be one of curve, lag, step")
    if wrong:
        mistakes += wrong
        return None
    value, low, high = (float(numbers[word]) for word in ("value", "low", "high"))
    return Value(value=value, low=low, high=high, acts=table.get("acts", True), **words)


def _section(kind: type[Any], key: str, content: Mapping[str, Any], mistakes: list[str]) -> Any:
    names = {field.name for field in fields(kind)}
    wrong = [f"{key}.{name}: missing" for name in sorted(names - set(content))]
    wrong += [f"{key}.{name}: unknown" for name in sorted(set(content) - names)]
    wrong += [
        f"{key}.{name}: must not be negative"
        for name, value in content.items()
        if not isinstance(value, dict) and value < 0 and name not in {"ambient_c", "altitude_m"}
    ]
    mistakes += wrong
    return None if wrong else kind(**content)


def _impossible(built: Mapping[str, Any]) -> list[str]:
    """Return what cannot be, though each figure alone could."""
    mistakes = []
    gas: Gas = built["gas"]
    if not gas.shut_kpa < gas.derate_kpa < gas.normal_kpa <= gas.flare_kpa:
        mistakes.append("gas: needs shut_kpa < derate_kpa < normal_kpa <= flare_kpa")
    if gas.wells < 1 or gas.wells != int(gas.wells):
        mistakes.append("gas.wells: must be a whole number, at least 1")
    positive = [("gas.line_pack_s", gas.line_pack_s), ("gas.flare_m3h_kpa", gas.flare_m3h_kpa)]
    positive += [("gas.separator_lag_s", gas.separator_lag_s), ("gas.slug_period_s", gas.slug_period_s)]
    positive += [("site.voltage_v", built["site"].voltage_v), ("site.nominal_hz", built["site"].nominal_hz)]
    positive += [("meter.period_s", built["meter"].period_s), ("miner.poll_s", built["miner"].poll_s)]
    for name, engine in built["engine"].items():
        lags = ("inertia_s", "governor_lag_s", "governor_band", "governor_integral_s", "turbo_lag_s")
        periods = ("step_period_s", "unload_period_s", "soft_load_s", "fuel_m3_kwh")
        positive += [(f"engine.{name}.{one}", getattr(engine, one)) for one in (*lags, *periods)]
    for name, asic in built["asic"].items():
        positive += [(f"asic.{name}.{one}", getattr(asic, one)) for one in ("hashrate_ths", "watts")]
    mistakes += [f"{key}: must be above zero" for key, value in positive if value <= 0]
    if not 0.0 <= built["carbon"].flare_destruction <= 1.0 or built["carbon"].methane_fraction > 1.0:
        mistakes.append("carbon: flare_destruction and methane_fraction are parts of one")
    if built["miner"].curve_constant + built["miner"].curve_square >= 1:
        mistakes.append("miner: curve_constant and curve_square leave nothing for the linear part")
    if built["miner"].floor_fraction <= built["miner"].curve_constant:
        mistakes.append("miner.floor_fraction: must be above curve_constant, or a miner hashes for nothing")
    for kind, weights in built["fleet"].items():
        for pair in weights:
            asic, _, firmware = pair.partition("/")
            if asic not in built["asic"] or firmware not in built["firmware"]:
                mistakes.append(f"fleet.{kind}.{pair}: names no asic/firmware of this file")
        if sum(weights.values()) <= 0:
            mistakes.append(f"fleet.{kind}: the weights must not all be zero")
    return mistakes


def _digest(values: Mapping[str, Value]) -> str:
    content = {
        key: [one.value, one.low, one.high, one.unit, one.basis, one.source, one.drawn, one.acts]
        for key, one in values.items()
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
