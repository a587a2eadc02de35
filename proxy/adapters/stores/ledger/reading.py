"""What the ledger knows, for those who ask: of one moment, and without disturbing the program that writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from proxy.adapters.stores.ledger import index, standing
from proxy.adapters.stores.ledger.batches import Batches
from proxy.adapters.stores.ledger.damages import Damage, known
from proxy.adapters.stores.ledger.days import days, ledger_of
from proxy.adapters.stores.ledger.days import rows as day_rows
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.found import Gap, SessionSpan, Tenant
from proxy.adapters.stores.ledger.shares import Shares
from proxy.adapters.stores.ledger.tail import Tail
from proxy.adapters.stores.ledger.walking import UNREADABLE
from proxy.ledger.fold import Sum
from proxy.ledger.outcomes import Outcome
from proxy.ledger.ranges import DAY, Part, parts_of
from proxy.ledger.totals import Row, include

_SUMS = """
    SELECT worker, upstream, outcome, sum(count), sum(difficulty), sum(square), max(best), max(last), {luck}
    FROM {name} WHERE at >= ? AND at < ? {which} GROUP BY worker, upstream, outcome
"""
_SESSIONS = """
    SELECT run, session, tenant, worker, user_agent, address, began, ended, cause
    FROM sessions WHERE tenant = ? AND worker = ? ORDER BY began DESC LIMIT ?
