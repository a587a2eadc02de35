"""The door's keeper: joins what bounds the number of miners, and says once a second whom it refused."""

from __future__ import annotations

from collections.abc import Callable

from proxy.app.memory import MemoryWatch
from proxy.events import ConnectionsRefused, Event, SessionRefused
from proxy.relay.engine import Relay
from proxy.units import Seconds


class Gate:
    """Implements what a listener asks. ``opening`` counts connections that the relay does not know yet."""

    def __init__(
        self,
        relay: Relay,
        memory: MemoryWatch,
        opening: Callable[[], int],
        hear: Callable[[Event], None],
        now: Callable[[], Seconds],
    ) -> None:
        self.most_sessions = 0
        """Set from the configuration and the limit of open files."""
        self._relay = relay
        self._memory = memory
        self._opening = opening
        self._hear = hear
        self._now = now
        self._full = False
        self._refused: dict[str, tuple[int, str]] = {}
        """By cause: how many since last told, and the last one's address."""

    def admits(self, host: str) -> bool:
        """Return whether a connection is taken."""
        if not self._has_room():
            return self._refuse("every place is taken", host)
        if self._memory.refuses_new:
            return self._refuse("memory is short", host)
        limits = self._relay.limits
        if not self._relay.outside.admission.admits(host, limits.admission, self._now()):
            return self._refuse("too many connections of this address ended without a login", host)
        return True

    def left(self, host: str) -> None:
        """A connection was gone before it was let in: as one that ended without a login."""
        self._relay.outside.admission.failed(host, self._relay.limits.admission, self._now())

    def failed(self, host: str, error: Exception) -> None:
        """A connection ended in its TLS handshake: as one that ended without a login."""
        self.left(host)
        self._hear(SessionRefused(0, host, f"transport failed: {error}"[:200]))

    def exhausted(self, error: OSError) -> None:
        """The system has no descriptor left."""
        self._refuse(f"the system has nothing left for a connection ({error.strerror})", "?")

    def tell(self) -> None:
        """Tell what was refused since the last call."""
        for cause, (count, host) in self._refused.items():
            self._hear(ConnectionsRefused(host, count, cause))
        self._refused.clear()

    def _has_room(self) -> bool:
        taken = len(self._relay.sessions) + self._opening()
        if taken >= self.most_sessions:
            self._full = True
        elif taken <= self._relay.limits.readmit * self.most_sessions:
            self._full = False
        return not self._full

    def _refuse(self, cause: str, host: str) -> bool:
        self._refused[cause] = (self._refused.get(cause, (0, ""))[0] + 1, host)
        return False
