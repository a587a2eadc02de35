"""Who is sent away goes once what it earned is answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from proxy.units import Seconds

if TYPE_CHECKING:
    from proxy.relay.session import Session

LINGER = Seconds(2)
"""How long an end waits at most for replies that the journal holds: a slow disk, many times over."""
FAREWELL = Seconds(0.2)
"""From the last write to the close: whoever speaks to a closed connection is reset, and the reset overtakes
what it has not read yet."""


class Leaving:
    """Sessions that are being closed. Nothing more is taken from them, or a busy one would never be even."""

    def __init__(self, sessions: dict[int, Session]) -> None:
        self._sessions = sessions
        self._since: dict[int, Seconds] = {}

    def __len__(self) -> int:
        """Return how many still wait for replies."""
        return len(self._since)

    def send_away(self, keys: Iterable[int], cause: str, now: Seconds) -> None:
        """Close these sessions' connections once what they earned is answered; those gone are passed over."""
        for key in keys:
            session = self._sessions.get(key)
            if session is not None and not session.closing:
                session.closing, session.closing_cause = True, cause
                self._since[key] = now
        self.tick(now)

    def tick(self, now: Seconds) -> None:
        """Close those that have their replies, and had time to read them."""
        for key, since in list(self._since.items()):
            session = self._sessions.get(key)
            if session is not None:
                # A reply that waits for the disk is still owed.
                is_owed = session.holds or now - session.last_write_at < FAREWELL
                if is_owed and now - since < LINGER:
                    continue
                session.wire.close()
            del self._since[key]
