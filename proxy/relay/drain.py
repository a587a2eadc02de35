"""The end of a program is no step of the load: miners are let go one after another.

What a miner draws falls some time after its work, by its firmware's own ways: the spread of the closes is the
spread of the falls, and no more can be done from here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from proxy.events import Draining
from proxy.units import Seconds

if TYPE_CHECKING:
    from proxy.ports import EventSink, Randomness
    from proxy.relay.leaving import Leaving
    from proxy.relay.session import Session

ENDS = "the program ends"
IDLE_AT_ONCE = 64
"""Sessions without work closed in one tick: a few milliseconds, for those who mine on meanwhile."""
ALIKE = 1.0
"""What each counts where nothing is known of anybody's watts."""


def spread(watts: Sequence[float], seconds: Seconds) -> list[Seconds]:
    """Return when each is let go, so that what they draw together falls in a straight line.

    In their order: the first at once, the last after ``seconds``. What is gone at any moment is within the
    watts of one of them of the line.

    Args:
        watts: Of each; finite, and none negative.
        seconds: Over which they are let go.

    """
    before = list(accumulate(watts, initial=0.0))[:-1]
    last = before[-1] if before else 0.0
    return [Seconds(seconds * (gone / last)) if last > 0.0 else Seconds(0.0) for gone in before]


class Drain:
    """Lets the sessions of a relay go. Who comes after it began is none of it: listeners are closed first."""

    def __init__(
        self,
        sessions: dict[int, Session],
        leaving: Leaving,
        watts: Mapping[int, float],
        seconds: Seconds,
        randomness: Randomness,
        emit: EventSink,
        now: Seconds,
    ) -> None:
        """Plan who goes when.

        Args:
            sessions: Of the relay.
            leaving: Closes them.
            watts: Of those of whom they are known, by session; any other counts as the mean of them.
            seconds: From the first that has work to the last.
            randomness: For the order.
            emit: Hears of it, if anybody has work.
            now: Now.

        """
        self._sessions = sessions
        self._leaving = leaving
        # By chance: in the order of their coming one circuit, and phase, would be emptied after the other.
        works = sorted(
            (key for key, session in sessions.items() if session.has_work and not session.closing),
            key=lambda _: randomness.random(),
        )
        known = [watts[key] for key in works if watts.get(key, 0.0) > 0.0]
        usual = sum(known) / len(known) if known else ALIKE
        drawn = [watts.get(key, 0.0) or usual for key in works]
        times = spread(drawn, seconds)
        self._due = deque((Seconds(now + time), key) for time, key in zip(times, works, strict=True))
        working = set(works)
        self._idle = deque(key for key in sessions if key not in working)
        """They draw nothing that we hold: at once."""
        if works:
            kw = round(sum(drawn) / 1000.0, 3) if known else None
            emit(Draining(len(works), len(self._idle), kw, round(times[-1], 3)))

    @property
    def left(self) -> int:
        """Sessions with work that are still to be let go."""
        return len(self._due)

    @property
    def is_over(self) -> bool:
        """Whether all are gone, and have their replies."""
        return not (self._due or self._idle or self._leaving)

    def tick(self, now: Seconds) -> None:
        """Let go who is due."""
        if not self._sessions:
            # All have left by themselves: there is nobody to wait for.
            self._due.clear()
        going = [self._idle.popleft() for _ in range(min(len(self._idle), IDLE_AT_ONCE))]
        while self._due and self._due[0][0] <= now:
            going.append(self._due.popleft()[1])
        self._leaving.send_away(going, ENDS, now)
