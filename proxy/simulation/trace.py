"""A recorded course of available power or of gas, in place of a scenario's own."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass

from proxy.errors import ConfigError

MOST_ROWS = 1_000_000
COLUMNS = ("kw", "gas_factor")


@dataclass(frozen=True, slots=True)
class Trace:
    """What was recorded: each value holds until the next instant, the last one for ever."""

    at_s: tuple[float, ...]
    """Seconds since the first row, strictly rising."""
    value: tuple[float, ...]
    is_kw: bool
    """Available kW; else a factor of the nominal gas supply."""

    def factors(self, nominal_kw: float) -> list[tuple[float, float]]:
        """Return instants and factors of a gas supply that is enough for ``nominal_kw``."""
        scale = 1.0 / nominal_kw if self.is_kw else 1.0
        return [(at, value * scale) for at, value in zip(self.at_s, self.value, strict=True)]


def read(text: str) -> Trace:
    """Return the trace that a CSV tells: a header ``seconds,kw`` or ``seconds,gas_factor``, then numbers.

    Raises:
        ConfigError: Every line that cannot be used, by its number, the first twenty of them.

    """
    rows = csv.reader(text.splitlines())
    header = [name.strip().lower() for name in next(rows, [])]
    if len(header) != 2 or header[0] != "seconds" or header[1] not in COLUMNS:
        raise ConfigError([f"line 1: expected the header seconds,kw or seconds,gas_factor, not {header}"])
    mistakes: list[str] = []
    at: list[float] = []
    values: list[float] = []
    for row in rows:
        if not row:
            continue
        if len(at) >= MOST_ROWS:
            mistakes.append(f"line {rows.line_num}: more than {MOST_ROWS:,} rows")
            break
        pair = _numbers(row)
        if pair is None:
            mistakes.append(f"line {rows.line_num}: expected two numbers, the second not negative: {row}")
        elif at and pair[0] <= at[-1]:
            mistakes.append(f"line {rows.line_num}: {pair[0]:g} s does not come after {at[-1]:g} s")
        else:
            at.append(pair[0])
            values.append(pair[1])
        if len(mistakes) >= 20:
            break
    if not at and not mistakes:
        mistakes.append("there is a header, but no row")
    if mistakes:
        raise ConfigError(mistakes)
    return Trace(tuple(moment - at[0] for moment in at), tuple(values), header[1] == "kw")


def _numbers(row: Sequence[str]) -> tuple[float, float] | None:
    try:
        at, value = (float(cell) for cell in row)
    except ValueError:
        return None
    return (at, value) if math.isfinite(at) and math.isfinite(value) and value >= 0 else None
