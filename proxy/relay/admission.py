"""Who is let in: connections that have not logged in yet, by address, and names refused for their conduct.

A site of thousands behind one NAT comes back from a black-out all at once, so an address may bring any
number of connections at a time. What it may not do:

- let more than a few of them stay without a login for longer than a grace: those beyond are dropped when
  their grace is over, so that half-open connections hold a bounded number of places;
- have connections end without a login faster than a bucket of tokens refills. While many did lately, only as
  many may be under way as there are tokens, and without a token it is refused at the door. Each login puts
  some back, so that honest neighbours keep a NAT open.

What is left open: connections that an address brings for the first time hold places for one grace. Whoever
would bound that bounds the return of a site.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from proxy.events import AddressCrowded, Event
from proxy.relay.settings import AdmissionSettings, Limits, Timers
from proxy.throttle import Throttle
from proxy.units import Seconds

if TYPE_CHECKING:
    from proxy.relay.session import Session

LOGIN_REFUND = 10.0
"""Tokens that a login gives back: a site that returns in the middle of a storm opens its own door."""
DROP_PRICE = 100.0
"""Tokens that a session costs its address when it was dropped for its conduct: such a session has had its
full cost, and one every five seconds is as much as an address may send."""
DEBT = Seconds(60)
"""How far below none the tokens may fall, in refills: a wave that got in is paid for by a minute's rest."""
TRUSTED = 0.5
"""With this part of its tokens an address is asked nothing: so many failures are a switch that restarts."""
MOST_BANS = 10_000
"""Names refused at once; beyond, the oldest is forgotten."""


def address_of(host: str) -> str:
    """Return the address that a host counts as: itself, or the /64 of an IPv6 address.

    A site's IPv6 hosts choose the lower half of their addresses themselves. IPv4 is never grouped.
    """
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(address) >> 64 << 64))


Queue = deque[int]
"""Keys of sessions in the order of their arrival. Not the sessions: a flood of short ones would be kept."""


SEARCHES = Seconds(0.05)
"""Between two searches of all sessions for a name: a twentieth of the time at most."""


class Address:
    """What is known of one address."""

    __slots__ = ("_at", "_tokens", "authorised", "is_leaving", "told_crowd", "unauthenticated")

    def __init__(self, settings: AdmissionSettings, now: Seconds) -> None:
        self.unauthenticated = 0
        """Its live connections without a login."""
        self.authorised = 0
        self.told_crowd = False
        self.is_leaving = False
        """In the queue of those to be forgotten."""
        self._tokens = float(settings.failures_burst)
        self._at = now

    def tokens(self, settings: AdmissionSettings, now: Seconds) -> float:
        """Return how many connections may still end without a login."""
        refilled = self._tokens + settings.failures_per_second * (now - self._at)
        return min(float(settings.failures_burst), refilled)

    def add(self, tokens: float, settings: AdmissionSettings, now: Seconds) -> None:
        """Give tokens, or take them."""
        least = -DEBT * settings.failures_per_second
        self._tokens = max(least, min(float(settings.failures_burst), self.tokens(settings, now) + tokens))
        self._at = now

    def admits(self, settings: AdmissionSettings, now: Seconds) -> bool:
        """Return whether one more connection may come."""
        tokens = self.tokens(settings, now)
        return tokens >= TRUSTED * settings.failures_burst or tokens - self.unauthenticated >= 1.0

    def is_forgettable(self, settings: AdmissionSettings, now: Seconds) -> bool:
        """Return whether a new one would be the same."""
        idle = not self.unauthenticated and not self.authorised
        return idle and self.tokens(settings, now) >= settings.failures_burst


