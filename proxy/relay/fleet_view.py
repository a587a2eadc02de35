"""The fleet as the relay sees it, for whoever has to decide who works."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from proxy.ports import Miner, Miners

if TYPE_CHECKING:
    from proxy.relay.session import Session


class FleetView:
    """Implements ``ports.FleetView``: reads what sessions count anyway, and keeps nothing."""

    def __init__(self, sessions: dict[int, Session]) -> None:
        self._sessions = sessions

    def miners(self) -> Miners:
        """Return every miner that has logged in, as columns."""
        joined = [
            session
            for session in self._sessions.values()
            if session.vardiff is not None and not session.closing
        ]
        return Miners(
            array("q", [session.key for session in joined]),
            array("q", [session.tally.judged for session in joined]),
            array("d", [session.difficulty or 0.0 for session in joined]),
            bytes([session.has_work for session in joined]),
            bytes([session.withheld_at is not None for session in joined]),
        )

    def miner(self, key: int) -> Miner | None:
        """Return who a miner is; None once it has gone."""
        session = self._sessions.get(key)
        if session is None or session.route is None:
            return None
        return Miner(
            session.route.tenant,
            session.worker,
            session.workers[0] if session.workers else "",
            session.user_agent,
            session.wire.peer,
            session.opened_at,
        )
