"""The whole job on a simulated site, from the first dial to three books that agree."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter, deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from proxy import hotpath
from proxy.app.books import Books, ProxyBook
from proxy.app.demo_configuration import (
    FILES_PER_MINER,
    DemoError,
    DemoSettings,
    demo_configuration,
    free_port,
)
from proxy.app.demo_power import PlantInstruments, demo_world
from proxy.app.program import Program
from proxy.app.room import FILES_IN_RESERVE
from proxy.app.scenarios import Step
from proxy.app.simulated_site import TENANTS, Plan, SimulatedSite
from proxy.events import (
    Event,
    PowerDecided,
    SessionClosed,
    SessionOpened,
    UpstreamDown,
    UpstreamReady,
    WorkMoved,
)
from proxy.units import Seconds

_EVENTS = 50
"""Events kept for the screen."""
_LAST_ANSWERS = Seconds(5.0)
"""Longest wait for the answers to shares under way, once the miners have stopped hashing."""
_DUPLICATE = "22"
QUIET = ("budget", "raise", "trim", "joined", "lost")
"""Decisions about power of which there are many, and which the screen's figures show."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something for the panel of events."""

    at: datetime
    """Local time, for people."""
    what: Event | str
    """A string: done by the simulation."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a demo came to."""

    settings: DemoSettings
    duration: Seconds
    """For which miners were let hash."""
    books: dict[str, Books]
    """By tenant."""
    failovers: dict[str, int]
    """By tenant: how often all its work moved to another pool, there or back."""

    @property
    def site(self) -> Books:
        """The books of all tenants together."""
        return Books.of(self.books.values())

    @property
    def violations(self) -> list[str]:
        """Every disagreement between the books, with the tenant that it is in."""
        broken = self.settings.scenario.breaks_pools
        return [
            f"{tenant}: {text}"
            for tenant, books in self.books.items()
            for text in books.violations(pools_broken=broken)
        ]

    def summary(self) -> dict[str, Any]:
        """Return everything for JSON."""
        settings = self.settings
        return {
            **self.site.summary(),
            "failovers": sum(self.failovers.values()),
            "violations": self.violations,
            "simulated": True,
            "scenario": settings.scenario.name,
            "miners": settings.miners,
            "speed": settings.speed,
            "seed": settings.seed,
            "duration_s": round(self.duration, 3),
            "hot_path": hotpath.implementation(),
            "tenants": {
                tenant: {**books.summary(), "failovers": self.failovers[tenant]}
                for tenant, books in self.books.items()
            },
        }


