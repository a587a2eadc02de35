"""A trace: a governor's beginning, who joined, and each tick's readings with its plan. It can be replayed.

An entry is a map with one of the keys ``head``, ``join`` and ``readings``. A head may come again, where a new
file begins or ticks were lost: it holds all that is remembered, so that what follows stands by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from proxy.energy.curves import Points, curves
from proxy.energy.ladder import Ladder
from proxy.energy.site import (
    Auxiliary,
    Circuit,
    Generator,
    HardwareShed,
    NMinusOne,
    Reserve,
    ReserveKw,
    Site,
    Tenant,
)
from proxy.energy.supply import Header
from proxy.governor.devices import Devices
from proxy.governor.engine import Governor
from proxy.governor.plan import Plan
from proxy.governor.readings import Readings
from proxy.governor.settings import GovernorSettings
from proxy.governor.trace import plain, record, recorded, restored

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Compared:
    """A tick, decided again."""

    now: float
    difference: str
    """The first part of the plan that is another, with both; empty if there is none."""


def head(governor: Governor, program: str) -> dict[str, Any]:
    """Return where a governor stands, and of what site it is.

    Args:
        governor: Between two ticks.
        program: Version of the program.

    """
    site, devices, kinds, settings = governor.configured
    described = {**plain(site), "reserve": _reserve_told(site.reserve)}
    return {
        "head": {
            "format": FORMAT,
            "program": program,
            "site": described,
            "devices": plain(devices),
            "points": plain(kinds.points),
            "settings": plain(settings),
            "state": governor.state(),
        }
    }


def join(devices: Devices) -> dict[str, Any]:
    """Return who came."""
    return {"join": plain(devices)}


def ticked(now: float, readings: Readings, plan: Plan) -> dict[str, Any]:
    """Return what was read, and what followed from it."""
    return {**record(now, readings), "plan": plain(plan)}


def begun(told: Mapping[str, Any]) -> Governor:
    """Return the governor that a head is of.

    Raises:
        KeyError, TypeError, ValueError and the like: It is no head, or one of another version.

    """
    if told["format"] != FORMAT:
        raise ValueError(f"a trace of format {told['format']}, not {FORMAT}")
    kinds = [Points(tuple(p["watts"]), tuple(p["hashes_hs"]), bool(p["divisible"])) for p in told["points"]]
    settings = dict(told["settings"])
    settings["source_ladder"] = Ladder(**settings["source_ladder"])
    if settings["header"] is not None:
        settings["header"] = Header(**settings["header"])
    return Governor.from_state(
        told["state"],
        _site(told["site"]),
        _devices(told["devices"]),
        curves(kinds),
        GovernorSettings(**settings),
    )


def compare(entries: Iterable[Mapping[str, Any]]) -> Iterator[Compared | None]:
    """Yield for each tick how its plan compares; None for one that nothing is known before.

    Raises:
        ValueError: An entry is none.

    """
    governor: Governor | None = None
    for entry in entries:
        try:
            governor, compared = _gone_on(governor, entry)
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError) as error:
            raise ValueError(f"an entry that is none ({type(error).__name__}: {error})") from error
        if "readings" in entry:
            yield compared


def _gone_on(governor: Governor | None, entry: Mapping[str, Any]) -> tuple[Governor | None, Compared | None]:
    """Return the governor after an entry, and how its plan compares if it is a tick."""
    if "head" in entry:
        return begun(entry["head"]), None
    if governor is None:
        return None, None
    if "join" in entry:
        governor.join(_devices(entry["join"]))
        return governor, None
    now, readings = recorded(entry)
    return governor, Compared(now, difference(governor.step(now, readings), entry["plan"]))


def difference(plan: Plan, told: Mapping[str, Any]) -> str:
    """Return the first part in which a plan is not as told, to the last bit; empty if it is."""
    for one in fields(plan):
        # Texts of numbers are exact, and NaN is NaN in them.
        again, before = repr(plain(getattr(plan, one.name))), repr(told[one.name])
        if again != before:
            return f"{one.name}: recorded {before[:200]}, replayed {again[:200]}"
    return ""


def _devices(told: Mapping[str, Any]) -> Devices:
    columns = {name: restored(value) for name, value in told.items()}
    return Devices(**{**columns, "ids": tuple(columns["ids"])})


def _site(told: Mapping[str, Any]) -> Site:
    return Site(
        circuits=tuple(Circuit(**{**each, "phases": tuple(each["phases"])}) for each in told["circuits"]),
        generators=tuple(
            Generator(**{**each, "derates": tuple(each["derates"])}) for each in told["generators"]
        ),
        reserve=_reserve(told["reserve"]),
        auxiliaries=tuple(Auxiliary(**each) for each in told["auxiliaries"]),
        tenants=tuple(Tenant(**each) for each in told["tenants"]),
        hz=told["hz"],
    )


def _reserve_told(reserve: Reserve) -> list[Any]:
    match reserve:
        case NMinusOne():
            return ["n-1"]
        case HardwareShed(tested):
            return ["hardware-shed", tested.isoformat()]
        case ReserveKw(kw):
            return ["kw", kw]


def _reserve(told: list[Any]) -> Reserve:
    match told:
        case ["n-1"]:
            return NMinusOne()
        case ["hardware-shed", str(tested)]:
            return HardwareShed(date.fromisoformat(tested))
        case ["kw", float(kw)]:
            return ReserveKw(kw)
    raise ValueError("a trace with no reserve")
