"""How many miners the system lets us have: open files, and connections that wait to be accepted."""

import contextlib
import fcntl
import os
import resource
from pathlib import Path

from structlog.typing import FilteringBoundLogger as BoundLogger

from proxy.config.limits import StratumLimits
from proxy.errors import PumpjackError

FILES_IN_RESERVE = 64
"""Descriptors kept from miners: pools, listeners, logs, the ledger."""
LEAST_SESSIONS = 16
"""With room for fewer miners, where more are wanted, the limit of open files is a mistake."""
SOMAXCONN = Path("/proc/sys/net/core/somaxconn")


class StartError(PumpjackError):
    """The program cannot start: says what to change."""


def affordable_sessions(limits: StratumLimits) -> int:
    """Return how many sessions the limit of open files allows, raising the soft limit to the hard one.

    Raises:
        StartError: only a few miners could connect.

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
    if affordable < min(wanted, LEAST_SESSIONS):
        raise StartError(
            f"the limit of open files ({soft}) leaves room for {max(affordable, 0)} miners: raise it "
            "(ulimit -n, LimitNOFILE= of the service)"
        )
    return affordable


def tell_bounds(limits: StratumLimits, sessions: int, log: BoundLogger) -> None:
    """Tell where the system gives less than the configuration asks for."""
    if sessions < limits.max_sessions:
        log.warning(
            "max_sessions lowered: raise the limit of open files (LimitNOFILE=)",
            wanted=limits.max_sessions,
            allowed=sessions,
            open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        )
    allowed = somaxconn()
    if allowed < limits.backlog:
        log.warning("backlog shortened: raise net.core.somaxconn", wanted=limits.backlog, allowed=allowed)


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
