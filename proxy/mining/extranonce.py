"""How an upstream's extranonce2 is cut up, and who holds which slice of it.

Upstream extranonce2 = padding + lease + the miner's extranonce2. The lease is the whole downstream
extranonce1, so a session keeps its extranonces whatever upstream it works for.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from proxy.units import Seconds

LEAST_UPSTREAM_SIZE, GREATEST_UPSTREAM_SIZE = 2, 16
LEAST_MINER_SIZE, GREATEST_MINER_SIZE = 2, 8
"""cgminer connects with more than 8 bytes of extranonce2, but then never submits (cgminer.c:7120)."""
SMALL = 256
"""Leases few enough that a list of the free ones costs nothing worth saving."""
MARKED = 1 << 16
"""Leases for each of which there may be a byte: 64 KiB for a connection that can serve so many miners."""
PART = 64
"""Leases that are unmarked in one go when the jobs of tens of thousands became stale at once."""
AMPLE = 4
"""Bytes beyond which neither side gains: 2**32 sessions, or 25 h of 200 TH/s without version rolling."""


@dataclass(frozen=True, slots=True)
class Widths:
    """Bytes of extranonce that a session is given; one pair for a whole route.

    Raises:
        ValueError: a width that no miner or no lease space could use.

    """

    lease: int
    """Bytes of the lease, which is the downstream extranonce1: 0 (one session only) to 4."""
    miner: int
    """Bytes of extranonce2 that the miner itself rolls: 2 to 8."""

    def __post_init__(self) -> None:
        """Refuse what the wire cannot carry."""
        if not 0 <= self.lease <= AMPLE:
            raise ValueError(f"a lease is 0 to {AMPLE} bytes, not {self.lease}")
        if not LEAST_MINER_SIZE <= self.miner <= GREATEST_MINER_SIZE:
            raise ValueError(_miner_size_refused(self.miner))

    @property
    def total(self) -> int:
        """Bytes that an upstream's extranonce2 must have at least; the rest of it is padding."""
        return self.lease + self.miner


DEFAULT_WIDTHS = Widths(2, 2)
"""What sessions get before any upstream is known.

Four bytes fit nearly every pool seen (AntPool and public-pool give exactly 4, the others more). Two of
lease serve 65,536 sessions per connection; two of the miner's last 25 h with version rolling.
"""


def choose_widths(upstream_size: int, *, rolling: bool, miner: int | None = None) -> Widths:
    """Return how to cut an extranonce2 of ``upstream_size`` bytes.

    Two bytes of lease come first (65,536 sessions on a connection), then the miner's up to four, then
    the lease up to four. The miner's part never falls below what lasts between two jobs: 2 bytes
    with version rolling; without it 3, where the upstream gives 4 or more (a 200 TH/s miner uses 2 bytes up
    in 1.4 s, 3 in 360 s).

    Args:
        upstream_size: The smallest extranonce2 size among the route's upstreams, 2 to 16 bytes.
        rolling: True if the upstreams grant version rolling.
        miner: The operator's wish for the miner's part, 2 to 8 (NiceHash as a client refuses less than
            4). Honoured as far as one byte is left for the lease; where even 2 leave none, the
            connection serves one session.

    Raises:
        ValueError: ``upstream_size`` or ``miner`` is out of range.

    """
    if not LEAST_UPSTREAM_SIZE <= upstream_size <= GREATEST_UPSTREAM_SIZE:
        raise ValueError(
            f"an upstream's extranonce2 is {LEAST_UPSTREAM_SIZE} to {GREATEST_UPSTREAM_SIZE} bytes, "
            f"not {upstream_size}"
        )
    if miner is None:
        least = LEAST_MINER_SIZE if rolling or upstream_size < 4 else 3
        lease = min(2, upstream_size - least)
        size = min(AMPLE, upstream_size - lease)
    elif not LEAST_MINER_SIZE <= miner <= GREATEST_MINER_SIZE:
        raise ValueError(_miner_size_refused(miner))
    else:
        size = max(LEAST_MINER_SIZE, min(miner, upstream_size - 1))
    return Widths(min(AMPLE, upstream_size - size), size)


