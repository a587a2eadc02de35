"""A route: a tenant's pools in order, and the bundles that its sessions are in."""

from __future__ import annotations

from collections import deque
from fnmatch import fnmatchcase

from proxy.events import WidthsChanged
from proxy.hotpath import Tally
from proxy.mining.difficulty import HASHES_PER_DIFFICULTY, power_of_two_at_most
from proxy.mining.extranonce import DEFAULT_WIDTHS, Widths, choose_widths
from proxy.mining.hashrate import HashrateMeter
from proxy.mining.vardiff import Vardiff
from proxy.relay.bundle import Bundle
from proxy.relay.outside import Outside
from proxy.relay.pool import Pool
from proxy.relay.session import Session
from proxy.relay.settings import TenantSettings
from proxy.relay.upstream import UpstreamConnection
from proxy.relay.waiting import Waiting
from proxy.stratum import tell
from proxy.units import Difficulty, Seconds

UPSTREAM_SHARES_PER_MINUTE = 30.0
"""What a connection's suggested difficulty aims at: a share each two seconds measures a site well
and costs a satellite 1 kbit/s."""
BOOT = Seconds(300)
"""Within which an ASIC that has logged in hashes, tuning of its boards included."""
BUNDLE_LINGER = Seconds(60)
"""How long an empty further bundle keeps its connection."""
SURE_ENOUGH = 0.25
"""Relative error of the hashrate above which no difficulty is suggested: pools act on a hint at once."""
RECONNECTS_PER_TICK = 1
"""Paced: a reconnecting ASIC idles, and a fleet of them is a load step for a generator."""


