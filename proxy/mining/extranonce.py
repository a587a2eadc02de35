"""How an upstream's extranonce2 is cut up, and who holds which slice of it.

Upstream extranonce2 = padding + lease + the miner's extranonce2. The lease is the whole downstream
extranonce1, so a session keeps its extranonces whatever upstream it works for.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from itertools import takewhile
from typing import Generic, TypeVar

from proxy.units import Seconds

LEAST_UPSTREAM_SIZE, GREATEST_UPSTREAM_SIZE = 2, 16
LEAST_MINER_SIZE, GREATEST_MINER_SIZE = 2, 8
"""cgminer connects with more than 8 bytes of extranonce2, but then never submits (cgminer.c:7120)."""
SMALL = 256
"""Leases few enough that a list of the free ones costs nothing worth saving."""
MARKED = 1 << 16
"""Leases for each of which there may be a byte: 64 KiB for a connection that can serve so many miners."""
PART = 1024
"""Leases that are taken back in one go when those of a flood have had their time: a millisecond or two."""
MOST_RESTING = 1 << 16
"""Leases that wait for their sessions though no job of theirs is left; beyond, the oldest wait no longer.
Several times a large site, and some 25 MB if a flood of logins fills it."""
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
Rest = tuple[str, Seconds, Had, int]
"""Of a lease that was freed: its session's name, when, what it had, how many clean jobs there had been."""


class LeaseSpace(Generic[Had]):
    """The leases of the sessions that share one upstream connection: no two live ones are ever equal.

    A freed lease rests. While a job that its miner may still hash is not stale it is in quarantine:
    nobody but that miner can have it. Afterwards it waits on for the miner to return, and another gets it
    only if none is free, the one that was freed longest ago first. Leases are used again as late as possible.
    Memory follows the leases live and resting, and of a space of two bytes its size. Whoever logs in and
    leaves a thousand times a second fills half of such a space within a minute, so no operation may ever take
    as long as to list it.

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
        # In order of freeing, so that what is stale, and what has waited long enough, is always a prefix.
        self._resting: OrderedDict[int, Rest[Had]] = OrderedDict()
        self._last_freed: dict[str, int] = {}  # session -> the newest lease that rests under its name
        self._clean_jobs = 0
        self._stale_before = -math.inf  # jobs of leases freed before this instant are too old, too
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
    def resting(self) -> int:
        """Leases freed whose sessions may have them again."""
        return len(self._resting)

    @property
    def quarantined(self) -> int:
        """Those of them whose jobs may still be hashed."""
        return sum(
            1 for _ in takewhile(lambda rest: not self._is_stale(rest), reversed(self._resting.values()))
        )

    @property
    def capacity(self) -> int:
        """Leases there are in all."""
        return self._capacity

    @property
    def is_full(self) -> bool:
        """True if every lease is live or quarantined, so that only a resuming session could be served."""
        return self._is_exhausted and not self._is_stale(next(iter(self._resting.values()), None))

    def is_free(self, lease: bytes) -> bool:
        """Return True if ``lease`` has this space's width and could be given to anyone now."""
        return len(lease) == self.width and self._can_have(int.from_bytes(lease, "big"))

    def take(self, *, session: str, prefer: bytes | None = None) -> bytes | None:
        """Give ``session`` a lease, or None if there is none for it.

        ``prefer`` is given if it is free, or rests under the same name. Otherwise it is the lease whose
        turn it is: never-used ones first, then the one used longest ago (in spaces above 256 leases, about
        so: only what is held is remembered one by one).
        """
        if prefer is not None and len(prefer) == self.width:
            number = int.from_bytes(prefer, "big")
            rest = self._resting.get(number)
            if rest is not None and rest[0] == session:
                return self._wake(number)[0]
            if self._can_have(number):
                if rest is not None:
                    self._end_rest(number)
                return self._give(number)
        if self._is_exhausted:
            if self.is_full:
                return None
            self._end_rest(next(iter(self._resting)))
        return self._give(self._next_free())

    def resume(self, session: str) -> tuple[bytes, Had] | None:
        """Give back the lease last freed under the name ``session``, and what it had then.

        None if it rests no more.
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
        """Let a live lease rest under the name ``session``, to which ``had`` is given with it.

        Raises:
            ValueError: nobody holds ``lease``: the caller's books are wrong.

        """
        self._let_go(lease)
        number = int.from_bytes(lease, "big")
        self._resting[number] = (session, now, had, self._clean_jobs)
        self._last_freed[session] = number

    def jobs_stale(self) -> None:
        """End every quarantine: a clean job made all jobs stale."""
        self._clean_jobs += 1

    def expire(self, now: Seconds, age: Seconds, resume: Seconds, most: int = PART) -> None:
        """End the rest of leases that have had their time, ``most`` of them; call it each second or so.

        Args:
            now: The instant.
            age: No job is kept longer than that: the quarantine of leases freed before it ends.
            resume: How long a lease rests in any case for its session to return.
            most: Tens of thousands at once would hold up the loop for some tens of milliseconds.

        """
        self._stale_before = max(self._stale_before, now - age)
        while self._resting and most > 0:
            number, rest = next(iter(self._resting.items()))
            waits = now - rest[1] <= resume and len(self._resting) <= MOST_RESTING
            if waits or not self._is_stale(rest):
                return
            self._end_rest(number)
            most -= 1

    def _is_stale(self, rest: Rest[Had] | None) -> bool:
        return rest is not None and (rest[3] < self._clean_jobs or rest[1] < self._stale_before)

    @property
    def _is_exhausted(self) -> bool:
        return len(self._live) + len(self._resting) == self._capacity

    def _can_have(self, number: int) -> bool:
        """Return whether anyone may have a lease: what rests for somebody, only if there is no other."""
        if self._lease(number) in self._live:
            return False
        return number not in self._resting or (self._is_exhausted and self._is_stale(self._resting[number]))

    def _let_go(self, lease: bytes) -> None:
        if lease not in self._live:
            raise ValueError(f"lease {lease.hex()!r} is not live")
        self._live.remove(lease)

    def _is_held(self, number: int) -> bool:
        return number in self._resting or self._lease(number) in self._live

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
            and 2 * (len(self._live) + len(self._resting)) > self._capacity
        ):
            turns = (n % self._capacity for n in range(self._cursor, self._cursor + self._capacity))
            self._free = OrderedDict((n, None) for n in turns if not self._is_held(n))
        return lease

    def _wake(self, number: int) -> tuple[bytes, Had]:
        had = self._forget_rest(number)
        lease = self._lease(number)
        self._live.add(lease)
        return lease, had

    def _end_rest(self, number: int) -> None:
        self._forget_rest(number)
        self._is_free_again(number)

    def _forget_rest(self, number: int) -> Had:
        session, _, had, _ = self._resting.pop(number)
        if self._last_freed.get(session) == number:
            del self._last_freed[session]
        return had

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
