"""How much of the memory that it may use this process holds, and what is shed when that is much.

Measured is what this process holds (its resident set), not how full the machine is: what others hold is not
ours to shed. The limit is the tightest of the control group's and the machine's, unless it is configured.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Marks:
    """Shares of the limit from which something is shed; reasons in the configuration."""

    telemetry: float = 0.85
    newcomers: float = 0.92
    costliest: float = 0.95


class MemoryWatch:
    """Looks when told to; between two looks it answers from the last."""

    def __init__(self, limit: int, marks: Marks, read: Callable[[], int]) -> None:
        self.limit = limit
        self.marks = marks
        self._read = read
        self.use = 0.0
        """What was held at the last look, as a share of the limit."""

    def look(self) -> None:
        """Measure."""
        self.use = self._read() / self.limit

    @property
    def sheds_telemetry(self) -> bool:
        """Whether long answers about every session are left out."""
        return self.use >= self.marks.telemetry

    @property
    def refuses_new(self) -> bool:
        """Whether no further miner is let in."""
        return self.use >= self.marks.newcomers

    @property
    def drops_costliest(self) -> bool:
        """Whether those whose conduct cost most are dropped."""
        return self.use >= self.marks.costliest


def resident() -> int:
    """Return the bytes of memory that this process holds; it takes a descriptor the first time only."""
    return int(os.pread(_statm(os.getpid()), 256, 0).split()[1]) * os.sysconf("SC_PAGE_SIZE")


@functools.cache
def _statm(pid: int) -> int:
    # Held open: what is watched once a second must not fail where descriptors are short.
    return os.open(f"/proc/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)


def cgroup_limits(membership: str, root: Path = CGROUPS) -> list[Path]:
    """Return the files that may hold our memory limit, given what /proc/self/cgroup says.

    A container sees its own group as the root; a service is somewhere below it.
    """
    files = [root / "memory.max", root / "memory" / "memory.limit_in_bytes"]
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            files.append(root / path.lstrip("/") / "memory.max")
        elif "memory" in controllers.split(","):
            files.append(root / "memory" / path.lstrip("/") / "memory.limit_in_bytes")
    return files


def memory_limit() -> int:
    """Return the bytes that this process may hold: its control group's limit, or the machine's memory."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    try:
        files = cgroup_limits(Path("/proc/self/cgroup").read_text())
    except OSError:
        files = []  # a kernel without control groups
    for file in files:
        try:
            text = file.read_text().strip()
        except OSError:
            continue  # the other version's, or not ours to see
        if text.isdigit() and int(text) > 0:
            limits.append(int(text))
    return min(limits)
