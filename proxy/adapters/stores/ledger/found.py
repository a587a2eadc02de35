"""What a reader of the ledger hands out."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from proxy.ledger.outcomes import Outcome
from proxy.ledger.records import SessionBegan, Share, WorkReceived


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer."""

    id: str
    name: str
    accounting: str
    """``local``: credited when we accept a share; ``pool``: when its pool does."""


@dataclass(frozen=True, slots=True)
class SessionSpan:
    """A session from its login to its end."""

    tenant: str
    worker: str
    user_agent: str
    address: str
    began: int
    """Milliseconds since 1970."""
    ended: int | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a share at the pool."""

    outcome: Outcome
    reason: str
    at: int
    """Milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which no disk took anything."""

    since: int
    """Milliseconds since 1970."""
    until: int
    shares: int
    difficulty: float
    cause: str


@dataclass(frozen=True, slots=True)
class ShareId:
    """Where a share stands in the ledger."""

    seq: int
    """Of its batch."""
    place: int
    """In the batch, from 0."""

    @override
    def __str__(self) -> str:
        return f"{self.seq}-{self.place}"

    @classmethod
    def read(cls, text: str) -> ShareId:
        """Return the id that a text names.

        Raises:
            ValueError: it names none.

        """
        seq, dash, place = text.partition("-")
        if not (dash and seq.isascii() and seq.isdigit() and place.isascii() and place.isdigit()):
            raise ValueError(f"a share's id is two numbers, as 1234-0, not {text!r}")
        if len(seq) > 18 or len(place) > 9 or not int(seq):
            raise ValueError(f"there is no share {text!r}")
        return cls(int(seq), int(place))


@dataclass(frozen=True, slots=True)
class SeenShare:
    """A credited share, and to whom it is credited."""

    id: ShareId
    at: int
    """Milliseconds since 1970 of its commit."""
    tenant: str
    """``?`` where the ledger does not tell the session."""
    share: Share


@dataclass(frozen=True, slots=True)
class FoundShare:
    """A credited share, and all that its hash and its account need."""

    id: ShareId
    run: bytes
    at: int
    """Milliseconds since 1970 of its commit."""
    day: str
    """Name of its file."""
    share: Share
    work: WorkReceived | None
    """None where the ledger does not tell it."""
    session: SessionBegan | None
    settlement: Settlement | None
    """None where the share did not go up, or is not settled yet."""
