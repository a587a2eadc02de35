"""The running program: one relay, its edges, its life from the first dial to the last answer."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import random
import sqlite3
import ssl
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from proxy.adapters.control.asking import SOCKET_NAME
from proxy.adapters.control.unix import ControlSocket
from proxy.adapters.logs.events import EventLog
from proxy.adapters.stores.blocks import BlockFiles, BlockWriter
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.indexing import Indexing
from proxy.adapters.stores.ledger.journal import LedgerJournal
from proxy.adapters.stores.ledger.opening import opened
from proxy.adapters.stores.ledger.writer import Writer
from proxy.adapters.stores.memory import MemoryJournal
from proxy.adapters.tcp.downstream import listen
from proxy.adapters.tcp.listener import Listener
from proxy.adapters.tcp.upstream import TcpDialler
from proxy.app import garbage, threads
from proxy.app.clock import SteadyClock
from proxy.app.ending import Ending
from proxy.app.gate import Gate
from proxy.app.room import StartError, affordable_sessions, spread_out, tell_bounds
from proxy.app.view import Bound, ProgramView
from proxy.app.wiring import (
    dial_settings,
    listener_plans,
    listener_settings,
    listener_tls,
    memory_marks,
    memory_watch,
    preamble,
    relay_settings,
    reloaded,
    retention,
    upstream_transports,
    window_bounds,
)
from proxy.config.reload import reload_differences
from proxy.config.settings import Settings
from proxy.errors import LedgerUnusable, OrderRefused
from proxy.events import BlockFound, Event, LedgerProblem, SessionRefused
from proxy.relay.engine import Relay
from proxy.units import Seconds

if TYPE_CHECKING:
    from proxy.app.power.control import PowerControl
    from proxy.app.power.instruments import Instruments

TICK = Seconds(0.02)
"""How often time passes for the relay."""
PARTS = 4
"""Of a tick, in each of which some sessions are visited: all of its share at once hold the loop for 2 ms."""
LOCK_NAME = "lock"
LOOK = 50
"""Ticks between two looks at memory and refused connections: a second."""


class Program:
    """Builds everything from a configuration. ``run`` returns when ``stop`` was called and all is settled."""

    def __init__(
        self,
        settings: Settings,
        *,
        seed: int | None = None,
        hear: Callable[[Event], None] | None = None,
        instruments: Instruments | None = None,
    ):
        """Build everything.

        Args:
            settings: A whole configuration.
            seed: Makes chance repeatable.
            hear: Hears every event beside the log.
            instruments: Of a site that is measured; left out: nominal figures alone.

        """
        self.settings = settings
        self.bound: list[Bound] = []
        self.listening = asyncio.Event()
        """Set once miners are let in."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed)
        self._clock = SteadyClock()
        self._log = structlog.get_logger()
        self._ready = asyncio.Event()
        self._event_log = EventLog(self._clock)
        self._blocks = BlockWriter(BlockFiles(settings.site.data_dir / "blocks"), self._block_not_saved)
        self._hear = hear
        self._confessed_at: dict[tuple[str, str], float] = {}
        """When which kind of mistake was last told."""
        self._dialler = TcpDialler(
            upstream_transports(settings), lambda: dial_settings(self.settings), self._clock
        )
        self._folder = Folder.of(settings.site.data_dir)
        self._journal = self._make_journal()
        self._tls = listener_tls(settings)
        chance = random.SystemRandom() if seed is None else random.Random(seed)
        self.relay = Relay(
            relay_settings(settings), self._dialler, self._journal, chance, self._heard, self._clock()
        )
        self._dialler.serve(self.relay)
        self._journal.serve(
            self.relay.draw,
            lambda window: self.relay.committed(window, self._clock()),
            self.relay.restated,
        )
        self.power = self._make_power(instruments)
        """The governor; None where the configuration has no [power]."""
        self._ending = Ending(
            self.relay,
            self._journal,
            lambda: {} if self.power is None else self.power.let_go(),
            lambda: self.settings.stratum.timers,
            self._clock,
        )
        self._listeners: list[Listener] = []
        self._memory = memory_watch(settings)
        self._gate = Gate(self.relay, self._memory, self._opening, self._heard, self._clock)
        self._gate.most_sessions = affordable_sessions(settings.stratum.limits)
        power = self.power
        self.view = ProgramView(
            settings.site.id,
            self.relay,
            self._journal,
            self._memory,
            self.bound,
            lambda: None if power is None else power.view("status"),
            self._clock,
        )

    def _make_journal(self) -> LedgerJournal | MemoryJournal:
        ledger = self.settings.ledger
        if ledger.storage == "memory":
            return MemoryJournal(ledger.min_window)
        return LedgerJournal(
            os.urandom(8), preamble(self.settings), window_bounds(self.settings), time.time, self._heard
        )

    def _make_power(self, instruments: Instruments | None) -> PowerControl | None:
        settings = self.settings
        if settings.power is None:
            return None
        # numpy, which a site without [power] need not have in memory
        from proxy.app.power.control import PowerControl  # noqa: PLC0415
        from proxy.app.power.instruments import NominalInstruments  # noqa: PLC0415
        from proxy.config.power_doubts import power_doubts  # noqa: PLC0415

        for doubt in power_doubts(settings, settings.power):
            self._log.warning("configuration: is it meant?", text=doubt)
        return PowerControl(
            settings.power,
            instruments or NominalInstruments(settings, settings.power),
            self.relay,
            settings.site.data_dir,
            self._heard,
            self._clock,
            confess=self._confess,
        )

    def _opening(self) -> int:
        return sum(listener.opening for listener in self._listeners)

    def _heard(self, event: Event) -> None:
        """Who hears which event."""
        self._event_log(event)
        if isinstance(event, BlockFound):
            self._blocks.keep(event)
        if self._hear is not None:
            self._hear(event)

    def _block_not_saved(self, event: BlockFound, error: BaseException) -> None:
        """Write the block into the log: it is the last place left."""
        self._log.error("block not saved", error=str(error), header=event.header.hex())

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what a callback raised: a broken TLS peer in a line, our own mistakes with traceback."""
        error = context.get("exception")
        if isinstance(error, ssl.SSLError | OSError):
            self._event_log(SessionRefused(0, "?", f"transport failed: {error}"))
        else:
            self._confess(f"callback failed: {context.get('message')}", error)

    def _confess(self, what: str, error: BaseException | None) -> None:
        """Log a mistake of ours with its traceback, each kind once a second: it may happen at each tick."""
        # What stands behind the colon may name an object, and be another each time.
        kind, now = (what.partition(":")[0], type(error).__name__), self._clock()
        if now - self._confessed_at.get(kind, float("-inf")) >= 1.0:
            self._confessed_at[kind] = now
            self._log.error(what, exc_info=error)

    # --- life -------------------------------------------------------------------------------------------

    @property
    def is_stopping(self) -> bool:
        """Whether ``stop`` was called."""
        return self._ending.asked.is_set()

    def stop(self) -> bool:
        """Ask the program to end: miners are let go one after another, what is pending is settled.

        Asked again while they are, it lets all go at once. Returns whether this call changed anything.
        """
        self._ready.set()
        return self._ending.ask(serves=self.listening.is_set())

    async def run(self) -> None:
        """Serve until ``stop``.

        Raises:
            StartError: an address or the data directory cannot be used.

        """
        async with AsyncExitStack() as stack:
            stack.enter_context(garbage.brief_searches())
            stack.enter_context(threads.brief_turns())
            spread_out(self._gate.most_sessions)
            await asyncio.to_thread(self._lock, stack)
            stack.push_async_callback(self._blocks.close)
            await self._open_ledger()
            stack.push_async_callback(self._journal.close)
            control = self._control()
            try:
                await control.start()
            except OSError as error:
                raise StartError(f"control socket in {self.settings.site.data_dir}: {error}") from error
            stack.push_async_callback(control.close)
            stack.push_async_callback(self._dialler.close)
            ticking = asyncio.create_task(self._ticking())
            try:
                stack.callback(self._shut)
                await self._let_in()
                self.listening.set()
                self._announce()
                stopping = asyncio.create_task(self._ending.asked.wait())
                await asyncio.wait([stopping, ticking], return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                if ticking.done():
                    await ticking  # raises what ended it
                self._shut()
                await self._ending.drain(ticking)
                await self._ending.settle()
            finally:
                ticking.cancel()
                self.relay.stop(self._clock())

    def _control(self) -> ControlSocket:
        """Return the control socket, and go on with the orders that were given by it before.

        Raises:
            StartError: nobody knows what was ordered.

        """
        path = self.settings.site.data_dir / SOCKET_NAME
        if self.power is None:
            return ControlSocket(path, self.view.state_in_parts)
        try:
            self.power.load()
        except OrderRefused as error:
            raise StartError(str(error)) from error
        return ControlSocket(path, self.view.state_in_parts, self.power.view, self.power.order)

    async def _ticking(self) -> None:
        """Let time pass for the relay, and for the governor beside it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick(), name="relay")
            if self.power is not None:
                group.create_task(self.power.run(), name="power")

    async def _open_ledger(self) -> None:
        """Go on with the ledger of the data directory.

        Raises:
            StartError: it cannot be used.

        """
        if not isinstance(self._journal, LedgerJournal):
            return
        try:
            ledger = await asyncio.to_thread(opened, self._folder)
        except (OSError, sqlite3.Error, LedgerUnusable) as error:
            raise StartError(f"ledger in {self._folder.root}: {error}") from error
        for problem in ledger.problems:
            self._heard(LedgerProblem(problem))
        loop = asyncio.get_running_loop()

        def tell(text: str) -> None:
            loop.call_soon_threadsafe(self._heard, LedgerProblem(text))

        indexing = Indexing(self._folder, ledger.last.ledger, retention(self.settings), tell)
        await self._journal.start(partial(Writer, self._folder, ledger.last, indexing))

    async def _tick(self) -> None:
        for part in itertools.count(1):
            try:
                if part % PARTS:
                    self.relay.visit(self._clock())
                else:
                    self.relay.tick(self._clock())
                    garbage.glance()
                if part % (PARTS * LOOK) == 0:
                    self._look_around()
            except Exception as error:
                # A mistake of ours in a rarely used corner must not stop thousands of miners.
                self._confess("tick failed", error)
            if self.relay.is_ready(self._clock()):
                self._ready.set()
            await asyncio.sleep(TICK / PARTS)

    def _look_around(self) -> None:
        garbage.look()
        self._memory.look()
        if self._memory.drops_costliest:
            self.relay.shed(self._clock())
        self._gate.tell()

    async def _let_in(self) -> None:
        """Open the listeners once the pools' offers are known: nobody shall get widths that change again.

        Raises:
            StartError: one of the addresses cannot be listened on.

        """
        await self._ready.wait()
        tell_bounds(self.settings.stratum.limits, self._gate.most_sessions, self._log)
        for plan in listener_plans(self.settings):
            endpoint = plan.door.endpoint
            try:
                listener = await listen(
                    self.relay,
                    plan.name,
                    endpoint.host,
                    endpoint.port,
                    tls=self._tls if endpoint.tls else None,
                    gate=self._gate,
                    settings=lambda: listener_settings(self.settings),
                    clock=self._clock,
                )
            except OSError as error:
                raise StartError(f"cannot listen on {endpoint}: {error.strerror or error}") from error
            self._listeners.append(listener)
            for sock in listener.sockets:
                host, port, *_ = sock.getsockname()
                self.bound.append(Bound(host, port, endpoint.tls, plan.door.tenant))

    def _shut(self) -> None:
        """Let nobody in any more."""
        while self._listeners:
            self._listeners.pop().close()

    def _announce(self) -> None:
        for bound in self.bound:
            scheme = "stratum+ssl" if bound.tls else "stratum+tcp"
            self._log.info("listening", address=f"{scheme}://{bound.host}:{bound.port}", tenant=bound.tenant)

    def _lock(self, stack: AsyncExitStack) -> None:
        """Take the data directory for this process alone."""
        folder: Path = self.settings.site.data_dir
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            file = stack.enter_context((folder / LOCK_NAME).open("a"))
        except OSError as error:
            raise StartError(f"data directory {folder}: {error.strerror or error}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StartError(f"data directory {folder} is in use by another pumpjack") from error

    # --- reload -------------------------------------------------------------------------------------------

    def reload(self, settings: Settings) -> None:
        """Apply what can change without touching sessions; name what needs a restart."""
        differences = reload_differences(self.settings, settings)
        if differences.needs_restart:
            self._log.warning("reload: some changes need a restart", keys=list(differences.needs_restart))
        if [tenant.id for tenant in settings.tenants] != [tenant.id for tenant in self.settings.tenants]:
            self._log.error("reload: tenants were added, removed or reordered; nothing was applied")
            return
        try:
            most_sessions = affordable_sessions(settings.stratum.limits)
        except StartError as error:
            self._log.error("reload: nothing was applied", error=str(error))
            return
        transports = upstream_transports(settings)
        relayed = reloaded(self.relay.outside.settings, relay_settings(settings))
        self._dialler.transports = transports
        self._gate.most_sessions = most_sessions
        tell_bounds(settings.stratum.limits, most_sessions, self._log)
        self._memory.marks = memory_marks(settings)
        self.settings = settings
        self.relay.reconfigure(relayed, self._clock())
        self._log.info("reload: applied", keys=list(differences.applicable))