def _miner_size_refused(size: int) -> str:
    return f"a miner's extranonce2 is {LEAST_MINER_SIZE} to {GREATEST_MINER_SIZE} bytes, not {size}"


Had = TypeVar("Had")


class LeaseSpace(Generic[Had]):
    """The leases of the sessions that share one upstream connection: no two live ones are ever equal.

    A freed lease is quarantined until the jobs that its miner may still be hashing are stale. Leases are
    then used again as late as possible. Memory follows the leases live and quarantined, and
    of a space of two bytes its size. Whoever logs in and leaves a thousand times a second fills half of such
    a space within a minute, so no operation may ever take as long as to list it.

    ``session`` is the name under which a returning miner is recognised. It must be unique to the
    miner: whoever gives a name may have back what was freed under it, and with it what it had (``Had``).
    ``now`` never decreases.
    """

    def __init__(self, width: int, first: int = 0) -> None:
        """Begin with the lease number ``first``, modulo their number.

        By chance, or after a restart the first miner would have the headers that the first one had before:
        at a pool that gives out the same extranonce1 again, an old share would be a new one.
        """
        if not 0 <= width <= AMPLE:
            raise ValueError(f"a lease is 0 to {AMPLE} bytes, not {width}")
        self.width = width
        self._capacity = 1 << 8 * width
        self._live: set[bytes] = set()  # the very objects that their sessions have, who know whose they are
        # In order of freeing, so that what becomes free is always a prefix.
        self._quarantine: OrderedDict[int, tuple[str, Seconds, Had]] = OrderedDict()
        self._last_freed: dict[str, int] = {}  # session -> the newest lease quarantined under its name
        # Quarantines that a clean job ended, to be taken apart little by little.
        self._over: list[OrderedDict[int, tuple[str, Seconds, Had]]] = []
        self._cursor = first % self._capacity
        # The free leases of a small space, least recently used first, once more than half are held.
        # An OrderedDict, because taking the first key of a plain dict again and again is quadratic.
        self._free: OrderedDict[int, None] | None = None
        # Of a space of two bytes a byte for each lease that is held: what is free is found in microseconds,
        # where to list it all would take a fifth of a second. More bytes are never held by half.
        self._marks = bytearray(self._capacity) if SMALL < self._capacity <= MARKED else None

    @property
    def live(self) -> int:
        """Leases held by sessions."""
        return len(self._live)

    @property
    def quarantined(self) -> int:
        """Leases freed while their jobs may still be hashed."""
        return len(self._quarantine)

    @property
    def capacity(self) -> int:
        """Leases there are in all."""
        return self._capacity

    @property
    def is_full(self) -> bool:
        """True if every lease is live or quarantined, so that only a resuming session could be served."""
        return len(self._live) + len(self._quarantine) == self._capacity

    def is_free(self, lease: bytes) -> bool:
        """Return True if ``lease`` has this space's width and is neither live nor quarantined."""
        return len(lease) == self.width and not self._is_held(int.from_bytes(lease, "big"))

    def take(self, *, session: str, prefer: bytes | None = None) -> bytes | None:
        """Give ``session`` a lease, or None if none is free.

        ``prefer`` is given if it is free, or quarantined under the same name. Otherwise it is the lease whose
        turn it is: never-used ones first, then the one used longest ago (in spaces above 256 leases, about
        so: only what is held is remembered one by one).
        """
        self.tidy()  # more than one, so some lease that is free is always found to be
        if prefer is not None and len(prefer) == self.width:
            number = int.from_bytes(prefer, "big")
            kept = self._quarantine.get(number)
            if kept is not None and kept[0] == session:
                return self._wake(number)[0]
            if kept is None and prefer not in self._live:
                return self._give(number)
        if self.is_full:
            return None
        return self._give(self._next_free())

    def resume(self, session: str) -> tuple[bytes, Had] | None:
        """Give back the lease last freed under the name ``session``, and what it had then.

        None if its quarantine is over.
        """
        number = self._last_freed.get(session)
        return None if number is None else self._wake(number)

    def free_at_once(self, lease: bytes) -> None:
        """Free a live lease with which no job was ever made.

        Raises:
            ValueError: nobody holds ``lease``: the caller's books are wrong.

        """
        self._let_go(lease)
        self._is_free_again(int.from_bytes(lease, "big"))

    def free(self, lease: bytes, session: str, had: Had, now: Seconds) -> None:
        """Quarantine a live lease under the name ``session``, to which ``had`` is given with it.

        Raises:
            ValueError: nobody holds ``lease``: the caller's books are wrong.

        """
        self._let_go(lease)
        number = int.from_bytes(lease, "big")
        self._quarantine[number] = (session, now, had)
        self._last_freed[session] = number

    def jobs_stale(self) -> None:
        """End every quarantine: a clean job made all jobs stale."""
        self._over.append(self._quarantine)
        self._quarantine, self._last_freed = OrderedDict(), {}
        # A small space, which lists what is free, is never behind.
        self.tidy(SMALL if self._capacity <= SMALL else PART)

    def expire(self, now: Seconds, age: Seconds) -> None:
        """End the quarantine of leases freed more than ``age`` ago: no job is kept longer than that."""
        while self._quarantine and now - next(iter(self._quarantine.values()))[1] > age:
            number, (session, _, _) = self._quarantine.popitem(last=False)
            if self._last_freed.get(session) == number:
                del self._last_freed[session]
            self._is_free_again(number)

    def tidy(self, most: int = PART) -> None:
        """Take apart what a clean job ended; call it now and then.

        Tens of thousands of leases at once would hold up the loop for some tens of milliseconds.
        """
        while self._over and most > 0:
            oldest = self._over[0]
            for _ in range(min(most, len(oldest))):
                number, _ = oldest.popitem(last=False)
                if not self._is_held(number):  # it may have been taken, or freed, again since
                    self._is_free_again(number)
                most -= 1
            if not oldest:
                del self._over[0]

    def _let_go(self, lease: bytes) -> None:
        if lease not in self._live:
            raise ValueError(f"lease {lease.hex()!r} is not live")
        self._live.remove(lease)

    def _is_held(self, number: int) -> bool:
        return number in self._quarantine or self._lease(number) in self._live

    def _lease(self, number: int) -> bytes:
        return number.to_bytes(self.width, "big")

    def _give(self, number: int) -> bytes:
        if self._free is not None:
            del self._free[number]
        lease = self._lease(number)
        self._live.add(lease)
        if self._marks is not None:
            self._marks[number] = 1
        elif (
            self._free is None
            and self._capacity <= SMALL
            and 2 * (len(self._live) + len(self._quarantine)) > self._capacity
        ):
            turns = (n % self._capacity for n in range(self._cursor, self._cursor + self._capacity))
            self._free = OrderedDict((n, None) for n in turns if not self._is_held(n))
        return lease

    def _wake(self, number: int) -> tuple[bytes, Had]:
        session, _, had = self._quarantine.pop(number)
        if self._last_freed.get(session) == number:
            del self._last_freed[session]
        lease = self._lease(number)
        self._live.add(lease)
        return lease, had

    def _next_free(self) -> int:
        if self._free is not None:
            number = next(iter(self._free))
        elif self._marks is not None:
            number = self._marks.find(0, self._cursor)
            if number < 0:
                number = self._marks.find(0)
        else:
            # At most half are held, so in each lap the steps are at most twice the leases given.
            number = self._cursor
            while self._is_held(number):
                number = (number + 1) % self._capacity
        self._cursor = (number + 1) % self._capacity
        return number

    def _is_free_again(self, number: int) -> None:
        if self._marks is not None:
            self._marks[number] = 0
        elif self._free is not None:
            self._free[number] = None
