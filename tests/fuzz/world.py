"""A relay between miners and a pool that are made of bytes: far cheaper than a whole site of the fakes.

Nobody here understands what is said. The pool's lines are written by whoever drives the world, and everything
that the relay does to the outside goes into one log, in its order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from typing_extensions import override

from proxy.events import Event
from proxy.mining.vardiff import VardiffSettings
from proxy.ports import Dialler, Randomness, ShareJournal, Wire
from proxy.relay.engine import Relay
from proxy.relay.session import Session
from proxy.relay.settings import Limits, PoolSettings, RelaySettings, TenantSettings, Timers
from proxy.relay.snapshot import snapshot
from proxy.units import Difficulty, Seconds

LEAST = Difficulty(2.0**-32)
"""Nearly every hash is a share."""
EASY_NBITS, HARD_NBITS = "207fffff", "170331db"
"""Every second hash is a block, or none is."""

Seen = tuple[object, ...]
"""One thing that the relay did."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What differs from one world to the next."""

    difficulty: float = LEAST
    """Of the pool's jobs."""
    vardiff: VardiffSettings = field(
        default_factory=lambda: VardiffSettings(start=LEAST, minimum=LEAST, maximum=LEAST)
    )
    nbits: str = HARD_NBITS
    mask: int | None = 0x1FFFE000
    extranonce2_size: int = 8
    user: str = "acme"
    limits: Limits = field(default_factory=Limits)
    timers: Timers = field(default_factory=Timers)
    tenants: int = 1
    match: str = "*"
    """Names of the last tenant."""


class LoggedWire(Wire):
    """Tells the log what is written; remembers whether it was closed."""

    def __init__(self, name: str, log: list[Seen]) -> None:
        self.name, self.log, self.closed = name, log, False
        self.prompt = False

    @property
    @override
    def peer(self) -> str:
        return "10.0.0.1:1234"

    @override
    def write(self, data: bytes) -> None:
        assert data, "an empty write is a wasted system call"
        self.log.append((self.name, data))

    @override
    def pause(self, seconds: float) -> None:
        self.log.append((self.name, "pauses", seconds))

    @override
    def close(self) -> None:
        self.closed = True
        self.log.append((self.name, "closed"))


class _Outside(Dialler, ShareJournal, Randomness):
    def __init__(self, log: list[Seen]) -> None:
        self.log = log
        self.dialled: list[int] = []

    @override
    def dial(self, connection: int, host: str, port: int, transport: str) -> None:
        self.log.append(("dial", connection, host))
        self.dialled.append(connection)

    @override
    def abandon(self, connection: int) -> None:
        self.log.append(("abandon", connection))

    @override
    def expect(self) -> None:
        self.log.append(("expect",))

    @override
    def told(self) -> None:
        self.log.append(("told",))

    @override
    def random(self) -> float:
        return 0.5