class Admission:
    """The door's memory. All of it is bounded by the live sessions and the rate of failures."""

    def __init__(self, sessions: dict[int, Session]) -> None:
        self._sessions = sessions
        """Every live one, by its key."""
        self._addresses: dict[str, Address] = {}
        self._left: deque[str] = deque()
        """Addresses without a connection, to be forgotten when their tokens are back."""
        self._fresh: Queue = deque()
        self._to_subscribe: Queue = deque()
        self._to_authorize: Queue = deque()
        self._bans: dict[tuple[str, str], Seconds] = {}
        self._searches = Throttle()

    # --- at the door ------------------------------------------------------------------------------------

    def admits(self, host: str, settings: AdmissionSettings, now: Seconds) -> bool:
        """Return whether a connection from ``host`` may be looked at."""
        address = self._addresses.get(address_of(host))
        return address is None or address.admits(settings, now)

    def failed(self, host: str, settings: AdmissionSettings, now: Seconds) -> None:
        """A connection ended before it became a session: in its TLS handshake."""
        address = self._address(address_of(host), settings, now)
        address.add(-1.0, settings, now)
        self._leave(address_of(host), address)

    # --- sessions ---------------------------------------------------------------------------------------

    def opened(self, session: Session, settings: AdmissionSettings, now: Seconds) -> None:
        """Watch a new session until it has logged in."""
        self._address(session.conduct.address, settings, now).unauthenticated += 1
        self._fresh.append(session.key)
        self._to_subscribe.append(session.key)

    def authorised(self, session: Session, settings: AdmissionSettings, now: Seconds) -> Event | None:
        """A name was authorised; with the first one the session has logged in. Returns what to tell."""
        conduct = session.conduct
        if conduct.logged_in:
            return None
        conduct.logged_in = True
        address = self._address(conduct.address, settings, now)
        address.unauthenticated -= 1
        address.authorised += 1
        address.add(LOGIN_REFUND, settings, now)
        if not settings.crowd or address.told_crowd or address.authorised <= settings.crowd:
            return None
        address.told_crowd = True
        return AddressCrowded(conduct.address, address.authorised)

    def closed(self, session: Session, settings: AdmissionSettings, now: Seconds) -> None:
        """A session has ended; without a login, its address pays."""
        conduct = session.conduct
        address = self._address(conduct.address, settings, now)
        if conduct.logged_in:
            address.authorised -= 1
        elif not conduct.expelled:
            self._fail(address, settings, now)
        self._leave(conduct.address, address)

    def _fail(self, address: Address, settings: AdmissionSettings, now: Seconds) -> None:
        address.unauthenticated -= 1
        address.add(-1.0, settings, now)

    def _leave(self, key: str, address: Address) -> None:
        if not address.authorised and not address.unauthenticated and not address.is_leaving:
            address.is_leaving = True
            self._left.append(key)

    def _address(self, key: str, settings: AdmissionSettings, now: Seconds) -> Address:
        address = self._addresses.get(key)
        if address is None:
            address = self._addresses[key] = Address(settings, now)
        return address

    # --- conduct ----------------------------------------------------------------------------------------

    def condemned(self, session: Session, limits: Limits, now: Seconds) -> None:
        """A session is dropped for its conduct: its address pays, and its names are refused there.

        Only names that nobody else uses from that address: sites run all their miners under one name.
        """
        address = session.conduct.address
        self._address(address, limits.admission, now).add(-DROP_PRICE, limits.admission, now)
        for user in session.workers:
            if self._may_be_shared(session, user, now):
                continue
            pair = (address, user)
            self._bans.pop(pair, None)
            while len(self._bans) >= MOST_BANS:
                del self._bans[next(iter(self._bans))]
            self._bans[pair] = Seconds(now + limits.prices.ban)

    def _may_be_shared(self, session: Session, user: str, now: Seconds) -> bool:
        """Return whether another session of the same address has that name, as far as there is time to look.

        To count names all the time would take 100 bytes for each session. To look at all sessions takes
        milliseconds at ten thousand, so it is done where the address has others, and not too often.
        """
        address = session.conduct.address
        if self._addresses[address].authorised <= 1:
            return False
        if not self._searches.admits(now, SEARCHES):
            return True
        return any(
            user in other.workers and other.conduct.address == address and other is not session
            for other in self._sessions.values()
        )

    def is_banned(self, session: Session, user: str, now: Seconds) -> bool:
        """Return whether a name is refused from this session's address."""
        pair = (session.conduct.address, user)
        until = self._bans.get(pair)
        if until is None:
            return False
        if now < until:
            return True
        del self._bans[pair]
        return False

    # --- time -------------------------------------------------------------------------------------------

    def overdue(self, limits: Limits, timers: Timers, now: Seconds) -> Iterator[tuple[Session, str]]:
        """Yield the sessions whose time to log in is over, with the cause; each deadline is absolute.

        Sessions stand in queues in the order of their arrival, one for each deadline, so that only those are
        looked at whose time has come.
        """
        settings = limits.admission
        for session in self._due(self._fresh, now - settings.grace):
            address = self._addresses[session.conduct.address]
            if address.unauthenticated > settings.unauthenticated and not session.conduct.logged_in:
                session.conduct.expelled = True  # counted at once: the next in the queue may stay
                self._fail(address, settings, now)
                yield session, "too many connections of its address without a login"
        for session in self._due(self._to_subscribe, now - timers.subscribe):
            if session.is_subscribed:
                self._to_authorize.append(session.key)
            else:
                yield session, "not subscribed in time"
        both = timers.subscribe + timers.authorize
        for session in self._due(self._to_authorize, now - both):
            yield session, "not authorised in time"
        self._forget(settings, now)

    def _due(self, queue: Queue, before: float) -> Iterator[Session]:
        """Take those who came before a time and are still here without a login, oldest first.

        Who has logged in or left need not be waited for.
        """
        while queue:
            session = self._sessions.get(queue[0])
            if session is None or session.closing or (session.is_subscribed and session.workers):
                queue.popleft()
            elif session.opened_at < before:
                queue.popleft()
                yield session
            else:
                return

    def _forget(self, settings: AdmissionSettings, now: Seconds) -> None:
        """Forget addresses that left long enough ago; the oldest first."""
        while self._left:
            key = self._left[0]
            address = self._addresses[key]
            if not address.unauthenticated and not address.authorised:
                if not address.is_forgettable(settings, now):
                    return
                del self._addresses[key]
            address.is_leaving = False
            self._left.popleft()
