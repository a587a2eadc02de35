"""What the index does not hold yet: the batches behind its watermark, folded in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

from proxy.adapters.stores.ledger import standing
from proxy.adapters.stores.ledger.batches import Batches
from proxy.adapters.stores.ledger.catching_up import fold_behind
from proxy.adapters.stores.ledger.damages import Damage
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.found import Gap, SessionSpan, Settlement, ShareId, Tenant
from proxy.errors import LedgerDamaged, LedgerUnusable
from proxy.ledger.chain import Batch
from proxy.ledger.fold import Fold
from proxy.ledger.ranges import MINUTE
from proxy.ledger.totals import Row

MOST = 50_000
"""Batches, some twenty minutes of a busy site: beyond that the index is to be written first."""
REMEDY = "start the program, or run `pumpjack ledger check --rebuild-index`"


class Tail:
    """The batches behind the watermark."""

    def __init__(self, folder: Folder, batches: Batches, index: sqlite3.Connection) -> None:
        """Fold them. What is not what was written is left out and named, as ``catch_up`` does it.

        Raises:
            LedgerUnusable: it is too much to be folded each time that somebody asks.
            sqlite3.Error: the index cannot be read.

        """
        self.seq, self.hash = standing.watermark(index)
        """Of the last batch; the watermark itself if there is none behind it."""
        self.damages: list[Damage] = []
        """What could not be folded, and nobody has noted yet."""
        waiting = sum(max(0, span.last - max(self.seq, span.first - 1)) for span in batches.spans)
        if waiting > MOST:
            raise LedgerUnusable(f"{waiting} batches are not in the index: {REMEDY}")
        self._fold = Fold(standing.known(index))
        fold_behind(folder, batches.days, self)
        self.folded = self._fold.drain()

    def take(self, batch: Batch, day: str) -> None:
        """Fold a batch, or name it if that is not possible."""
        try:
            self._fold.take(batch)
        except LedgerDamaged as error:
            self.skip(day, batch.seq, batch.hash, str(error))
        self.seq, self.hash = batch.seq, batch.hash

    def skip(self, day: str, last: int, digest: bytes, problem: str) -> None:
        """Name the batches up to ``last``."""
        self.damages.append(Damage(None, day, self.seq + 1, last, problem))
        self.seq, self.hash = last, digest

    def flush(self) -> None:
        """Do nothing: it is all read from memory."""

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
