"""What a site can promise, and what is wrong with a site as described: sentences with the sums in them."""

import math
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np

from proxy.energy.arrays import Floats
from proxy.energy.site import HardwareShed, NMinusOne, ReserveKw, Site, wiring
from proxy.energy.supply import reserve_w

TEST_HOLDS = timedelta(days=365)
"""A load shed that was not tried for a year is not known to work [A]."""


def _sets_w(site: Site) -> Floats:
    return np.array([1000.0 * generator.firm_kw for generator in site.generators], dtype=np.float64)


def usable_w(site: Site) -> float:
    """Return what miners may draw while all sets run, in watts: infinite where nothing limits."""
    root = [circuit.limit_w() for circuit in site.circuits if circuit.parent is None]
    limits = [*root]
    if site.generators:
        limits.append(float(_sets_w(site).sum()) - reserve_w(site.reserve, _sets_w(site)))
    return max(0.0, min(limits, default=math.inf) - site.auxiliaries_w)


def firm_w(site: Site) -> float:
    """Return what miners may draw when the worst single thing has happened, in watts.

    With the reserves ``n-1`` and ``hardware-shed`` that is the loss of the largest set (contactors save the
    island, not the power); a reserve in kW is its owner's word for what may be missing.
    """
    if not site.generators or not isinstance(site.reserve, NMinusOne | HardwareShed):
        return usable_w(site)
    sets = _sets_w(site)
    left = float(sets.sum() - sets.max()) - site.auxiliaries_w
    return max(0.0, min(usable_w(site), left))


def firm_sum(site: Site) -> str:
    """Return how firm capacity comes about, as a sum that can be checked with a pencil."""
    if not site.generators:
        return f"{_kw(firm_w(site))} by the circuits, less auxiliaries of {_kw(site.auxiliaries_w)}"
    sets = _sets_w(site)
    parts = " + ".join(f"{set_.name} {_kw(watts)}" for set_, watts in zip(site.generators, sets, strict=True))
    if isinstance(site.reserve, NMinusOne | HardwareShed):
        largest = site.generators[int(sets.argmax())].name
        kept = f"{_kw(float(sets.max()))} for the loss of {largest}"
    else:
        watts = reserve_w(site.reserve, sets)
        least = " (the least, to regulate by)" if watts > 1000.0 * site.reserve.kw else ""
        kept = f"{_kw(watts)} of reserve{least}"
    limits = f" (circuits allow {_kw(root)})" if (root := _root_w(site)) < float(sets.sum()) else ""
    return f"{parts} - {kept} - {_kw(site.auxiliaries_w)} of auxiliaries = {_kw(firm_w(site))}{limits}"


def problems(site: Site, today: date) -> tuple[str, ...]:
    """Return what makes a site impossible, each as a sentence with its numbers; empty if it is sound.

    Args:
        site: As configured.
        today: To tell how old a test of the load shed is.

    """
    tree = (*_names(site), *_tree(site))
    if tree:
        return tree
    return (*_numbers(site), *_reserve(site, today), *_guarantees(site))


