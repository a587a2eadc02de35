"""What proves that a miner obeyed: its feeder, its own watts, its shares. Until then it is charged as before.

A command is no evidence. Shares tell that a miner stopped hashing, which is that it stopped drawing only if
it was told to sleep or to lower its limit: one whose work is withheld keeps burning, and proves nothing by
silence.
"""

import math

import numpy as np

from proxy.energy.arrays import Bools, Floats, Ints

FALSE_PROOF = 1e-3
"""How often at most a miner that did not obey is taken for one that did."""
_ABSOLUTE_W = 60.0
"""What a sleeping miner's fans and controller may draw beside what was told: Braiins paused 20 to 60 W
[A]."""

PROVEN, OPEN, REFUTED = 1, 0, -1


def time_to_proof_s(rate: float, false_proof: float = FALSE_PROOF) -> float:
    """Return how long silence must last to prove that shares stopped, in seconds.

    Shares are a Poisson process: at ``rate`` a second, silence of t has the probability exp(-rate t). At 6 a
    minute that is 69 s for one in a thousand, at 60 a minute 7 s.
    """
    return math.log(1.0 / false_proof) / rate if rate > 0 else math.inf


def by_shares(
    shares: Ints,
    elapsed_s: Floats,
    rate_before: Floats,
    rate_after: Floats,
    work_held: Bools,
    false_proof: float = FALSE_PROOF,
) -> Ints:
    """Return PROVEN, OPEN or REFUTED for each miner, from the shares that came since it was commanded.

    Wald's sequential test of the new rate against the old: the chance that a miner which goes on as before is
    ever proven is at most ``false_proof``, however often one looks. For a full stop it is
    ``time_to_proof_s``.

    Args:
        shares: Found since ``elapsed_s`` ago, shares that were still under way left out.
        elapsed_s: Since the command should have taken effect.
        rate_before: Shares a second at its present difficulty if it hashes as before.
        rate_after: Shares a second if it obeyed; 0 for sleep.
        work_held: Whether it has had no work meanwhile: then its silence is ours, and nothing is proven.
        false_proof: Probability of a wrong proof; of a wrong refutation too.

    """
    slower = (rate_before > 0) & (rate_after < rate_before) & ~work_held & (elapsed_s > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_share = np.where(rate_after > 0, np.log(rate_after) - np.log(rate_before), -np.inf)
        evidence = np.where(shares > 0, shares * per_share, 0.0) + (rate_before - rate_after) * elapsed_s
    bound = math.log(1.0 / false_proof)
    verdict = np.where(evidence >= bound, PROVEN, np.where(evidence <= -bound, REFUTED, OPEN))
    return np.where(slower, verdict, OPEN).astype(np.int64)


def by_miner_watts(
    told_w: Floats,
    target_w: Floats,
    read_at_s: Floats,
    effective_at_s: Floats,
    trusted: Bools,
    part: float = 0.1,
) -> Ints:
    """Return PROVEN, OPEN or REFUTED for each miner, from the watts that it tells itself.

    Args:
        told_w: Its own reading; NaN where it has none.
        target_w: What it was commanded to.
        read_at_s: When that reading was taken.
        effective_at_s: When the command should have taken effect: no reading before proves anything.
        trusted: Whether its readings have agreed with a feeder; liars prove nothing.
        part: Of the target by which it may miss: miners' own watts are wrong by 5 % [S] and curves too.

    """
    usable = trusted & (read_at_s >= effective_at_s) & np.isfinite(told_w)
    within = told_w <= target_w * (1.0 + part) + _ABSOLUTE_W
    return np.where(usable, np.where(within, PROVEN, REFUTED), OPEN).astype(np.int64)


def by_feeder_w(
    before_w: float,
    after_w: float,
    *,
    commanded_w: float,
    raised_w: float,
    sigma_w: float,
    sigmas: float = 3.0,
) -> float:
    """Return how much of a commanded reduction the feeder proves, in watts.

    Args:
        before_w: Reading before the command.
        after_w: Reading now. If either is NaN nothing is proven.
        commanded_w: What was to be dropped behind this feeder: more than that is somebody else's doing.
        raised_w: What was seen or charged to rise behind it meanwhile; it hides as much of the drop.
        sigma_w: Standard deviation of one reading.
        sigmas: How many of the difference's standard deviations are not credited: one in 700 for three.

    """
    dropped = before_w - after_w + raised_w - sigmas * math.sqrt(2.0) * sigma_w
    return 0.0 if math.isnan(dropped) else min(commanded_w, max(0.0, dropped))


def combined(*verdicts: Ints) -> Ints:
    """Return one verdict for each miner: refuted if anything refutes, else proven if anything proves."""
    stacked = np.stack(verdicts)
    refuted, proven = (stacked == REFUTED).any(axis=0), (stacked == PROVEN).any(axis=0)
    return np.where(refuted, REFUTED, np.where(proven, PROVEN, OPEN)).astype(np.int64)


def charged_w(before_w: Floats, target_w: Floats, verdict: Ints) -> Floats:
    """Return what each miner is charged in the *proven* sum that decides about raises.

    Upwards the target, from the moment it is issued; downwards what it was before, until proven.
    """
    return np.where((target_w < before_w) & (verdict == PROVEN), target_w, np.maximum(before_w, target_w))


def expected_w(
    before_w: Floats, target_w: Floats, since_s: Floats, t_down95_s: Floats, verdict: Ints
) -> Floats:
    """Return what each miner is charged in the *expected* sum that keeps a reduction from being made twice.

    A reduction counts while it may be under way; refuted, or unproven after its time, it counts no more.
    """
    under_way = (since_s <= t_down95_s) & (verdict != REFUTED)
    counts = (target_w < before_w) & (under_way | (verdict == PROVEN))
    return np.where(counts, target_w, np.maximum(before_w, target_w))


def proven_load_w(feeder_w: float, rising_w: float, charged: float, sigma_w: float = 0.0) -> float:
    """Return the load that raises are decided against: what the feeder shows, and all that is still to come.

    Args:
        feeder_w: Miners' power by the feeder; NaN if unknown, then what is charged stands in.
        rising_w: Watts that were granted upwards and may not show in that reading yet.
        charged: Sum of ``charged_w``.
        sigma_w: Standard deviation of the reading.

    """
    return charged if math.isnan(feeder_w) else feeder_w + 2.0 * sigma_w + max(0.0, rising_w)
