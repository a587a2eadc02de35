"""How a session behaves: what its conduct costs it, how much of it is refused, whether it is alive.

Shares are not counted here a second time. What they cost follows from the session's tally, whoever counts
in it: looked at after each read that brought what has a price, as differences to the last look.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from proxy.mining.verdict import Reason
from proxy.relay.admission import address_of
from proxy.relay.cost import Cost
from proxy.relay.settings import Prices, Timers
from proxy.stratum import tell
from proxy.units import Seconds

if TYPE_CHECKING:
    from proxy.relay.session import Session

CHEAP = (Reason.STALE, Reason.UNAUTHORIZED, Reason.NOT_SUBSCRIBED)
"""Refusals that need no hash: an unknown job, an unknown name."""
SHED = 100
"""When memory is short, one session in so many is dropped at a time."""


class Conduct:
    """One session's record: what was seen of it at the last look."""

    __slots__ = (
        "_accepted",
        "_bad",
        "_cheap",
        "_login_price",
        "_malformed",
        "_requests",
        "_window_at",
        "_window_good",
        "_window_refused",
        "address",
        "cost",
        "expelled",
        "logged_in",
        "probed_at",
        "refreshed",
        "refused_logins",
        "requests",
        "unseen",
        "workless_at",
    )

    def __init__(self, peer: str, now: Seconds) -> None:
        self.address = sys.intern(address_of(peer.rpartition(":")[0]))
        """Where it comes from, as ``admission`` counts it; one string for all that stand behind a NAT."""
        self.logged_in = self.expelled = False
        self.cost = Cost(now)
        self.unseen = 0
        """Bytes of lines that were no submit, since the last look."""
        self.requests = 0
        """Lines that were no submit."""
        self.refused_logins = 0
        self.refreshed = False
        """It was given a fresh job because most of its shares were refused."""
        self.probed_at = self.workless_at = now
        self._accepted = self._bad = self._cheap = self._malformed = self._requests = self._login_price = 0
        self._window_at = now
        self._window_good = self._window_refused = 0

    def earned(self, session: Session, prices: Prices) -> float:
        """Return what its good shares since the last look were worth."""
        good = session.tally.accepted - self._accepted
        self._accepted += good
        return good * prices.good_share

    def price(self, session: Session, prices: Prices, *, dark: bool) -> float:
        """Return what the session has done since the last look, as a price.

        In the ``dark``, while no job counts because no pool serves, a stale share is not the miner's fault.
        """
        tally = session.tally
        price = self.unseen * prices.bytes_100k / 100_000
        self.unseen = 0
        price += (session.malformed - self._malformed) * prices.protocol_error
        price += (self.requests - self._requests) * prices.request
        price += (self.refused_logins - self._login_price) * prices.cheap_reject
        self._malformed = session.malformed
        self._requests, self._login_price = self.requests, self.refused_logins
        if tally.rejected:
            cheap = sum(tally.rejected.get(reason, 0) for reason in CHEAP)
            bad = sum(tally.rejected.values()) - cheap
            price += (cheap - self._cheap) * (prices.request if dark else prices.cheap_reject)
            price += (bad - self._bad) * prices.bad_share
            self._cheap, self._bad = cheap, bad
        return price

    def mostly_refused(self, prices: Prices, now: Seconds) -> bool:
        """Return whether too many of the shares since the window began were refused.

        A window that passes without that begins anew, and forgives.
        """
        refused = self._cheap + self._bad - self._window_refused
        judged = refused + self._accepted - self._window_good
        if judged >= prices.ban_shares and refused >= prices.ban_ratio * judged:
            self.begin_window(now)
            return True
        if now - self._window_at > prices.ban_window:
            self.begin_window(now)
            self.refreshed = False
        return False

    def begin_window(self, now: Seconds) -> None:
        """Count shares from now on."""
        self._window_at = now
        self._window_good, self._window_refused = self._accepted, self._cheap + self._bad