class Route:
    """One tenant's way to its pools."""

    def __init__(
        self,
        settings: TenantSettings,
        connections: dict[int, UpstreamConnection],
        outside: Outside,
        now: Seconds,
    ) -> None:
        self.settings = settings
        self.connections = connections
        """Every upstream connection of the relay, by key."""
        self.pools = [Pool(pool, rank) for rank, pool in enumerate(settings.pools)]
        self.widths: Widths | None = None
        self.peers: list[Route] = [self]
        """Routes that share a listener with this one, itself included: they have one width."""
        self.bundles: dict[int, Bundle] = {}
        self.waiting = Waiting(self, outside, now)
        self.to_reconnect: deque[Session] = deque()
        self.tally = Tally()
        self.meter = HashrateMeter(now)
        self._measured = (0.0, 0.0)
        self._outside = outside
        self.bundles[0] = Bundle(0, self, list(self.pools), outside, probing=True)

    @property
    def tenant(self) -> str:
        """The tenant's id."""
        return self.settings.id

    def matches(self, user: str) -> bool:
        """Return whether a user name is this tenant's."""
        return fnmatchcase(user, self.settings.user_match)

    @property
    def is_settled(self) -> bool:
        """Whether it is known what the pools offer: one serves and the probes have ended, or all failed."""
        return not self.bundles[0].probing

    @property
    def placed(self) -> int:
        """How many sessions have a place in a bundle."""
        return sum(len(bundle.sessions) for bundle in self.bundles.values())

    def has_fresh_work(self, now: Seconds) -> bool:
        """Whether any bundle has a job that is worth handing out."""
        return any(
            bundle.work is not None and not bundle.work.is_stale(now) for bundle in self.bundles.values()
        )

    # --- widths -----------------------------------------------------------------------------------------

    def settle_widths(self, now: Seconds) -> Widths:
        """Return the widths, choosing them for every route of the group when they are first needed."""
        if self.widths is None:
            sizes = [size for route in self.peers for pool in route.pools if (size := pool.known_size)]
            self._set_widths(self._choose(min(sizes)) if sizes else DEFAULT_WIDTHS, now)
        assert self.widths is not None
        return self.widths

    def _choose(self, size: int) -> Widths:
        rolling = all(
            pool.version_mask
            for route in self.peers
            for pool in route.pools
            if pool.extranonce2_size is not None
        )
        wishes = [route.settings.extranonce2_size for route in self.peers if route.settings.extranonce2_size]
        return choose_widths(size, rolling=rolling, miner=max(wishes, default=None))

    def narrow(self, size: int, now: Seconds) -> None:
        """Take narrower widths for a pool that has less room: the one case in which miners notice."""
        self._set_widths(self._choose(size), now)

    def _set_widths(self, widths: Widths, now: Seconds) -> None:
        changed = self.widths is not None
        # Out first: a job of the new widths must not reach a session with a lease of the old ones.
        evicted = [(route, route.evict_all()) for route in self.peers]
        for route in self.peers:
            route.widths = widths
            for bundle in list(route.bundles.values()):
                # The route's and not ours: a bundle whose pool is narrower still chooses anew.
                bundle.set_widths(route.widths, now)
        if not changed:
            return
        for route, sessions in evicted:
            assert route.widths is not None
            self._outside.emit(WidthsChanged(route.tenant, route.widths.lease, route.widths.miner))
            route.replace_all(sessions, now)

    def evict_all(self) -> list[Session]:
        """Take every session out of its bundle, and return them."""
        sessions = [session for bundle in self.bundles.values() for session in bundle.sessions.values()]
        for bundle in self.bundles.values():
            bundle.sessions.clear()
        return sessions

    def replace_all(self, sessions: list[Session], now: Seconds) -> None:
        """Give every session a lease of the new width."""
        for session in sessions:
            session.lease, session.bundle = None, None
            worked, session.has_work = session.has_work, False
            placed = self.place(session, now)
            if placed and worked:
                self.hand_work(session, now)
            elif placed:
                self.correct_extranonce(session, now)  # it waits for work already, or has yet to log in
            elif worked:
                self.waiting.add(session, now)

    # --- places -----------------------------------------------------------------------------------------

    def place(self, session: Session, now: Seconds, *, resume: str | None = None) -> bool:
        """Give a session a lease, in the first bundle with room; recruit another when all are full.

        Returns False if there is no room anywhere: the session then waits.
        """
        self.settle_widths(now)
        if resume is not None and self.resume(session, resume):
            return True
        prefer = session.lease
        for bundle in self._bundles_in_order(prefer):
            assert bundle.leases is not None
            if prefer is not None and not bundle.leases.is_free(prefer):
                continue
            lease = bundle.leases.take(session=session.name, prefer=prefer)
            if lease is not None:
                self._settle_in(session, bundle, lease)
                return True
        if prefer is not None:
            session.lease = None
            return self.place(session, now)
        return False

    def resume(self, session: Session, resume: str) -> bool:
        """Give a session the lease that rests under the id of its connection before, if one does."""
        for bundle in self.bundles.values():
            resumed = bundle.leases.resume(resume) if bundle.leases else None
            if resumed is not None:
                lease, (number, session.issued_ntime) = resumed
                session.issued_work = bundle.work_of(number)
                session.resumed = resume
                self._settle_in(session, bundle, lease)
                return True
        return False

    def has_free(self, lease: bytes) -> bool:
        """Return whether some bundle could take a session with this very lease."""
        return any(bundle.leases is None or bundle.leases.is_free(lease) for bundle in self.bundles.values())

    def _bundles_in_order(self, prefer: bytes | None) -> list[Bundle]:
        """Return the bundles, and behind them a fresh one where it is needed and the limit allows it.

        It is needed when all are full, and when a session came with a lease that is taken in each: it has
        been told that lease, and need not hear of another.
        """
        bundles = [self.bundles[index] for index in sorted(self.bundles)]
        taken = prefer is not None and not self.has_free(prefer)
        if taken or all(bundle.leases is not None and bundle.leases.is_full for bundle in bundles):
            per_pool = self._outside.limits.connections_per_pool
            free = next((i for i in range(per_pool * len(self.pools)) if i not in self.bundles), None)
            if free is not None:
                order = self._order_for(free)
                bundle = self.bundles[free] = Bundle(free, self, order, self._outside, probing=False)
                assert self.widths is not None
                bundle.set_widths(self.widths, Seconds(0))
                bundles.append(bundle)
        return bundles

    def _order_for(self, index: int) -> list[Pool]:
        """The first eight bundles serve the first pool, the next eight prefer the second, and so on."""
        first = index // self._outside.limits.connections_per_pool % len(self.pools)
        return self.pools[first:] + self.pools[:first]

    @staticmethod
    def _settle_in(session: Session, bundle: Bundle, lease: bytes) -> None:
        session.bundle, session.lease = bundle, lease
        bundle.sessions[session.key] = session
        bundle.idle_since = None

    def correct_extranonce(self, session: Session, now: Seconds) -> bool:
        """Tell a session what its extranonce has become, or queue it for a paced reconnect.

        Returns whether it can be given work.
        """
        if (
            session.bundle is None
            or session.lease is None
            or self.widths is None
            or not session.is_subscribed
        ):
            return False
        extranonce1 = session.bundle.extranonce1_of(session.lease)
        before = (session.extranonce1, session.extranonce2_size)
        session.change_extranonce(extranonce1, self.widths.miner, now)
        if before != (session.extranonce1, session.extranonce2_size) and not session.follows_extranonce:
            session.has_work = False
            self.to_reconnect.append(session)
            return False
        return True

    def leave(self, session: Session, now: Seconds) -> None:
        """Take a session out; its lease rests until its jobs are stale, if it had any.

        So scanners that subscribe and leave do not fill a narrow connection.
        """
        bundle = session.bundle
        if bundle is not None:
            bundle.sessions.pop(session.key, None)
            if bundle.leases is not None and session.lease is not None:
                if session.issued_work is not None or session.resumed:
                    work = session.issued_work
                    had = (work.number if work is not None else 0, session.issued_ntime)
                    bundle.leases.free(session.lease, session.name, had, now)
                else:
                    bundle.leases.free_at_once(session.lease)
        session.bundle = None

    # --- first work ---------------------------------------------------------------------------------

    def join(self, session: Session, now: Seconds) -> None:
        """An authorised and subscribed session wants work: it queues for it."""
        if session.vardiff is None:
            vardiff = self._vardiff_for(session, now)
            session.adapt_to(vardiff)
            vardiff.pause(now)
            if session.hinted is not None:
                vardiff.suggest(session.hinted, now)
        self._outside.chronicle.began(session)
        if self._outside.gate.holds_newcomers:
            session.withhold(now)
        else:
            self.waiting.add(session, now)

    def _vardiff_for(self, session: Session, now: Seconds) -> Vardiff:
        """Begin no higher than the pool allows, so that what is learned is about what was given."""
        quirk, settings = session.quirk, self.settings.vardiff
        start = quirk.start if quirk and quirk.start else settings.start
        work = session.bundle.work if session.bundle else None
        if work is not None:
            start = min(start, power_of_two_at_most(work.job.upstream_difficulty))
        return Vardiff(
            settings,
            now,
            start=start,
            floor=quirk.least if quirk else None,
            boot=BOOT if quirk and quirk.boots else Seconds(0),
        )

    def hand_work(self, session: Session, now: Seconds) -> None:
        """Give a session that has its place a fresh job, unless it must reconnect first."""
        if not self.correct_extranonce(session, now):
            return
        session.has_work = True
        if session.vardiff is not None:
            session.vardiff.resume(now)
        if session.bundle is not None and session.bundle.work is not None:
            session.give_anew(session.bundle.work, now)

    def release(self, sessions: list[Session], now: Seconds) -> None:
        """Give sessions work again: a fresh job at once, if they had work before and there is any.

        What newcomers find is not known before their first shares: they come at the pace of a start.
        """
        leaving = {session.key for session in self.to_reconnect}
        for session in sessions:
            work = session.bundle.work if session.bundle is not None else None
            if session.key in leaving:
                continue
            if session.issued_work is None or work is None or work.is_stale(now):
                self.waiting.add(session, now)
            else:
                self.hand_work(session, now)

    # --- shares and health ----------------------------------------------------------------------------

    def measure(self, now: Seconds) -> None:
        """Tell the meter what was credited since last time: three exponentials a share are too many."""
        tally, (credited, square) = self.tally, self._measured
        self._measured = tally.accepted_difficulty, tally.accepted_square
        self.meter.add_sum(tally.accepted_difficulty - credited, tally.accepted_square - square, now)

    def retire(self, connection: UpstreamConnection) -> None:
        """Forget the key of a connection that has ended."""
        self.connections.pop(connection.key, None)

    def has_ready(self, pool: Pool) -> bool:
        """Return whether any connection to ``pool`` is ready."""
        return any(c.pool is pool and c.is_ready for c in self.connections.values())

    def pool_failed(self, pool: Pool, cause: str, now: Seconds) -> Seconds:
        """Note a loss and return the pause before the next try.

        A pool that answers but badly is held off as long as a failback would be, if there is another.
        """
        bad = cause.startswith(("refuses every share", "nonsense", "authorisation"))
        timers = self._outside.timers
        least = timers.failback_hold if bad and len(self.pools) > 1 else Seconds(0)
        since = pool.ready_since
        pause = pool.failed(cause, now, timers, self._outside.randomness, least=least)
        if self.has_ready(pool):
            pool.ready_since = since  # one connection of several: the pool itself is well
        return pause

    def suggest(self, connection: UpstreamConnection, now: Seconds) -> None:
        """Suggest a difficulty from the route's hashrate, if it is far from what the pool has set."""
        connections = sum(bundle.live is not None for bundle in self.bundles.values()) or 1
        shares_a_second = UPSTREAM_SHARES_PER_MINUTE / 60
        ideal = self.meter.rate(now) / connections / HASHES_PER_DIFFICULTY / shares_a_second
        if ideal <= 0 or self.meter.relative_error() > SURE_ENOUGH:
            return
        wanted = power_of_two_at_most(Difficulty(ideal))
        if connection.suggested == wanted or connection.difficulty / 2 < wanted < connection.difficulty * 2:
            return
        interval = self._outside.timers.suggest_interval
        if connection.suggested_at is None or now - connection.suggested_at >= interval:
            connection.suggest(wanted, now)

    def tick(self, now: Seconds) -> None:
        """Watch bundles, reconnect who must, let empty bundles go."""
        self.measure(now)
        for bundle in list(self.bundles.values()):
            bundle.tick(now)
            if bundle.live is not None and bundle.live.is_ready:
                self.suggest(bundle.live, now)
        for _ in range(min(RECONNECTS_PER_TICK, len(self.to_reconnect))):
            session = self.to_reconnect.popleft()
            if not session.closing:
                session.send(tell.reconnect(), now)
                session.end("asked to reconnect: its extranonce has changed")
        self._retire_empty(now)

    def _retire_empty(self, now: Seconds) -> None:
        """Consolidate by attrition: new sessions fill the first bundles, empty later ones close."""
        for index, bundle in list(self.bundles.items()):
            if index == 0 or bundle.sessions:
                continue
            if bundle.idle_since is None:
                bundle.idle_since = now
            elif now - bundle.idle_since > BUNDLE_LINGER:
                bundle.close(now)
                del self.bundles[index]

    def reconfigure(self, settings: TenantSettings, now: Seconds) -> None:
        """Take a tenant's new settings. A pool that is the same but for its rank keeps its connections."""
        kept = {pool.settings: pool for pool in self.pools}
        self.settings = settings
        for bundle in self.bundles.values():
            for session in bundle.sessions.values():
                if session.vardiff is not None:
                    session.vardiff.follow(settings.vardiff)
        self.pools = []
        for rank, wanted in enumerate(settings.pools):
            pool = kept.get(wanted) or Pool(wanted, rank)
            pool.rank = rank
            self.pools.append(pool)
        for index, bundle in self.bundles.items():
            bundle.reorder(self._order_for(index), now)

    def close(self, now: Seconds) -> None:
        """Close every connection and dial none again."""
        for bundle in self.bundles.values():
            bundle.close(now)

    @property
    def unsettled(self) -> int:
        """Shares sent upstream whose answer may still come."""
        return sum(bundle.unsettled for bundle in self.bundles.values())
