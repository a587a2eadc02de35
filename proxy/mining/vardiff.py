"""Variable difficulty: find the power of two at which a miner sends shares at the wanted rate, and keep it.

The *ratio* is the ideal difficulty divided by the present one, which is also the share rate divided by
the wanted rate. The largest power of two at most the ideal makes it lie in [1, 2).

Opening: few shares move the difficulty far and at once. Later, two of Page's cumulative-sum tests watch for
a ratio that has left [0.7, 2]: among tests with as few false alarms they find a change soonest, and they
remember three numbers each. A window of so many shares or seconds, as ckpool has it, either misses slow
changes or flaps: at 6 shares a minute, four minutes of a constant miner vary by 20 %.
"""

import math
from dataclasses import dataclass

from proxy import hotpath
from proxy.mining.difficulty import LEAST_DIFFICULTY, power_of_two_at_most
from proxy.mining.hashrate import rate_of
from proxy.units import Difficulty, HashesPerSecond, Seconds

_LOWEST, _HIGHEST = 0.7, 2.0
"""Ratios that end the opening; measured with 16 shares, another one is acted upon and measured again."""
_LEAST_SPAN = Seconds(1.0)
"""Shares that arrive together (a segment, a stalled link) are taken as spread over at least this."""
_QUIET_STEPS = (4.0, 4.0, 4.0, 4.0, 16.0)
"""Factors of lowering while a new miner has sent nothing; the last repeats.

Slow at first, for an ASIC may boot for a minute; 100 s of silence, the last at difficulty 128, mean a
processor or a USB stick: at steps of 4, a processor's 7 MH/s would see its first share after three minutes.
"""
_FAR = 4.0
"""A ratio at which a few shares are credible: with 4 of them a ratio of 1 looks like this in 1 % of cases."""


