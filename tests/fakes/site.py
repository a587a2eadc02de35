"""A whole site in virtual time: a relay with fake edges, scripted pools and miners. Nothing sleeps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from proxy.events import Event
from proxy.mining.vardiff import VardiffSettings
from proxy.relay.engine import Relay
from proxy.relay.session import Session
from proxy.relay.settings import Limits, PoolSettings, RelaySettings, TenantSettings, Timers
from proxy.units import Difficulty, Seconds
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.ports import Dial, FakeDialler, FakeJournal, FakeRandomness, FakeWire

SHARE = Difficulty(2.0**-28)
"""Sixteen hashes: a test finds such a share at once."""
FIXED = VardiffSettings(start=SHARE, minimum=SHARE, maximum=SHARE)
"""Vardiff that never changes a thing: for tests about something else."""

EventType = TypeVar("EventType")


def pool_settings(pool: FakePool, **changes: object) -> PoolSettings:
    """Return how a tenant reaches a pool."""
    plain = PoolSettings(name=pool.name, host=pool.host, port=pool.port, user="acme", fallback_user="")
    return replace(plain, **changes)  # type: ignore[arg-type]


class Site:
    """Owns the clock. Whatever a fake does is done in ``pump``, never inside a call of the relay."""

    def __init__(
        self,
        *pools: FakePool,
        tenants: Sequence[TenantSettings] | None = None,
        listeners: dict[str, tuple[str, ...]] | None = None,
        owned: frozenset[str] = frozenset(),
        limits: Limits | None = None,
        timers: Timers | None = None,
        vardiff: VardiffSettings = FIXED,
        randomness: Sequence[float] = (0.5,),
        gated: bool = False,
    ) -> None:
        self.now = Seconds(1000.0)
        self.pools = pools
        self.miners: list[FakeMiner] = []
        self.events: list[Event] = []
        self.journal = FakeJournal()
        self.dialler = FakeDialler(self._dialled, lambda: self.now)
        self.commits = True
        """Whether windows are committed as soon as everything else has happened."""
        self._queue: deque[Callable[[], None]] = deque()
        for pool in pools:
            pool.site = self
        if tenants is None:
            tenants = [TenantSettings("acme", tuple(map(pool_settings, pools)), vardiff=vardiff)]
        self.settings = RelaySettings(
            tuple(tenants),
            listeners or {"main": tuple(tenant.id for tenant in tenants)},
            owned=owned,
            gated=gated,
            limits=limits or Limits(),
            timers=timers or Timers(),
        )
        self.relay = Relay(
            self.settings,
            self.dialler,
            self.journal,
            FakeRandomness(randomness),
            self._heard,
            self.now,
        )
        self.journal.draw = self.relay.draw

    def _heard(self, event: Event) -> None:
        self.events.append(event)

    # --- what happens ------------------------------------------------------------------------------

    def later(self, happening: Callable[[], None]) -> None:
        """Let something happen once the relay's present call has returned."""
        self._queue.append(happening)

    def pump(self) -> None:
        """Let everything happen that is due, and commit."""
        while True:
            while self._queue:
                self._queue.popleft()()
            if not (self.commits and self.journal.is_open):
                return
            self.commit()

    def commit(self) -> None:
        """Make the open window durable."""
        self.relay.committed(self.journal.close_window(), self.now)

    def pass_time(self, seconds: float, step: float = 0.1) -> None:
        """Let time pass, tick by tick."""
        for _ in range(round(seconds / step)):
            self.now = Seconds(self.now + step)
            for pool in self.pools:
                pool.tick(self.now)
            self.relay.tick(self.now)
            self.pump()

    def start(self) -> Site:
        """Let the pools be dialled and answer."""
        self.pass_time(1.0)
        return self

    def _dialled(self, dial: Dial) -> None:
        pool = next((pool for pool in self.pools if (pool.host, pool.port) == (dial.host, dial.port)), None)
        if pool is not None:
            self.later(lambda: pool.dialled(dial.key))

    # --- miners -----------------------------------------------------------------------------------

    def connect(self, listener: str = "main", worker: str = "acme.rig1") -> FakeMiner:
        """Return a miner that has connected and said nothing yet."""
        wire = FakeWire()
        key = self.relay.opened(listener, wire, self.now)
        miner = FakeMiner(self, key, wire, worker)
        wire.deliver = miner.heard
        wire.hang_up = lambda: self.later(miner.leave)
        self.miners.append(miner)
        return miner

    def miner(
        self,
        worker: str = "acme.rig1",
        *,
        rolls: bool = True,
        listener: str = "main",
        agent: str = "cgminer/4.12",
        session: str | None = None,
    ) -> FakeMiner:
        """Return a miner that has logged in and has work, if there is any."""
        miner = self.connect(listener, worker)
        miner.log_in(rolls=rolls, agent=agent, session=session)
        self.pass_time(0.5)
        return miner

    def fleet(self, count: int, *, rolls: bool = False) -> list[FakeMiner]:
        """Return many miners, logged in together, with work if there is any."""
        miners = [self.connect(worker=f"acme.rig{n}") for n in range(count)]
        for miner in miners:
            miner.log_in(rolls=rolls)
        self.pass_time(5.0)
        return miners

    def session(self, miner: FakeMiner) -> Session:
        """Return what the relay knows of a miner."""
        return self.relay.sessions[miner.key]

    # --- what was seen ------------------------------------------------------------------------------

    def seen(self, kind: type[EventType]) -> list[EventType]:
        """Return the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def resets(self) -> list[FakeMiner]:
        """Return the miners whose connection we closed or disturbed by a new extranonce."""
        return [
            miner
            for miner in self.miners
            if miner.wire.closed or {"mining.set_extranonce", "client.reconnect"} & set(miner.methods())
        ]
