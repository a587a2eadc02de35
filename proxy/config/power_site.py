"""From [power] and the tenants to the site that the rules of energy know; and what is impossible in it.

Imports numpy by way of ``energy``: only a configuration with [power] comes here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from proxy.config.power import Circuit, MinerModel, Power, reserve_parts
from proxy.config.power_outside import DAYS, clock_s
from proxy.config.settings import Settings
from proxy.config.values import duration_text
from proxy.energy import firm, orders, site
from proxy.energy.promises import WEEK, short_minutes, strict

ROOT = "site"
"""The circuit of a site that names none."""


def power_site(settings: Settings, power: Power) -> site.Site:
    """Return the site, nominal. ``power_conflicts`` tells whether it is one."""
    circuits = tuple(_circuit(circuit) for circuit in power.circuits) or (site.Circuit(ROOT),)
    root = next((circuit.name for circuit in circuits if circuit.parent is None), ROOT)
    return site.Site(
        circuits=circuits,
        generators=tuple(site.Generator(g.name, g.kw, g.derates) for g in power.generators),
        reserve=_reserve(power.reserve),
        auxiliaries=tuple(site.Auxiliary(each.name, each.kw) for each in power.auxiliaries),
        tenants=tuple(
            site.Tenant(
                tenant.id,
                tenant.guarantee_kw,
                tenant.guarantee_meter or root,
                tenant.contracted_share,
                tenant.power_priority,
            )
            for tenant in settings.tenants
        ),
        hz=power.hz,
    )


def _circuit(circuit: Circuit) -> site.Circuit:
    return site.Circuit(
        name=circuit.name,
        parent=circuit.parent,
        phases=tuple(phase - 1 for phase in circuit.phases),
        phase_w=_or_infinite(circuit.phase_kw) * 1000.0,
        phase_a=_or_infinite(circuit.phase_a),
        phase_kva=_or_infinite(circuit.phase_kva),
        volts=circuit.volts,
        power_factor=circuit.power_factor,
        continuous=circuit.continuous,
    )


def _or_infinite(limit: float | None) -> float:
    return math.inf if limit is None else limit


def _reserve(text: str) -> site.Reserve:
    match reserve_parts(text):
        case date() as tested:
            return site.HardwareShed(tested)
        case None:
            return site.NMinusOne()
        case kw:
            return site.ReserveKw(kw)


def windows(power: Power) -> tuple[orders.Window, ...]:
    """Return the hours of the calendar."""
    return tuple(
        orders.Window(
            each.name,
            frozenset(DAYS.index(day) for day in each.days),
            clock_s(each.from_),
            clock_s(each.until),
            each.kw * 1000.0,
        )
        for each in power.calendar
    )


def price_rules(power: Power) -> tuple[orders.PriceRule, ...]:
    """Return how much may be drawn at what price."""
    return tuple(orders.PriceRule(rule.per_mwh, rule.kw * 1000.0) for rule in power.price.rules)


def offset_s(power: Power, wall_s: float) -> float:
    """Return what the site's clocks are ahead of UTC at this instant: with daylight saving it changes."""
    zone = UTC if power.timezone == "UTC" else ZoneInfo(power.timezone)
    ahead = datetime.fromtimestamp(wall_s, zone).utcoffset()
    assert ahead is not None, "a zone has an offset at any time"
    return ahead.total_seconds()


def guaranteed_kw(settings: Settings) -> float:
    """Return the sum of all guarantees."""
    return sum(tenant.guarantee_kw for tenant in settings.tenants)


def guarantees_told(settings: Settings) -> str:
    """Return whose they are."""
    promised = [tenant for tenant in settings.tenants if tenant.guarantee_kw > 0]
    return " + ".join(f"{tenant.id} {tenant.guarantee_kw:,.1f} kW" for tenant in promised)


