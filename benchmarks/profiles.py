"""Where the time of a missed goal goes."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.goals import Json
from benchmarks.machine import cores, on_core

NO_PERF = "perf is not installed (Debian: linux-perf), so C code is not told apart"
_ROW = re.compile(r"\s*([\d.]+)%\s+(\S+)\s+\[([.k])\]\s+(.+?)\s*$")
MOST_ROWS = 25


def symbols(pid: int, work: Callable[[], object]) -> Json:
    """Return which functions of C and of the kernel a process is in while ``work`` is done.

    Without perf there is a sentence that says so, and ``work`` is done all the same.
    """
    perf = shutil.which("perf")
    if perf is None:
        work()
        return {"missing": NO_PERF}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pumpjack-bench-")))
        data = str(folder / "perf.data")
        # cpu-clock: virtual machines seldom show the counters of their processor.
        record = [perf, "record", "-q", "-e", "cpu-clock", "-F", "999", "-p", str(pid), "-o", data]
        with on_core(cores().others):
            recording = subprocess.Popen(record, stderr=subprocess.PIPE, text=True)
        stack.callback(recording.kill)  # where the work fails; otherwise it has ended by then
        while not Path(data).exists() and recording.poll() is None:
            time.sleep(0.01)
        work()
        recording.send_signal(signal.SIGINT)
        _, trouble = recording.communicate()
        report = [perf, "report", "--stdio", "--no-children", "-F", "overhead,dso,symbol", "-i", data]
        told = subprocess.run(report, capture_output=True, text=True)
    rows = symbol_rows(told.stdout)
    if rows:
        return {"libraries": library_rows(rows), "rows": rows[:MOST_ROWS]}
    return {"missing": f"perf tells nothing: {(trouble or told.stderr).strip()}"}


def symbol_rows(report: str) -> list[Json]:
    """Return the rows of what ``perf report`` printed, the largest first."""
    found = [row for row in map(_ROW.match, report.splitlines()) if row is not None]
    return [
        {
            "share": round(float(row[1]) / 100, 4),
            "where": "kernel" if row[3] == "k" else Path(row[2]).name,
            "what": row[4],
        }
        for row in found
    ]


def library_rows(rows: list[Json]) -> list[Json]:
    """Return how much of the rows is whose: the kernel's, the interpreter's, the core's."""
    shares: Counter[str] = Counter()
    for row in rows:
        shares[row["where"]] += row["share"]
    return [{"share": round(share, 4), "what": where} for where, share in shares.most_common()]
