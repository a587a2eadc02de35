"""The relay: every session, every route, and the verbs with which the outside drives them.

Synchronous: each verb runs to its end, writes through the ports it was given, and keeps no task.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import cast

from proxy.events import Event, SessionClosed, SessionRefused
from proxy.hotpath import Window
from proxy.ledger.records import Note
from proxy.ports import Dialler, Drawn, EventSink, Randomness, ShareJournal, Wire
from proxy.relay import conduct, handshake, share_path
from proxy.relay.admission import Admission
from proxy.relay.chronicle import Chronicle, restated
from proxy.relay.directory import Directory
from proxy.relay.drain import Drain
from proxy.relay.fleet_view import FleetView
from proxy.relay.leaving import Leaving
from proxy.relay.outside import Outside
from proxy.relay.route import Route
from proxy.relay.session import Session
from proxy.relay.settings import Limits, RelaySettings
from proxy.relay.upstream import UpstreamConnection
from proxy.relay.work import JobBook
from proxy.relay.work_gate import WorkGate
from proxy.stratum import downstream
from proxy.stratum.framing import LineBuffer
from proxy.units import Seconds

VISITS = Seconds(2)
"""How often each session is visited, a few at each tick: at 10,000 sessions some twenty microseconds each."""
ROUND = Seconds(3)
"""What a round takes, and a little more for a busy loop: deadlines towards miners are met a round early."""

LATE_PER_SECOND, LATE_AT_ONCE = 800.0, 32
"""Sessions dropped because they did not log in, a few at each visit: what an end costs follows later."""


class Relay:
    """Engine 1. ``now`` is monotonic and never falls."""

    def __init__(
        self,
        settings: RelaySettings,
        dialler: Dialler,
        journal: ShareJournal,
        randomness: Randomness,
        emit: EventSink,
        now: Seconds,
    ) -> None:
        boot = int(randomness.random() * (1 << 24))
        self.sessions: dict[int, Session] = {}
        admission = Admission(self.sessions)
        chronicle = Chronicle()
        jobs = JobBook(boot, chronicle)
        self.leaving = Leaving(self.sessions)
        self.gate = WorkGate(self.sessions, self.leaving, chronicle, emit, now, acts=settings.gated)
        self.fleet = FleetView(self.sessions)
        self.outside = Outside(
            settings, dialler, journal, randomness, emit, jobs, chronicle, admission, self.gate
        )
        self.connections: dict[int, UpstreamConnection] = {}
        self.routes = {
            tenant.id: Route(tenant, self.connections, self.outside, now) for tenant in settings.tenants
        }
        self.started_at = now
        self.drain: Drain | None = None
        """How miners are let go, once that has begun."""
        self.is_ending = False
        """Nothing more is taken from miners: a busy site would never have settled all of it."""
        self.directory = Directory(self.routes, self.outside)
        self.uses_lanes = True
        """False sends every submit the long way: for comparison."""
        self._outbox = bytearray()
        """Lines for the session whose read is worked on; one for all, as only one is at a time."""
        self._window = Window(1)
        self._drawn: deque[Window] = deque()
        """Windows that the journal is writing."""
        self._is_expected = self._has_told = False
        self._forwards = self.outside.forwards
        self._round: Iterator[int] = iter(())
        """Keys of those who are yet to be visited: sessions themselves would all be freed at its end."""
        self._visited_at = now

    @property
    def limits(self) -> Limits:
        """The bounds now in force."""
        return self.outside.limits

    def emit(self, event: Event) -> None:
        """Tell the outside what happened."""
        self.outside.emit(event)

    # --- miners ---------------------------------------------------------------------------------------

    def opened(self, listener: str, wire: Wire, now: Seconds) -> int:
        """A miner has connected; returns the session's key."""
        key = self.outside.new_key()
        session = self.sessions[key] = Session(key, listener, wire, self.outside, now)
        self.outside.admission.opened(session, self.limits.admission, now)
        return key

    def feed(self, key: int, data: bytes, now: Seconds) -> None:
        """Take bytes from a miner: verdicts, answers and forwards are out when this returns.

        What earned credit is answered by ``committed``. The session's lane takes the submits that it
        understands; every other line goes the long way.
        """
        session = self.sessions.get(key)
        if session is None or session.closing or self.is_ending:
            return
        window, outbox = self._window, self._outbox
        at, cause = 0, ""
        session.heard_at = now
        try:
            if self.uses_lanes and session.partial is None:
                at = session.take(data, 0, session.line_limit, now, window, outbox)
            if at < len(data) or session.due or session.owes:
                cause = self._feed_slowly(session, data, at, now)
                if session.owes:
                    self.outside.chronicle.refused(session, data, now)
                    if not cause:
                        cause = conduct.charge(session, now)
        finally:
            # After a mistake of ours, too: what was credited becomes durable, and nobody else hears, or sends
            # up, what is this session's.
            session.outbox, said = None, b""
            if outbox:
                said = bytes(outbox)
                outbox.clear()
            if not self._is_expected and window.records:
                self._is_expected = True
                self.outside.journal.expect()
            if self._forwards:
                self._send_up(session, now)
            if said:
                session.wire.write(said)
        if cause:
            self._drop(session, cause)

    def _feed_slowly(self, session: Session, data: bytes, at: int, now: Seconds) -> str:
        """Do the same where a line goes the long way, or vardiff has something to decide.

        Returns why the session must be dropped, or nothing.
        """
        lines, limits = session.partial or LineBuffer(session.line_limit), self.limits
        session.outbox = self._outbox
        cause = ""
        while not cause:
            if session.due:
                share_path.adapt(session, now)
            if at == len(data):
                break
            line, at = lines.cut(data, at)
            if line is not None:
                self._take_line(session, line, now)
                lines.limit = session.line_limit  # a login has another
            if lines.overflowed:
                cause = f"line longer than {lines.limit} bytes"
            elif session.malformed > limits.malformed_lines:
                cause = "too many malformed lines"  # the answers would be longer than what they answer
            elif self.uses_lanes and at < len(data) and not session.due:
                at = session.take(data, at, lines.limit, now, self._window, self._outbox)
        session.partial = None if lines.partial is None else lines
        return cause

    def _take_line(self, session: Session, line: bytes, now: Seconds) -> None:
        """Do what a line asks for."""
        request = downstream.parse(line, self.limits.miner_messages)
        if isinstance(request, downstream.Submit | downstream.BadSubmit):
            share_path.take(session, request, self._window, now)
        else:
            session.owes = True
            session.conduct.unseen += len(line)
            handshake.answer(self.directory, session, request, now)

    def _send_up(self, session: Session, now: Seconds) -> None:
        """Forwarding never waits for the disk, and a block goes first of all."""
        forwards = sorted(self.outside.forwards, key=lambda forward: not forward.is_block)
        self.outside.forwards.clear()
        for forward in forwards:
            if session.bundle is not None:
                session.bundle.forward(forward, now)
            if session.route is not None:
                session.route.waiting.pacer.forwarded(now)

    def draw(self) -> Drawn:
        """Close the open window: return what the journal is to make durable."""
        drawn, self._window = self._window, Window(self._window.number + 1)
        self._drawn.append(drawn)
        self._is_expected = self._has_told = False
        shares = bytes(drawn.records)
        drawn.records.clear()
        return Drawn(drawn.number, *self.outside.chronicle.draw(), drawn.count, shares)

    def restated(self) -> list[Note]:
        """Return what lives, or did in the last window, told again for a file of the ledger that begins."""
        works = [
            work
            for route in self.routes.values()
            for bundle in route.bundles.values()
            for work in bundle.works
        ]
        return [*self.outside.chronicle.gone, *restated(works, self.sessions.values())]

    def committed(self, window: int, now: Seconds) -> None:
        """Everything up to ``window`` is durable: answer it, one write for each session."""
        while self._drawn and self._drawn[0].number <= window:
            # All lanes are sessions of ours; the wire of one that has ended takes nothing.
            for session in cast("list[Session]", self._drawn.popleft().holders):
                if replies := session.release(window):
                    session.last_write_at = now
                    session.wire.write(replies)

    def closed(self, key: int, cause: str, now: Seconds) -> None:
        """A miner's connection has ended; what it earned stays."""
        session = self.sessions.pop(key, None)
        if session is None:
            return
        session.closing = True
        self.outside.admission.closed(session, self.limits.admission, now)
        if session.route is not None:
            session.route.leave(session, now)
            if session.workers:
                self.outside.chronicle.ended(session, session.closing_cause or cause)
                self.emit(
                    SessionClosed(key, session.route.tenant, session.worker, session.closing_cause or cause)
                )

    def _drop(self, session: Session, cause: str) -> None:
        self.emit(SessionRefused(session.key, session.wire.peer, cause))
        session.end(cause)

    # --- pools ----------------------------------------------------------------------------------------

    def dialled(self, key: int, wire: Wire, now: Seconds) -> None:
        """A connection to a pool is open."""
        connection = self.connections.get(key)
        if connection is None:
            wire.close()
        else:
            connection.dialled(wire, now)

    def upstream_received(self, key: int, data: bytes, now: Seconds) -> None:
        """Take bytes from a pool."""
        connection = self.connections.get(key)
        if connection is not None:
            connection.received(data, now)

    def upstream_closed(self, key: int, cause: str, now: Seconds) -> None:
        """A connection to a pool has ended or could not be made."""
        connection = self.connections.get(key)
        if connection is not None:
            connection.closed(cause, now)

    # --- time -------------------------------------------------------------------------------------------

    def tick(self, now: Seconds) -> None:
        """Let time pass: the oftener, the less is done at once."""
        for route in self.routes.values():
            route.tick(now)
        self.gate.tick(now)
        self.leaving.tick(now)
        if self.drain is not None:
            self.drain.tick(now)
        chronicle = self.outside.chronicle
        chronicle.tick(now)
        if not chronicle.is_empty and not self._has_told:
            self._has_told = True
            self.outside.journal.told()
        self.visit(now)

    def visit(self, now: Seconds) -> None:
        """Look after those whose turn it is, a part of ``tick``: the oftener, the fewer at once."""
        passed, self._visited_at = Seconds(now - self._visited_at), now
        for route in self.routes.values():
            route.waiting.admit(now, passed)
        late = self.outside.admission.overdue(self.limits, self.outside.timers, now)
        for session, cause in islice(late, min(LATE_AT_ONCE, 1 + int(passed * LATE_PER_SECOND))):
            self._drop(session, cause)
        for _ in range(1 + int(len(self.sessions) * min(1.0, passed / VISITS))):
            key = next(self._round, None)
            if key is None:
                self._round = iter(list(self.sessions))
                break
            visited = self.sessions.get(key)
            if visited is not None and not visited.closing:
                self._visit(visited, now)

    def _visit(self, session: Session, now: Seconds) -> None:
        if not session.workers:
            return
        share_path.adapt_when_idle(session, now)
        if now - session.last_write_at >= self.outside.timers.keepalive - ROUND:
            session.keep_alive(now)
        conduct.forgive(session, now)
        cause = conduct.visit(session, now)
        if cause is not None:
            self._drop(session, cause)

    def shed(self, now: Seconds) -> None:
        """Drop what costs most, because memory is short: a hundredth of the sessions, and no honest one."""
        for session in conduct.costliest(self.sessions, now):
            self._drop(session, "memory is short, and its conduct cost most")

    # --- life -------------------------------------------------------------------------------------------

    def is_ready(self, now: Seconds) -> bool:
        """Return whether miners can be let in: the pools' offers are known, or ``start_hold`` has passed."""
        if now - self.started_at >= self.outside.timers.start_hold:
            return True
        return all(route.is_settled for route in self.routes.values())

    def reconfigure(self, settings: RelaySettings, now: Seconds) -> None:
        """Take new limits, timers, pools and credentials; no session is touched.

        Tenants and listeners must be those of the start: anything else needs a restart.
        """
        self.outside.settings = settings
        for tenant in settings.tenants:
            self.routes[tenant.id].reconfigure(tenant, now)

    @property
    def unsettled(self) -> int:
        """Shares sent upstream whose answer may still come."""
        return sum(route.unsettled for route in self.routes.values())

    @property
    def unanswered(self) -> int:
        """Sessions whose replies wait for the journal, counted for each window."""
        return len(self._window.holders) + sum(len(window.holders) for window in self._drawn)

    def let_go(self, watts: Mapping[int, float], seconds: Seconds, now: Seconds) -> None:
        """Close sessions one after another over ``seconds``; who is here is served until its turn.

        ``watts`` are those of miners of whom they are known, by session.
        """
        outside = self.outside
        self.drain = Drain(self.sessions, self.leaving, watts, seconds, outside.randomness, self.emit, now)

    def stop(self, now: Seconds) -> None:
        """Close every connection; the program ends."""
        for session in list(self.sessions.values()):
            session.wire.close()
            self.closed(session.key, "the program ended", now)
        for route in self.routes.values():
            route.close(now)
