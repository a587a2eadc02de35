"""How many miners the system lets us have: open files, and connections that wait to be accepted."""

import contextlib
import fcntl
import os
import resource
from pathlib import Path

from proxy.config.limits import StratumLimits
from proxy.errors import PumpjackError

FILES_IN_RESERVE = 64
"""Descriptors kept from miners: pools, listeners, logs, the ledger to come."""
SOMAXCONN = Path("/proc/sys/net/core/somaxconn")


class StartError(PumpjackError):
    """The program cannot start: says what to change."""


def affordable_sessions(limits: StratumLimits) -> int:
    """Return how many sessions the limit of open files allows, raising the soft limit to the hard one.

    Raises:
        StartError: not even a few miners could connect.

    """
    share, wanted = limits.open_files_share, limits.max_sessions
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = max(wanted + FILES_IN_RESERVE, int(wanted / share) + 1)
    if soft < need:
        target = need if hard == resource.RLIM_INFINITY else min(need, hard)
        if target > soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
            soft = target
    affordable = min(wanted, soft - FILES_IN_RESERVE, int(soft * share))
    if affordable < 1:
        raise StartError(f"the limit of open files ({soft}) leaves no room for miners: raise it (ulimit -n)")
    return affordable


def spread_out(sessions: int) -> None:
    """Have the system make its table of our descriptors as large as it will have to be.

    It doubles the table whenever that is full, and in a program with threads it holds whoever accepts until
    every core has passed by: 8 to 40 ms each time, ten times on the way to ten thousand miners. A table does
    not shrink, and takes 8 bytes for each descriptor.
    """
    with contextlib.suppress(OSError), Path(os.devnull).open("rb") as file:  # else it grows as it goes
        os.close(fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, sessions + FILES_IN_RESERVE - 1))


def somaxconn() -> int:
    """Return how many connections the system lets wait on one listening socket."""
    try:
        return int(SOMAXCONN.read_text())
    except OSError:
        return 1 << 16  # no such file on this system, so nothing known to be in the way