def power_conflicts(settings: Settings, power: Power, today: date) -> Iterator[str]:
    """Yield what is impossible, each as a sentence with its sums."""
    described = power_site(settings, power)
    for circuit in power.circuits:
        wrong = [phase for phase in circuit.phases if not 1 <= phase <= 3]
        if wrong or not circuit.phases or len(set(circuit.phases)) < len(circuit.phases):
            yield f"Circuit {circuit.name} has the phases {list(circuit.phases)}; there are 1, 2 and 3."
            return
    yield from firm.problems(described, today)
    yield from _never_met(settings, power)
    names = {circuit.name for circuit in described.circuits}
    for number, model in enumerate(power.models):
        if model.circuit is not None and model.circuit not in names:
            yield f"Miners of row {number} are plugged into {model.circuit}, which is not a circuit."
        if model.idle_watts > model.watts:
            idle, watts = model.idle_watts, model.watts
            yield f"Miners of row {number} draw {idle:g} W without work and {watts:g} W with it."
    if power.control == "act" and not power.models:
        yield (
            'control = "act" needs [[power.miner]]: nobody knows what withholding work from a miner saves, '
            "so it would save nothing"
        )
    for name, asked in (("source", power.source), ("price", power.price)):
        if asked.file is not None and asked.url is not None:
            yield f"power.{name} has a file and a url: two that disagree help nobody, give one."
    source = power.source
    rungs = (source.hold_after, source.safe_after, source.guarantees_after, source.sleep_after)
    if list(rungs) != sorted(rungs):
        told = ", ".join(duration_text(each) for each in rungs)
        yield (
            "power.source: hold_after, safe_after, guarantees_after and sleep_after come one after the "
            f"other; here they are {told}."
        )
    if power.price.rules and power.price.file is None and power.price.url is None:
        yield "power.price has rules and neither a file nor a url: nobody would know the price."
    for number, window in enumerate(power.calendar):
        if window.from_ == "24:00":
            yield f'Row {number} of power.calendar begins at "24:00": that is "00:00" of the next day.'


def _never_met(settings: Settings, power: Power) -> Iterator[str]:
    """Yield guarantees that could be met at no time, though the site could give them."""
    guaranteed = guaranteed_kw(settings)
    told = f"Guarantees of {guaranteed:,.1f} kW ({guarantees_told(settings)}) can never be met"
    if power.cap_kw is not None and power.cap_kw < guaranteed:
        yield f"{told}: power.cap_kw lets miners draw {power.cap_kw:,.1f} kW at most."
    if any(window.from_ == "24:00" for window in power.calendar):
        return  # no time at which a window could begin: told elsewhere
    hours = windows(power)
    if short_minutes(hours, 1000.0 * guaranteed) == WEEK:
        few = strict(hours, 1000.0 * guaranteed)
        names = ", ".join(f"{each.name} {each.cap_w / 1000:,.1f} kW" for each in few)
        yield f"{told}: the calendar leaves less at every hour of the week ({names})."


def capacity_lines(settings: Settings, power: Power) -> tuple[str, ...]:
    """Return what can be used and what can be promised, as ``config check`` prints it."""
    described, cap_kw = power_site(settings, power), power.cap_kw
    usable, firm_kw = firm.usable_w(described) / 1000, firm.firm_w(described) / 1000
    runs, why = "for miners while every generator runs", firm.firm_sum(described)
    if cap_kw is not None and cap_kw < usable:
        runs = f"for miners by power.cap_kw; without it {usable:,.1f} kW while every generator runs"
    if cap_kw is not None and cap_kw < firm_kw:
        why = f"by power.cap_kw; without it {why}"
    most = math.inf if cap_kw is None else cap_kw
    return (
        f"usable      {min(usable, most):,.1f} kW {runs}",
        f"firm        {min(firm_kw, most):,.1f} kW: {why}",
        f"guaranteed  {guaranteed_kw(settings):,.1f} kW of it",
    )


def model_of(power: Power, user: str, user_agent: str) -> MinerModel | None:
    """Return the first row that fits a miner, or None: it is charged as unknown."""
    agent = user_agent.lower()
    return next(
        (
            model
            for model in power.models
            if fnmatchcase(agent, model.user_agent.lower()) and fnmatchcase(user, model.user_match)
        ),
        None,
    )
