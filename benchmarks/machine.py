"""The machine under the benchmarks: its cores, its clocks, its limits, and what it is."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.goals import Json
from proxy import __version__, hotpath

SPARE_FILES = 500
"""Open files of a server beside its miners."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Where servers and where everything else runs."""

    server: int
    others: int

    @property
    def apart(self) -> bool:
        """Whether a server has its core to itself."""
        return self.server != self.others


def cores() -> Cores:
    """Return the first two cores that this process may use; twice the same where there is one."""
    first, *rest = sorted(_ALLOWED)
    return Cores(first, rest[0] if rest else first)


_ALLOWED = os.sched_getaffinity(0)


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run this thread on one core; what is started meanwhile stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def process_cpu_ns(pid: int) -> int:
    """Return the CPU time of a process: user and system, all threads, those that have ended too."""
    # How Linux spells the CPU clock of another process, as clock_getcpuclockid(3) gives it.
    return time.clock_gettime_ns((~pid << 3) | 2)


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("smaps_rollup has no Rss")


def most_connections(wanted: int) -> int:
    """Raise the limit of open files as far as it goes; return ``wanted`` or what fits."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard - SPARE_FILES)


def environment(quick: bool) -> Json:
    """Return what the numbers depend on; nothing that says whose machine it is."""
    return {
        "pumpjack": __version__,
        "hot_path": hotpath.implementation(),
        "compiled": hotpath.COMPILED,
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cores": len(_ALLOWED),
        "server_has_a_core_to_itself": cores().apart,
        "perf": shutil.which("perf") is not None,
        "quick": quick,
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"model name", "Model"}:
            return value.strip()
    return "unknown"
