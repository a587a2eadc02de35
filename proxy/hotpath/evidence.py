"""What vardiff counts of every share: the specification in plain Python; ``_compiled`` has it in C.

Decisions are made elsewhere (``proxy.mining.vardiff``), and only when there is something to decide. No clock:
``now`` is monotonic seconds and passed in.
"""

import math
from typing import Final

from proxy.units import Difficulty

RAISE_FROM: Final = 1.7
RAISE_TO: Final = 2.33
"""Ratios that the upper test tells apart; it drifts towards a raise above 2.0."""
LOWER_FROM: Final = 0.84
LOWER_TO: Final = 0.58
"""Ratios that the lower test tells apart; it drifts towards lowering below 0.70.

Halving 1.7 gives 0.85 and doubling 0.84 gives 1.68: some power of two puts every miner where both tests
rest, so a constant hashrate comes to rest.
"""


class Drift:
    """One of Page's tests: a sum that falls to zero while all is well and climbs once it is not.

    The sum is the log-likelihood of ratio ``changed`` against ``normal``, given how many shares came (in
    units of the present difficulty) in how many wanted intervals. When it last was zero is the likeliest
    time of the change, so what came since then measures the new ratio.
    """

    __slots__ = ("_per_interval", "_per_share", "intervals", "score", "shares")

    def __init__(self, normal: float, changed: float) -> None:
        self._per_share = math.log(changed / normal)
        self._per_interval = normal - changed
        self.restart()

    def restart(self) -> None:
        """Forget everything."""
        self.score = self.shares = self.intervals = 0.0

    def pass_time(self, intervals: float) -> None:
        """Let wanted intervals pass."""
        self.intervals += intervals
        self._climb(self._per_interval * intervals)

    def count(self, shares: float) -> None:
        """Count shares."""
        self.shares += shares
        self._climb(self._per_share * shares)

    def _climb(self, amount: float) -> None:
        self.score += amount
        if self.score <= 0:
            self.restart()


class Evidence:
    """Shares and time at one wanted difficulty, two drift tests, and a hashrate that forgets."""

    __slots__ = (
        "_at", "_lower", "_meter_at", "_raise", "converged", "credit", "credit_square", "intervals",
        "last_credited", "lower_certainty", "paused", "per_minute", "quiet_steps", "raise_certainty", "seen",
        "wanted", "window", "work", "worked",
    )  # fmt: skip

    def __init__(self, now: float) -> None:
        self._at = now
        self.paused = False
        self.worked = 0.0
        """Seconds not paused: the clock of everything here."""
        self.wanted = Difficulty(1.0)
        """The present difficulty."""
        self.per_minute = 1.0
        """Wanted shares."""
        self.window = 240.0
        """Seconds of memory of the hashrate."""
        self.raise_certainty = self.lower_certainty = math.inf
        """Scores at which the tests decide."""
        self.converged = False
        self.last_credited = 0.0
        """Difficulty of the last share; 0 before the first."""
        self.quiet_steps = 0
        """Lowered for silence so often, one time after the other."""
        self.credit = 0.0
        """Credited difficulty, forgotten exponentially, as of the last share; its square beside it."""
        self.credit_square = 0.0
        self._meter_at = 0.0
        self._raise = Drift(RAISE_FROM, RAISE_TO)
        self._lower = Drift(LOWER_FROM, LOWER_TO)
        self.restart()

    def restart(self) -> None:
        """Forget the evidence: it was about another difficulty, or has been acted upon."""
        self.seen = 0
        """Shares since then."""
        self.work = 0.0
        """The same in units of the present difficulty."""
        self.intervals = 0.0
        """Wanted intervals between shares that have passed."""
        self._raise.restart()
        self._lower.restart()

    def pass_time(self, now: float) -> None:
        """Let time pass up to ``now``; paused, it counts for nothing."""
        elapsed = now - self._at
        if elapsed <= 0:
            return
        self._at = now
        if self.paused:
            return
        self.worked += elapsed
        intervals = elapsed * self.per_minute / 60.0
        self.intervals += intervals
        self._raise.pass_time(intervals)
        self._lower.pass_time(intervals)

    def count(self, credited: float, now: float) -> None:
        """Count an accepted share with the difficulty of its job, which need not be the present one.

        While paused it counts for nothing, as the time does not.
        """
        self.pass_time(now)
        if self.paused:
            return
        shares = credited / self.wanted
        self.seen += 1
        self.work += shares
        self._raise.count(shares)
        self._lower.count(shares)
        self.quiet_steps = 0
        self.last_credited = credited
        kept = math.exp(-(self.worked - self._meter_at) / self.window)
        self._meter_at = self.worked
        self.credit = self.credit * kept + credited
        self.credit_square = self.credit_square * kept * kept + credited * credited

    def remembered(self) -> float:
        """Return what is left of ``credit`` now."""
        return self.credit * math.exp(-(self.worked - self._meter_at) / self.window)

    @property
    def is_calm(self) -> bool:
        """Whether there is nothing to decide as long as this stays so: what is asked after each share."""
        return self.paused or (
            self.converged
            and self._raise.score < self.raise_certainty
            and self._lower.score < self.lower_certainty
        )

    @property
    def upper(self) -> tuple[float, float, float]:
        """Score, shares and intervals of the test for a higher ratio."""
        return self._raise.score, self._raise.shares, self._raise.intervals

    @property
    def lower(self) -> tuple[float, float, float]:
        """Score, shares and intervals of the test for a lower ratio."""
        return self._lower.score, self._lower.shares, self._lower.intervals
