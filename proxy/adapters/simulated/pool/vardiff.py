"""The pool's own vardiff: a simple one, so that the proxy meets an upstream that changes its mind."""

from proxy.adapters.simulated.pool.settings import VardiffSettings
from proxy.mining.difficulty import power_of_two_at_most
from proxy.units import Difficulty, Seconds

_EARLY = 4.0
"""Shares in a window, as a multiple of those aimed at, that end it before its time."""
_STEADY = (0.6, 1.7)
"""Change too small to bother: wider than a power of two would be a limit cycle."""


class Vardiff:
    """Counts the shares of one connection and says when its difficulty should be another."""

    def __init__(self, settings: VardiffSettings, now: Seconds) -> None:
        self._settings = settings
        self._since = now
        self._shares = 0

    def restart(self, now: Seconds) -> None:
        """Begin a window: the difficulty has just changed."""
        self._since, self._shares = now, 0

    def share(self) -> None:
        """Count an accepted share."""
        self._shares += 1

    def wanted(self, current: Difficulty, now: Seconds) -> Difficulty | None:
        """Return the difficulty to go to and begin a new window, or None to let things be."""
        settings = self._settings
        elapsed = now - self._since
        aim = settings.per_minute * settings.window / 60
        if elapsed < settings.window and self._shares < max(_EARLY, _EARLY * aim):
            return None
        rate = self._shares * 60 / max(elapsed, 1e-3)
        factor = rate / settings.per_minute
        factor = min(settings.raise_at_most, max(1 / settings.raise_at_most, factor))
        self.restart(now)
        if _STEADY[0] <= factor <= _STEADY[1]:
            return None
        wanted = Difficulty(min(settings.most, max(settings.least, current * factor)))
        if settings.powers_of_two:
            wanted = power_of_two_at_most(wanted)
        return wanted if wanted != current else None
