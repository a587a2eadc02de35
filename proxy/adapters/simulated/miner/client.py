"""A simulated miner: connects, hashes, submits, comes back."""

import asyncio
import ssl as tls
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from types import TracebackType
from typing import Self

from proxy.adapters.simulated.changes import Changes
from proxy.adapters.simulated.miner.connection import MinerConnection
from proxy.adapters.simulated.miner.counters import Counters
from proxy.adapters.simulated.miner.firmware import Firmware
from proxy.adapters.simulated.miner.job import Found, Search
from proxy.adapters.simulated.miner.presets import ANTMINER
from proxy.adapters.simulated.miner.schedule import Pace, Schedule
from proxy.adapters.simulated.miner.session import MinerSession
from proxy.adapters.simulated.wire import Line, Traffic
from proxy.mining.difficulty import HASHES_PER_DIFFICULTY
from proxy.units import Difficulty, HashesPerSecond, Seconds

_SMOOTH = Seconds(0.1)
"""A slow miner in HASH mode never runs further ahead of its hashrate than this."""


class Mode(Enum):
    """Where the times of shares come from. Every share is genuine in both."""

    HASH = auto()
    """It hashes all the time, at its hashrate."""
    DRAW = auto()
    """The time between shares is drawn from hashrate and difficulty; only then is a share searched for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerSettings:
    """One simulated miner."""

    firmware: Firmware = ANTMINER
    mode: Mode = Mode.HASH
    hashrate: HashesPerSecond = HashesPerSecond(20_000.0)
    most_hashes: float = float(1 << 24)
    """DRAW: expected hashes of a share past which none is searched for, so that a fleet starves nobody."""
    backoff: Seconds = Seconds(5.0)
    """Between the end of a connection and the next try; cgminer's, without jitter."""
    connect_within: Seconds = Seconds(10.0)
    handshake_within: Seconds = Seconds(30.0)
    silence: Seconds = Seconds(90.0)
    """A connection on which nothing comes in for this long is given up."""
    idle_after: Seconds | None = None
    """A job is hashed for so long: Bitmain drivers stop their boards 120 s after the last one. None: for
    ever, as ESP-Miner did until 2026."""
    record_lines: int = 0
    """Most lines kept of the traffic."""
    record_shares: int = 0
    """Most shares kept with their outcome."""


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end; raises what it had failed with, if it had."""
    task.cancel()
    await asyncio.wait([task])  # and not the task itself: our own cancellation would look like its
    if not task.cancelled():
        task.result()


class SimulatedMiner:
    """One simulated miner; ``run`` it in a task, or use it as an async context manager.

    Args:
        host: Of the pool or the proxy.
        port: Of the same.
        worker: User name.
        password: Sent with it.
        settings: Firmware, mode, hashrate, timers.
        seed: Two miners of one seed and name draw the same.
        ssl: Makes it speak TLS.
        schedule: Shared by the miners of a fleet.
        changes: Told of each change beside its own.

    """

    def __init__(
        self,
        host: str,
        port: int,
        worker: str = "tenant.worker",
        password: str = "x",
        settings: MinerSettings | None = None,
        seed: int = 0,
        ssl: tls.SSLContext | None = None,
        *,
        schedule: Schedule | None = None,
        changes: Changes | None = None,
    ) -> None:
        self.host, self.port, self.worker = host, port, worker
        self.settings = settings if settings is not None else MinerSettings()
        self.counters = Counters()
        self.outcomes: dict[bytes, int | str] = {}
        """By header hash: "pending", "accepted" or the code of the refusal; see ``record_shares``."""
        self._password = password
        self._ssl = ssl
        self._random = Random(f"{seed}/{worker}")
        self._schedule = schedule if schedule is not None else Schedule()
        self._changes = Changes(f"simulated miner {worker}", self.counters.summary)
        self._fleet_changes = changes
        self._traffic = Traffic(self.settings.record_lines)
        self._connection: MinerConnection | None = None
        self._session_id: str | None = None
        self._extranonce2 = 0
        self._aimed_at: Difficulty | None = None
        self._due = Seconds(0.0)
        self._searching = False
        self._part = 1.0
        self._job: Search | None = None
        self._job_at = Seconds(0.0)
        self._task: asyncio.Task[None] | None = None

    # --- what it has seen --------------------------------------------------------------------------

    @property
    def mining(self) -> bool:
        """It is connected, authorized and has a job."""
        return self._search is not None

    @property
    def connected(self) -> bool:
        """There is a connection."""
        return self._connection is not None

    @property
    def pending(self) -> int:
        """Submits of this connection without an answer."""
        return self._connection.session.pending if self._connection is not None else 0

    @property
    def search(self) -> Search | None:
        """What it works at: the last job with its extranonce, mask and difficulty."""
        return self._search

    @property
    def lines(self) -> list[Line]:
        """The last lines in and out, if the settings record them."""
        return list(self._traffic.lines)

    def summary(self) -> dict[str, object]:
        """Return the counters as JSON can hold them."""
        return self.counters.summary() | {"pending": self.pending}

    async def wait_for(self, condition: Callable[["SimulatedMiner"], bool], timeout: float = 10.0) -> None:
        """Return as soon as ``condition(self)`` holds; it is looked at after each change.

        Raises:
            TimeoutError: It did not within ``timeout`` seconds.

        """
        await self._changes.wait_for(lambda: condition(self), timeout)

    # --- life --------------------------------------------------------------------------------------

    async def run(self, delay: Seconds = Seconds(0.0)) -> None:
        """Mine until cancelled, beginning after ``delay``; whatever ends a connection, it comes back."""
        await asyncio.sleep(delay)
        while True:
            await self._one_connection()
            await asyncio.sleep(self.settings.backoff)

    async def __aenter__(self) -> Self:
        """Run beside the body of the ``async with``."""
        self._task = asyncio.create_task(self.run(), name=f"simulated miner {self.worker}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect and end; an error of the miner itself comes out here."""
        task, self._task = self._task, None
        if task is not None:
            await ended(task)

    def kick(self) -> None:
        """Break the connection at once, as a power cut does; the miner comes back after its backoff."""
        if self._connection is not None:
            self._connection.abort()

    def send_raw(self, data: bytes) -> None:
        """Write ``data`` as it is, if connected."""
        if self._connection is not None:
            self._connection.send(data)

    def throttle(self, part: float) -> None:
        """Hash at a part of the hashrate from now on, as by an ASIC's own interface; 0 is asleep."""
        if part == self._part:
            return
        self._part = part
        self._aimed_at = None  # times between shares are drawn anew
        self._searching = False
        self._schedule.drop(self)
        self._changed()

    @property
    def hashrate(self) -> HashesPerSecond:
        """At which it may hash."""
        return HashesPerSecond(self._part * self.settings.hashrate)

    @property
    def rests(self) -> bool:
        """It is asleep, or idles for want of a newer job."""
        after = self.settings.idle_after
        return self._part <= 0 or (after is not None and self._schedule.now() - self._job_at >= after)

    async def _one_connection(self) -> None:
        session = MinerSession(
            self.settings.firmware,
            self.worker,
            self._password,
            self.counters,
            self._random,
            self._settled,
            self._session_id,
            self._extranonce2,
        )
        number = self.counters.connects + 1
        try:
            async with asyncio.timeout(self.settings.connect_within):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: MinerConnection(session, number, self._traffic, self._changed),
                    self.host,
                    self.port,
                    ssl=self._ssl,
                )
        except (OSError, TimeoutError):
            self.counters.failed_connects += 1
            self._tell()
            return
        self.counters.connects += 1
        self._connection = connection
        try:
            self._changed()
            await self._until_closed(connection)
        finally:
            self._disconnected(connection)

    async def _until_closed(self, connection: MinerConnection) -> None:
        """Return when the connection has ended, or is to be ended: a late handshake, silence."""
        loop = asyncio.get_running_loop()
        handshake_due = loop.time() + self.settings.handshake_within
        while not connection.closed.done():
            due = connection.heard + self.settings.silence
            shaking = not connection.session.shook_hands
            if shaking:
                due = min(due, handshake_due)
            if loop.time() >= due:
                self.counters.left["handshake took too long" if shaking else "silence"] += 1
                return
            # Nobody wakes us for what comes in: it is only looked at when the time would be up.
            await asyncio.wait([connection.closed], timeout=due - loop.time())

    def _disconnected(self, connection: MinerConnection) -> None:
        session = connection.session
        connection.abort()
        self._schedule.drop(self)
        self._connection = None
        self._aimed_at = None
        self._searching = False
        # The device keeps counting; a job may come again with the same extranonce1.
        self._extranonce2 = session.next_extranonce2
        self._session_id = session.session_id
        self.counters.disconnects += 1
        session.close()
        self._tell()

    # --- work --------------------------------------------------------------------------------------

    @property
    def _search(self) -> Search | None:
        return self._connection.session.search if self._connection is not None else None

    def _changed(self) -> None:
        """See to it that there is a due time for what the session is at now."""
        search = self._search
        if search is not self._job:
            self._job, self._job_at = search, self._schedule.now()
        if search is not None and not self.rests and search.difficulty != self._aimed_at:
            # Between draws nothing is remembered, so only another difficulty asks for another draw.
            self._aimed_at = search.difficulty
            now = self._schedule.now()
            if self.settings.mode is Mode.DRAW and not self._searching:
                self._schedule.put(self, Seconds(now + self.interval(search.difficulty)))
            elif self not in self._schedule:
                self._due = now
                self._schedule.put(self, now)
        self._tell()

    def _tell(self) -> None:
        self._changes.happened()
        if self._fleet_changes is not None:
            self._fleet_changes.happened()

    def interval(self, difficulty: Difficulty) -> Seconds:
        """Draw a time between shares of ``difficulty``, exponential around 2**32 * difficulty / hashrate."""
        return Seconds(self._random.expovariate(self.hashrate / (HASHES_PER_DIFFICULTY * difficulty)))

    def work(self, now: Seconds, pace: Pace) -> Seconds | None:
        """Hash a little and submit what is found; return when to go on."""
        search = self._search
        if search is None or self._connection is None:
            return None
        if self.rests:
            self._aimed_at, self._searching = None, False
            return None
        if self.settings.mode is Mode.DRAW:
            return self._drawn_share(search, now, pace)
        most = max(1, int(self.hashrate * _SMOOTH))
        found, tried = pace.step(search, most)
        self.counters.hashes += tried
        if found is not None:
            self._submit(found)
        # What could not be hashed in time is not caught up with: the machine was too slow for it.
        self._due = Seconds(max(now - _SMOOTH, self._due) + tried / self.hashrate)
        return self._due

    def _drawn_share(self, search: Search, now: Seconds, pace: Pace) -> Seconds:
        if HASHES_PER_DIFFICULTY * search.difficulty > self.settings.most_hashes:
            self.counters.too_hard += 1
            self._searching = False
            self._tell()
            return Seconds(now + self.interval(search.difficulty))
        self._searching = True
        found, tried = pace.step(search)
        self.counters.hashes += tried
        if found is None:
            return now
        self._searching = False
        self._submit(found)
        return Seconds(now + self.interval(search.difficulty))

    def _submit(self, found: Found) -> None:
        connection = self._connection
        if connection is None or not connection.writable:
            self.counters.found += 1
            self.counters.withheld += 1
        else:
            line = connection.session.submit(found)
            if line:
                self._remember(found.digest, "pending")
                connection.send(line)
        self._tell()

    def _settled(self, found: Found, code: int | None) -> None:
        self._remember(found.digest, "accepted" if code is None else code)

    def _remember(self, digest: bytes, outcome: int | str) -> None:
        if self.settings.record_shares == 0:
            return
        self.outcomes[digest] = outcome
        if len(self.outcomes) > self.settings.record_shares:
            del self.outcomes[next(iter(self.outcomes))]
