"""The compiled evidence of vardiff equals the reference to the last bit."""

from __future__ import annotations

import struct
from typing import Any, Final

from proxy.hotpath import reference
from tests.fuzz.faults import Fault
from tests.fuzz.source import Source
from tests.fuzz.twins import compiled

SETTINGS: Final = ("wanted", "per_minute", "window", "raise_certainty", "lower_certainty", "last_credited")
MOST_STEPS: Final = 128


def run(data: bytes) -> None:
    """Do to both twins what ``data`` says."""
    source = Source(data)
    twins = reference.Evidence(5.0), compiled().Evidence(5.0)
    now = 5.0
    for _ in range(MOST_STEPS):
        if source.is_empty:
            return
        kind, value = source.below(8), _number(source)
        now += value if kind in (0, 1, 2) else 0.0
        ours, theirs = (_do(twin, kind, value, now) for twin in twins)
        if ours != theirs:
            raise Fault(f"step {kind} with {value!r} at {now!r}: reference {ours}, compiled {theirs}")


def _number(source: Source) -> float:
    """Return a number above zero that a clock or a difficulty could show."""
    style = source.byte()
    if style < 128:
        return float(2.0 ** (style % 64 - 32))
    (number,) = struct.unpack(">d", source.take(8).ljust(8, b"\1"))
    return abs(number) if 1e-30 < abs(number) < 1e60 else 1.0


def _do(evidence: Any, kind: int, value: float, now: float) -> list[Any]:
    match kind:
        case 0:
            evidence.pass_time(now)
        case 1 | 2 | 3:
            evidence.count(value, now)
        case 4:
            evidence.restart()
        case 5:
            evidence.paused = value < 1
        case 6:
            evidence.converged, evidence.quiet_steps = value < 1, int(min(value, 1e9))
        case _:
            setattr(evidence, SETTINGS[int(min(value, 1e9)) % len(SETTINGS)], value)
    numbers = [*evidence.upper, *evidence.lower, evidence.remembered(), evidence.worked, evidence.work]
    numbers += [evidence.intervals, evidence.credit, evidence.credit_square, evidence.last_credited]
    # Packed, for a nan equals nothing and a zero its negative.
    return [struct.pack(">13d", *numbers), evidence.seen, evidence.quiet_steps, evidence.is_calm]
