"""Three books of the same shares, kept apart by miners, proxy and pools; and whether they agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self, TypeVar


@dataclass(frozen=True, slots=True)
class MinerBook:
    """What the simulated miners counted themselves."""

    found: int = 0
    withheld: int = 0
    """Found, but never sent: the connection had just gone, or the firmware cannot."""
    accepted: int = 0
    rejected: int = 0
    reconnects: int = 0
    set_extranonces: int = 0
    """mining.set_extranonce received."""

    @property
    def submitted(self) -> int:
        """Shares that were sent to the proxy."""
        return self.found - self.withheld

    @property
    def answered(self) -> int:
        """Shares that a miner got a verdict for."""
        return self.accepted + self.rejected


@dataclass(frozen=True, slots=True)
class ProxyBook:
    """What the proxy counted."""

    accepted: int = 0
    rejected: int = 0
    forwarded: int = 0
    """Sent to a pool, once or again."""
    pool_accepted: int = 0
    pool_rejected: int = 0
    pool_duplicates: int = 0
    """Of the rejected: refused as a duplicate (22)."""
    unknown: int = 0
    """Sent, but the connection was lost before the pool's answer."""
    unsent: int = 0
    """Good enough for the pool, but its connection was lost before they could be sent."""
    answered_twice: int = 0
    """Answers of pools to shares that had been answered."""

    @property
    def judged(self) -> int:
        """Shares that got a verdict."""
        return self.accepted + self.rejected

    @property
    def settled(self) -> int:
        """Forwarded shares with an outcome; that it is unknown for good is one."""
        return self.pool_accepted + self.pool_rejected + self.unknown


@dataclass(frozen=True, slots=True)
class PoolBook:
    """What the simulated pools found to be true, whatever they answered."""

    submits: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    """Of the rejected: had been accepted before."""
    blocks: int = 0


Book = TypeVar("Book", MinerBook, ProxyBook, PoolBook)


def total(books: Iterable[Book], empty: Book) -> Book:
    """Return the sums of several books of a kind; ``empty`` says of which."""
    entries = list(books)
    sums = {each.name: sum(getattr(book, each.name) for book in entries) for each in fields(empty)}
    return type(empty)(**sums)


@dataclass(frozen=True, slots=True)
class Books:
    """The three books of one tenant, or of the site."""

    miners: MinerBook
    proxy: ProxyBook
    pools: PoolBook

    @classmethod
    def of(cls, parts: Iterable[Books]) -> Self:
        """Return the sum of several tenants' books."""
        entries = list(parts)
        return cls(
            total((part.miners for part in entries), MinerBook()),
            total((part.proxy for part in entries), ProxyBook()),
            total((part.pools for part in entries), PoolBook()),
        )

    @property
    def lost(self) -> int:
        """Shares sent by miners and never answered, and shares sent to pools and never settled."""
        unanswered = max(0, self.miners.submitted - self.miners.answered)
        return unanswered + max(0, self.proxy.forwarded - self.proxy.settled)

    @property
    def doubled(self) -> int:
        """Shares that count twice somewhere.

        Credited by the proxy more often than the miners were told, settled more often than forwarded,
        answered twice by a pool, accepted by the pools more often than forwarded, or refused by a pool as
        the duplicate of another share.
        """
        miners, proxy, pools = self.miners, self.proxy, self.pools
        return (
            max(0, proxy.accepted - miners.accepted)
            + max(0, proxy.settled - proxy.forwarded)
            + max(0, pools.accepted - proxy.forwarded)
            + proxy.answered_twice
            + proxy.pool_duplicates
        )

    @property
    def repeated(self) -> int:
        """Shares sent again over a new connection that had arrived the first time.

        The pool refuses the second copy, and the proxy, knowing why, settles the share once, as accepted.
        """
        return max(0, self.pools.duplicates - self.proxy.pool_duplicates)

    def violations(self, *, pools_broken: bool) -> list[str]:
        """Return every way in which the books disagree, in words; nothing if they agree.

        ``pools_broken``: connections to pools were lost on purpose, so that a share's fate may be unknown,
        and a repeated one is in order.
        """
        miners, proxy, pools = self.miners, self.proxy, self.pools
        claims = [
            ("found", miners.submitted, "judged", proxy.judged),
            ("judged", proxy.judged, "answered", miners.answered),
            ("accepted by the proxy", proxy.accepted, "accepted in the miners' book", miners.accepted),
            ("rejected by the proxy", proxy.rejected, "rejected in the miners' book", miners.rejected),
            ("forwarded", proxy.forwarded, "settled", proxy.settled),
            ("lost", self.lost, "", 0),
            ("doubled", self.doubled, "", 0),
            ("reconnects of miners", miners.reconnects, "", 0),
            ("set_extranonce to miners", miners.set_extranonces, "", 0),
        ]
        if not pools_broken:
            claims += [
                ("forwarded", proxy.forwarded, "received by the pools", pools.submits),
                ("accepted by the pools", pools.accepted, "that in the proxy's book", proxy.pool_accepted),
                ("sent with unknown fate", proxy.unknown, "", 0),
                ("never sent", proxy.unsent, "", 0),
                ("duplicates at the pools", pools.duplicates, "", 0),
            ]
        found = [
            f"{name} {value}, but {other + ' ' if other else 'must be '}{wanted}"
            for name, value, other, wanted in claims
            if value != wanted
        ]
        if proxy.pool_accepted > pools.accepted:
            found.append(
                f"the proxy's book has {proxy.pool_accepted} accepted by pools, the pools {pools.accepted}"
            )
        return found

    def summary(self) -> dict[str, int]:
        """Return the figures for JSON."""
        miners, proxy, pools = self.miners, self.proxy, self.pools
        return {
            "shares_found": miners.found,
            "withheld": miners.withheld,
            "judged": proxy.judged,
            "answered": miners.answered,
            "accepted": proxy.accepted,
            "rejected": proxy.rejected,
            "forwarded": proxy.forwarded,
            "settled": proxy.settled,
            "pool_accepted": proxy.pool_accepted,
            "pool_rejected": proxy.pool_rejected,
            "unknown": proxy.unknown,
            "unsent": proxy.unsent,
            "lost": self.lost,
            "doubled": self.doubled,
            "repeated": self.repeated,
            "pools_received": pools.submits,
            "pools_accepted": pools.accepted,
            "pools_rejected": pools.rejected,
            "blocks": pools.blocks,
            "reconnects": miners.reconnects,
            "set_extranonce": miners.set_extranonces,
        }