"""
OUTCOMES = {int(outcome): outcome for outcome in Outcome}


class Reader:
    """The ledger at the moment when it was opened; close it as soon as its answers are taken."""

    def __init__(self, folder: Folder) -> None:
        """Open the index for reading, and fold in memory what it does not hold yet.

        Raises:
            LedgerUnusable: the index is another version's, or far behind; the text says what to do.
            sqlite3.Error: it cannot be read.

        """
        # Where there is none, all is folded from the batches.
        self._index = index.open_to_read(folder.index) if folder.index.exists() else index.in_memory()
        try:
            # A transaction: what is asked later is answered of the same moment.
            self._index.execute("BEGIN")
            ordered = days(folder, day_rows(self._index))
            batches = Batches(folder, ordered)
            self._tail = Tail(folder, batches, self._index)
            (seen,) = self._index.execute("PRAGMA user_version").fetchone()
            self._luck = "sum(expected), sum(blocks)" if seen >= index.WITH_LUCK else "0.0, 0"
            self.luck_since = self._number("luck" if seen >= index.WITH_LUCK else "at")
            """Milliseconds since 1970 from which on blocks are counted; 0: from the beginning."""
            self.ledger = standing.value(self._index, "ledger") or ledger_of(ordered) or b""
            """Its id, 16 bytes."""
        except BaseException:
            self._index.close()
            raise
        self.began = _began(self._index, batches)
        """Milliseconds since 1970 of the first batch of all; 0 if nobody knows."""
        self.shares = Shares(self._index, batches, self._tail)
        """Those whose files are still there."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the index."""
        self._index.close()

    @property
    def last(self) -> tuple[int, bytes]:
        """Seq and hash of the last batch of which all answers know."""
        return self._tail.seq, self._tail.hash

    # --- sums -------------------------------------------------------------------------------------------

    def rows(
        self, since: int, until: int, *, tenant: str | None = None, worker: str | None = None
    ) -> list[Row]:
        """Return the sums of a time by tenant, worker, upstream and outcome, in the order of these.

        The time is in seconds since 1970 and widened to whole minutes. Minutes are there for 48 hours, hours
        for 90 days and days for ever: see ``ranges.beginning``.
        """
        workers, upstreams = self._workers(tenant, worker), self._upstreams()
        only = None if worker is None else list(workers)
        # By their numbers as long as there are many: a month of 5,000 workers comes in 50,000 rows.
        sums: dict[tuple[int, int, int], Sum] = {}
        for part in parts_of(since, until, self._number("hours"), self._number("days")):
            for who, pool, outcome, *numbers in self._sums(part, only):
                if (found := sums.get((who, pool, outcome))) is not None:
                    found.add(*numbers)
                elif who in workers:
                    sums[who, pool, outcome] = Sum(*numbers)
        rows = {
            (*workers[who], upstreams[pool], OUTCOMES[outcome]): found
            for (who, pool, outcome), found in sums.items()
        }
        for row in self._tail.rows(since, until):
            if tenant in (None, row.tenant) and worker in (None, row.worker):
                include(rows.setdefault(row[:4], Sum()), row.sum)
        return [Row(*key, rows[key]) for key in sorted(rows)]

    def _sums(self, part: Part, only: Sequence[int] | None) -> Iterator[tuple[Any, ...]]:
        which, ids = ("", ()) if only is None else (f"AND worker IN ({','.join('?' * len(only))})", only)
        return self._index.execute(
            _SUMS.format(name=part.name, which=which, luck=self._luck), (part.since, part.until, *ids)
        )

    def _workers(self, tenant: str | None, worker: str | None) -> dict[int, tuple[str, str]]:
        rows = self._index.execute(
            "SELECT id, tenant, name FROM workers "
            "WHERE tenant = coalesce(?1, tenant) AND name = coalesce(?2, name)",
            (tenant, worker),
        )
        return {number: (owner, name) for number, owner, name in rows}

    def _number(self, key: str) -> int:
        return standing.number(self._index, key)

    def _upstreams(self) -> dict[int, str]:
        return dict(self._index.execute("SELECT id, name FROM upstreams"))

    # --- who there is, and what befell them -------------------------------------------------------------

    def tenants(self) -> list[Tenant]:
        """Return all that ever had a share or a session, by id."""
        known = {
            row[0]: Tenant(*row) for row in self._index.execute("SELECT id, name, accounting FROM tenants")
        }
        known |= self._tail.tenants()
        return [known[name] for name in sorted(known)]

    def workers(self, tenant: str | None = None) -> list[tuple[str, str]]:
        """Return tenant and name of all workers that the ledger has ever seen, in order."""
        known = set(self._workers(tenant, None).values())
        known |= {pair for pair in self._tail.workers() if tenant in (None, pair[0])}
        return sorted(known)

    def sessions(self, tenant: str, worker: str, most: int) -> list[SessionSpan]:
        """Return a worker's last sessions, the latest first."""
        found = {
            (run, number): SessionSpan(*fields)
            for run, number, *fields in self._index.execute(_SESSIONS, (tenant, worker, most))
        }
        for which, span in self._tail.began().items():
            if (span.tenant, span.worker) == (tenant, worker):
                found.setdefault(which, span)
        ended = [self._tail.ended(*which, span) for which, span in found.items()]
        return sorted(ended, key=lambda span: span.began, reverse=True)[:most]

    def gaps(self, since: int, until: int) -> list[Gap]:
        """Return the gaps that touch a time in seconds since 1970, in their order."""
        found = [
            Gap(*row)
            for row in self._index.execute("SELECT since, until, shares, difficulty, cause FROM gaps")
        ]
        return sorted(
            (
                gap
                for gap in [*found, *self._tail.gaps()]
                if gap.since < until * 1000 and gap.until >= since * 1000
            ),
            key=lambda gap: gap.since,
        )

    def damages(self, since: int, until: int) -> list[Damage]:
        """Return the damages of files that may hold batches of a time in seconds since 1970.

        A file that is not closed is taken to hold the day of its name.
        """
        times = {
            name: (first // 1000, last // 1000 + 1)
            for name, first, last in self._index.execute("SELECT name, first_at, last_at FROM days")
        }
        found = [*known(self._index), *self._tail.damages]
        return [damage for damage in found if _touches(damage.day, times.get(damage.day), since, until)]


def _began(connection: sqlite3.Connection, batches: Batches) -> int:
    (known,) = connection.execute("SELECT min(first_at) FROM days").fetchone()
    try:
        first = next((batch.at for _, batch in batches.behind(0)), None)
    except UNREADABLE:
        first = None  # that is a damage, and told as such
    return min((at for at in (known, first) if at is not None), default=0)


def _touches(name: str, times: tuple[int, int] | None, since: int, until: int) -> bool:
    try:
        begin = int(datetime.strptime(name[:10], "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return True  # it is about the index, or the ledger as a whole
    first, last = times or (begin, begin)
    return min(begin, first) < until and max(begin + DAY, last) > since
