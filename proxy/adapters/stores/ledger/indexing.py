"""The index beside the writer: whatever goes wrong with it, shares are written and answered."""

from __future__ import annotations

from typing import Protocol

from typing_extensions import override

from proxy.ledger.chain import Batch


class Indexing(Protocol):
    """Hears of each durable batch."""

    def begins(self, name: str) -> None:
        """A file of this name begins."""

    def take(self, batch: Batch) -> None:
        """A batch is durable."""

    def flush(self) -> None:
        """Write, if it is time."""

    def close(self) -> None:
        """Write, and end."""


class NoIndexing(Indexing):
    """Keeps nothing: the index can be made at any time from the batches."""

    @override
    def begins(self, name: str) -> None:
        """Do nothing."""

    @override
    def take(self, batch: Batch) -> None:
        """Do nothing."""

    @override
    def flush(self) -> None:
        """Do nothing."""

    @override
    def close(self) -> None:
        """Do nothing."""
