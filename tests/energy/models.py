"""A recorded model of miners, for tests that need a true shape of watts over hashes."""

from proxy.energy.curves import Points

_S19K_A_W, _S19K_B, _S19K_C = 200.6, 11.854, 0.0774765
"""P = a + b h + c h^2, h in TH/s: least squares over the 25 levels that a S19k Pro with LuxOS 2025.4.8 told
(recorded by asic-rs, profiles.json) [S]; the fit misses them by 1.7 W at most [C]."""
_S19K_DEFAULT_HS = 121.8e12
"""At 590 MHz, where it draws 2,794 W [S]."""
_S19K_LEVELS_THS = tuple(39.2 + (163.1 - 39.2) * level / 24 for level in range(25))
"""190 to 790 MHz in steps of 25; hashes go by frequency [S: ends and seven between; C: the rest]."""


def quadratic(
    default_w: float, default_hs: float, *, sleep_w: float = 25.0, levels: int = 25, divisible: bool = True
) -> Points:
    """Return the points of a model of which only the default is known, in the shape of a S19k Pro.

    Sourced for that model; an assumption for all others, to be replaced by what the site measures. Sleep is
    what LuxOS claims [S]; 20 to 60 W elsewhere [A].
    """
    hashes = [_S19K_LEVELS_THS[round(index * 24 / (levels - 1))] for index in range(levels)]
    watts = [_S19K_A_W + _S19K_B * terahashes + _S19K_C * terahashes * terahashes for terahashes in hashes]
    at_default = _S19K_A_W + _S19K_B * 121.8 + _S19K_C * 121.8**2
    return Points(
        (sleep_w, *(w / at_default * default_w for w in watts)),
        (0.0, *(terahashes * 1e12 / _S19K_DEFAULT_HS * default_hs for terahashes in hashes)),
        divisible,
    )
