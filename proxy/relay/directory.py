"""Who belongs where: the tenants of each listener, and what a miner is given before its name tells which."""

from __future__ import annotations

from proxy.mining.version_rolling import BIP320_MASK
from proxy.relay.outside import Outside
from proxy.relay.route import Route
from proxy.relay.session import Session
from proxy.relay.work import TAIL
from proxy.units import Seconds

PROVISIONAL_TRIES = 256
"""Leases looked at for one that is free in every tenant's bundles: all there are of one byte."""


class Directory:
    """Answers what the handshake asks about routes."""

    def __init__(self, routes: dict[str, Route], outside: Outside) -> None:
        self._routes = routes
        self._outside = outside
        self._provisional = int(outside.randomness.random() * (1 << 16))
        self._group()

    def _group(self) -> None:
        """Routes that share a listener have one width, so that a lease fits whichever the name chooses."""
        for tenants in self._outside.settings.listeners.values():
            group: list[Route] = []
            for tenant in tenants:
                group += [route for route in self._routes[tenant].peers if route not in group]
            for route in group:
                route.peers = group

    def routes_at(self, listener: str) -> list[Route]:
        """Return the routes of all tenants of a listener, in the order in which names are matched."""
        return [self._routes[tenant] for tenant in self._outside.settings.listeners[listener]]

    def only_route(self, listener: str) -> Route | None:
        """Return the route of a listener that serves one tenant, else None: the name will tell."""
        routes = self.routes_at(listener)
        return routes[0] if len(routes) == 1 else None

    def route_for(self, listener: str, user: str) -> Route | None:
        """Return the route of the first tenant on this listener whose pattern matches ``user``."""
        owned = listener in self._outside.settings.owned
        return next((route for route in self.routes_at(listener) if owned or route.matches(user)), None)

    def provisional(self, listener: str, now: Seconds) -> tuple[bytes | None, bytes, int]:
        """Return lease, extranonce1 and extranonce2 size for a session whose place is not known yet.

        The lease is free in each tenant's bundles, if one is: it is claimed when the name has told.
        """
        routes = self.routes_at(listener)
        widths = routes[0].settle_widths(now)
        self._provisional += 1
        if widths.lease == 0:
            return None, self._provisional.to_bytes(TAIL, "big"), widths.miner
        lease = self._next_lease(widths.lease)
        for _ in range(PROVISIONAL_TRIES):
            if all(route.has_free(lease) for route in routes):
                break
            self._provisional += 1
            lease = self._next_lease(widths.lease)
        return lease, lease, widths.miner

    def _next_lease(self, width: int) -> bytes:
        return (self._provisional % (1 << 8 * width)).to_bytes(width, "big")

    def rollable(self, session: Session) -> tuple[int, int | None]:
        """Return the version bits that may be granted to a session, and those that its jobs set.

        Where the tenant is not known yet, what all of the listener's tenants have; where no pool has been
        reached, what pools usually grant: it is granted again, if need be, with the first job.
        """
        if session.bundle is not None and session.bundle.work is not None:
            job = session.bundle.work.job
            return job.rollable, job.version
        mask, version = BIP320_MASK, 0
        for route in self.routes_at(session.listener):
            live = route.bundles[0].live
            if live is not None:
                mask &= live.mask or 0
                version |= live.latest.version if live.latest else 0
        return mask, version