@dataclass(frozen=True, slots=True)
class VardiffSettings:
    """What operators may set.

    Raises:
        ValueError: a value that no miner could be served with.

    """

    shares_per_minute: float = 6.0
    """Wanted rate at the ideal difficulty; rounding down makes it up to twice that. DATUM: 8, ckpool: 18,
    SRI: 6. On metered satellite links 3 to 4."""
    start: Difficulty = Difficulty(8192.0)
    """Given to miners not seen before: 3 shares a second from 100 TH/s, one in 35 s from 1 TH/s; the opening
    soon corrects both. public-pool: 16,384, ViaBTC: 1,024, ckpool: 42. Brought into minimum and maximum."""
    minimum: Difficulty = Difficulty(2.0**-20)
    """No change goes below. The default gives a miner of 410 H/s its 6 shares a minute. Rounded down to a
    power of two."""
    maximum: Difficulty | None = None
    """No change, floor or hint goes above; None leaves the clamp to the upstream's difficulty alone. Rounded
    down to a power of two."""
    first_shares: int = 4
    """Shares that can move the difficulty when it is 4 times too low or more. DATUM waits for 8 and
    an excess of 8; what a wrong early step costs is one more step."""
    settled_shares: int = 16
    """Shares, or wanted intervals, at one difficulty that may end the opening: 16 tell the ratio to 25 %."""
    quiet: Seconds = Seconds(20.0)
    """Silence after which the opening lowers the difficulty by 4, from the fifth time on by 16; each share
    seen allows as much silence again. Never less than 2.5 wanted intervals, which a miner at its ideal
    exceeds in 8 % of cases. public-pool and DATUM: 60 s."""
    window: Seconds = Seconds(240.0)
    """Memory of the hashrate estimate. ckpool: 240 s between changes, 300 s of decay."""
    greatest_jump: float = 1024.0
    """Largest factor of a raise during the opening."""
    greatest_step: float = 4.0
    """Largest factor of one change after the opening, so that a stalled link that delivers all at once does
    little. SRI: 3 down, 10 up."""
    silence_limit: float = 64.0
    """After the opening, silence lowers no further than the last credited difficulty divided by this. A rig
    that tripped for an hour would otherwise come back with thousands of shares a second."""
    raise_certainty: float = 7.0
    """Log-likelihood at which the upper test decides; the false alarms fall as its exponential."""
    lower_certainty: float = 6.0
    """The same of the lower test. Less, because what lowers too early is soon corrected: by more shares."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        for name in ("shares_per_minute", "start", "minimum", "quiet", "window"):
            _require(name, getattr(self, name), above=0.0)
        for name in ("greatest_jump", "greatest_step", "silence_limit"):
            _require(name, getattr(self, name), above=2.0 - 1e-9)
        for name in ("raise_certainty", "lower_certainty"):
            _require(name, getattr(self, name), above=1.0)
        if self.maximum is not None:
            _require("maximum", self.maximum, above=0.0)
            if self.maximum < self.minimum:
                raise ValueError(f"maximum {self.maximum} is below minimum {self.minimum}")
        if not 2 <= self.first_shares <= self.settled_shares:
            raise ValueError(
                f"first_shares must be 2 to settled_shares ({self.settled_shares}), not {self.first_shares}"
            )


def _require(name: str, value: float, *, above: float) -> None:
    if not (math.isfinite(value) and value > above):
        raise ValueError(f"{name} must be a finite number above {above:g}, not {value}")


class Vardiff(hotpath.Evidence):
    """The difficulty that one session should have. No clock: ``now`` is monotonic and passed in.

    ``share`` tells what was credited, ``decide`` is asked after shares and on ticks (every few seconds).
    Create it, or ``resume`` it, when the miner gets its first job: time without work is not silence.
    """

    __slots__ = ("_boot", "_floor", "_known", "_settings", "_suggested")

    def __init__(
        self,
        settings: VardiffSettings,
        now: Seconds,
        *,
        start: Difficulty | None = None,
        floor: Difficulty | None = None,
        boot: Seconds = Seconds(0.0),
    ) -> None:
        """Begin the opening.

        Args:
            settings: Of the listener or tenant.
            now: When the miner gets its first work.
            start: What this worker had when last seen, instead of ``settings.start``.
            floor: The least that this miner's software takes (quirk table: NiceHash 524,288), rounded
                down to a power of two; ``settings.maximum`` still binds.
            boot: How long silence before the first share means nothing: an ASIC logs in, then tunes its
                boards for minutes. What lowers after that is bounded as for a miner that has been seen.

        """
        super().__init__(now)
        self._settings = settings
        self._floor = LEAST_DIFFICULTY if floor is None else floor
        self._suggested = LEAST_DIFFICULTY
        self._known = False  # has been through an opening
        self._boot = boot
        self.follow(settings)
        self.wanted = self._bounded(settings.start if start is None else start)
        if boot > 0:
            self._known, self.last_credited = True, self.wanted

    @property
    def difficulty(self) -> Difficulty:
        """The wanted difficulty: a power of two, not yet clamped to the upstream's."""
        return self.wanted

    def clamped(self, ceiling: Difficulty) -> Difficulty:
        """Return the difficulty to assign: the wanted one, but never above that of the upstream.

        ``ceiling`` is the largest power of two that is not above the upstream's. A share that the upstream
        would pay must not be thrown away here, so it outranks every floor.
        """
        return ceiling if self.wanted > ceiling else self.wanted

    def hashrate(self, now: Seconds) -> HashesPerSecond:
        """Return the hashrate while not paused, over ``settings.window``."""
        self.pass_time(now)
        return rate_of(self.remembered(), Seconds(self.worked), Seconds(self.window))

    def share(self, credited: Difficulty, now: Seconds) -> None:
        """Count an accepted share: what a session's lane does with every one of them."""
        self.count(credited, now)

    def decide(self, now: Seconds) -> Difficulty | None:
        """Return the new wanted difficulty if it changes now, else None."""
        self.pass_time(now)
        if self.paused:
            return None
        ratio = self._ratio_later() if self.converged else self._ratio_in_opening()
        if ratio is None:
            return None
        before = self.wanted
        wanted = before * ratio
        if self.seen == 0 and self._known and self.last_credited > 0:
            wanted = max(wanted, min(before, self.last_credited / self._settings.silence_limit))
        self.wanted = self._bounded(Difficulty(wanted))
        self.restart()
        return None if self.wanted == before else self.wanted

    def suggest(self, difficulty: Difficulty, now: Seconds) -> None:
        """Take the miner's hint as the present difficulty and the floor of later changes, as ckpool does.

        It is rounded down to a power of two and brought into minimum and maximum; a later hint replaces
        it. One that is not a finite number above zero is ignored.
        """
        self.pass_time(now)
        if not (math.isfinite(difficulty) and difficulty > 0):
            return
        self._suggested = difficulty
        self.wanted = self._bounded(difficulty)
        self.restart()

    def ease(self, difficulty: Difficulty, now: Seconds) -> bool:
        """Take a lower difficulty for a while; returns whether it falls.

        Bounded as any change. What was learned stays, so a miner at the same hashrate is soon back.
        """
        self.pass_time(now)
        if not 0 < difficulty < self.wanted:
            return False
        before, self.wanted = self.wanted, self._bounded(difficulty)
        if self.wanted >= before:
            self.wanted = before
            return False
        self.restart()
        return True

    def follow(self, settings: VardiffSettings) -> None:
        """Take other settings: they hold from the next decision on."""
        self._settings = settings
        self.per_minute = settings.shares_per_minute
        self.window = settings.window
        self.raise_certainty, self.lower_certainty = settings.raise_certainty, settings.lower_certainty
        self.wanted = self._bounded(self.wanted)

    def pause(self, now: Seconds) -> None:
        """Stop the clock: work is withheld or the miner curtailed, so its silence means nothing."""
        self.pass_time(now)
        self.paused = True

    def resume(self, now: Seconds) -> None:
        """Let the clock go on."""
        self.pass_time(now)
        self.paused = False

    def _bounded(self, difficulty: Difficulty) -> Difficulty:
        maximum = self._settings.maximum
        wanted = max(difficulty, self._settings.minimum, self._floor, self._suggested)
        return power_of_two_at_most(wanted if maximum is None else min(wanted, maximum))

    def _can_change_by(self, ratio: float) -> bool:
        return self._bounded(Difficulty(self.wanted * ratio)) != self.wanted

    def _in_intervals(self, seconds: float) -> float:
        return seconds * self._settings.shares_per_minute / 60.0

    def _ratio_in_opening(self) -> float | None:
        settings = self._settings
        span = max(self.intervals, self._in_intervals(_LEAST_SPAN))
        if self.seen >= settings.first_shares:
            # One share less: the last one ends the time that is measured.
            ratio = self.work * (1 - 1 / self.seen) / span
            # One standard deviation less: too hard costs minutes of waiting, too easy a few shares.
            jump = min(ratio * (1 - 1 / math.sqrt(self.seen)), settings.greatest_jump)
            if ratio >= _FAR and self._can_change_by(jump):
                return jump
            # Work and not only shares: those still under way from an easier job are many and say little.
            if max(min(self.seen, self.work), self.intervals) >= settings.settled_shares:
                self._known = True
                self.converged = _LOWEST <= ratio < _HIGHEST or not self._can_change_by(ratio)
                # Evidence that all is well restarts the tests too: hence 1, not None.
                return 1.0 if self.converged else ratio
        if self.worked < self._boot and self.credit == 0:
            return None
        quiet = max(self._in_intervals(settings.quiet), 2.5)
        if self.intervals < quiet * (self.work + 1):
            return None
        if self.seen > 0:
            return max(0.25, min(0.5, (self.work + 1) / self.intervals))
        self.quiet_steps += 1
        return 1 / _QUIET_STEPS[min(self.quiet_steps, len(_QUIET_STEPS)) - 1]

    def _ratio_later(self) -> float | None:
        settings = self._settings
        score, shares, intervals = self.upper
        if score >= settings.raise_certainty:
            span = max(intervals, self._in_intervals(_LEAST_SPAN))
            ratio = max(2.0, (shares - 1) / span)
            self.converged = ratio < _FAR or not self._can_change_by(ratio)
            return min(ratio, settings.greatest_step)
        score, shares, intervals = self.lower
        if score >= settings.lower_certainty:
            return max(1 / settings.greatest_step, min(0.5, (shares + 1) / intervals))
        return None