class World:
    """One relay in virtual time, with a pool that has answered the handshake and sent a job."""

    def __init__(self, shape: Shape, *, uses_lanes: bool) -> None:
        self.shape = shape
        self.now = Seconds(1000.0)
        self.log: list[Seen] = []
        self.wires: dict[int, LoggedWire] = {}
        self.drawn: list[int] = []
        """Windows that were drawn and are not committed."""
        self.connections = 0
        self.jobs = 0
        self._outside = _Outside(self.log)
        tenants = tuple(self._tenants(shape))
        settings = RelaySettings(
            tenants,
            {"main": tuple(each.id for each in tenants)},
            limits=shape.limits,
            timers=shape.timers,
        )
        self.relay = Relay(settings, self._outside, self._outside, self._outside, self._heard, self.now)
        self.relay.uses_lanes = uses_lanes
        self.pass_time(0.0)
        self.take_dials()

    @staticmethod
    def _tenants(shape: Shape) -> Iterator[TenantSettings]:
        for number in range(shape.tenants):
            pool = PoolSettings(f"pool{number}", f"pool{number}", 3333, shape.user, fallback_user="acme")
            match = shape.match if number == shape.tenants - 1 else f"{number}*"
            yield TenantSettings(f"tenant{number}", (pool,), user_match=match, vardiff=shape.vardiff)

    def _heard(self, event: Event) -> None:
        self.log.append(("event", repr(event)))

    @property
    def written(self) -> int:
        """Bytes written to all wires, as far as the log goes back."""
        return sum(len(seen[1]) for seen in self.log if len(seen) == 2 and isinstance(seen[1], bytes))

    # --- miners ------------------------------------------------------------------------------------

    def connect(self) -> int:
        """Let a miner connect and return its key."""
        door = self.relay.outside.admission.admits("10.0.0.1", self.relay.limits.admission, self.now)
        self.log.append(("door", door))
        wire = LoggedWire(f"miner {len(self.wires)}", self.log)
        key = self.relay.opened("main", wire, self.now)
        self.wires[key] = wire
        return key

    def feed(self, key: int, data: bytes) -> None:
        """Let bytes come from a miner; the adapter tells of one that was hung up on."""
        self.relay.feed(key, data, self.now)
        if self.wires[key].closed:
            self.leave(key)

    def leave(self, key: int) -> None:
        """Let a miner's connection end."""
        self.relay.closed(key, "closed", self.now)

    def sweep(self) -> None:
        """Let every miner's connection end that was hung up on."""
        for key in [key for key in self.relay.sessions if self.wires[key].closed]:
            self.leave(key)

    def shed(self) -> None:
        """Let memory be short."""
        self.relay.shed(self.now)

    def reconfigure(self, limits: Limits) -> None:
        """Let the operator set other limits."""
        self.relay.reconfigure(replace(self.relay.outside.settings, limits=limits), self.now)

    def snapshot(self) -> dict[str, Any]:
        """Return everything that the relay tells of itself."""
        return snapshot(self.relay, self.now, sessions=True)

    def session(self, key: int) -> Session | None:
        """Return what the relay knows of a miner."""
        return self.relay.sessions.get(key)

    # --- the pool ----------------------------------------------------------------------------------

    def take_dials(self) -> None:
        """Let every dial succeed, and each pool answer the handshake with its first job."""
        dialled, self._outside.dialled[:] = list(self._outside.dialled), []
        for key in dialled:
            self.relay.dialled(key, LoggedWire(f"pool {key}", self.log), self.now)
            self.from_pool(key, self._greeting())

    def _greeting(self) -> bytes:
        shape = self.shape
        self.connections += 1
        rolling = (
            f'{{"version-rolling":true,"version-rolling.mask":"{shape.mask:08x}"}}'
            if shape.mask is not None
            else "false"
        )
        lines = [
            f'{{"id":1,"result":{rolling},"error":null}}',
            f'{{"id":2,"result":[[],"{0xA0000000 + self.connections:08x}",{shape.extranonce2_size}],'
            '"error":null}',
            '{"id":3,"result":true,"error":null}',
            '{"id":4,"result":true,"error":null}',
            f'{{"id":null,"method":"mining.set_difficulty","params":[{shape.difficulty!r}]}}',
        ]
        return "\n".join(lines).encode() + b"\n" + self.notify(clean=True)

    def notify(
        self, *, clean: bool, repeat: bool = False, version: int = 0x20000000, ntime: int = 0
    ) -> bytes:
        """Return the line of a new job, or of the last one under another id."""
        self.jobs += not repeat
        number = self.jobs
        return (
            f'{{"id":null,"method":"mining.notify","params":["j{number}{"r" if repeat else ""}",'
            f'"{number:08x}{"00" * 28}","01000000{"11" * 38}","{"22" * 60}",["{number:064x}"],'
            f'"{version:08x}","{self.shape.nbits}","{0x65000000 + ntime:08x}",{str(clean).lower()}]}}\n'
        ).encode()

    def from_pool(self, key: int, data: bytes) -> None:
        """Let bytes come from a pool."""
        self.relay.upstream_received(key, data, self.now)

    def cut_pool(self, key: int) -> None:
        """Let a connection to a pool break."""
        self.relay.upstream_closed(key, "reset by peer", self.now)

    # --- time and the journal --------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and a tick come."""
        self.now = Seconds(self.now + seconds)
        self.relay.tick(self.now)

    def draw(self) -> None:
        """Close the open window, as the journal does."""
        drawn = self.relay.draw()
        self.drawn.append(drawn.window)
        self.log.append(("drawn", drawn))

    def commit(self, window: int) -> None:
        """Call everything up to a window durable."""
        self.drawn = [number for number in self.drawn if number > window]
        self.relay.committed(window, self.now)
