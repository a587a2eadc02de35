"""What the fleet may draw now: the least of what each source allows, and which one that is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """What one source allows at the site's supply."""

    name: str
    """``generators``, ``feeder``, ``calendar``, ``operator`` ..."""
    watts: float
    """Infinite: no limit from here. NaN: unknown, so that nothing may be raised."""
    sentence: str
    """Why it is so much, for whoever asks."""


def emergency_stop(reason: str) -> Term:
    """Return the term of an emergency stop: nothing."""
    return Term("emergency stop", 0.0, f"emergency stop: {reason}")


@dataclass(frozen=True, slots=True)
class Budget:
    """What the fleet may draw."""

    watts: float
    """At the miners; never negative, infinite if nothing limits."""
    bound: str
    """Name of the source that allows least."""
    sentence: str
    terms: tuple[Term, ...]
    frozen: str = ""
    """Why nothing may be raised now; empty if it may."""


WAVERING = 1.03
"""What a source allows is the same within this."""
SIGMAS = 2.0
"""So many standard deviations of the meter are kept free: 2 readings of 100 are wrong by more."""


def budget(
    terms: Sequence[Term],
    *,
    before_w: float,
    auxiliaries_w: float = 0.0,
    sigma_w: float = 0.0,
    frozen: Sequence[str] = (),
) -> Budget:
    """Return the least of all terms, less auxiliaries and the meter's uncertainty.

    Args:
        terms: What each source allows.
        before_w: The budget before this one: with anything unknown or frozen there is no more than that.
        auxiliaries_w: What the site draws beside its miners; NaN is unknown and must have been replaced by
            the most it draws.
        sigma_w: Standard deviation of the meter that the load is read from.
        frozen: Reasons from elsewhere why nothing may be raised.

    Raises:
        ValueError: ``before_w``, ``auxiliaries_w`` or ``sigma_w`` is NaN.

    """
    if math.isnan(before_w) or math.isnan(auxiliaries_w) or math.isnan(sigma_w):
        raise ValueError(f"unknown where a number is needed: {before_w=}, {auxiliaries_w=}, {sigma_w=}")
    unknown = [f"{term.name} is unknown" for term in terms if math.isnan(term.watts)]
    reasons = list(dict.fromkeys([*unknown, *frozen]))
    known = [term for term in terms if not math.isnan(term.watts)]
    least = min(known, key=lambda term: term.watts, default=Term("nothing", math.inf, "nothing limits"))
    watts = max(0.0, least.watts - auxiliaries_w - SIGMAS * sigma_w)
    if reasons and watts > before_w:
        why = "; ".join(reasons)
        held = f"nothing is raised while {why}"
        # What would bind it all the same is the cause: a limit wavers with the auxiliaries.
        if watts <= WAVERING * before_w:
            sentence = f"{_kw(before_w)} for miners: {least.sentence}; {held}"
            return Budget(before_w, least.name, sentence, tuple(terms), why)
        return Budget(before_w, "frozen", f"{_kw(before_w)} as before: {held}", tuple(terms), why)
    sentence = f"{_kw(watts)} for miners: {least.sentence}"
    if auxiliaries_w or sigma_w:
        sentence += (
            f", {_kw(least.watts)} less {_kw(auxiliaries_w)} for auxiliaries and {_kw(SIGMAS * sigma_w)} that"
            " the meter may be wrong by"
        )
    return Budget(watts, least.name, sentence, tuple(terms), "; ".join(reasons))


def _kw(watts: float) -> str:
    return f"{watts / 1000:,.1f} kW"