class Demo:
    """Simulated pools, the real program, simulated miners; and a scenario that happens to them.

    Args:
        settings: The options.
        folder: Data directory of the program; the caller removes it afterwards.

    """

    def __init__(self, settings: DemoSettings, folder: Path) -> None:
        self.settings = settings
        self.timetable = settings.timetable
        self.phase = "starting"
        """For the screen."""
        self.said: deque[Said] = deque(maxlen=_EVENTS)
        self.folder = folder
        self._site = SimulatedSite(Plan(settings.scenario, settings.miners, settings.speed, settings.seed))
        self._world = demo_world(self._site.plan.fleet_sizes, settings.seed)
        self.program: Program | None = None
        """The proxy, once there is one."""
        self._stop = asyncio.Event()
        self._failovers: Counter[str] = Counter()
        self._causes: dict[tuple[str, str], str] = {}
        self._loop = asyncio.get_running_loop()
        self._began: float | None = None
        self._ended: float | None = None

    # --- what can be seen -----------------------------------------------------------------------------

    @property
    def elapsed(self) -> Seconds:
        """Time for which miners have been hashing."""
        if self._began is None:
            return Seconds(0.0)
        return Seconds((self._ended or self._loop.time()) - self._began)

    @property
    def following(self) -> tuple[Seconds, Step] | None:
        """What the scenario does next, and when."""
        return self.timetable.following(self.elapsed)

    def state(self) -> dict[str, Any] | None:
        """Return the state of the program; None before there is one."""
        return None if self.program is None else self.program.view.state()

    def books(self) -> dict[str, Books]:
        """Return the three books of each tenant as they are now; they agree only once all is settled."""
        state = self.state()
        tenants = [] if state is None else state["tenants"]
        return {
            tenant["id"]: Books(
                self._site.miner_book(tenant["id"]), _proxy_book(tenant), self._site.pool_book(tenant["id"])
            )
            for tenant in tenants
        }

    @property
    def failovers(self) -> int:
        """How often a tenant's work moved to another pool."""
        return self._failovers.total()

    def _heard(self, event: Event) -> None:
        if isinstance(event, WorkMoved) and event.cause != "first work":
            self._failovers[event.tenant] += 1
        if self._is_news(event):
            self._say(event)

    def _is_news(self, event: Event) -> bool:
        """Return whether an event is worth one of the few lines there are."""
        match event:
            case SessionOpened():
                return False  # thousands of them, and counted anyway
            case SessionClosed():
                return self.phase == "mining"  # later all of them go
            case UpstreamReady():
                self._causes.pop((event.tenant, event.pool), None)
                return True
            case UpstreamDown():
                # A pool that is away is tried again each second.
                pool = (event.tenant, event.pool)
                known, self._causes[pool] = self._causes.get(pool), event.cause
                return known != event.cause
            case PowerDecided():
                return event.what not in QUIET
            case _:
                return True

    def _say(self, what: Event | str) -> None:
        self.said.append(Said(datetime.now().astimezone(), what))

    # --- life -----------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End: hashing first, then what is under way, then the program."""
        self._stop.set()

    async def run(self) -> Outcome:
        """Run until the duration is over or ``stop``; return the books.

        Raises:
            DemoError: Something that should not end did, or there are too few ports or files.
            StartError: The program cannot start.

        """
        story: asyncio.Task[None] | None = None
        running: asyncio.Task[None] | None = None
        claims = ExitStack()
        try:
            await self._site.open_pools()
            port = free_port(claims=claims)
            configuration = demo_configuration(self.settings, self._site, self._world, port, self.folder)
            per_minute = configuration.stratum.target_shares_per_minute
            plant = PlantInstruments(self._world, self.settings.speed, per_minute)
            program = self.program = Program(
                configuration, seed=self.settings.seed, hear=self._heard, instruments=plant
            )
            self._require_files()
            running = asyncio.create_task(program.run(), name="program")
            await self._first(asyncio.create_task(program.listening.wait()), running)
            self._site.start_miners(port)
            plant.connect(self._site.fleets)
            self._began = self._loop.time()
            self.phase = "mining"
            story = asyncio.create_task(self._tell(), name="scenario")
            await self._first(asyncio.create_task(self._over()), running, story, *self._site.mining)
            story.cancel()
            await self._finish(program, running)
        finally:
            for task in (story, running):
                if task is not None:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait([task])
            await self._site.close()
            claims.close()
        return Outcome(
            self.settings,
            self.elapsed,
            self.books(),
            {tenant: self._failovers[tenant] for tenant in TENANTS},
        )

    async def _over(self) -> None:
        """Return when the duration is over or ``stop`` was called."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.duration):
                await self._stop.wait()

    @staticmethod
    async def _first(expected: asyncio.Task[Any], *others: asyncio.Task[Any]) -> None:
        """Return when ``expected`` has ended.

        Raises:
            DemoError: Another task ended before it; if that failed, its own exception is raised.

        """
        try:
            await asyncio.wait([expected, *others], return_when=asyncio.FIRST_COMPLETED)
            for task in others:
                if task.done():
                    task.result()
                    raise DemoError(f"{task.get_name()} ended before its time")
        finally:
            expected.cancel()

    async def _tell(self) -> None:
        """Do what the scenario says, when it says so; never return."""
        assert self._began is not None
        now = Seconds(0.0)
        while (following := self.timetable.following(now)) is not None:
            due, step = following
            await asyncio.sleep(self._began + due - self._loop.time())
            self._say(step.text)
            await self._site.act(step)
            now = due
        await asyncio.Event().wait()

    async def _finish(self, program: Program, running: asyncio.Task[None]) -> None:
        """Stop hashing, wait for the answers, then let the program settle and end."""
        self._site.stop_hashing()
        self._ended = self._loop.time()
        self.phase = "waiting for the last answers"
        if not await self._site.answered(_LAST_ANSWERS):
            self._say("some shares were not answered in time")
        self.phase = "settling with the pools"
        program.stop()
        await running
        self.phase = "done"

    def _require_files(self) -> None:
        """See to it that every connection can be opened; the program has raised the limit if it may.

        Raises:
            DemoError: There are too few.

        """
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        affordable = (limit - FILES_IN_RESERVE) // FILES_PER_MINER
        if self.settings.miners > affordable:
            raise DemoError(
                f"the limit of open files ({limit}) is enough for {affordable} simulated miners: raise it "
                "(ulimit -n), or give --miners"
            )


def _proxy_book(tenant: dict[str, Any]) -> ProxyBook:
    shares = tenant["shares"]
    duplicates = sum(
        count
        for pool in tenant["upstreams"]
        for reason, count in pool["rejected_by_pool"].items()
        if reason.split()[:1] == [_DUPLICATE]
    )
    return ProxyBook(
        accepted=shares["accepted"],
        rejected=shares["rejected"],
        forwarded=shares["forwarded"],
        pool_accepted=shares["pool_accepted"],
        pool_rejected=shares["pool_rejected"],
        pool_duplicates=duplicates,
        unknown=shares["unknown"],
        unsent=shares["unsent"],
        answered_twice=shares["answered_twice"],
    )
