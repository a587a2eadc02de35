"""One connection to a pool, sans-IO: the handshake, its jobs, the shares it owes us an answer for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from proxy.errors import ProtocolViolation, UpstreamLost
from proxy.events import PoolSaid, WorkerNameRefused
from proxy.mining.version_rolling import forwarded_bits
from proxy.ports import Wire
from proxy.relay.news import News
from proxy.relay.outside import Outside
from proxy.relay.owner import Owner
from proxy.relay.pool import Pool
from proxy.relay.streak import RejectStreak
from proxy.relay.work import Work
from proxy.relay.worker_names import WorkerNames
from proxy.stratum import upstream as wire
from proxy.stratum.framing import LineBuffer
from proxy.stratum.jsonrpc import Json, request_line
from proxy.units import Difficulty, Seconds

ASKED_MASK = 0x1FFFE000
"""BIP 320's sixteen bits: what firmware of the field can roll."""
CONFIGURE_GRACE = Seconds(2.0)
"""A pool that ignores unknown methods never answers mining.configure; everything else is long there."""
DUPLICATE = 22


class Phase(Enum):
    """How far a connection has come."""

    DIALLING = "dialling"
    HANDSHAKE = "handshake"
    READY = "ready"
    LOST = "lost"


@dataclass(slots=True)
class Forward:
    """A share on its way to the pool, with everything needed to send it again."""

    number: int
    session: int
    worker: str
    work: Work
    extranonce2: bytes
    ntime: int
    nonce: int
    version: int
    at: Seconds
    is_block: bool
    sent: bool = False
    resent: bool = False
    """Sent again on a connection that resumed: "duplicate" then means that it had arrived."""


