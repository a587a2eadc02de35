"""Fakes of the relay's ports: they keep what they are told, and do only what a test asks of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import cycle

from typing_extensions import override

from proxy.ledger.records import AnyNote, joined, notes_of, shares_of
from proxy.ports import Dialler, Drawn, Randomness, ShareJournal, Wire


@dataclass(eq=False)
class FakeWire(Wire):
    """Keeps every write, so that a test can see what went out together."""

    peer: str = "10.0.0.1:1234"
    deliver: Callable[[bytes], None] | None = None
    """Where bytes go besides: the fake at the other end."""
    hang_up: Callable[[], None] | None = None
    """Called once, at the first ``close``."""
    writes: list[bytes] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    """Seconds for which reading was paused; what a test feeds is taken all the same."""
    closed: bool = False
    prompt: bool = False

    @override
    def write(self, data: bytes) -> None:
        assert data, "an empty write is a wasted system call"
        if self.closed:
            return
        self.writes.append(data)
        if self.deliver is not None:
            self.deliver(data)

    @override
    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    @override
    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self.hang_up is not None:
            self.hang_up()


@dataclass(frozen=True)
class Dial:
    """One call of ``dial``."""

    key: int
    host: str
    port: int
    transport: str
    at: float


@dataclass(eq=False)
class FakeDialler(Dialler):
    """Keeps every dial and hands it to ``answer``, which decides what comes of it."""

    answer: Callable[[Dial], None]
    clock: Callable[[], float]
    dials: list[Dial] = field(default_factory=list)
    abandoned: list[int] = field(default_factory=list)

    @override
    def dial(self, connection: int, host: str, port: int, transport: str) -> None:
        dialled = Dial(connection, host, port, transport, self.clock())
        self.dials.append(dialled)
        self.answer(dialled)

    @override
    def abandon(self, connection: int) -> None:
        self.abandoned.append(connection)


@dataclass(eq=False)
class FakeJournal(ShareJournal):
    """Windows close when the test says so."""

    draw: Callable[[], Drawn] | None = None
    """Of the relay."""
    batches: list[tuple[int, bytes]] = field(default_factory=list)
    notes: list[AnyNote] = field(default_factory=list)
    """Of all windows that were closed."""
    is_open: bool = False

    @override
    def expect(self) -> None:
        assert not self.is_open, "once for each window is enough"
        self.is_open = True

    @override
    def told(self) -> None:
        """They come with the next window."""

    def close_window(self) -> int:
        """Close the open window and return its number: it is durable now."""
        assert self.draw is not None
        drawn = self.draw()
        assert drawn.shares or not self.is_open, "an empty batch is no record"
        if drawn.shares:
            self.batches.append((drawn.window, drawn.shares))
        assert len(shares_of(joined(drawn.share_count, drawn.shares))) == drawn.share_count
        self.notes += notes_of(joined(drawn.note_count, drawn.notes))
        self.is_open = False
        return drawn.window


class FakeRandomness(Randomness):
    """Gives the same numbers again and again."""

    def __init__(self, numbers: Iterable[float] = (0.5,)) -> None:
        self._numbers = cycle(numbers)

    @override
    def random(self) -> float:
        return next(self._numbers)
