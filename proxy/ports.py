"""What the outside must supply, on one page. Engines see these; adapters implement them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from proxy.units import Seconds

if TYPE_CHECKING:
    from proxy.events import Event


class Wire(Protocol):
    """The sending half of one connection. Never blocks and never raises."""

    prompt: bool
    """Whether what the peer sends is worked on at once; else when there is time. False at first."""

    @property
    def peer(self) -> str:
        """Address and port of the other end, as long as the end has not been reported."""

    def write(self, data: bytes) -> None:
        """Queue bytes; a peer that does not read is dropped by the adapter's own limits."""

    def pause(self, seconds: float) -> None:
        """Take nothing more from the peer for so long; a longer pause goes on."""

    def close(self) -> None:
        """Send what is queued, then close. The adapter reports the end as it does any other."""


class Dialler(Protocol):
    """Opens connections to pools."""

    def dial(self, connection: int, host: str, port: int, transport: str) -> None:
        """Start connecting; ``transport`` names a pool's TLS settings, "" means plain TCP.

        Success and failure are reported to the relay under the key ``connection``.
        """

    def abandon(self, connection: int) -> None:
        """Give up a dial that has not been reported yet."""


class Drawn(NamedTuple):
    """A commit window that is closed: what is to become durable together."""

    window: int
    """Its number."""
    note_count: int
    notes: bytes
    share_count: int
    shares: bytes
    """Packed records, one behind the other: ``ledger.records``."""


class ShareJournal(Protocol):
    """Makes credit durable. A window of records is committed as one."""

    def expect(self) -> None:
        """The open window has its first share. Never waits.

        A window's time after the last one was drawn the journal draws it (``Relay.draw``); once it is
        durable, the relay's ``committed`` is called with its number.
        """

    def told(self) -> None:
        """The open window has notes, for which nobody waits: a second is soon enough. Never waits."""


class Miners(NamedTuple):
    """Miners as columns, made for numpy.frombuffer: one index is one miner, the same in each."""

    keys: array[int]
    """Of their sessions: 64-bit, never given twice."""
    shares: array[int]
    """Submits with a verdict since the session began, 64-bit. Refused ones too: each of them was hashed."""
    difficulty: array[float]
    """In force, as doubles; 0 before the first job."""
    has_work: bytes
    """1 for those that are given jobs."""
    withheld: bytes
    """1 for those that get none by the work gate, newcomers that wait for their release among them."""


class Miner(NamedTuple):
    """Who a miner is, as it said itself."""

    tenant: str
    worker: str
    user: str
    """The first name that it authorised, as it said it."""
    user_agent: str
    peer: str
    since: Seconds
    """When it connected."""


class FleetView(Protocol):
    """Which miners are here, and what they do."""

    def miners(self) -> Miners:
        """Return every miner that has logged in, as columns."""

    def miner(self, key: int) -> Miner | None:
        """Return who a miner is; None once it has gone."""


class WorkGate(Protocol):
    """Carries out what is decided about work. Sessions that are gone are passed over; numbers are returned.

    Where the configuration says ``advise``, nothing is gated and every number is 0.
    """

    def withhold(self, sessions: Iterable[int], cause: str, now: Seconds) -> int:
        """Give no work; connections stay, and are counted neither slow nor dead."""

    def release(self, sessions: Iterable[int], cause: str, now: Seconds) -> int:
        """Give work again, or for the first time."""

    def disconnect(self, sessions: Iterable[int], cause: str, now: Seconds) -> int:
        """Close the connections."""

    def hasten(self, sessions: Iterable[int], shares_per_minute: float, now: Seconds) -> int:
        """Lower the difficulty of miners that work, so that a commanded stop is soon proven."""

    def beat(self, now: Seconds) -> None:
        """Say that the governor is alive. While it is not, nobody new gets work."""


class Randomness(Protocol):
    """Chance, passed in so that a run can be repeated."""

    def random(self) -> float:
        """Return a number in [0, 1)."""


class EventSink(Protocol):
    """Hears what happened; never per share."""

    def __call__(self, event: Event) -> None:
        """Take note of an event. Must not raise and must not call back into the engine."""
