"""A run as an SVG picture: power, hashes and frequency over the same time. No library draws it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from proxy.simulation.series import Series

Floats = NDArray[np.float64]

WIDTH = 960
PANEL = 170
GAP = 44
LEFT = 70
RIGHT = 130
TOP = 40
GRID = "#ddd"
TICKS = 4
UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))

Line = tuple[str, str, Floats]
"""Label, colour, values."""


def svg(series: Series, title: str) -> str:
    """Return the picture as one SVG document, its text in ASCII or escaped."""
    panels: list[tuple[str, list[Line], bool]] = [
        (
            "kW",
            [
                ("available", "#999999", series.available_w / 1e3),
                ("usable", "#2a9d4a", series.usable_w / 1e3),
                ("used", "#1f5fbf", series.used_w / 1e3),
            ],
            True,
        ),
        ("PH/s", [("hashes", "#b8620a", series.hashrate_hs / 1e15)], True),
        (
            "Hz",
            [("lowest", "#c0392b", series.low_hz), ("highest", "#7d3cc0", series.high_hz)],
            False,
        ),
    ]
    unit_s, unit = next((u for u in UNITS if series.at_s[-1] >= 2 * u[0]), UNITS[-1])
    height = TOP + len(panels) * (PANEL + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>',
    ]
    for row, (label, lines, from_zero) in enumerate(panels):
        parts += _panel(TOP + row * (PANEL + GAP), label, lines, series.at_s / unit_s, from_zero=from_zero)
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{height - 8}" text-anchor="end">time, {unit}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _panel(top: float, unit: str, lines: Sequence[Line], at: Floats, *, from_zero: bool) -> list[str]:
    values = np.concatenate([line[2] for line in lines])
    values = values[np.isfinite(values)]
    low = 0.0 if from_zero else float(values.min(initial=np.inf))
    high = float(values.max(initial=low))
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    room = 0.05 * (high - low)
    low, high = (low if from_zero else low - room), high + room
    end = float(at[-1]) or 1.0

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / end

    def y(value: float) -> float:
        return top + PANEL * (1 - (value - low) / (high - low))

    parts = []
    for tick in range(TICKS + 1):
        value = low + (high - low) * tick / TICKS
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"'
            f' stroke="{GRID}"/>'
            f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.4g}</text>'
        )
        moment = end * tick / TICKS
        parts.append(
            f'<text x="{x(moment):.1f}" y="{top + PANEL + 16}" text-anchor="middle">{moment:.3g}</text>'
        )
    parts.append(f'<text x="{LEFT}" y="{top - 6}">{escape(unit)}</text>')
    for place, (label, colour, series) in enumerate(lines):
        points = " ".join(
            f"{x(when):.1f},{y(value):.1f}"
            for when, value in zip(at.tolist(), series.tolist(), strict=True)
            if np.isfinite(value)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.3"/>')
        parts.append(
            f'<text x="{WIDTH - RIGHT + 8}" y="{top + 14 + 16 * place}"'
            f' fill="{colour}">{escape(label)}</text>'
        )
    return parts
