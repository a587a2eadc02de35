"""Says what a person should look at, and does not say it every second."""

from proxy.governor.plan import Alarm


class Alarms:
    """Remembers what was said when."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self.said: dict[tuple[str, str], float] = {}
        self._fresh: list[Alarm] = []

    def say(self, now: float, kind: str, subject: str, sentence: str) -> None:
        """Raise an alarm unless the same was raised within the interval."""
        if now - self.said.get((kind, subject), -float("inf")) < self._interval_s:
            return
        if len(self.said) > 1000:
            self.said = {key: at for key, at in self.said.items() if now - at < self._interval_s}
        self.said[kind, subject] = now
        self._fresh.append(Alarm(now, kind, subject, sentence))

    def drawn(self) -> tuple[Alarm, ...]:
        """Return what is new, once."""
        fresh, self._fresh = tuple(self._fresh), []
        return fresh
