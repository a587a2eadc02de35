"""Many simulated miners in one process."""

import asyncio
import math
import ssl as tls
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from types import TracebackType
from typing import Self

from proxy.adapters.simulated.changes import Changes
from proxy.adapters.simulated.miner.client import MinerSettings, Mode, SimulatedMiner, ended
from proxy.adapters.simulated.miner.counters import Counters, total
from proxy.adapters.simulated.miner.presets import firmware
from proxy.adapters.simulated.miner.schedule import Schedule
from proxy.units import HashesPerSecond, Seconds

_LOOK = Seconds(0.2)
"""Least time between two looks of those who wait for something: adding up thousands is not free."""

ORDINARY_MIX = (
    ("antminer", 30),
    ("antminer-s21", 20),
    ("whatsminer", 25),
    ("avalon", 10),
    ("bitaxe", 5),
    ("cgminer", 4),
    ("pipelined", 2),
    ("configure-late", 2),
    ("string-ids", 1),
    ("ntime-roller", 1),
)
"""Firmwares and weights of a site on which everything is in order."""


_DRAWN = MinerSettings(mode=Mode.DRAW)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSettings:
    """A site's miners."""

    miners: int = 100
    mix: tuple[tuple[str, int], ...] = ORDINARY_MIX
    """Names of firmwares and their weights."""
    least_hashrate: HashesPerSecond = HashesPerSecond(5_000.0)
    most_hashrate: HashesPerSecond = HashesPerSecond(20_000.0)
    """Each miner's own is drawn log-uniformly between the two."""
    ramp: Seconds = Seconds(0.0)
    """Time over which the first connects are spread evenly."""
    worker: str = "site.m{number:05d}"
    """User name of each; ``number`` counts from 0."""
    password: str = "x"
    miner: MinerSettings = _DRAWN
    """Mode and timers of all; firmware and hashrate are replaced."""


class Fleet:
    """Simulated miners of mixed firmware that share one schedule; ``run`` it or use ``async with``."""

    def __init__(
        self,
        host: str,
        port: int,
        settings: FleetSettings | None = None,
        seed: int = 0,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        self.settings = settings = settings if settings is not None else FleetSettings()
        self.schedule = Schedule()
        self._changes = Changes("simulated fleet", self.summary, _LOOK)
        self._task: asyncio.Task[None] | None = None
        random = Random(f"{seed}/fleet")
        names = [name for name, _ in settings.mix]
        weights = [weight for _, weight in settings.mix]
        least, most = math.log(settings.least_hashrate), math.log(settings.most_hashrate)
        self.miners = [
            SimulatedMiner(
                host,
                port,
                settings.worker.format(number=number),
                settings.password,
                replace(
                    settings.miner,
                    firmware=firmware(random.choices(names, weights)[0]),
                    hashrate=HashesPerSecond(math.exp(random.uniform(least, most))),
                ),
                seed,
                ssl,
                schedule=self.schedule,
                changes=self._changes,
            )
            for number in range(settings.miners)
        ]

    @property
    def counters(self) -> Counters:
        """The sums over all miners, added up at each call."""
        return total(miner.counters for miner in self.miners)

    @property
    def found(self) -> int:
        """Shares found by all."""
        return sum(miner.counters.found for miner in self.miners)

    @property
    def accepted(self) -> int:
        """Shares accepted of all."""
        return sum(miner.counters.accepted for miner in self.miners)

    @property
    def hashrate(self) -> HashesPerSecond:
        """What all miners together are set to."""
        return HashesPerSecond(sum(miner.settings.hashrate for miner in self.miners))

    @property
    def connected(self) -> int:
        """Miners with a connection."""
        return sum(miner.connected for miner in self.miners)

    @property
    def mining(self) -> int:
        """Miners with something to do."""
        return sum(miner.mining for miner in self.miners)

    @property
    def pending(self) -> int:
        """Submits without an answer on the connections there are."""
        return sum(miner.pending for miner in self.miners)

    def summary(self) -> dict[str, object]:
        """Return the sums as JSON can hold them."""
        return self.counters.summary() | {
            "miners": len(self.miners),
            "connected": self.connected,
            "mining": self.mining,
            "pending": self.pending,
            "latest": self.schedule.latest,
        }

    async def wait_for(self, condition: Callable[["Fleet"], bool], timeout: float = 30.0) -> None:
        """Return soon after ``condition(self)`` holds; it is looked at a few times a second at most.

        Raises:
            TimeoutError: It did not within ``timeout`` seconds.

        """
        await self._changes.wait_for(lambda: condition(self), timeout)

    def stop_hashing(self) -> None:
        """Find no more shares, for good; connections stay, and answers are still taken."""
        self.schedule.halt()

    async def run(self) -> None:
        """Mine with all of them until cancelled."""
        ramp, count = self.settings.ramp, len(self.miners)
        async with asyncio.TaskGroup() as group:
            for number, miner in enumerate(self.miners):
                group.create_task(miner.run(Seconds(ramp * number / count)))

    async def __aenter__(self) -> Self:
        """Run beside the body of the ``async with``."""
        self._task = asyncio.create_task(self.run(), name="simulated fleet")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect all and end; an error of a miner itself comes out here."""
        task, self._task = self._task, None
        if task is not None:
            await ended(task)
