"""A small scripted pool that speaks lines and validates every share for itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.header import hash_of, header_of, target_at
from tests.fakes.ports import FakeWire

if TYPE_CHECKING:
    from tests.fakes.site import Site

HARD_NBITS = "170331db"
"""No share of a test is a block by chance."""
EASY_NBITS = "207fffff"
"""Every second hash is a block."""


@dataclass(frozen=True)
class Received:
    """A submit that reached the pool, and the header that the pool builds from it."""

    connection: PoolSide
    id: int
    params: list[Any]
    header: bytes
    fault: str
    """Empty where the share is good."""


@dataclass(eq=False)
class PoolSide:
    """The pool's end of one connection."""

    pool: FakePool
    key: int
    wire: FakeWire
    extranonce1: str
    extranonce2_size: int
    jobs: dict[str, list[Any]] = field(default_factory=dict)
    difficulty_of: dict[str, float] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    authorized: set[str] = field(default_factory=set)
    mask: int | None = None
    difficulty: float = 0.0
    is_open: bool = True
    partial: bytes = b""

    def say(self, *messages: dict[str, Any] | bytes) -> None:
        """Send lines in one segment."""
        data = b"".join(m if isinstance(m, bytes) else json.dumps(m).encode() + b"\n" for m in messages)
        self.pool.site.later(lambda: self._deliver(data))

    def _deliver(self, data: bytes) -> None:
        if self.is_open:
            self.pool.site.relay.upstream_received(self.key, data, self.pool.site.now)

    def cut(self, cause: str = "reset by peer") -> None:
        """The connection breaks."""
        if self.is_open:
            self.is_open = False
            site = self.pool.site
            site.later(lambda: site.relay.upstream_closed(self.key, cause, site.now))

    def set_difficulty(self, difficulty: float) -> dict[str, Any]:
        """Return the message, and judge later jobs by it."""
        self.difficulty = difficulty
        return {"id": None, "method": "mining.set_difficulty", "params": [difficulty]}

    def notify(self, params: list[Any]) -> dict[str, Any]:
        """Return the message, and remember the job for this connection."""
        self.jobs[params[0]] = [*params, self.extranonce1]
        self.difficulty_of[params[0]] = self.difficulty
        return {"id": None, "method": "mining.notify", "params": params}

    def heard(self, data: bytes) -> None:
        """Take bytes of the relay."""
        *lines, self.partial = (self.partial + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            self.calls.append(message)
            self.pool.site.later(lambda message=message: self.pool.answer(self, message))  # type: ignore[misc]

    def methods(self) -> list[str]:
        """Return the methods that were called on this connection."""
        return [call["method"] for call in self.calls if "method" in call]


@dataclass(eq=False)
class FakePool:
    """Answers by its settings; a test changes them as it goes."""

    name: str
    host: str = "pool"
    port: int = 3333
    extranonce2_size: int = 8
    extranonce1_size: int = 4
    mask: int | None = 0x1FFFE000
    """Granted to mining.configure; None refuses the method."""
    configure: str = "answer"
    """Or "hang up", "silent"."""
    ors_version: bool = False
    difficulty: float = 2.0**-28
    version: int = 0x20000000
    nbits: str = HARD_NBITS
    ntime: int = 0x65000000
    branches: int = 2
    up: bool = True
    blackhole: bool = False
    """Dials are neither taken nor refused."""
    serves_work: bool = True
    authorizes: Callable[[str], bool] = lambda name: True
    answers_shares: bool = True
    refusal: Callable[[int], dict[str, Any]] | None = None
    """Refuses every share with this line."""
    resumes: bool = False
    """Gives the same extranonce1 to every connection."""
    first_clean: bool = True
    talks: bool = True
    """Sends a line now and then, as pools do; without it the connection falls silent."""
    talked_at: float = 0.0
    site: Site = field(init=False)
    sides: list[PoolSide] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    headers: set[bytes] = field(default_factory=set)
    height: int = 1
    job_number: int = 0
    job_prefix: str = ""
    coinb1: str = "01000000" + "11" * 38
    coinb2: str = "22" * 60

    # --- connections -----------------------------------------------------------------------------

    def dialled(self, key: int) -> None:
        """Take, refuse or ignore a dial."""
        if self.blackhole:
            return
        site = self.site
        if not self.up:
            site.later(lambda: site.relay.upstream_closed(key, "refused", site.now))
            return
        number = 0 if self.resumes else len(self.sides)
        side = PoolSide(
            self, key, FakeWire(), (0xA0000000 + number).to_bytes(4, "big").hex(), self.extranonce2_size
        )
        size = self.extranonce1_size
        side.extranonce1 = (bytes(16) + bytes.fromhex(side.extranonce1))[-size:].hex() if size else ""
        side.difficulty = self.difficulty
        if self.resumes and self.sides:
            side.jobs, side.difficulty_of = self.sides[0].jobs, self.sides[0].difficulty_of
        side.wire.deliver = side.heard
        side.wire.hang_up = lambda: side.cut("closed by us")
        self.sides.append(side)
        site.later(lambda: site.relay.dialled(key, side.wire, site.now))

    @property
    def live(self) -> list[PoolSide]:
        """Connections that are open."""
        return [side for side in self.sides if side.is_open]

    @property
    def side(self) -> PoolSide:
        """The newest open connection."""
        return self.live[-1]

    def die(self) -> None:
        """Cut every connection and refuse new ones."""
        self.up = False
        for side in self.live:
            side.cut()

    # --- work --------------------------------------------------------------------------------------

    @property
    def prevhash(self) -> str:
        """The hash of the newest block, as a notify carries it."""
        return f"{self.height:08x}" * 8

    def job(self, *, clean: bool) -> list[Any]:
        """Return the parameters of a new job."""
        self.job_number += 1
        branches = [f"{self.job_number:06x}{n:02x}" * 8 for n in range(self.branches)]
        return [
            f"{self.job_prefix}{self.job_number:x}",
            self.prevhash,
            self.coinb1,
            self.coinb2,
            branches,
            f"{self.version:08x}",
            self.nbits,
            f"{self.ntime:08x}",
            clean,
        ]

    def new_job(self, *, clean: bool = False, difficulty: float | None = None) -> None:
        """Send a new job to every connection."""
        if clean:
            self.height += 1
        for side in self.live:
            before = [] if difficulty is None else [side.set_difficulty(difficulty)]
            side.say(*before, side.notify(self.job(clean=clean)))

    def tick(self, now: float) -> None:
        """Say something that means nothing, every twenty seconds."""
        if self.talks and now - self.talked_at >= 20:
            self.talked_at = now
            for side in self.live:
                side.say({"id": None, "method": "pool.is_here", "params": []})

    # --- answers -------------------------------------------------------------------------------------

    def answer(self, side: PoolSide, message: dict[str, Any]) -> None:
        """Answer one call as the settings say."""
        if not side.is_open or "method" not in message:
            return
        method, params, identity = message["method"], message["params"], message["id"]
        match method:
            case "mining.configure":
                self._configure(side, identity)
            case "mining.subscribe":
                subscriptions = [["mining.set_difficulty", "s1"], ["mining.notify", "s1"]]
                side.say(_result(identity, [subscriptions, side.extranonce1, side.extranonce2_size]))
            case "mining.authorize":
                self._authorize(side, identity, params[0])
            case "mining.submit":
                self._submit(side, identity, params)
            case _:
                side.say(_result(identity, True))

    def _configure(self, side: PoolSide, identity: int) -> None:
        if self.configure == "hang up":
            side.cut()
        elif self.configure == "silent":
            return
        elif self.mask is None:
            side.say({"id": identity, "result": None, "error": [-3, "Method not found", None]})
        else:
            side.mask = self.mask
            answer = {"version-rolling": True, "version-rolling.mask": f"{self.mask:08x}"}
            side.say(_result(identity, answer))

    def _authorize(self, side: PoolSide, identity: int, name: str) -> None:
        if not self.authorizes(name):
            side.say({"id": identity, "result": False, "error": [24, "Unauthorized worker", None]})
            return
        first = not side.authorized
        side.authorized.add(name)
        side.say(_result(identity, True))
        if first and self.serves_work:
            job = self.job(clean=self.first_clean)
            side.say(side.set_difficulty(self.difficulty), side.notify(job))

    def _submit(self, side: PoolSide, identity: int, params: list[Any]) -> None:
        header, fault = self._judge(side, params)
        self.received.append(Received(side, identity, params, header, fault))
        if not self.answers_shares:
            return
        if self.refusal is not None:
            side.say(self.refusal(identity))
        elif fault:
            code = 22 if fault == "duplicate" else 20
            side.say({"id": identity, "result": None, "error": [code, fault, None]})
        else:
            side.say(_result(identity, True))

    def _judge(self, side: PoolSide, params: list[Any]) -> tuple[bytes, str]:
        name, job_id, extranonce2, ntime, nonce, *bits = params
        if name not in side.authorized:
            return b"", f"unauthorized {name}"
        job = side.jobs.get(job_id)
        if job is None:
            return b"", "unknown job"
        if len(extranonce2) != 2 * side.extranonce2_size:
            return b"", "wrong extranonce2"
        version = int(job[5], 16)
        if side.mask is not None:
            if not bits:
                return b"", "version bits missing"
            rolled = int(bits[0], 16)
            if rolled & ~side.mask:
                return b"", "version bits outside the mask"
            version = version | rolled if self.ors_version else version & ~side.mask | rolled
        elif bits:
            return b"", "version bits that were never granted"
        header = header_of(job, job[-1], extranonce2, int(ntime, 16), int(nonce, 16), version)
        if header in self.headers:
            return header, "duplicate"
        if hash_of(header) > target_at(side.difficulty_of[job_id]):
            return header, "low difficulty"
        self.headers.add(header)
        return header, ""

    @property
    def faults(self) -> list[str]:
        """What was wrong with the shares that came."""
        return [share.fault for share in self.received if share.fault]


def _result(identity: int, result: Any) -> dict[str, Any]:
    return {"id": identity, "result": result, "error": None}
