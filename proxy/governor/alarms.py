"""Says what a person should look at, and does not say it every second."""

import math
from collections.abc import Container

from proxy.governor.plan import Alarm

HOLDS = 2.5
"""Rounds: most reasons are looked at in each, and one that two of them did not find is over."""


class Alarms:
    """Remembers what was said when."""

    def __init__(self, interval_s: float, holds_s: float = math.inf) -> None:
        self._interval_s = interval_s
        self._holds_s = holds_s
        self.said: dict[tuple[str, str], float] = {}
        self.found: dict[tuple[str, str], float] = {}
        """When the reason of each that was said was there last."""
        self._fresh: list[Alarm] = []

    def say(self, now: float, kind: str, subject: str, sentence: str) -> None:
        """Raise an alarm unless the same was raised within the interval."""
        self.found[kind, subject] = now
        if now - self.said.get((kind, subject), -float("inf")) < self._interval_s:
            return
        if len(self.said) > 1000:
            self.said = {key: at for key, at in self.said.items() if now - at < self._interval_s}
            self.found = {key: at for key, at in self.found.items() if key in self.said}
        self.said[kind, subject] = now
        self._fresh.append(Alarm(now, kind, subject, sentence))

    def still(self, now: float, kind: str, subjects: Container[str]) -> None:
        """Note that what was said of these once is so still."""
        for key in self.found:
            if key[0] == kind and key[1] in subjects:
                self.found[key] = now

    def standing(self, now: float) -> tuple[tuple[str, str], ...]:
        """Return kind and subject of those whose reason lasts."""
        return tuple(sorted(key for key, at in self.found.items() if now - at <= self._holds_s))

    def drawn(self) -> tuple[Alarm, ...]:
        """Return what is new, once."""
        fresh, self._fresh = tuple(self._fresh), []
        return fresh
