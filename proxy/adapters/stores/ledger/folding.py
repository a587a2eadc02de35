"""Keeps the index: what batches bring is written in one transaction with the watermark, so it counts once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from proxy.adapters.stores.ledger import standing
from proxy.adapters.stores.ledger.database import transaction
from proxy.adapters.stores.ledger.folder import day_of
from proxy.errors import LedgerDamaged, LedgerUnusable
from proxy.ledger import chain
from proxy.ledger.chain import GENESIS, Batch
from proxy.ledger.fold import Fold, Folded, Key, Open, Settled, Sum
from proxy.ledger.records import pack

HOUR, DAY = 3600, 86_400
MINUTES_KEPT, HOURS_KEPT = 48 * HOUR, 90 * DAY
"""Seconds."""
EXPIRED_AT_ONCE = 10 * 60
"""Seconds of minutes past their time that one ``roll`` deletes: the writer is not held up by a whole day."""
ROWS_PER_SECOND = 500
LONGEST = 10_000
"""Milliseconds; see ``Folding.is_due``."""
MOST_NAMES = 100_000
"""Ids that are remembered: miners choose their names."""

_ADD = """
    INSERT INTO {name} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    count = count + excluded.count, difficulty = difficulty + excluded.difficulty,
    square = square + excluded.square, best = max(best, excluded.best), last = max(last, excluded.last),
    expected = expected + excluded.expected, blocks = blocks + excluded.blocks
"""
_ROLL = """
    INSERT INTO {coarse}
    SELECT at / {size} * {size}, worker, upstream, outcome,
        sum(count), sum(difficulty), sum(square), max(best), max(last), sum(expected), sum(blocks)
    FROM {fine} WHERE at >= ? AND at < ? GROUP BY 1, 2, 3, 4
"""
_SESSION = """
    INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL) ON CONFLICT DO UPDATE SET
    tenant = excluded.tenant, worker = excluded.worker, user_agent = excluded.user_agent,
    address = excluded.address, extranonce1 = excluded.extranonce1, ended = NULL, cause = NULL
