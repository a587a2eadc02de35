"""Credited shares, one by one: those whose files are still there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from proxy.adapters.stores.ledger.batches import Batches, Span
from proxy.adapters.stores.ledger.days import days
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.found import FoundShare, SeenShare, Settlement, ShareId
from proxy.adapters.stores.ledger.tail import Tail
from proxy.ledger.chain import Batch
from proxy.ledger.outcomes import Outcome
from proxy.ledger.records import (
    JobIssued,
    SessionBegan,
    Share,
    WorkReceived,
    joined,
    notes_of,
    shares_of,
)

UNKNOWN = "?"
"""The tenant of a session that the ledger does not tell."""
MOST_SEARCHED = 100_000
"""Batches that are looked through for the last shares of one tenant: half an hour of a busy site."""


class Shares:
    """The shares of the moment when the ledger was opened."""

    def __init__(self, index: sqlite3.Connection, batches: Batches, tail: Tail) -> None:
        self._index = index
        self._batches = batches
        self._tail = tail
        self._began = tail.began()

    def find(self, which: ShareId) -> FoundShare | None:
        """Return a share and all that belongs to it, or None if no file holds it.

        Raises:
            LedgerDamaged, LedgerUnusable, sqlite3.Error: its batch cannot be read.

        """
        found = self._batches.find(which.seq)
        if found is None:
            return None
        span, batch = found
        shares = shares_of(batch.shares)
        if which.place >= len(shares):
            return None
        share = shares[which.place]
        work, session = self._told(span, batch, share)
        return FoundShare(
            which, batch.run, batch.at, span.name, share, work, session, self._settlement(which)
        )

    def is_pruned(self, which: ShareId) -> bool:
        """Return whether the share's day was given up on purpose."""
        found = self._index.execute(
            "SELECT 1 FROM days WHERE first <= ?1 AND last >= ?1 AND pruned_at IS NOT NULL", (which.seq,)
        )
        return found.fetchone() is not None

    def latest(self, most: int, tenant: str | None = None) -> list[SeenShare]:
        """Return the last shares, the latest last; of a tenant, those within the last 100,000 batches.

        Raises:
            LedgerDamaged, LedgerUnusable, sqlite3.Error: they cannot be read.

        """
        found: list[SeenShare] = []
        for searched, batch in enumerate(self._batches.backwards()):
            if len(found) >= most or searched >= MOST_SEARCHED:
                break
            seen = _seen(batch, self.tenant_of)
            found += [one for one in reversed(seen) if tenant in (None, one.tenant)]
        return found[most - 1 :: -1] if len(found) > most else found[::-1]

    def tenant_of(self, run: bytes, session: int) -> str:
        """Return a session's tenant."""
        if (began := self._began.get((run, session))) is not None:
            return began.tenant
        row = self._index.execute(
            "SELECT tenant FROM sessions WHERE run = ? AND session = ?", (run, session)
        ).fetchone()
        return UNKNOWN if row is None else str(row[0])

    def tenants(self) -> dict[tuple[bytes, int], str]:
        """Return the tenant of each session that may still send shares, by run and number."""
        rows = self._index.execute("SELECT run, session, tenant FROM sessions WHERE ended IS NULL")
        known = {(run, number): tenant for run, number, tenant in rows}
        return known | {which: began.tenant for which, began in self._began.items()}

    def _settlement(self, which: ShareId) -> Settlement | None:
        row = self._index.execute(
            "SELECT outcome, reason, at FROM settlements WHERE seq = ? AND place = ? "
            "ORDER BY id DESC LIMIT 1",
            (which.seq, which.place),
        ).fetchone()
        return self._tail.settlement(which) if row is None else Settlement(Outcome(row[0]), *row[1:])

    def _told(
        self, span: Span, batch: Batch, share: Share
    ) -> tuple[WorkReceived | None, SessionBegan | None]:
        """Return the share's work and session: of the index, or else of the file."""
        work, session = self._work(batch.run, share.job_id), self._session(batch.run, share.session)
        if session is not None and not share.extranonce.startswith(session.extranonce1):
            session = None  # it has another by now: the file tells which it had
        number: int | None = None
        if work is not None and session is not None:
            return work, session
        for note in self._batches.told(span, batch):
            match note:
                case SessionBegan() if session is None and note.session == share.session:
                    session = note
                case JobIssued() if number is None and note.job_id == share.job_id:
                    number = note.work
                case WorkReceived() if work is None and note.work == number:
                    work = note
            if work is not None and session is not None:
                break
        return work, session

    def _work(self, run: bytes, job_id: str) -> WorkReceived | None:
        row = self._index.execute(
            "SELECT note FROM works JOIN jobs USING (run, work) WHERE run = ? AND jobs.id = ?", (run, job_id)
        ).fetchone()
        if row is None:
            return None
        (note,) = notes_of(joined(1, row[0]))
        return note if isinstance(note, WorkReceived) else None

    def _session(self, run: bytes, number: int) -> SessionBegan | None:
        row = self._index.execute(
            "SELECT tenant, worker, user_agent, address, extranonce1 FROM sessions "
            "WHERE run = ? AND session = ?",
            (run, number),
        ).fetchone()
        return None if row is None else SessionBegan(number, *row)


class Follower:
    """The shares that come after those of a reader."""

    def __init__(self, folder: Folder, after: int, tenants: dict[tuple[bytes, int], str]) -> None:
        """``after`` is the seq of the last batch seen; ``tenants`` are those of the sessions up to there."""
        self._folder = folder
        self._after = after
        self._tenants = dict(tenants)

    def news(self) -> list[SeenShare]:
        """Return the shares of all batches since the last call, in their order.

        Raises:
            LedgerDamaged, LedgerUnusable, sqlite3.Error: they cannot be read.

        """
        found: list[SeenShare] = []
        for _, batch in Batches(self._folder, days(self._folder, [])).behind(self._after):
            for note in notes_of(batch.notes):
                if isinstance(note, SessionBegan):
                    self._tenants[batch.run, note.session] = note.tenant
            found += _seen(batch, self._tenant_of)
            self._after = batch.seq
        return found

    def _tenant_of(self, run: bytes, session: int) -> str:
        return self._tenants.get((run, session), UNKNOWN)


def _seen(batch: Batch, tenant_of: Callable[[bytes, int], str]) -> list[SeenShare]:
    return [
        SeenShare(ShareId(batch.seq, place), batch.at, tenant_of(batch.run, share.session), share)
        for place, share in enumerate(shares_of(batch.shares))
    ]
