"""What a pool connection has to tell, calmed: it goes to every miner, so of a burst only the last does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.relay.outside import Outside
from proxy.stratum.upstream import Notify
from proxy.throttle import Throttle
from proxy.units import Seconds

if TYPE_CHECKING:
    from proxy.relay.upstream import UpstreamConnection

URGENT_AT_ONCE = 8
"""Urgent jobs that may follow each other without a pause: more blocks than the network finds in any second. A
pool that invents them does not flood a site."""


class News:
    """Tells a connection's owner of its jobs and masks: at once, or when ``notify_interval`` has passed.

    A job for a new block does not wait, nor one that comes with another extranonce or mask: the pool may
    refuse what is found for the job before. What waits is not lost: a later one stands for it, or ``tick``
    comes.
    """

    __slots__ = ("_clean", "_connection", "_jobs", "_masks", "_outside", "_owed", "_told", "_urgent")

    def __init__(self, connection: UpstreamConnection, outside: Outside) -> None:
        self._connection = connection
        self._outside = outside
        self._urgent = Throttle()
        self._jobs = Throttle()
        self._masks = Throttle()
        self._told: tuple[bytes, bytes, int | None] = (b"", b"", None)
        """Block, extranonce1 and mask of the job told last."""
        self._clean = self._owed = False

    def merged(self, notify: Notify) -> Notify:
        """Return the job that stands for this one and for those before it that were never told."""
        self._clean = self._clean or notify.clean
        return replace(notify, clean=True) if self._clean and not notify.clean else notify

    def job(self, notify: Notify, now: Seconds) -> None:
        """Tell the latest job of a ready connection, now or later."""
        interval = self._outside.timers.notify_interval
        is_urgent = self._key(notify) != self._told
        throttle, burst = (self._urgent, URGENT_AT_ONCE) if is_urgent else (self._jobs, 1)
        self._owed = not throttle.admits(now, interval, burst)
        if self._owed:
            return
        if is_urgent:
            self._jobs.admits(now, interval)  # a refinement on its heels has its turn later
        self.taken(notify)
        self._connection.owner.connection_job(self._connection, now)

    def taken(self, notify: Notify) -> None:
        """Note that whoever it concerns has this job."""
        self._told = self._key(notify)
        self._clean = self._owed = False

    def _key(self, notify: Notify) -> tuple[bytes, bytes, int | None]:
        return notify.prevhash, self._connection.extranonce1, self._connection.mask

    def mask(self, now: Seconds) -> None:
        """Tell the version mask of a ready connection, now or later."""
        if self._masks.admits(now, self._outside.timers.notify_interval):
            self._connection.owner.connection_changed(self._connection, now)

    def tick(self, now: Seconds) -> None:
        """Tell what had to wait, if it need not any more."""
        if self._masks.owed:
            self.mask(now)
        if self._owed and self._connection.latest is not None:
            self.job(self._connection.latest, now)
