"""The work gate: which miners get no work for now, because there is no power for them.

A withheld session stays connected. It gets no notify by any path, so its last job ends as the protocol says:
with the next clean job of its pool, or when that job is forgotten. Until then its shares are judged and
credited as ever, and afterwards refused as stale, for that is what they are. Firmware goes on hashing
meanwhile: withholding seals and proves a stop, it does not make one.

What keeps the connection is the line that every silent session gets at least each 25 seconds: the difficulty
in force, once more. Firmware counts from the last line, of whatever kind: cgminer 90 s, cpuminer 120 s,
ESP-Miner 180 s.

Without work a session is neither slow nor dead: vardiff rests, silence and stale shares are not held against
it. A miner that has worked before gets a fresh job in the very call that releases it, so that its watts never
come before its work; a newcomer at the pace that spares a thin uplink, within a quarter of a second if there
is room.

Fail-safe: who governs must call ``beat``. When it falls silent nobody new gets work, and who has some keeps
it: the load can only fall. That needs no timer, as nothing but its word admits anybody; the timer tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from proxy.events import GovernorHeard, GovernorSilent
from proxy.hotpath.names import sanitised
from proxy.ledger.records import WorkGated
from proxy.mining.difficulty import HASHES_PER_DIFFICULTY
from proxy.relay.chronicle import Chronicle
from proxy.units import Difficulty, Seconds

if TYPE_CHECKING:
    from proxy.ports import EventSink
    from proxy.relay.leaving import Leaving
    from proxy.relay.route import Route
    from proxy.relay.session import Session

SILENCE = Seconds(10)
"""Without a beat for so long the governor is reported silent: ten of its usual steps."""
MOST_HASTE = 60.0
"""Most shares a minute that are asked of a miner for proof: 7 s of silence then prove its stop at 99.9 %."""
WITHHOLD, RELEASE, DISCONNECT = "withhold", "release", "disconnect"
"""What the ledger calls what is done here."""
CURTAILED = "curtailed: there is no power for it"
_MOST_CAUSE = 200


class WorkGate:
    """Implements ``ports.WorkGate`` for the sessions of a relay. What it refuses to do it does not count.

    Sessions are told by their keys. Those that are gone, on their way out, not logged in, or where they are
    to be already, are passed over.
    """

    def __init__(
        self,
        sessions: dict[int, Session],
        leaving: Leaving,
        chronicle: Chronicle,
        emit: EventSink,
        now: Seconds,
        *,
        acts: bool,
    ) -> None:
        self.acts = acts
        """False: nothing is gated, and every verb does nothing (``control = "advise"``)."""
        self._sessions = sessions
        self._leaving = leaving
        self._chronicle = chronicle
        self._emit = emit
        self._beat_at = now
        self._is_silent = False

    # --- verbs of the governor --------------------------------------------------------------------------

    def withhold(self, sessions: Iterable[int], cause: str, now: Seconds) -> int:
        """Give these sessions no work from now on; returns for how many that is new."""
        told = [session for session in self._joined(sessions) if session.withheld_at is None]
        for session in told:
            session.withhold(now)
        for route in _routes(told):
            route.waiting.forget_withheld()
        return self._note(WITHHOLD, told, cause)

    def release(self, sessions: Iterable[int], cause: str, now: Seconds) -> int:
        """Give these sessions work again, newcomers for the first time; returns how many were withheld."""
        told = [session for session in self._joined(sessions) if session.withheld_at is not None]
        for session in told:
            session.withheld_at = None
        for route, released in _by_route(told):
            route.release(released, now)
        return self._note(RELEASE, told, cause)

    def disconnect(self, sessions: Iterable[int], cause: str, now: Seconds) -> int:
        """Close these sessions' connections once what they earned is answered; returns how many.

        They get no more work meanwhile. A miner that comes back is a newcomer: it waits for its release.
        """
        told = list(self._joined(sessions))
        for session in told:
            if session.withheld_at is None:
                session.withhold(now)
        for route in _routes(told):
            route.waiting.forget_withheld()
        self._leaving.send_away([session.key for session in told], CURTAILED, now)
        return self._note(DISCONNECT, told, cause)

    def hasten(self, sessions: Iterable[int], shares_per_minute: float, now: Seconds) -> int:
        """Ask for so many shares a minute (60 at most), so that a commanded stop is soon proven.

        Never raises a difficulty, and vardiff goes on from there: a miner that keeps hashing is soon back.
        Returns for how many sessions the difficulty falls.
        """
        told = 0
        for session in self._joined(sessions):
            vardiff = session.vardiff
            if vardiff is None or not session.has_work:
                continue
            a_second = min(shares_per_minute, MOST_HASTE) / 60.0
            if vardiff.ease(Difficulty(vardiff.hashrate(now) / HASHES_PER_DIFFICULTY / a_second), now):
                session.regive(now)
                told += 1
        return told

    def beat(self, now: Seconds) -> None:
        """Say that the governor is alive: expected at each of its steps."""
        if self._is_silent:
            self._is_silent = False
            self._emit(GovernorHeard(round(now - self._beat_at, 3)))
        self._beat_at = now

    # --- the relay's side -------------------------------------------------------------------------------

    @property
    def holds_newcomers(self) -> bool:
        """Whether a miner that logs in waits for its release."""
        return self.acts

    def tick(self, now: Seconds) -> None:
        """Let time pass."""
        if self.acts and not self._is_silent and now - self._beat_at >= SILENCE:
            self._is_silent = True
            self._emit(GovernorSilent(round(now - self._beat_at, 3)))

    def _joined(self, keys: Iterable[int]) -> Iterator[Session]:
        if not self.acts:
            return
        for key in keys:
            session = self._sessions.get(key)
            # Vardiff comes with the first claim to work.
            if session is None or session.closing or session.vardiff is None:
                continue
            yield session

    def _note(self, action: str, sessions: list[Session], cause: str) -> int:
        for route, told in _by_route(sessions):
            keys = tuple(session.key for session in told)
            self._chronicle.note(WorkGated(action, route.tenant, keys, sanitised(cause[:_MOST_CAUSE])))
        return len(sessions)


def _routes(sessions: Iterable[Session]) -> list[Route]:
    return [route for route, _ in _by_route(sessions)]


def _by_route(sessions: Iterable[Session]) -> list[tuple[Route, list[Session]]]:
    """Return the sessions of each route."""
    found: dict[str, tuple[Route, list[Session]]] = {}
    for session in sessions:
        route = session.route
        if route is not None:
            found.setdefault(route.tenant, (route, []))[1].append(session)
    return list(found.values())
