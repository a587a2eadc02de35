"""What the index does not hold yet: the batches behind its watermark, folded in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from proxy.adapters.stores.ledger.batches import DayFile, Unreadable, behind
from proxy.adapters.stores.ledger.found import Damage, Gap, SessionSpan, Settlement, ShareId, Tenant
from proxy.errors import LedgerDamaged, LedgerUnusable
from proxy.ledger.fold import Fold, Folded, Key, Known, Sum
from proxy.ledger.totals import Row, include

MOST = 50_000
"""Batches, some twenty minutes of a busy site: beyond that the index is to be made anew first."""


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
            if since // 60 * 60 <= key.minute < until:
                yield Row(key.tenant, key.worker, key.upstream, key.outcome, found)

    def tenants(self) -> dict[str, Tenant]:
        """Return those that were told here, by id."""
        return {note.tenant: Tenant(note.tenant, note.name, note.accounting) for note in self.folded.tenants.values()}

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


def read_tail(files: list[DayFile], broken: list[Unreadable], seq: int, root: bytes, known: Known) -> Tail:
    """Return what lies behind the batch ``seq`` whose hash is ``root``.

    A batch that is not what was written is left out and named; so is a file that cannot be read.

    Raises:
        LedgerUnusable: it is too much to be folded each time that somebody asks.

    """
    if files and files[-1].last - seq > MOST:
        raise LedgerUnusable(
            f"the index is {files[-1].last - seq} batches behind: run `pumpjack ledger check`, or start the program"
        )
    tail, fold = Tail(seq, root), Fold(known)
    tail.damages += [Damage(file.name, 0, 0, f"the file cannot be read: {file.problem}") for file in broken]
    reading: DayFile | None = None
    try:
        for reading, batch in behind(files, seq):
            if not batch.follows(tail.hash) or batch.seq != tail.seq + 1:
                tail.damages.append(Damage(reading.name, batch.seq, batch.seq, "the chain is broken"))
            tail.seq, tail.hash = batch.seq, batch.hash
            try:
                fold.take(batch)
            except LedgerDamaged as error:
                tail.damages.append(Damage(reading.name, batch.seq, batch.seq, str(error)))
    except (LedgerUnusable, sqlite3.Error) as error:
        name = files[-1].name if reading is None else reading.name
        tail.damages.append(Damage(name, tail.seq + 1, files[-1].last, f"cannot be read: {error}"))
    tail.folded = fold.drain()
    return tail
