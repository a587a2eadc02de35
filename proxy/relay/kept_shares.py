"""Shares that a lost connection left behind: sent and unanswered, or not sent, while they may still count."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from proxy.relay.upstream import Forward, UpstreamConnection
from proxy.units import Seconds


class KeptShares:
    """A bounded queue of shares that wait for a successor which can take them."""

    def __init__(self) -> None:
        self._shares: deque[Forward] = deque()

    def __len__(self) -> int:
        return len(self._shares)

    def __iter__(self) -> Iterator[Forward]:
        return iter(self._shares)

    def keep(self, forward: Forward, most: int) -> None:
        """Keep a share; beyond ``most`` the oldest is given up and counted."""
        self._shares.append(forward)
        while len(self._shares) > most:
            give_up(self._shares.popleft())

    def resume(self, connection: UpstreamConnection, now: Seconds) -> None:
        """Send what a new connection can take; give up what only it could have taken."""
        kept, self._shares = self._shares, deque()
        for forward in kept:
            if forward.work.connection.pool is not connection.pool:
                self._shares.append(forward)
            elif can_count_on(connection, forward):
                connection.submit(forward, now)
            else:
                give_up(forward)

    def expire(self, now: Seconds, age: Seconds) -> None:
        """Give up what is older than ``age``."""
        while self._shares and now - self._shares[0].at > age:
            give_up(self._shares.popleft())

    def close(self) -> None:
        """Give up everything."""
        while self._shares:
            give_up(self._shares.popleft())


def can_count_on(connection: UpstreamConnection, forward: Forward) -> bool:
    """Return whether a successor may take the share: same pool, same extranonce1, same previous block."""
    prefix = forward.work.prefix
    return (
        forward.work.connection.pool is connection.pool
        # Of the job, not of the lost connection: that one may have been given another since.
        and (prefix.fixed + prefix.tail)[: prefix.upstream_extranonce1] == connection.extranonce1
        and connection.latest is not None
        and connection.latest.prevhash == forward.work.notify.prevhash
    )


def give_up(forward: Forward) -> None:
    """Settle a share that nobody will answer."""
    forward.work.connection.settle_unanswered(forward)
