"""What the index does not hold yet: the batches behind its watermark, folded in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from proxy.adapters.stores.ledger import standing
from proxy.adapters.stores.ledger.batches import Batches
from proxy.adapters.stores.ledger.damages import Damage
from proxy.adapters.stores.ledger.found import Gap, SessionSpan, Settlement, ShareId, Tenant
from proxy.errors import LedgerDamaged, LedgerUnusable
from proxy.ledger.chain import Batch
from proxy.ledger.fold import Fold, Folded
from proxy.ledger.ranges import MINUTE
from proxy.ledger.totals import Row

MOST = 50_000
"""Batches, some twenty minutes of a busy site: beyond that the index is to be written first."""
REMEDY = "start the program, or run `pumpjack ledger check --rebuild-index`"


@dataclass(slots=True)
class Tail:
    """The batches behind the watermark."""

    seq: int
    """Of the last one; the watermark itself if there is none."""
    hash: bytes
    folded: Folded = field(default_factory=Folded)
    damages: list[Damage] = field(default_factory=list)
    """What could not be folded, and nobody has noted yet."""

    def rows(self, since: int, until: int) -> Iterator[Row]:
        """Yield the sums of a time in seconds since 1970, widened to whole minutes."""
        for key, found in self.folded.sums.items():
            if since // MINUTE * MINUTE <= key.minute < until:
                yield Row(key.tenant, key.worker, key.upstream, key.outcome, found)

    def tenants(self) -> dict[str, Tenant]:
        """Return those that were told here, by id."""
        return {
            note.tenant: Tenant(note.tenant, note.name, note.accounting)
            for note in self.folded.tenants.values()
        }

    def workers(self) -> set[tuple[str, str]]:
        """Return tenant and name of those that had shares here."""
        return {(key.tenant, key.worker) for key in self.folded.sums}

    def began(self) -> dict[tuple[bytes, int], SessionSpan]:
        """Return the sessions that began here, by run and number, not looking for their ends."""
        return {
            (run, note.session): SessionSpan(
                note.tenant, note.worker, note.user_agent, note.address, at, None, None
            )
            for run, at, note in self.folded.sessions
        }

    def ended(self, run: bytes, number: int, span: SessionSpan) -> SessionSpan:
        """Return a session with its end, if that was told here."""
        for its_run, at, note in self.folded.ended:
            if (its_run, note.session) == (run, number):
                return replace(span, ended=at, cause=note.cause)
        return span

    def settlement(self, which: ShareId) -> Settlement | None:
        """Return what became of a share, if that was told here."""
        for settled in reversed(self.folded.settled):
            if (settled.seq, settled.place) == (which.seq, which.place):
                return Settlement(settled.outcome, settled.reason, settled.at)
        return None

    def gaps(self) -> list[Gap]:
        """Return those that were told here."""
        return [
            Gap(note.since, note.until, note.shares, note.difficulty, note.cause)
            for _, _, note in self.folded.gaps
        ]


def read_tail(batches: Batches, index: sqlite3.Connection) -> Tail:
    """Return what lies behind the watermark of an index.

    A batch that is not what was written is left out and named, as ``catch_up`` does it; so is a file that
    cannot be read.

    Raises:
        LedgerUnusable: it is too much to be folded each time that somebody asks.
        sqlite3.Error: the index cannot be read.

    """
    tail, fold = Tail(*standing.watermark(index)), Fold(standing.known(index))
    tail.damages += [
        Damage(None, name, 0, 0, f"cannot be read: {why}") for name, why in batches.unreadable.items()
    ]
    if not batches.spans:
        return tail
    first, last = batches.spans[0], batches.spans[-1]
    if not tail.seq:
        tail.seq, tail.hash = first.first - 1, first.previous
    if last.last - tail.seq > MOST:
        raise LedgerUnusable(f"{last.last - tail.seq} batches are not in the index: {REMEDY}")
    name = last.name
    try:
        for span, batch in batches.behind(tail.seq):
            name = span.name
            _take(tail, fold, name, batch)
    except (LedgerUnusable, sqlite3.Error) as error:
        tail.damages.append(Damage(None, name, tail.seq + 1, last.last, f"cannot be read: {error}"))
    tail.folded = fold.drain()
    return tail


def _take(tail: Tail, fold: Fold, name: str, batch: Batch) -> None:
    problem = None
    if not batch.follows(tail.hash):
        problem = "its hash is not that of what it holds and follows"
    else:
        try:
            fold.take(batch)
        except LedgerDamaged as error:
            problem = str(error)
    if problem is not None:
        tail.damages.append(Damage(None, name, tail.seq + 1, batch.seq, problem))
    tail.seq, tail.hash = batch.seq, batch.hash
