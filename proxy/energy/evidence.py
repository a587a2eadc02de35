"""What proves that a miner obeyed: its own figure, its missing shares, its feeder. Till then it is charged.

A command is no evidence. Shares tell that a miner stopped hashing, which is that it stopped drawing only if
it was told to sleep: one whose work is withheld may burn on, and proves nothing by silence.
"""

from enum import IntEnum

import numpy as np

from proxy.energy.arrays import Bools, Floats

SILENCE = 6.9
"""No share for so many mean intervals proves at 99.9 % that hashing stopped: exp(-6.9) [C]."""
OBEYED_PART, OBEYED_W = 1.08, 40.0
"""A miner's own figure so close above its setpoint proves it: estimates err by some 5 % [S: Foreman 5-20]."""
READ_AFTER_S = 0.5
"""A figure proves nothing unless it was read so long after the command."""
SHORT_PART, SHORT_W = 0.85, 40.0
"""An own figure so far below what was told is no matter of calibration: the raise had no effect."""
SIGMAS = 3.0
"""A drop that the feeder's meter cannot tell from its noise proves nothing, for or against."""
_COUNTED_PART = 0.3
FELL_PART, STAYED_PART = 0.4, 0.6
"""Of a commanded drop: less of it still on the feeder is proof, more is refutation [A]."""


class Verdict(IntEnum):
    """What evidence says about a reduction."""

    REFUTED = -1
    OPEN = 0
    PROVEN = 1


def rate_hz(full_hz: Floats, drawn_w: Floats, ceiling_w: Floats) -> Floats:
    """Return the shares a second of miners that draw ``drawn_w``; 0 where nothing is known [M].

    Shares come with hashes, and these about with watts; never is less than a tenth counted on.
    """
    part = drawn_w / np.maximum(ceiling_w, 1.0)
    return np.asarray(full_hz * np.clip(part, 0.1, 1.0))


def time_to_proof_s(rate: Floats, unknown_s: float = np.inf) -> Floats:
    """Return how long silence must last to prove that shares stopped; ``unknown_s`` where none are known [M].

    Shares are a Poisson process: at ``rate`` a second, silence of t has the probability exp(-rate t). At 6 a
    minute that is 69 s for one in a thousand, at 60 a minute 7 s.
    """
    unknown: Floats = np.full(len(rate), unknown_s)
    return np.asarray(np.divide(SILENCE, rate, out=unknown, where=rate > 0))


def by_silence(silent_s: Floats, rate: Floats, told_to_sleep: Bools) -> Bools:
    """Return whose missing shares prove that it sleeps [M].

    Args:
        silent_s: Since the last share or the command, whichever was later.
        rate: Shares a second before the command; 0 is unknown and proves nothing.
        told_to_sleep: Others lack work, or hash on at a lower limit: their silence proves nothing.

    """
    return told_to_sleep & (rate > 0) & (silent_s * rate >= SILENCE)


def by_own_figure(seen_w: Floats, seen_s: Floats, told_w: Floats, issued_s: Floats) -> tuple[Bools, Bools]:
    """Return whose own figure proves a reduction, and whose contradicts it [M].

    Args:
        seen_w: Watts that each tells; NaN if it tells none.
        seen_s: When that figure was taken: before the command it proves nothing.
        told_w: What it was told.
        issued_s: When.

    """
    after = seen_s > issued_s + READ_AFTER_S
    low = seen_w <= OBEYED_PART * told_w + OBEYED_W  # NaN compares as False
    return after & low, after & ~low & ~np.isnan(seen_w)


def hashes_on(
    heard_s: Floats, issued_s: Floats, t95_s: Floats, *, lags: float = 2.0, grace_s: float = 5.0
) -> Bools:
    """Return who sent shares ``lags`` of its usual lags and ``grace_s`` after it was told to sleep [M].

    A firmware's word counts unless its work contradicts it: liars tell low watts and go on hashing.
    """
    return heard_s > issued_s + lags * t95_s + grace_s


def by_feeder(rose_w: float, drop_w: float, sigma_w: float) -> Verdict:
    """Return what the feeder says of a group that was to drop ``drop_w``.

    Args:
        rose_w: What it shows beyond the model now, less what it showed when the group was told; NaN is
            unknown. Had they not obeyed it would be what they should have dropped.
        drop_w: Watts at the feeder, of all of them.
        sigma_w: Standard deviation of one reading.

    """
    if not drop_w > SIGMAS * sigma_w:
        return Verdict.OPEN
    if rose_w < FELL_PART * drop_w:
        return Verdict.PROVEN
    return Verdict.REFUTED if rose_w > STAYED_PART * drop_w else Verdict.OPEN


def falls_short(seen_w: Floats, told_w: Floats) -> Bools:
    """Return whose own figure shows that a raise had no effect; unknown shows nothing [N]."""
    return seen_w < SHORT_PART * told_w - SHORT_W


def draws_on(seen_w: Floats, told_w: Floats) -> Bools:
    """Return whose own figure shows that it draws ``told_w`` still; unknown shows nothing [M]."""
    return ~(falls_short(seen_w, told_w) | np.isnan(seen_w))


def is_silent(quiet_s: Floats, rate: Floats, t95_s: Floats) -> Bools:
    """Return who should have sent shares by now and did not, ``quiet_s`` after a raise [N].

    Of the usual ``rate`` three tenths are counted on: its limit may be low, its difficulty high [A].
    """
    return quiet_s * rate * _COUNTED_PART > SILENCE + rate * 2.0 * t95_s
