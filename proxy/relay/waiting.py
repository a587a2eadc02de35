"""Those who wait for work: who has logged in, and whom the pace of a start has not admitted yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from proxy.events import RouteFull
from proxy.relay.pacing import Pacer
from proxy.units import Seconds

if TYPE_CHECKING:
    from proxy.relay.outside import Outside
    from proxy.relay.route import Route
    from proxy.relay.session import Session

ADMITTED_PER_SECOND, ADMITTED_AT_ONCE = 1_600.0, 32
"""Sessions that get work, of those whose turn has come: a few at each visit, since each costs some hundredths
of a millisecond, and those who mine already wait for it."""
ADMITTED_AT_LOGIN = 2
"""Of those who wait, by each who begins to: a batch comes to its end while thousands log in, and no login is
dear because many wait."""


class Waiting:
    """The sessions of a route that wait for their first work, or for work again, in the order they came."""

    def __init__(self, route: Route, outside: Outside, now: Seconds) -> None:
        self.pacer = Pacer(now)
        self._route = route
        self._outside = outside
        self._entries: deque[tuple[Session, Seconds]] = deque()
        """Each with the time since when it waits."""
        self._due = 0
        """How many of them may have work, and were not given it yet."""
        self._full_announced = False

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Session]:
        return (session for session, _ in self._entries)

    def add(self, session: Session, now: Seconds) -> None:
        """Let a session wait. It has work at once if there is some, and the pace allows it."""
        if len(self._entries) > 2 * self._route.placed + 64:
            # While no pool works nobody is admitted: those who left must not pile up.
            self._entries = deque(entry for entry in self._entries if not entry[0].closing)
        self._entries.append((session, now))
        self._admit(now, ADMITTED_AT_LOGIN)

    def admit(self, now: Seconds, passed: Seconds) -> None:
        """Go on with those who wait; ``passed`` is the time since the last call."""
        if self._entries:
            self._admit(now, min(ADMITTED_AT_ONCE, 1 + int(passed * ADMITTED_PER_SECOND)))

    def _admit(self, now: Seconds, at_once: int) -> None:
        """Give work to as many of the waiting as the uplink allows; withheld time is not slowness."""
        limits, timers = self._outside.limits, self._outside.timers
        if not self._entries or not self._route.has_fresh_work(now):
            return
        longest = Seconds(now - self._entries[0][1])
        self._due += self.pacer.admitted(
            len(self._entries), longest, now, most=limits.uplink_shares_per_second, hold=timers.pace_hold
        )
        self._due = min(self._due, len(self._entries))
        count = min(self._due, at_once)
        self._due -= count
        is_full = False
        for _ in range(count):
            session, since = self._entries.popleft()
            if session.closing or session.has_work:
                continue
            if session.bundle is None and (is_full or not self._route.place(session, now)):
                # To the end: behind it may stand one that has its place, a miner that came back.
                is_full = True
                self._entries.append((session, since))
                continue
            self._route.hand_work(session, now)
        if is_full:
            self._announce_full()
        elif not self._entries:
            self._full_announced = False

    def _announce_full(self) -> None:
        if not self._full_announced:
            self._full_announced = True
            self._outside.emit(RouteFull(self._route.tenant, len(self._entries)))

    def forget_withheld(self) -> None:
        """Let nobody wait for work who is to get none: its release puts it back."""
        self._entries = deque(entry for entry in self._entries if entry[0].withheld_at is None)
