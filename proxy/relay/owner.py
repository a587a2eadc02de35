"""Who is told what a pool connection does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from proxy.units import Seconds

if TYPE_CHECKING:
    from proxy.relay.upstream import UpstreamConnection


class Owner(Protocol):
    """The bundle that a connection serves or may serve."""

    tenant: str

    def connection_ready(self, connection: UpstreamConnection, now: Seconds) -> None:
        """It is subscribed, authorised and has a job."""

    def connection_job(self, connection: UpstreamConnection, now: Seconds) -> None:
        """A ready connection has a new job in ``latest``: one for a burst of them."""

    def connection_changed(self, connection: UpstreamConnection, now: Seconds) -> None:
        """Its version mask changed; a changed extranonce comes with the next job."""

    def connection_lost(self, connection: UpstreamConnection, cause: str, now: Seconds) -> None:
        """It is of no more use; ``outstanding`` still holds what it owes."""
