"""What is possible and hardly meant: ``config check`` and the start warn of it. Units are what it is mostly.

Imports numpy by way of ``energy``: only a configuration with [power] comes here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from proxy.config.power import Power
from proxy.config.power_site import guaranteed_kw, guarantees_told, power_site, windows
from proxy.config.settings import Settings
from proxy.energy import firm
from proxy.energy.promises import WEEK, short_minutes, strict
from proxy.energy.site import Site

TOO_MUCH = 20.0
"""Generators that give so many times what could ever be drawn are in W, not kW [A]."""
APART = 100.0
"""Sets of one site that differ by more: one is in W or in MW [A]. A spare diesel is a tenth of an engine."""
BEST_J_TH = 5.0
"""No miner needs less for a terahash: the best announced takes 9.5 (S23 Hydro). Watts in kW look like a
thousandth."""
LEAST_UNKNOWN_W = 10.0
"""A miner that draws less is a toy, and nobody's default for strangers."""
HALF = 0.5
"""Auxiliaries of mining sites take 2 to 10 % of what there is [A]."""


def power_doubts(settings: Settings, power: Power) -> tuple[str, ...]:
    """Return what a person should look at again, each as a sentence with its sums."""
    site = power_site(settings, power)
    return (*_promises(settings, power), *_supply(settings, power, site), *_loads(power, site))


def _promises(settings: Settings, power: Power) -> Iterator[str]:
    """Yield when a guarantee will not be met, though the site could."""
    guaranteed = guaranteed_kw(settings)
    hours, few = windows(power), strict(windows(power), 1000.0 * guaranteed)
    minutes = short_minutes(hours, 1000.0 * guaranteed)
    if few and minutes < WEEK:  # else it is refused
        names = ", ".join(f"{each.name} {_kw(each.cap_w / 1000)}" for each in few)
        yield (
            f"the calendar leaves less than the guarantees of {_kw(guaranteed)} "
            f"({guarantees_told(settings)}) for {minutes / 60:,.1f} h of each week ({names}): what is "
            "missing then is owed to the tenants"
        )
    for rule in power.price.rules:
        if rule.kw < guaranteed:
            yield (
                f"at a price of {rule.per_mwh:g} or more, or an unknown one, miners may draw "
                f"{_kw(rule.kw)}, less than the guarantees of {_kw(guaranteed)}: what is missing then is owed"
            )
    usable_w = firm.usable_w(power_site(settings, power))
    if power.cap_kw is not None and 1000.0 * power.cap_kw > usable_w:
        yield (
            f"power.cap_kw of {_kw(power.cap_kw)} binds nothing: no more than {_kw(usable_w / 1000)} "
            "are usable; is it in kW?"
        )


def _supply(settings: Settings, power: Power, site: Site) -> Iterator[str]:
    rated = sum(each.firm_kw for each in site.generators)
    watts = max([power.unknown_watts, *(model.watts for model in power.models)])
    miners_kw = settings.stratum.limits.max_sessions * watts / 1000
    most_kw = min(miners_kw, *(c.limit_w() / 1000 for c in site.circuits if c.parent is None))
    drawn = most_kw + site.auxiliaries_w / 1000
    if rated > TOO_MUCH * drawn:
        yield (
            f"the generators give {_kw(rated)}, and no more than {_kw(drawn)} can be drawn by miners and "
            f"auxiliaries ({_kw(most_kw)} by the circuits or max_sessions): are they in W?"
        )
    if site.generators:
        least = min(site.generators, key=lambda each: each.nominal_kw)
        most = max(site.generators, key=lambda each: each.nominal_kw)
        if most.nominal_kw > APART * least.nominal_kw:
            yield (
                f"generator {most.name} of {_kw(most.nominal_kw)} is "
                f"{most.nominal_kw / least.nominal_kw:,.0f} times {least.name} of {_kw(least.nominal_kw)}: "
                "are both in kW?"
            )


def _loads(power: Power, site: Site) -> Iterator[str]:
    usable_kw, auxiliaries_kw = firm.usable_w(site) / 1000, site.auxiliaries_w / 1000
    if math.isfinite(usable_kw) and auxiliaries_kw > HALF * (usable_kw + auxiliaries_kw):
        yield (
            f"auxiliaries draw {_kw(auxiliaries_kw)} of {_kw(usable_kw + auxiliaries_kw)}, more than all "
            "miners may: are they in kW?"
        )
    for number, model in enumerate(power.models):
        joules = model.watts / model.hashrate
        if joules < BEST_J_TH:
            yield (
                f"miners of row {number} need {joules:.3g} J for a terahash ({model.watts:g} W for "
                f"{model.hashrate:g} TH/s), less than any that exists: are watts in W and hashrate in TH/s?"
            )
        if model.watts / 1000 > usable_kw:
            yield (
                f"no miner of row {number} can ever work: it draws {_kw(model.watts / 1000)} of "
                f"{_kw(usable_kw)} that are usable"
            )
    if power.unknown_watts < LEAST_UNKNOWN_W:
        yield f"power.unknown_watts of {power.unknown_watts:g} W is less than any miner draws: is it in W?"


def _kw(kw: float) -> str:
    return f"{kw:,.1f} kW"
