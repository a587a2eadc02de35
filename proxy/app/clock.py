"""The program's clock: monotonic seconds that leave out the time in which the whole program stood still."""

import time
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, cast

from proxy import hotpath
from proxy.units import Seconds

GREATEST_GAP = Seconds(5.0)
"""Without a look at the clock, which is read fifty times a second: longer, and the machine or the process was
stopped. A slow callback of ours is far below."""


class PlainSteadyClock:
    """Seconds that the program was awake; never falls.

    While it was stopped (SIGSTOP, a paused virtual machine) no peer could be heard, so nobody's silence then
    counts: every deadline moves by the whole gap. It must be read often, and be the only clock that deadlines
    are compared with.
    """

    __slots__ = ("_seen", "_slept", "_source")

    def __init__(self, source: Callable[[], float] = time.monotonic) -> None:
        # No Seconds(...) below: it is a call, and the clock is read with every share.
        self._source = cast(Callable[[], Seconds], source)
        self._seen = self._source()
        self._slept = Seconds(0.0)

    def __call__(self) -> Seconds:
        """Return the time now."""
        now = self._source()
        if now - self._seen > GREATEST_GAP:
            self._slept = Seconds(self._slept + now - self._seen)
        self._seen = now
        return now - self._slept  # type: ignore[return-value]  # as above

    @property
    def slept(self) -> Seconds:
        """All the time that is left out."""
        return self._slept


# Read with every share; the compiled twin is beside what reads it, in ext/tcp.pyx.
if TYPE_CHECKING:
    SteadyClock = PlainSteadyClock
elif hotpath.COMPILED:
    _compiled = import_module("proxy.adapters.tcp._compiled")
    SteadyClock = _compiled.SteadyClock
    _compiled.set_greatest_gap(GREATEST_GAP)
else:
    SteadyClock = PlainSteadyClock
