"""What the demo is asked for, and the configuration of the real program in it."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy.app.demo_power import power_table
from proxy.app.scenarios import Scenario, Timetable
from proxy.app.simulated_site import POOLS, TENANTS, SimulatedSite
from proxy.config.load import settings_from
from proxy.config.settings import Settings
from proxy.errors import PumpjackError
from proxy.simulation.world import World
from proxy.units import Seconds

FIRST_PORT = 3333
_PORTS = 100
FILES_PER_MINER = 2
"""Both ends of each connection are in this process."""


class DemoError(PumpjackError):
    """The demo cannot go on: says why."""


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """The options of the command."""

    miners: int
    speed: float
    duration: Seconds | None
    """None: until ``stop``."""
    scenario: Scenario
    seed: int

    @property
    def timetable(self) -> Timetable:
        """When what happens.

        Raises:
            ValueError: The duration is too short for the scenario.

        """
        return Timetable.of(self.scenario, self.speed, self.duration)


def free_port(most: int = _PORTS, *, claims: ExitStack | None = None) -> int:
    """Return the first port from 3333 on that can be listened on, and that no other demo is about to take.

    With ``claims`` it is ours until those are closed: another demo that starts meanwhile passes it over.

    Raises:
        DemoError: the first ``most`` are taken.

    """
    for port in range(FIRST_PORT, FIRST_PORT + most):
        claim = _claim(port)
        if claim is None:
            continue
        with claim, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                probe.listen(1)
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise DemoError(f"cannot listen on 127.0.0.1: {error.strerror or error}") from error
            else:
                if claims is not None:
                    claims.enter_context(claim.dup())
                return port
    raise DemoError(f"the ports {FIRST_PORT} to {FIRST_PORT + most - 1} are taken")


def _claim(port: int) -> socket.socket | None:
    """Return a socket of a name that only one process can have, in no folder; None if another one has it."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(f"\0pumpjack-demo-{port}")
    except OSError:
        claim.close()
        return None
    return claim


def demo_configuration(
    settings: DemoSettings, site: SimulatedSite, simulated: World, port: int, folder: Path
) -> Settings:
    """Return the configuration of the program: the usual one, with timers that fit into half a minute.

    Its guarantees are left to the plant's own site, which the governor gets.
    """
    speed, stretch = settings.speed, settings.timetable.stretch
    difficulty = site.plan.first_difficulty
    return settings_from(
        {
            "site": {"id": "demo", "name": "Simulated site", "data_dir": str(folder)},
            "stratum": {
                "listen": [f"127.0.0.1:{port}"],
                "target_shares_per_minute": min(600.0, 6.0 * speed),
                "start_difficulty": difficulty,
                "min_difficulty": difficulty / 64,
                # The program raises the limit of open files to this: here pools and miners need theirs, too.
                "limits": {
                    "max_sessions": FILES_PER_MINER * settings.miners + 100,
                    "open_files_share": 0.9,
                },
                # Its miners have stopped before, and no generator is real.
                "timers": {"drain": 0},
            },
            "upstream": {
                "connect": 2.0,
                "reply": max(1.5, 3.0 * stretch),
                "idle": 15.0,
                "backoff_base": 0.2,
                "backoff_cap": 1.0,
                "backoff_reset": 30.0,
                "failback_hold": 2.0 * stretch,
                "failover_patience": 0.5,
                "suggest_interval": max(1.0, 5.0 / speed),
                "reject_streak": 4,
                "uplink_shares_per_second": settings.scenario.uplink_shares_per_second,
                "pace_hold": 8.0,
            },
            "power": power_table(simulated),
            "tenant": [_tenant(tenant, site) for tenant in TENANTS],
        },
        base=folder,
    )


def _tenant(tenant: str, site: SimulatedSite) -> dict[str, Any]:
    return {
        "id": tenant,
        "user_match": f"{tenant}.*",
        "upstream": [
            {
                "name": name,
                "url": f"stratum+tcp://127.0.0.1:{site.port(tenant, name)}",
                "user": f"{tenant}.simulated",
            }
            for name in POOLS
        ],
    }
