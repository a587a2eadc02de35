"""A bundle: the sessions that share one upstream connection, and move to the next one together.

Their leases are unique within the bundle, so they stay unique on whatever connection serves it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from proxy.events import NoUpstream, UpstreamDown, UpstreamReady, WorkMoved
from proxy.mining.extranonce import LeaseSpace, Widths
from proxy.relay.kept_shares import KeptShares, can_count_on, give_up
from proxy.relay.outside import Outside
from proxy.relay.pool import Pool
from proxy.relay.session import Session
from proxy.relay.upstream import Forward, UpstreamConnection
from proxy.relay.work import Prefix, Work, make_work
from proxy.units import Seconds

if TYPE_CHECKING:
    from proxy.relay.route import Route


MOST_WORKS = 256
"""Jobs kept at once: retention bounds them in time, this in number. A pool that sends one every three seconds
stays below."""
LastWork = tuple[int, int]
"""Number and ntime of the job that a session had last: whoever resumes its lease must not repeat that work.
Not the job: many a lease rests longer than its jobs are kept."""


class Bundle:
    """Owner of one live connection, of those that may replace it, and of the work that they bring."""

    def __init__(
        self, index: int, route: Route, order: list[Pool], outside: Outside, *, probing: bool
    ) -> None:
        self.index = index
        self.tenant = route.tenant
        self.order = order
        """The route's pools, best first for this bundle."""
        self.sessions: dict[int, Session] = {}
        self.leases: LeaseSpace[LastWork] | None = None
        self.live: UpstreamConnection | None = None
        self.candidates: dict[str, UpstreamConnection] = {}
        self.draining: list[UpstreamConnection] = []
        self.works: deque[Work] = deque()
        self.work: Work | None = None
        self.buffer = KeptShares()
        self.probing = probing
        """At start every pool is dialled once: what it offers decides the widths."""
        self.idle_since: Seconds | None = None
        self._closed = False
        self._route = route
        self._outside = outside
        self._resumes: dict[str, str] = {}
        self._dark_since: Seconds | None = None
        """Since when no connection serves; None once that has been told."""

    # --- which connection -------------------------------------------------------------------------

    def tick(self, now: Seconds) -> None:
        """Watch the connections, look for a better one, let go what has had its time."""
        for connection in self.connections():
            connection.tick(now)
        self.choose(now)
        self._tell_darkness(now)
        self._finish_draining(now)
        self._expire(now)

    def _tell_darkness(self, now: Seconds) -> None:
        """A loss that the next pool makes good at once is no news; one that lasts is."""
        since = self._dark_since
        if since is not None and now - since > self._outside.timers.failover_patience:
            self._dark_since = None
            self._outside.emit(NoUpstream(self.tenant))

    def connections(self) -> list[UpstreamConnection]:
        """Return every connection that this bundle holds."""
        live = [self.live] if self.live else []
        return [*live, *self.candidates.values(), *self.draining]

    def choose(self, now: Seconds) -> None:
        """Dial what may serve better than the live connection, and adopt the best that is ready.

        A better pool gets ``failover_patience`` before the next one is dialled beside it, so that one slow
        pool does not cost the whole connect timeout.
        """
        if self._closed:
            return
        self._dial_better(now)
        self._adopt_best(now)
        self._drop_worse(now)

    def _dial_better(self, now: Seconds) -> None:
        timers = self._outside.timers
        for pool in self.order:
            if self.live is not None and pool is self.live.pool:
                if not self.probing:
                    return
                continue
            candidate = self.candidates.get(pool.name)
            if candidate is not None:
                waiting = now - candidate.since <= timers.failover_patience
                if self.live is None and waiting and not self.probing:
                    return
                continue
            if not pool.is_eligible(now, dark=self.live is None) or (self.probing and pool.attempts):
                continue
            spare = self.index > 0 and not pool.is_proven(now, timers.failback_hold)
            if self.live is not None and not self.probing and spare:
                continue  # the first bundle tries a lost pool for all
            self._dial(pool, now)
            if self.live is None and not self.probing:
                return

    def _dial(self, pool: Pool, now: Seconds) -> None:
        key = self._outside.new_key()
        connection = UpstreamConnection(key, pool, self, self._outside, now)
        connection.resumes = self._resumes.get(pool.name)
        self.candidates[pool.name] = connection
        self._route.connections[key] = connection
        host, port = pool.next_address()
        self._outside.dialler.dial(key, host, port, pool.settings.transport)

    def _adopt_best(self, now: Seconds) -> None:
        timers = self._outside.timers
        for pool in self.order:
            if self.live is not None and pool is self.live.pool:
                return
            candidate = self.candidates.get(pool.name)
            if candidate is None:
                continue
            if not candidate.is_ready:
                if self.live is None and now - candidate.since <= timers.failover_patience:
                    return
                continue
            if self.live is None:
                self._adopt(candidate, self._cause_for(pool), now)
                return
            if pool.is_proven(now, timers.failback_hold):
                self._adopt(candidate, "failback", now)
                return

    def _cause_for(self, pool: Pool) -> str:
        if not self.works:
            return "first work"
        return "reconnected" if self.works[-1].connection.pool is pool else "failover"

    def _drop_worse(self, now: Seconds) -> None:
        """Once served, keep no connection to a worse pool, but let a probe learn what it is there for."""
        if self.live is None:
            self.probing = self.probing and bool(self.candidates)
            return
        rank = self.order.index(self.live.pool)
        worse = [pool.name for pool in self.order[rank + 1 :] if pool.name in self.candidates]
        for name in worse:
            probe = self.candidates[name]
            if (
                self.probing
                and not probe.is_ready
                and now - probe.since < self._outside.timers.upstream_connect
            ):
                continue
            del self.candidates[name]
            self._close_quietly(probe, now)
        if self.probing and not any(name in self.candidates for name in worse):
            self.probing = False

    def _close_quietly(self, connection: UpstreamConnection, now: Seconds) -> None:
        """Close a connection that owes nothing, without calling its pool bad."""
        connection.give_up("", now)
        if not self._route.has_ready(connection.pool):
            connection.pool.ready_since = None

    def _adopt(self, connection: UpstreamConnection, cause: str, now: Seconds) -> None:
        del self.candidates[connection.pool.name]
        before, self.live = self.live, connection
        if before is not None:
            before.draining_since = now
            self.draining.append(before)
        self._dark_since = None
        if connection.session_id:
            self._resumes[connection.pool.name] = connection.session_id
        self._outside.emit(
            WorkMoved(self.tenant, connection.pool.name, connection.key, len(self.sessions), cause)
        )
        self._take_job(now, moved=True)
        self.buffer.resume(connection, now)

    def reorder(self, order: list[Pool], now: Seconds) -> None:
        """Take another list of pools; connections to pools that are no longer on it are closed."""
        self.order = order
        for connection in self.connections():
            if connection.pool not in order:
                self._close_quietly(connection, now)
        self.choose(now)

    # --- what connections report (Owner) ------------------------------------------------------------

    def connection_ready(self, connection: UpstreamConnection, now: Seconds) -> None:
        """Adopt it if it is the one to have."""
        self._outside.emit(
            UpstreamReady(
                self.tenant,
                connection.pool.name,
                connection.key,
                connection.extranonce2_size,
                connection.mask,
            )
        )
        self._route.suggest(connection, now)
        self.choose(now)

    def connection_job(self, connection: UpstreamConnection, now: Seconds) -> None:
        """Give the live connection's job to every session; others' jobs wait in ``latest``."""
        if connection is self.live:
            self._take_job(now, moved=False)
        elif connection in self.draining and connection.latest is not None and connection.latest.clean:
            self._end_works(connection, now)

    def connection_changed(self, connection: UpstreamConnection, now: Seconds) -> None:
        """Grant the new mask at once; a new extranonce comes with the next job."""
        if connection is not self.live or self.work is None:
            return
        job = self.work.job
        if connection.mask is not None:
            # Shares in flight may use the old mask or the new one.
            job.version_mask = connection.mask | job.rollable
        for session in self.sessions.values():
            if session.has_work:
                session.regrant(self.work, now)

    def connection_lost(self, connection: UpstreamConnection, cause: str, now: Seconds) -> None:
        """Keep what it owes, hold its work for the grace, and look for another."""
        pool = connection.pool
        self._route.retire(connection)
        served = connection is self.live
        if self.candidates.get(pool.name) is connection:
            del self.candidates[pool.name]
        if connection in self.draining:
            self.draining.remove(connection)
        if served:
            self.live = None
        if cause:
            pause = self._route.pool_failed(pool, cause, now)
            self._outside.emit(UpstreamDown(self.tenant, pool.name, connection.key, cause, pause))
        for work in self.works:
            if work.connection is connection:
                work.lose(now, self._outside.timers.lost_job_grace)
        for forward in connection.outstanding.values():
            self.buffer.keep(forward, self._outside.limits.submit_buffer)
        connection.outstanding.clear()
        if served:
            self._dark_since = now
            self.choose(now)

    # --- work goes down ---------------------------------------------------------------------------

    def set_widths(self, widths: Widths, now: Seconds) -> None:
        """Begin with ``widths``, or begin anew: every lease is void and every session needs another."""
        chance = self._outside.randomness.random()
        self.leases = LeaseSpace(widths.lease, int(chance * (1 << 8 * widths.lease)))
        for work in self.works:
            work.end()
            self._outside.jobs.forget(work)
        self.works.clear()
        self.work = None
        if self.live is not None:
            self._take_job(now, moved=True)

    def _take_job(self, now: Seconds, *, moved: bool) -> None:
        connection, widths = self.live, self._route.widths
        if connection is None or connection.latest is None or widths is None:
            return
        if connection.extranonce2_size < widths.total:
            self._route.narrow(connection.extranonce2_size, now)  # comes back here with other widths
            return
        notify = connection.latest
        connection.news.taken(notify)
        prefix = Prefix.of(connection.extranonce1, connection.extranonce2_size, widths)
        mask = connection.mask
        number = self._outside.new_work()
        work = make_work(
            number,
            notify,
            connection,
            prefix,
            widths,
            connection.latest_difficulty,
            mask,
            now,
            ntime_window=self._outside.limits.ntime_window,
        )
        self._outside.chronicle.received(work)
        changed = self.work is not None and self.work.prefix != prefix
        # A pool that sends a job twice, or again to a connection that resumed, pays its shares once.
        twin = next((earlier for earlier in self.works if earlier.has_headers_of(work)), None)
        if twin is not None:
            work.job.share_credits(twin.job)
        if notify.clean:
            self._end_works(connection, now)
        self.work = work
        self.works.append(work)
        if len(self.works) > MOST_WORKS:
            self._forget(self.works[0])
        if not widths.lease:
            self._retell_extranonce(now)
        clean = notify.clean or moved or changed
        issue = self._outside.jobs.issue(work, work.job.ntime)
        line = issue.line(clean=clean)
        self._outside.deal(self.sessions.values(), issue, line, now)

    def _end_works(self, connection: UpstreamConnection, now: Seconds) -> None:
        """A clean job ends the earlier ones of its connection; those ended before it are forgotten."""
        for work in list(self.works):
            if work.has_ended:
                self._forget(work)
            elif work.connection is connection:
                work.end()
        # A connection that drains says nothing of the jobs that sessions hash now.
        if self.leases is not None and connection is self.live:
            self.leases.jobs_stale()

    def _forget(self, work: Work) -> None:
        self.works.remove(work)
        self._outside.jobs.forget(work)

    def work_of(self, number: int) -> Work | None:
        """Return the job of a number, if it is not forgotten."""
        return next((work for work in self.works if work.number == number), None)

    def extranonce1_of(self, lease: bytes) -> bytes:
        """Return what a miner with ``lease`` has as extranonce1 on the present connection."""
        return (self.work.prefix.tail if self.work else b"") + lease

    def _retell_extranonce(self, now: Seconds) -> None:
        """Only where no byte is left for a lease does the extranonce1 differ between connections."""
        for session in self.sessions.values():
            if session.lease is not None:
                self._route.correct_extranonce(session, now)

    # --- shares go up -------------------------------------------------------------------------------

    def forward(self, forward: Forward, now: Seconds) -> None:
        """Send a share on the connection that issued its job, or keep it while that may resume."""
        connection = forward.work.connection
        if connection.is_ready:
            if len(connection.outstanding) < self._outside.limits.outstanding or forward.is_block:
                connection.submit(forward, now)
            else:
                give_up(forward)  # a pool that answers slower than shares come
        elif self.live is not None and can_count_on(self.live, forward):
            self.live.submit(forward, now)
        elif self.live is not None and self.live.pool is connection.pool:
            give_up(forward)  # its successor is here, and is another one to the pool
        else:
            self.buffer.keep(forward, self._outside.limits.submit_buffer)

    # --- letting go ---------------------------------------------------------------------------------

    def _finish_draining(self, now: Seconds) -> None:
        grace = self._outside.timers.lost_job_grace
        for connection in list(self.draining):
            if connection.draining_since is not None and now - connection.draining_since > grace:
                for work in self.works:
                    if work.connection is connection:
                        work.end()  # nobody would take its shares any more
                self._close_quietly(connection, now)

    def _expire(self, now: Seconds) -> None:
        timers = self._outside.timers
        for work in list(self.works):
            if work is self.work or now - work.received_at <= timers.job_retention:
                continue
            work.end()
            self._forget(work)
        self.buffer.expire(now, timers.submit_buffer_age)
        if self.leases is not None:
            self.leases.expire(now, timers.job_retention, timers.session_resume)

    def close(self, now: Seconds) -> None:
        """Give up everything: the program ends, or nobody is left here."""
        self._closed = True
        for connection in self.connections():
            self._close_quietly(connection, now)
        self.buffer.close()
        for work in list(self.works):
            self._forget(work)

    @property
    def unsettled(self) -> int:
        """Shares sent upstream whose answer may still come."""
        return sum(len(connection.outstanding) for connection in self.connections())