def _names(site: Site) -> Iterator[str]:
    for kind, names in (
        ("circuits", [circuit.name for circuit in site.circuits]),
        ("generators", [generator.name for generator in site.generators]),
        ("auxiliaries", [auxiliary.name for auxiliary in site.auxiliaries]),
        ("tenants", [tenant.name for tenant in site.tenants]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                yield f"{count} {kind} are called {name}."


def _tree(site: Site) -> Iterator[str]:
    parents = {circuit.name: circuit.parent for circuit in site.circuits}
    roots = [name for name, parent in parents.items() if parent is None]
    if len(roots) != 1:
        yield f"One circuit feeds the site, the one without a parent; here there are {len(roots)}: {roots}."
    for circuit in site.circuits:
        if circuit.parent is not None and circuit.parent not in parents:
            yield f"Circuit {circuit.name} is fed by {circuit.parent}, which is not a circuit."
            continue
        above, steps = circuit.parent, 0
        while above is not None and steps <= len(parents):
            above, steps = parents.get(above), steps + 1
        if steps > len(parents):
            yield f"Circuit {circuit.name} feeds itself by way of {circuit.parent}."


def _numbers(site: Site) -> Iterator[str]:
    for circuit in site.circuits:
        if not circuit.phases or not set(circuit.phases) <= {0, 1, 2}:
            yield f"Circuit {circuit.name} has the phases {circuit.phases}; there are 0, 1 and 2."
        elif not circuit.phase_limit_w() > 0:
            yield f"Circuit {circuit.name} may carry {circuit.phase_limit_w():g} W on a phase, so nothing."
        for factor, name in ((circuit.power_factor, "power_factor"), (circuit.continuous, "continuous")):
            if not 0 < factor <= 1:
                yield f"Circuit {circuit.name}: {name} is {factor:g}, it lies above 0 and up to 1."
    if not site.generators and not math.isfinite(_root_w(site)):
        yield "Nothing limits the site: neither a generator nor the circuit that feeds it has a limit."
    for generator in site.generators:
        if not 0 < generator.nominal_kw < math.inf:
            yield f"Generator {generator.name} has a nominal power of {generator.nominal_kw:g} kW."
        for derate in generator.derates:
            if not 0 < derate <= 1:
                yield f"Generator {generator.name} has a derate of {derate:g}; each lies above 0 and up to 1."
    for auxiliary in site.auxiliaries:
        if not 0 <= auxiliary.kw < math.inf:
            yield f"Auxiliary {auxiliary.name} draws {auxiliary.kw:g} kW."
    for tenant in site.tenants:
        if not 0 <= tenant.guarantee_kw < math.inf:
            yield f"Tenant {tenant.name} is guaranteed {tenant.guarantee_kw:g} kW."
        if not 0 <= tenant.contracted_share < math.inf:
            yield f"Tenant {tenant.name} has a contracted share of {tenant.contracted_share:g}."
    if site.tenants and sum(tenant.contracted_share for tenant in site.tenants) == 0:
        yield "No tenant has a contracted share: nobody would own the surplus."


def _reserve(site: Site, today: date) -> Iterator[str]:
    sets = _sets_w(site)
    match site.reserve:
        case NMinusOne() if len(sets) < 2:
            yield f"The reserve n-1 needs two generators, there are {len(sets)}: choose hardware-shed or kW."
        case HardwareShed(tested):
            if tested > today:
                yield f"The load shed was tested on {tested}, which is after today, {today}."
            elif today - tested > TEST_HOLDS:
                days = (today - tested).days
                yield f"The load shed was tested {days} days ago; a test holds for {TEST_HOLDS.days} days."
        case ReserveKw(kw) if not 0 <= kw < math.inf:
            yield f"The reserve is {kw:g} kW."
            return
    kept = reserve_w(site.reserve, sets)
    if len(sets) and float(sets.sum()) - kept - site.auxiliaries_w <= 0:
        yield (
            f"Nothing is left for miners: generators give {_kw(float(sets.sum()))}, the reserve keeps"
            f" {_kw(kept)}, auxiliaries draw {_kw(site.auxiliaries_w)}."
        )
    elif site.auxiliaries_w >= _root_w(site):
        yield (
            f"Nothing is left for miners: the circuit that feeds the site carries {_kw(_root_w(site))},"
            f" auxiliaries draw {_kw(site.auxiliaries_w)}."
        )


def _guarantees(site: Site) -> Iterator[str]:
    promised = [tenant for tenant in site.tenants if tenant.guarantee_kw > 0]
    total_w = 1000.0 * sum(tenant.guarantee_kw for tenant in promised)
    asked = " + ".join(f"{tenant.name} {tenant.guarantee_kw:,.1f} kW" for tenant in promised)
    if total_w > firm_w(site):
        yield f"Guarantees of {_kw(total_w)} ({asked}) exceed firm capacity: {firm_sum(site)}."
    tree, place = wiring(site), {circuit.name: index for index, circuit in enumerate(site.circuits)}
    at_meter = np.zeros(len(site.circuits))
    for tenant in promised:
        if tenant.meter is None:
            yield f"Tenant {tenant.name} is guaranteed {tenant.guarantee_kw:,.1f} kW, but no meter is named."
        elif tenant.meter not in place:
            yield f"Tenant {tenant.name} is measured by {tenant.meter}, which is not the meter of a circuit."
        else:
            at_meter[place[tenant.meter]] += 1000.0 * tenant.guarantee_kw
    promised_w = tree.below_w(np.arange(len(at_meter)), at_meter)
    for circuit, watts, limit in zip(site.circuits, promised_w, tree.limit_w, strict=True):
        if watts > limit:
            yield f"Circuit {circuit.name} may carry {_kw(limit)}, guarantees behind it are {_kw(watts)}."


def _root_w(site: Site) -> float:
    return min((circuit.limit_w() for circuit in site.circuits if circuit.parent is None), default=math.inf)


def _kw(watts: float) -> str:
    return f"{watts / 1000:,.1f} kW"
