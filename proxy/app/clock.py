"""The program's clock: monotonic seconds that leave out the time in which the whole program stood still."""

from collections.abc import Callable

from proxy.units import Seconds

GREATEST_GAP = Seconds(5.0)
"""Without a look at the clock, which is read ten times a second: longer, and the machine or the process was
stopped. A slow callback of ours is far below."""


class SteadyClock:
    """Seconds that the program was awake; never falls.

    While it was stopped (SIGSTOP, a paused virtual machine) no peer could be heard, so nobody's silence then
    counts: every deadline moves by the whole gap. It must be read often, and be the only clock that deadlines
    are compared with.
    """

    __slots__ = ("_seen", "_slept", "_source")

    def __init__(self, source: Callable[[], float]) -> None:
        self._source = source
        self._seen = source()
        self._slept = 0.0

    def __call__(self) -> Seconds:
        """Return the time now."""
        now = self._source()
        gap = now - self._seen
        if gap > GREATEST_GAP:
            self._slept += gap
        self._seen = now
        return Seconds(now - self._slept)

    @property
    def slept(self) -> Seconds:
        """All the time that is left out."""
        return Seconds(self._slept)