class UpstreamConnection:
    """The client side of Stratum V1 towards one pool."""

    def __init__(self, key: int, pool: Pool, owner: Owner, outside: Outside, now: Seconds) -> None:
        self.key = key
        self.pool = pool
        self.owner = owner
        self.phase = Phase.DIALLING
        self.since = now
        self.extranonce1 = b""
        self.extranonce2_size = 0
        """Both as they hold for ``latest``."""
        self.session_id: str | None = None
        self.resumes: str | None = None
        """Session id of the connection before this one: some pools give its extranonce1 again."""
        self.mask: int | None = None
        self.difficulty = Difficulty(1.0)
        self.latest: wire.Notify | None = None
        self.latest_difficulty = Difficulty(1.0)
        self.outstanding: dict[int, Forward] = {}
        self.settlements = pool.settlements
        self.last_line_at = now
        self.suggested_at: Seconds | None = None
        self.suggested: Difficulty | None = None
        self.draining_since: Seconds | None = None
        self._outside = outside
        self._wire: Wire | None = None
        self._lines = LineBuffer(outside.limits.upstream_line)
        self._calls: dict[int, str] = {}
        self._next_call = 1
        self._names = WorkerNames(pool.settings)
        self._asked_to_configure = False
        self._configure_answered = False
        self._authorized = False
        self._handshake_since = now
        self._nonsense = 0
        self._next_extranonce: wire.SetExtranonce | None = None
        """Holds from the next job on."""
        self._streak = RejectStreak()
        self.news = News(self, outside)
        self._told: set[str] = set()
        """Warnings about this connection that were given already."""

    @property
    def is_ready(self) -> bool:
        """Whether shares can be sent on it."""
        return self.phase is Phase.READY

    @property
    def is_lost(self) -> bool:
        """Whether it is of no more use."""
        return self.phase is Phase.LOST

    # --- the connection's life -------------------------------------------------------------------

    def dialled(self, connected: Wire, now: Seconds) -> None:
        """The transport is open: say hello."""
        self._wire = connected
        self.phase = Phase.HANDSHAKE
        self._handshake_since = self.last_line_at = now
        self._asked_to_configure = self.pool.takes_configure
        if self._asked_to_configure:
            options = {"version-rolling.mask": f"{ASKED_MASK:08x}", "version-rolling.min-bit-count": 2}
            self._call("configure", "mining.configure", [["version-rolling"], options])
        else:
            self._configure_answered = True
        self._call(
            "subscribe", "mining.subscribe", [wire.AGENT, self.resumes] if self.resumes else [wire.AGENT]
        )

    def received(self, data: bytes, now: Seconds) -> None:
        """Take bytes from the pool. A pool that cannot be used is given up; nothing is raised."""
        if self.is_lost:
            return
        try:
            for line in self._lines.feed(data):
                self.last_line_at = now
                if len(line) > self._outside.limits.upstream_line_warning:
                    self._warn("long line", f"sent a line of {len(line)} bytes")
                self._take_line(line, now)
                if self.is_lost:
                    return
            if self._lines.overflowed:
                raise UpstreamLost("nonsense: line too long")
        except UpstreamLost as lost:
            self.give_up(str(lost), now)

    def tick(self, now: Seconds) -> None:
        """Watch the deadlines: connecting, the handshake, silence, answers that do not come."""
        timers = self._outside.timers
        if self.phase is Phase.DIALLING and now - self.since > timers.upstream_connect:
            self.give_up("connecting timed out", now)
        elif self.phase is Phase.HANDSHAKE:
            late = now - self._handshake_since > timers.upstream_reply
            if not self._become_ready_if_done(now) and late:
                self.give_up("handshake timed out", now)
        elif self.phase is Phase.READY:
            oldest = next(iter(self.outstanding.values()), None)
            if oldest is not None and now - oldest.at > timers.upstream_reply:
                self.give_up("no answer to a share", now)
            elif now - self.last_line_at > timers.upstream_idle:
                self.give_up("silent", now)
            else:
                self.news.tick(now)

    def give_up(self, cause: str, now: Seconds) -> None:
        """Close the transport, or stop connecting, and tell the owner, once."""
        if self.phase is Phase.DIALLING:
            self._outside.dialler.abandon(self.key)
        self._end(cause, now)

    def _end(self, cause: str, now: Seconds) -> None:
        if self.is_lost:
            return
        self.phase = Phase.LOST
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        self.owner.connection_lost(self, cause, now)

    def closed(self, cause: str, now: Seconds) -> None:
        """The transport is gone."""
        if self.phase is Phase.HANDSHAKE and not self.extranonce2_size and not self._configure_answered:
            # Old pools hang up on a method that they do not know.
            self.pool.configure_hangups += 1
        elif self.is_ready:
            # Whoever answers there next time is asked again; one more hang-up then is enough.
            self.pool.configure_hangups = 0 if self._asked_to_configure else 1
        self._end(cause, now)

    # --- what we say --------------------------------------------------------------------------------

    def submit(self, forward: Forward, now: Seconds) -> None:
        """Send a share. The caller has seen that the connection is ready."""
        self._ask_for_name(forward.worker)
        bits = [f"{forwarded_bits(forward.version, self.mask):08x}"] if self.mask is not None else []
        params = [
            self._names.name_for(forward.worker),
            forward.work.notify.job_id,
            forward.extranonce2.hex(),
            f"{forward.ntime:08x}",
            f"{forward.nonce:08x}",
            *bits,
        ]
        if forward.sent:
            forward.resent = True
        else:
            self.settlements.forwarded += 1
        forward.sent, forward.at = True, now
        self.outstanding[self._send("mining.submit", params)] = forward

    def suggest(self, difficulty: Difficulty, now: Seconds) -> None:
        """Hint at the difficulty that would suit this connection's hashrate."""
        self.suggested, self.suggested_at = difficulty, now
        number = int(difficulty) if difficulty >= 1 else difficulty
        self._call("suggest", "mining.suggest_difficulty", [number])

    def _call(self, purpose: str, method: str, params: list[Json]) -> None:
        self._calls[self._send(method, params)] = purpose

    def _send(self, method: str, params: list[Json]) -> int:
        identity = self._next_call
        self._next_call += 1
        self._write(request_line(identity, method, params))
        return identity

    def _write(self, data: bytes) -> None:
        if self._wire is not None:
            self._wire.write(data)

    def _ask_for_name(self, worker: str) -> None:
        """Authorise a miner's own name at its first share; the share does not wait for the answer."""
        if self._names.wants_asking(worker, self._outside.limits.upstream_names):
            name = self._names.upstream_name(worker)
            self._names.asked(worker, self._send("mining.authorize", [name, self.pool.settings.password]))

    # --- what the pool says -----------------------------------------------------------------------

    def _take_line(self, line: bytes, now: Seconds) -> None:
        try:
            self._take(wire.parse(line, self._outside.limits.pool_messages), now)
        except ProtocolViolation as violation:
            if self.phase is Phase.HANDSHAKE and not self.extranonce2_size:
                raise UpstreamLost(f"nonsense: {violation}") from violation
            self._nonsense += 1
            self._say(f"sent nonsense: {violation}")
            if self._nonsense >= self._outside.limits.nonsense:
                raise UpstreamLost(f"nonsense: {violation}") from violation

    def _take(self, message: wire.PoolMessage, now: Seconds) -> None:
        match message:
            case wire.Reply():
                self._replied(message, now)
                return
            case wire.Notify():
                if not self.extranonce2_size:
                    raise ProtocolViolation("a job before the subscription")
                if self._next_extranonce is not None:
                    self._take_extranonce(self._next_extranonce)
                self.latest, self.latest_difficulty = self.news.merged(message), self.difficulty
                self._nonsense = 0
                if self.is_ready:
                    self.news.job(self.latest, now)
                else:
                    self._become_ready_if_done(now)
            case wire.SetDifficulty(difficulty, asked):
                self.difficulty = Difficulty(difficulty)
                if asked != difficulty:
                    self._warn("difficulty", f"set a difficulty of {asked:.6g}: taken for {difficulty:.6g}")
            case wire.SetExtranonce():
                self._next_extranonce = message
            case wire.SetVersionMask(mask):
                # A pool may send one that nobody asked for (Titan); it never widens what we asked.
                if self.pool.settings.version_rolling:
                    self.mask = self.pool.version_mask = mask & ASKED_MASK
                    self.news.mask(now)
            case wire.Reconnect():
                self._asked_to_reconnect(message)
            case wire.ShowMessage(text):
                self._say(text)
            case wire.Query():
                self._write(wire.answer_to(message))
            case wire.Ignored():
                pass

    def _take_extranonce(self, given: wire.SetExtranonce | wire.Subscribed) -> None:
        self.extranonce1, self.extranonce2_size = given.extranonce1, given.extranonce2_size
        self.pool.extranonce2_size = given.extranonce2_size
        self._next_extranonce = None

    def _replied(self, reply: wire.Reply, now: Seconds) -> None:
        if reply.id is None:
            return
        taken = reply.refusal is None and reply.result is True
        if (forward := self.outstanding.pop(reply.id, None)) is not None:
            self._settle(forward, reply, now)
        elif (purpose := self._calls.pop(reply.id, None)) is not None:
            self._called(purpose, reply, now)
        elif (name := self._names.answered(reply.id, taken=taken)) is not None:
            self._named(name, taken=taken)
        elif 0 < reply.id < self._next_call:
            # Answered already, or never asked: match by id once, count, change nothing.
            self.settlements.doubled += 1

    def _called(self, purpose: str, reply: wire.Reply, now: Seconds) -> None:
        match purpose:
            case "configure":
                self._configure_answered = True
                granted = None if reply.refusal else wire.granted_mask(reply.result)
                # Pools grant bits that nobody asked for (AntPool: 5fffe000): and again at use.
                self.mask = None if granted is None else granted & ASKED_MASK
                self.pool.version_mask = self.mask
                if self.is_ready:
                    self.news.mask(now)
            case "subscribe":
                if reply.refusal:
                    raise UpstreamLost(f"subscribe refused: {reply.refusal.text}")
                try:
                    offer = wire.subscribed(reply.result, self._outside.limits.pool_messages)
                except ProtocolViolation as violation:
                    raise UpstreamLost(f"nonsense: {violation}") from violation
                self._take_extranonce(offer)
                self.session_id = offer.session_id
                self._call("extranonce", "mining.extranonce.subscribe", [])
                user = self.pool.settings.aggregate_user
                self._call("authorize", "mining.authorize", [user, self.pool.settings.password])
            case "authorize":
                if reply.refusal or reply.result is not True:
                    words = reply.refusal.text if reply.refusal else "no reason given"
                    raise UpstreamLost(
                        f"authorisation of {self.pool.settings.aggregate_user!r} refused: {words}"
                    )
                self._authorized = True
            case _:
                return  # a hint (suggest, extranonce.subscribe) that this pool may or may not take
        self._become_ready_if_done(now)

    def _become_ready_if_done(self, now: Seconds) -> bool:
        if self.phase is not Phase.HANDSHAKE or not self._authorized or self.latest is None:
            return False
        if not self._configure_answered and now - self._handshake_since <= CONFIGURE_GRACE:
            return False
        self.phase = Phase.READY
        self.news.taken(self.latest)
        self.pool.became_ready(now)
        self.owner.connection_ready(self, now)
        return True

    def _named(self, name: str, *, taken: bool) -> None:
        if not taken:
            fallback = self.pool.settings.fallback_user
            self._outside.emit(WorkerNameRefused(self.owner.tenant, self.pool.name, name, fallback))

    @property
    def refused_names(self) -> int:
        """How many miners' own names this pool did not take."""
        return self._names.refused

    def _settle(self, forward: Forward, reply: wire.Reply, now: Seconds) -> None:
        # True and nothing else, as cgminer reads it: null without an error is no yes.
        if reply.refusal is None and reply.result is True:
            self._accepted(forward)
            self._streak.ended()
            return
        refusal = reply.refusal or wire.Refusal(None, "refused without a reason")
        if forward.resent and (refusal.code == DUPLICATE or "duplicate" in refusal.text.lower()):
            self._accepted(forward)
            return
        words = f"{refusal.code} {refusal.text}" if refusal.code is not None else refusal.text
        self.settlements.refuse(words)
        self._outside.chronicle.settled(forward, "rejected", words)
        limits, timers = self._outside.limits, self._outside.timers
        if self._streak.grew(now, limits.reject_streak, timers.reject_time):
            raise UpstreamLost(f"refuses every share: {refusal.text}")

    def _accepted(self, forward: Forward) -> None:
        self.settlements.accepted += 1
        self._outside.chronicle.settled(forward, "accepted")

    def settle_unanswered(self, forward: Forward) -> None:
        """Settle a share that nobody will answer: ``unknown`` if it was sent, else ``unsent``."""
        if forward.sent:
            self.settlements.unknown += 1
        else:
            self.settlements.unsent += 1
        self._outside.chronicle.settled(forward, "unknown" if forward.sent else "unsent")

    def _asked_to_reconnect(self, message: wire.Reconnect) -> None:
        """Follow ``client.reconnect`` only to hosts that the configuration names (CVE-2014-4501)."""
        if self.pool.redirected(message.host, message.port):
            raise UpstreamLost("asked to reconnect")
        self._say(f"asked to reconnect to {message.host}, which the configuration does not name: not done")

    def _say(self, text: str) -> None:
        self._outside.emit(PoolSaid(self.owner.tenant, self.pool.name, text))

    def _warn(self, kind: str, text: str) -> None:
        """Say it once a connection: a pool repeats itself."""
        if kind not in self._told:
            self._told.add(kind)
            self._say(text)
