"""Runs ``pumpjack`` and writes down where its time or its memory goes: the profile of a missed goal.

usage: python -m benchmarks.sampled FILE cpu|memory WORDS OF PUMPJACK...

The first SIGUSR2 begins (FILE with the suffix .begun appears), the second ends and writes FILE. Between them,
``cpu`` looks every two milliseconds of CPU time which functions are running; time in C is that of the Python
function that called it. ``memory`` tells what has been allocated, by the line that asked for it.
"""

from __future__ import annotations

import json
import signal
import sys
import tracemalloc
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from proxy.cli import main

PERIOD = 0.002
MOST_ROWS = 25
Json = dict[str, Any]
ROOT = str(Path(__file__).resolve().parents[1]) + "/"


def place(file: str, where: str | int) -> str:
    """Return a spot of the source without the folders above it."""
    return f"{file.removeprefix(ROOT).rpartition('site-packages/')[2].rpartition('/lib/')[2]}:{where}"


class Samples(Protocol):
    """What can be sampled."""

    def begin(self) -> None:
        """Look from now on."""

    def end(self) -> Json:
        """Look no more; return what was seen."""


class TimeSamples:
    """Counts functions seen running: in front, and anywhere on the stack."""

    def __init__(self) -> None:
        self._front: Counter[str] = Counter()
        self._anywhere: Counter[str] = Counter()
        signal.signal(signal.SIGPROF, self._look)

    def begin(self) -> None:
        """Look from now on."""
        signal.setitimer(signal.ITIMER_PROF, PERIOD, PERIOD)

    def _look(self, number: int, frame: FrameType | None) -> None:
        names = []
        while frame is not None:
            names.append(place(frame.f_code.co_filename, frame.f_code.co_qualname))
            frame = frame.f_back
        self._front.update(names[:1])
        self._anywhere.update(set(names))

    def end(self) -> Json:
        """Return the functions in front most often."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        seen = self._front.total()
        rows = [
            {
                "share": round(count / seen, 4),
                "with_callees": round(self._anywhere[name] / seen, 4),
                "what": name,
            }
            for name, count in self._front.most_common(MOST_ROWS)
        ]
        return {"samples": seen, "rows": rows}


class MemorySamples:
    """Tells what was allocated meanwhile, and is still held."""

    def begin(self) -> None:
        """Trace from now on."""
        tracemalloc.start()

    def end(self) -> Json:
        """Return the lines that hold most."""
        held = tracemalloc.take_snapshot().statistics("lineno")
        tracemalloc.stop()
        rows = [
            {"bytes": line.size, "what": place(line.traceback[0].filename, line.traceback[0].lineno)}
            for line in held[:MOST_ROWS]
        ]
        return {"traced": sum(line.size for line in held), "rows": rows}


def listen(file: Path, samples: Samples) -> None:
    """Begin and end at SIGUSR2."""

    def first(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGUSR2, second)
        samples.begin()
        file.with_suffix(".begun").touch()

    def second(number: int, frame: FrameType | None) -> None:
        half = file.with_suffix(".half")
        half.write_text(json.dumps(samples.end()))
        half.rename(file)  # whoever waits for the file finds it whole

    signal.signal(signal.SIGUSR2, first)


if __name__ == "__main__":
    name, what, *words = sys.argv[1:]
    listen(Path(name), MemorySamples() if what == "memory" else TimeSamples())
    main(words, prog_name="pumpjack")