"""

Row = tuple[int, int, int, int, int, float, float, float, int, float, int]
"""Of a roll-up."""


class Folding:
    """Folds batches into an index that is open for writing; used by one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Go on behind the watermark.

        Raises:
            sqlite3.Error: the index cannot be read.

        """
        self._connection = connection
        self.seq, self.hash = standing.watermark(connection)
        known = standing.known(connection)
        self._fold = Fold(known)
        self._flushed, self._flushed_at = self.seq, known.at
        self._damages: list[tuple[str, int, int, int, str]] = []
        self._ids: dict[tuple[str, str, str], int] = {}
        self._is_lost = False

    def is_due(self, at: int) -> bool:
        """Return whether a flush is worth its price: one second after the last for few rows, ten for many.

        ``at`` is now, in milliseconds since 1970. A row of the minute costs the same whether it brings one
        share or a hundred, so a large site's rows wait for more shares.
        """
        waited = at - self._flushed_at
        is_early = 0 <= waited < min(max(1000, len(self._fold) * 1000 // ROWS_PER_SECOND), LONGEST)
        return self.has_news and not is_early

    @property
    def has_news(self) -> bool:
        """Whether anything was folded since the last flush."""
        return self.seq != self._flushed

    def take(self, batch: Batch, day: str | None = None) -> bool:
        """Fold a durable batch of the file ``day``; one that was folded before is passed over.

        One that cannot be folded is noted as damage. Returns False, with nothing done, if the batch before it
        has not been folded: ``catch_up`` finds out what became of that.

        Raises:
            LedgerUnusable: a flush has failed; begin anew with ``catch_up``.

        """
        self._demand_whole()
        if batch.seq <= self.seq:
            return True
        if 0 < self.seq < batch.seq - 1:
            return False
        try:
            self._fold.take(batch)
        except LedgerDamaged as error:
            self.skip(day or day_of(batch.at), batch.seq, batch.hash, str(error))
        self.seq, self.hash = batch.seq, batch.hash
        return True

    def skip(self, day: str, last: int, digest: bytes, problem: str) -> None:
        """Note that the batches up to ``last`` cannot be folded; ``digest`` is what stands for their hash."""
        self._damages.append((day, self.seq + 1, last, self._fold.known.at // 1000, problem))
        self.seq, self.hash = last, digest

    def _demand_whole(self) -> None:
        if self._is_lost:
            raise LedgerUnusable("what was folded was not written: fold the batches again")

    # --- writing ----------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what was folded and the watermark, all of it or nothing.

        Raises:
            sqlite3.Error: nothing was written; begin anew with ``catch_up``.
            LedgerUnusable: that is so since an earlier flush.

        """
        self._demand_whole()
        self._is_lost = True  # until it is written
        folded = self._fold.drain()
        with transaction(self._connection) as connection:
            self._declare(connection, folded)
            self._add(connection, folded.sums)
            self._settle(connection, folded.settled, folded.closed, folded.opened.values())
            connection.executemany(
                "INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?)",
                ((*at, note.tenant, note.worker, note.sent) for *at, note in folded.samples),
            )
            connection.executemany(
                "INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (*at, gap.since, gap.until, gap.shares, gap.difficulty, gap.cause)
                    for *at, gap in folded.gaps
                ),
            )
            connection.executemany(
                "INSERT INTO damages (day, first, last, found_at, problem) VALUES (?, ?, ?, ?, ?)",
                self._damages,
            )
            known = self._fold.known
            for key, held in (("seq", self.seq), ("hash", self.hash), ("run", known.run), ("at", known.at)):
                standing.put(connection, key, held)
        self._damages.clear()
        self._flushed, self._flushed_at = self.seq, known.at
        self._is_lost = False

    def _declare(self, connection: sqlite3.Connection, folded: Folded) -> None:
        connection.executemany(
            "INSERT OR REPLACE INTO tenants VALUES (?, ?, ?)",
            ((note.tenant, note.name, note.accounting) for note in folded.tenants.values()),
        )
        connection.executemany(
            "INSERT OR REPLACE INTO works VALUES (?, ?, ?, ?)",
            ((run, note.work, at, pack(note)) for run, at, note in folded.works),
        )
        connection.executemany(
            "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?)",
            ((run, note.job_id, note.work, at) for run, at, note in folded.jobs),
        )
        for run, at, note in folded.sessions:
            who = (run, note.session, note.tenant, note.worker)
            connection.execute(_SESSION, (*who, note.user_agent, note.address, note.extranonce1, at))
        connection.executemany(
            "UPDATE sessions SET ended = ?, cause = ? WHERE run = ? AND session = ?",
            ((at, note.cause, run, note.session) for run, at, note in folded.ended),
        )

    def _add(self, connection: sqlite3.Connection, sums: dict[Key, Sum]) -> None:
        rows: list[Row] = sorted(
            (
                key.minute,
                self._id(connection, "workers", key.tenant, key.worker),
                self._id(connection, "upstreams", key.tenant, key.upstream),
                int(key.outcome),
                found.count,
                found.difficulty,
                found.square,
                found.best,
                found.last,
                found.expected,
                found.blocks,
            )
            for key, found in sums.items()
        )
        connection.executemany(_ADD.format(name="minute"), rows)
        for name, size, until in (
            ("hour", HOUR, standing.number(connection, "hours")),
            ("day", DAY, standing.number(connection, "days")),
        ):
            late = [(row[0] // size * size, *row[1:]) for row in rows if row[0] < until]
            connection.executemany(_ADD.format(name=name), late)

    def _id(self, connection: sqlite3.Connection, table: str, tenant: str, name: str) -> int:
        key = (table, tenant, name)
        found = self._ids.get(key)
        if found is None:
            connection.execute(
                f"INSERT INTO {table} (tenant, name) VALUES (?, ?) ON CONFLICT DO NOTHING", key[1:]
            )
            row = connection.execute(f"SELECT id FROM {table} WHERE tenant = ? AND name = ?", key[1:])
            if len(self._ids) >= MOST_NAMES:
                self._ids.clear()
            found = self._ids[key] = int(row.fetchone()[0])
        return found

    def _settle(
        self,
        connection: sqlite3.Connection,
        settled: Iterable[Settled],
        closed: Iterable[int],
        opened: Iterable[Open],
    ) -> None:
        last = connection.execute("SELECT hash FROM settlements ORDER BY id DESC LIMIT 1").fetchone()
        digest = GENESIS if last is None else last[0]
        rows = []
        for each in settled:
            digest = chain.settled(digest, *each)
            rows.append((*each, digest))
        connection.executemany(
            "INSERT INTO settlements (run, number, seq, place, outcome, reason, at, hash)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        gone = ((number,) for number in closed)
        connection.executemany("DELETE FROM unsettled WHERE number = ?", gone)
        connection.executemany("INSERT OR REPLACE INTO unsettled VALUES (?, ?, ?, ?, ?, ?)", opened)

    # --- time -------------------------------------------------------------------------------------------

    def roll(self, now_s: int) -> None:
        """Sum up the hours that are over, and the days; delete what is older than it is kept.

        ``now_s`` is in seconds since 1970. A minute that comes later is added by ``flush`` to its hour and
        day. Nothing is deleted before it is summed up, nor by a clock that runs ahead of the batches.

        Raises:
            sqlite3.Error: nothing was changed.

        """
        with transaction(self._connection) as connection:
            hours = self._roll_up(connection, "hour", "minute", HOUR, now_s)
            self._roll_up(connection, "day", "hour", DAY, hours)
            now = min(now_s, self._fold.known.at // 1000)
            (first,) = connection.execute("SELECT min(at) FROM minute").fetchone()
            if first is not None:
                until = min(now - MINUTES_KEPT, first + EXPIRED_AT_ONCE)
                connection.execute("DELETE FROM minute WHERE at < ?", (until,))
            connection.execute("DELETE FROM hour WHERE at < ?", (now - HOURS_KEPT,))
            self._forget_pruned(connection)

    @staticmethod
    def _roll_up(connection: sqlite3.Connection, coarse: str, fine: str, size: int, until: int) -> int:
        """Sum up what is over; return up to when that is done."""
        key = f"{coarse}s"
        done, due = standing.number(connection, key), until // size * size
        if due <= done:
            return done
        connection.execute(_ROLL.format(coarse=coarse, fine=fine, size=size), (done, due))
        standing.put(connection, key, due)
        return due

    @staticmethod
    def _forget_pruned(connection: sqlite3.Connection) -> None:
        """Delete who and what only batches needed whose files were given up."""
        (pruned,) = connection.execute("SELECT max(last_at) FROM days WHERE pruned_at IS NOT NULL").fetchone()
        if pruned is None:
            return
        (oldest,) = connection.execute("SELECT min(first_at) FROM days WHERE pruned_at IS NULL").fetchone()
        until = pruned if oldest is None else min(pruned, oldest - 1)
        for table, column in (("works", "at"), ("jobs", "at"), ("samples", "at"), ("sessions", "ended")):
            connection.execute(f"DELETE FROM {table} WHERE {column} <= ?", (until,))