def charge(session: Session, now: Seconds) -> str:
    """Charge a session that owes for what it did; returns why it is to be dropped, or nothing.

    A session whose cost is soft is read only as fast as it, and all like it together, may spend: a flood of
    any kind and from any number of peers comes to a bounded number of lines a second.
    """
    session.owes = False
    conduct, limits = session.conduct, session.outside.limits
    prices = limits.prices
    dark = not _has_counting_work(session, now)
    # Earned first: it lowers what is owed to nothing at most, and pays for nothing that is still to come.
    conduct.cost.charge(-conduct.earned(session, prices), prices, now)
    price = conduct.price(session, prices, dark=dark)
    amount = conduct.cost.charge(price, prices, now)
    session.wire.prompt = _is_trusted(session, amount, prices)
    if amount >= prices.hard:
        session.outside.admission.condemned(session, limits, now)
        return "its conduct cost too much"
    if amount >= prices.soft and price > 0.0:
        together = session.outside.ration.wait(price, prices, now)
        session.wire.pause(max(conduct.cost.wait(price, prices, now), together))
    if dark:
        conduct.begin_window(now)
        return ""
    if not conduct.mostly_refused(prices, now):
        return ""
    if conduct.refreshed:
        session.outside.admission.condemned(session, limits, now)
        return "most of its shares were refused"
    conduct.refreshed = True
    if session.bundle is not None and session.bundle.work is not None:
        session.give_anew(session.bundle.work, now)
    return ""


def refuse_login(session: Session, timers: Timers) -> None:
    """A login was refused: who has none yet is read again after a pause that doubles each time."""
    conduct = session.conduct
    conduct.refused_logins += 1
    if not session.workers:
        doubled = timers.login_backoff * 2.0 ** min(conduct.refused_logins - 1, 32)
        session.wire.pause(min(timers.login_backoff_cap, doubled))


def visit(session: Session, now: Seconds) -> str | None:
    """Look whether a logged-in miner is still there; returns why it is to be dropped, if it is.

    TCP has proven that the machine lives: keep-alive lines are acknowledged, or the kernel ends the
    connection. This is about firmware that hangs behind a living socket. A miner without work that counts
    has no reason to speak, and that time is not held against it.
    """
    conduct, timers = session.conduct, session.outside.timers
    if not _has_counting_work(session, now):
        conduct.workless_at = now
        return None
    silent = now - max(session.heard_at, conduct.workless_at)
    if silent >= timers.no_share:
        return "nothing heard of it, though it has work"
    if silent >= timers.read_idle and now - conduct.probed_at >= timers.read_idle:
        conduct.probed_at = now
        session.send(tell.get_version(), now)
    return None


def forgive(session: Session, now: Seconds) -> None:
    """Serve a session promptly that has begun to work, or whose cost has decayed."""
    if not session.wire.prompt:
        prices = session.outside.limits.prices
        session.wire.prompt = _is_trusted(session, session.conduct.cost.amount(prices, now), prices)


def _is_trusted(session: Session, amount: float, prices: Prices) -> bool:
    """Return whether it has shown work, which nobody can pretend, and costs little."""
    return session.tally.accepted > 0 and amount < prices.prompt


def costliest(sessions: dict[int, Session], now: Seconds) -> list[Session]:
    """Return the sessions to drop when memory is short: those of the greatest cost, never one without."""
    costs = _costs(sessions.values(), now)
    costs.sort(key=lambda pair: pair[0], reverse=True)
    return [session for _, session in costs[: len(sessions) // SHED + 1]]


def _costs(sessions: Iterable[Session], now: Seconds) -> list[tuple[float, Session]]:
    found = []
    for session in sessions:
        amount = session.conduct.cost.amount(session.outside.limits.prices, now)
        # An honest miner's login and its stale shares cost a little, too, for some minutes.
        if amount >= session.outside.limits.prices.soft / 10 and not session.closing:
            found.append((amount, session))
    return found


def _has_counting_work(session: Session, now: Seconds) -> bool:
    work = session.issued_work
    return session.has_work and work is not None and not work.is_stale(now)
