"""A small scripted miner that speaks lines and really hashes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.header import hash_of, header_of, search, target_at
from tests.fakes.ports import FakeWire

if TYPE_CHECKING:
    from tests.fakes.site import Site


@dataclass(frozen=True)
class Told:
    """A job as the miner was told it, with everything that was in force then."""

    params: list[Any]
    difficulty: float
    extranonce1: str
    extranonce2_size: int
    mask: int

    @property
    def id(self) -> str:
        return str(self.params[0])

    @property
    def version(self) -> int:
        return int(self.params[5], 16)

    @property
    def ntime(self) -> int:
        return int(self.params[7], 16)

    @property
    def clean(self) -> bool:
        return bool(self.params[-1])


@dataclass(frozen=True)
class Found:
    """A share, not yet submitted, and the header that the miner hashed."""

    job: Told
    extranonce2: str
    ntime: int
    nonce: int
    bits: int | None
    header: bytes

    def params(self, worker: str) -> list[Any]:
        """Return what a submit carries."""
        bits = [] if self.bits is None else [f"{self.bits:08x}"]
        return [worker, self.job.id, self.extranonce2, f"{self.ntime:08x}", f"{self.nonce:08x}", *bits]


@dataclass(eq=False)
class FakeMiner:
    """One connection of one device."""

    site: Site
    key: int
    wire: FakeWire
    worker: str = "acme.rig1"
    rolls: bool = True
    """Sends version bits where it was granted some."""
    next_id: int = 1
    extranonce1: str = ""
    extranonce2_size: int = 0
    session_id: str = ""
    difficulty: float = 0.0
    mask: int = 0
    asked: int = 0
    jobs: list[Told] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    """Everything that was received, in order."""
    replies: dict[Any, dict[str, Any]] = field(default_factory=dict)
    order: list[Any] = field(default_factory=list)
    """Ids of the replies as they came."""
    is_open: bool = True
    counter: int = 0
    submitted: list[tuple[Any, Found]] = field(default_factory=list)
    partial: bytes = b""

    # --- saying ----------------------------------------------------------------------------------

    def raw(self, data: bytes) -> None:
        """Send bytes and let everything that follows from them happen."""
        if self.is_open:
            self.site.relay.feed(self.key, data, self.site.now)
        self.site.pump()

    def line(self, method: str, params: Any, identity: Any = ...) -> tuple[bytes, Any]:
        """Return a line and its id."""
        if identity is ...:
            identity, self.next_id = self.next_id, self.next_id + 1
        message = {"id": identity, "method": method, "params": params}
        return json.dumps(message).encode() + b"\n", identity

    def call(self, method: str, params: Any = (), identity: Any = ...) -> dict[str, Any]:
        """Call and return the reply; an empty one where none came."""
        line, identity = self.line(method, params, identity)
        self.replies.pop(identity, None)
        self.raw(line)
        return self.replies.get(identity, {})

    def subscribe(self, agent: str = "cgminer/4.12", session: str | None = None) -> dict[str, Any]:
        """Subscribe and take the extranonce."""
        return self.call("mining.subscribe", [agent] if session is None else [agent, session])

    def authorize(self, worker: str | None = None, password: str = "x") -> dict[str, Any]:
        """Authorise a worker; its own by default."""
        return self.call("mining.authorize", [worker or self.worker, password])

    def configure(self, mask: int = 0xFFFFFFFF) -> dict[str, Any]:
        """Ask for version rolling."""
        self.asked = mask
        return self.call("mining.configure", [["version-rolling"], {"version-rolling.mask": f"{mask:08x}"}])

    def log_in(self, *, rolls: bool = True, agent: str = "cgminer/4.12", session: str | None = None) -> None:
        """Do the whole handshake."""
        self.rolls = rolls
        if rolls:
            self.configure()
        self.subscribe(agent, session)
        self.authorize()

    # --- hearing -----------------------------------------------------------------------------------

    def heard(self, data: bytes) -> None:
        """Take what the relay wrote."""
        *lines, self.partial = (self.partial + data).split(b"\n")
        for line in lines:
            self._heard_line(json.loads(line))

    def _heard_line(self, message: dict[str, Any]) -> None:
        self.lines.append(message)
        match message.get("method"):
            case None:
                self._heard_reply(message)
            case "mining.set_difficulty":
                self.difficulty = message["params"][0]
            case "mining.set_version_mask":
                self.mask = int(message["params"][0], 16)
            case "mining.set_extranonce":
                self.extranonce1, self.extranonce2_size = message["params"]
            case "mining.notify":
                if message["params"][-1]:
                    self.jobs.clear()
                self.jobs.append(
                    Told(
                        message["params"],
                        self.difficulty,
                        self.extranonce1,
                        self.extranonce2_size,
                        self.mask,
                    )
                )

    def _heard_reply(self, message: dict[str, Any]) -> None:
        identity = message["id"]
        if not isinstance(identity, list | dict):
            self.replies[identity] = message
        self.order.append(identity)
        result = message.get("result")
        if isinstance(result, list) and len(result) == 3:
            self.session_id = result[0][0][1]
            self.extranonce1, self.extranonce2_size = result[1], result[2]
        if isinstance(result, dict) and "version-rolling.mask" in result:
            self.mask = int(result["version-rolling.mask"], 16)

    def methods(self) -> list[str]:
        """Return the notifications received, by method."""
        return [line["method"] for line in self.lines if "method" in line]

    # --- hashing -----------------------------------------------------------------------------------

    @property
    def job(self) -> Told:
        """The job told last."""
        return self.jobs[-1]

    def find(
        self,
        job: Told | None = None,
        *,
        bits: int | None = None,
        version: int | None = None,
        ntime: int | None = None,
        difficulty: float | None = None,
        above: float | None = None,
        misses: bool = False,
    ) -> Found:
        """Search a share of a job: of its difficulty unless told.

        ``version`` is what is hashed, if it is not what BIP 310 makes of ``bits``. With ``above`` the
        hash must also miss that greater difficulty; with ``misses`` it must miss the job's own.
        """
        job = job or self.job
        if bits is None and self.rolls and self.asked:
            bits = 0
        if version is None:
            version = job.version if bits is None else job.version & ~job.mask | bits
        ntime = job.ntime if ntime is None else ntime
        target = target_at(job.difficulty if difficulty is None else difficulty)
        while True:
            self.counter += 1
            extranonce2 = self.counter.to_bytes(job.extranonce2_size, "big").hex()
            header = header_of(job.params, job.extranonce1, extranonce2, ntime, 0, version)
            nonce = search(header, target, misses=misses)
            header = header[:76] + nonce.to_bytes(4, "little")
            if above is None or hash_of(header) > target_at(above):
                return Found(job, extranonce2, ntime, nonce, bits, header)

    def send(self, found: Found, worker: str | None = None) -> Any:
        """Submit a share and return the call's id; the reply may be outstanding."""
        line, identity = self.line("mining.submit", found.params(worker or self.worker))
        self.submitted.append((identity, found))
        self.raw(line)
        return identity

    def submit(self, found: Found, worker: str | None = None) -> str:
        """Submit a share and return "accepted", "waiting", or the code of the refusal."""
        return self.outcome(self.send(found, worker))

    def outcome(self, identity: Any) -> str:
        """Return what became of a submit."""
        reply = self.replies.get(identity)
        if reply is None:
            return "waiting"
        assert "error" in reply
        return "accepted" if reply["result"] is True else str(reply["error"][0])

    def mine(self) -> str:
        """Find a share of the last job and submit it."""
        return self.submit(self.find())

    def leave(self) -> None:
        """Close the connection."""
        if self.is_open:
            self.is_open = False
            self.site.relay.closed(self.key, "closed", self.site.now)
            self.site.pump()
