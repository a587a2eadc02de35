"""What can be done to the bytes that flow in one direction."""

from collections.abc import Callable

from typing_extensions import override

from proxy.adapters.simulated.changes import Changes

PATIENCE = 3600.0
"""A toxic may stay for as long as its test does."""


class Toxics:
    """One direction's switches. Each holds from the moment it is set, for every connection.

    What is not set does nothing. What is set is done in the order of the attributes below.
    """

    stopped: bool
    """Nothing is read: the sender's window fills, no end is passed on. With both directions: half-open."""
    dropped: bool
    """Everything is read and thrown away, the end of a connection included."""
    limit: int | None
    """Bytes of a connection after which it is closed."""
    corrupt: float
    """Chance of each byte to have one bit turned."""
    duplicate: float
    """Chance of a segment to be sent twice."""
    latency: float
    """Seconds before a segment goes on. Segments stay in order."""
    jitter: float
    """Greatest additional delay, drawn anew for each segment."""
    loss: float
    """Chance of a segment to be lost: TCP sends it again after ``retransmit``, and what follows it waits."""
    retransmit: float
    """Seconds."""
    coalesce: int
    """Bytes that are gathered before they go on together, or fewer after ``coalesce_time``."""
    coalesce_time: float
    """Seconds that the first of them waits."""
    slice: int
    """Most bytes of a segment."""
    bandwidth: float | None
    """Bytes a second, of a token bucket that holds a tenth of a second."""

    passed: int
    """Bytes that have gone on so far. Counted, not set."""
    segments: int
    """Writes in which they went."""

    def __init__(self) -> None:
        self.changes = Changes("toxics", lambda: vars(self))
        self.clear()
        self.passed = self.segments = 0

    def clear(self) -> None:
        """Heal everything."""
        self.stopped = self.dropped = False
        self.limit = self.bandwidth = None
        self.corrupt = self.duplicate = self.loss = 0.0
        self.latency = self.jitter = 0.0
        self.retransmit = 1.0
        self.coalesce = self.slice = 0
        self.coalesce_time = 0.2

    @override
    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        self.changes.happened()

    async def until(self, condition: Callable[["Toxics"], bool]) -> None:
        """Wait until ``condition(self)`` holds."""
        await self.changes.wait_for(lambda: condition(self), PATIENCE)
