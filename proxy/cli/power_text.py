"""What ``pumpjack power`` says in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.cli.times import ago, iso

BY_HAND = ("operator", "cap_kw", "nominal")
"""Caps that a status tells in other lines, or that always hold."""


def advice_line(state: dict[str, Any]) -> str:
    """Return whether anything is done by what is decided."""
    if state["control"] == "act":
        return "control    act: work follows the power"
    return "control    advise: nothing is gated; this is what would be done"


def status_lines(state: dict[str, Any]) -> list[str]:
    """Return a status in words."""
    miners, source, curtailed = state["miners"], state["source"], state["curtailed"]
    lines = [
        advice_line(state),
        f"budget     {_kw(state['budget_kw'])} of {_kw(state['wanted_kw'])} wanted; "
        f"bound by {state['bound'] or 'nothing'}",
        f"why        {state['sentence']}",
        f"proven     {_kw(state['proven_kw'])} at most; {_kw(state['expected_kw'])} expected",
        counts_line(miners),
        *waiting_lines(state["waiting"]),
    ]
    for tenant in state["tenants"]:
        owed = f", owed {tenant['owed_kwh']:,.1f} kWh" if tenant["owed_kwh"] else ""
        lines.append(
            f"tenant     {tenant['id']}: {tenant['here']} here, {rest_told(tenant)}, "
            f"guaranteed {tenant['guarantee_kw']:,.1f} kW{owed}"
        )
    if source is not None:
        problem = f"; {source['problem']}" if source["problem"] else ""
        lines.append(f"source     {_kw(source['kw'])}, {ago(source['age_s'])} old{problem}")
    if (price := state["price"]) is not None:
        told = "unknown" if price["per_mwh"] is None else f"{price['per_mwh']:g} for a MWh"
        problem = f"; {price['problem']}" if price["problem"] else ""
        lines.append(f"price      {told}, {ago(price['age_s'])} old{problem}")
    if curtailed is not None:
        lines.append(
            f"curtailed  for {ago(curtailed['since_s'])}, {curtailed['missing_kwh']:,.2f} kWh not offered"
        )
    if (trace := state["trace"]) is not None and trace["lost"]:
        lines.append(f"trace      {trace['lost']:,} entries were lost: {trace['file']}")
    lines += cap_lines(state["caps"], BY_HAND)
    lines += order_lines(state["orders"])
    silent = state["governor"]["silent_s"]
    if silent is None or silent > 5:
        lines.append("governor   SILENT: nobody new gets work; look at the log")
    return lines + [alarm_line(alarm) for alarm in state["alarms"]]


def counts_line(counts: dict[str, Any]) -> str:
    """Return how many miners stand how."""
    locked = f", {counts['locked_out']} locked out" if counts["locked_out"] else ""
    return f"miners     {counts['here']} here, {rest_told(counts)}{locked}"


def rest_told(counts: dict[str, Any]) -> str:
    """Return how many have no work, and how many sleep."""
    asleep = f", {counts['asleep']} asleep" if counts["asleep"] else ""
    return f"{counts['withheld']} of them without work{asleep}"


def waiting_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Return what holds miners, and when it ends for the first of them."""
    return [
        f"waits      {row['miners']}: {row['why']}{_ends(row['left_s'], first=row['miners'] > 1)}"
        for row in rows
    ]


def alarm_line(alarm: dict[str, Any]) -> str:
    """Return an alarm with its time, and whether it holds still."""
    holds = {None: "", True: f", holds for {ago(alarm['holds_s'] or 0)}", False: ", over"}[alarm["holds"]]
    raised = f"{iso(alarm['at'])} ({ago(alarm['ago_s'])} ago{holds})"
    return f"alarm      {raised} {alarm['kind']}: {alarm['sentence']}"


def plan_lines(state: dict[str, Any]) -> Iterator[str]:
    """Yield what each miner is told."""
    yield advice_line(state)
    yield counts_line(state["counts"])
    for miner in state["miners"]:
        yield miner_line(miner)


def miner_line(miner: dict[str, Any]) -> str:
    """Return what a miner is told, and why no more."""
    told = {
        "working": f"works, {miner['told_w']:,.0f} W",
        "asleep": f"asleep, {miner['told_w']:,.0f} W",
        "locked_out": f"(locked out: {miner['circuit']})",
        "away": "(away)",
    }.get(miner["state"], "no work")
    why = f": {miner['why']}{_ends(miner['left_s'])}" if miner["why"] else ""
    return f"{miner['id']:<40} {told}, of {miner['ceiling_w']:,.0f} W{why}"


def _ends(left_s: float | None, *, first: bool = False) -> str:
    whose = "the first " if first else ""
    return "" if left_s is None else f", {whose}until in {left_s:,.0f} s"


def order_lines(orders: dict[str, Any]) -> list[str]:
    """Return the orders that hold or will, in words."""
    lines = []
    idle = " (NOT IN FORCE: control = advise gates nothing)" if orders["control"] == "advise" else ""
    if (cap := orders.get("cap")) is not None:
        lines.append(
            f"cap        {cap['kw']:g} kW until {iso(cap['until_s'])} ({ago(cap['left_s'])}), "
            f"by {cap['who']}: {cap['reason']}"
        )
    for key, word in (("held", "hold"), ("stopped", "STOP")):
        if (told := orders.get(key)) is not None:
            lines.append(f"{word:<10} by {told['who']}: {told['reason']}{idle}")
    for name, one in orders["curtailments"].items():
        lines.append(
            f"order      {name}: {one['kw']:g} kW from {iso(one['from_s'])} until {iso(one['until_s'])}, "
            f"by {one['who']}: {one['reason']}"
        )
    lines += [
        f"lockout    {circuit}, by {told['who']}: {told['reason']}{idle}"
        for circuit, told in orders["lockouts"].items()
    ]
    return lines or ["orders     none"]


def cap_lines(caps: list[dict[str, Any]], without: tuple[str, ...]) -> list[str]:
    """Return the caps that hold now, the strictest first, in words."""
    shown = [each for each in caps if each["by"] not in without]
    return [f"{each['by']:<10} {each['kw']:g} kW now: {each['sentence']}" for each in shown]


def _kw(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.1f} kW"
