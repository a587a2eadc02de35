"""Difficulty and target, the two faces of "how hard".

Pools count in *bdiff*: difficulty 1 is the target ``0xffff * 2**208``. The slightly larger *pdiff*
(``2**224 - 1``) is 1.0000153 times easier; mixing the two rejects borderline shares (datum#226).
"""

import math
from fractions import Fraction

from proxy.units import Difficulty

DIFFICULTY_ONE_TARGET = 0xFFFF << 208
MAX_TARGET = (1 << 256) - 1
HASHES_PER_DIFFICULTY = float(1 << 32)
"""Expected hashes for one share of difficulty 1 (2**32 * 65536 / 65535, the fraction is noise)."""

LEAST_DIFFICULTY = Difficulty(2.0**-32)
GREATEST_DIFFICULTY = Difficulty(2.0**200)


def target_of(difficulty: Difficulty) -> int:
    """Return the largest hash, as an integer, that counts as a share of ``difficulty``.

    Raises:
        ValueError: ``difficulty`` is not a finite number above zero.

    """
    _require_difficulty(difficulty)
    # Fraction, not float division: 2**224 has more bits than a double holds.
    return min(MAX_TARGET, int(DIFFICULTY_ONE_TARGET / Fraction(difficulty)))


def difficulty_of(target: int) -> Difficulty:
    """Return the difficulty of a target, or that of a hash as a little-endian integer."""
    return Difficulty(DIFFICULTY_ONE_TARGET / max(target, 1))


def target_of_nbits(nbits: int) -> int:
    """Return the network target that a header's compact ``nbits`` encodes; 0 if it can never be met."""
    exponent, mantissa = nbits >> 24, nbits & 0x7FFFFF
    if nbits & 0x800000:
        return 0
    target = mantissa << 8 * (exponent - 3) if exponent > 3 else mantissa >> 8 * (3 - exponent)
    return target if target <= MAX_TARGET else 0


def power_of_two_at_most(difficulty: Difficulty) -> Difficulty:
    """Return the largest power of two that is not above ``difficulty``; may be a fraction.

    ASIC firmware rounds what it is told down to a power of two (c2pool#773), so telling it anything
    else makes it submit shares that are then refused.

    Raises:
        ValueError: ``difficulty`` is not a finite number above zero.

    """
    # frexp(inf) is (inf, 0) and frexp(-3) is (-0.75, 2): both would quietly become 0.5 or 2.
    _require_difficulty(difficulty)
    return Difficulty(math.ldexp(0.5, math.frexp(difficulty)[1]))


def _require_difficulty(difficulty: Difficulty) -> None:
    if not (math.isfinite(difficulty) and difficulty > 0):
        raise ValueError(f"difficulty must be finite and above zero, not {difficulty}")
