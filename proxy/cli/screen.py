"""The program's state as a person reads it: for ``status`` and the live screen of ``demo``."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from proxy.adapters.logs.printable import printable

_PREFIXES = ((1e18, "EH/s"), (1e15, "PH/s"), (1e12, "TH/s"), (1e9, "GH/s"), (1e6, "MH/s"), (1e3, "kH/s"))
_STATE_STYLE = {"live": "green", "standby": "cyan", "connecting": "yellow", "waiting": "red", "idle": "dim"}


def hashrate_text(rate: float) -> str:
    """Return a hashrate with three digits and its unit."""
    for factor, unit in _PREFIXES:
        if rate >= factor:
            return f"{rate / factor:.3g} {unit}"
    return f"{rate:.3g} H/s"


def difficulty_text(difficulty: float) -> str:
    """Return a difficulty; one below 1 as a power of two, if it is one to five digits."""
    if 0 < difficulty < 1:
        exponent = round(math.log2(difficulty))
        if math.isclose(difficulty, 2.0**exponent, rel_tol=1e-5):
            return f"2^{exponent}"
    return f"{difficulty:g}"


def state_view(state: dict[str, Any], *, wide: bool = True) -> RenderableType:
    """Return the whole state: a head line, the upstreams, the tenants' shares, difficulties.

    Not ``wide``, it has one line for each row on a terminal of 80 columns.
    """
    power = [] if state.get("power") is None else [_power(state["power"], wide=wide)]
    return Group(
        _head(state), *power, _upstreams(state, wide=wide), _shares(state, wide=wide), _difficulties(state)
    )


def _head(state: dict[str, Any]) -> Text:
    listeners = " ".join(
        f"{'stratum+ssl' if entry['tls'] else 'stratum+tcp'}://{entry['host']}:{entry['port']}"
        for entry in state["listeners"]
    )
    rates = state["hashrate"]
    head = Text(f"Pumpjack {state['version']} ", style="bold", no_wrap=True, overflow="ellipsis")
    head.append(f"site {state['site']}, up {_duration(state['uptime_s'])}, core {state['hot_path']}\n", "dim")
    if (left := state.get("draining")) is None:
        head.append(f"{listeners or 'not listening yet'}\n")
    else:
        head.append(f"draining: {left} miners are left, nobody is let in\n", "bold yellow")
    head.append(f"{state['sessions']} sessions, {state['working']} with work, {state['waiting']} waiting   ")
    head.append(f"hashrate {hashrate_text(rates['1m'])} (1 m)  {hashrate_text(rates['5m'])} (5 m)  ", "bold")
    head.append(f"{hashrate_text(rates['1h'])} (1 h)")
    return head


def _power(power: dict[str, Any], *, wide: bool) -> Text:
    """Return what there is of power and what is used; and why, where it is wide."""
    measured, miners = power["measured"], power["miners"]
    text = Text("power ", style="bold", no_wrap=True, overflow="ellipsis")
    text.append(power_text(power), "bold")
    text.append(f", bound by {power['bound'] or 'nothing'}", "not bold")
    if wide and "capability_kw" in measured:
        running = measured["generators_running"]
        text.append(f"; {running} generators, {measured['hz']:.2f} Hz", "not bold")
    asleep = f", {miners['asleep']} asleep" if miners["asleep"] else ""
    text.append(f"; {miners['withheld']} of {miners['here']} miners without work{asleep}", "not bold")
    text.append("" if power["control"] == "act" else "  ADVICE ONLY: nothing is gated", "bold yellow")
    if wide:
        text.append(f"\n      {printable(power['sentence'])}", "not bold dim")
    return text


def power_text(power: dict[str, Any]) -> str:
    """Return what is used of what is available, in a few words."""
    used = power["measured"].get("used_kw", power["expected_kw"])
    return f"used {_kw(used)} of {_kw(power['budget_kw'])} available"


def _kw(value: float | None) -> str:
    return "?" if value is None else f"{value:,.1f} kW"


def _upstreams(state: dict[str, Any], *, wide: bool) -> Table:
    connections = "connections" if wide else "conn."
    table = _table(
        "tenant",
        "upstream",
        "state",
        connections,
        "difficulty",
        "en2",
        "accepted",
        "rejected",
        "note",
        wide=wide,
    )
    for tenant in state["tenants"]:
        for pool in tenant["upstreams"]:
            ready = [c for c in pool["connections"] if c["state"] == "ready"]
            note = printable(pool["last_failure"] or "")
            if pool["retry_in_s"] is not None:
                note = f"{note}; next try in {pool['retry_in_s']:.0f} s"
            table.add_row(
                Text(tenant["id"]),
                Text(f"{pool['name']} ({pool['host']}:{pool['port']})" if wide else pool["name"]),
                Text(pool["state"], style=_STATE_STYLE[pool["state"]]),
                f"{len(ready)}",
                difficulty_text(ready[0]["difficulty"]) if ready else "",
                f"{pool['extranonce2_size'] or ''}",
                f"{pool['accepted']}",
                f"{pool['rejected']}",
                _said(note, no_wrap=not wide),
            )
    return table


def _said(note: str, *, no_wrap: bool) -> Text:
    """Return words that may be a pool's: they must not take hold of the terminal."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in note)
    return Text(plain, style="dim", no_wrap=no_wrap, overflow="ellipsis")


def _shares(state: dict[str, Any], *, wide: bool) -> Table:
    table = _table(
        "tenant",
        "sessions",
        "hashrate 5 m" if wide else "hashrate",
        "judged",
        "accepted",
        "rejected by us" if wide else "rejected",
        "forwarded",
        "settled",
        "unknown",
        wide=wide,
    )
    for tenant in state["tenants"]:
        shares = tenant["shares"]
        reasons = ", ".join(f"{name} {count}" for name, count in sorted(shares["rejected_by_us"].items()))
        table.add_row(
            Text(tenant["id"]),
            f"{tenant['sessions']}",
            hashrate_text(tenant["hashrate"]["5m"]),
            f"{shares['judged']}",
            f"{shares['accepted']}",
            f"{shares['rejected']}" + (f" ({reasons})" if reasons else ""),
            f"{shares['forwarded']}",
            f"{shares['settled']}",
            f"{shares['unknown'] + shares['unsent']}",
        )
    return table


def _difficulties(state: dict[str, Any]) -> Text:
    counts: dict[str, int] = {}
    for tenant in state["tenants"]:
        for difficulty, count in tenant["difficulties"].items():
            counts[difficulty] = counts.get(difficulty, 0) + count
    parts = [f"{difficulty_text(float(d))} x {counts[d]}" for d in sorted(counts, key=float)]
    return Text(
        "difficulty x miners  " + "   ".join(parts[:12]) + (" ..." if len(parts) > 12 else ""),
        style="dim",
        no_wrap=True,
        overflow="ellipsis",
    )


def session_table(sessions: list[dict[str, Any]]) -> Table:
    """Return every miner on a line. What a miner chose is text: its brackets are no markup of ours."""
    table = _table(
        "worker", "peer", "software", "work", "difficulty", "hashrate", "accepted", "rejected", "connected"
    )
    for session in sessions:
        table.add_row(
            # As text: a table takes plain strings for markup, and a worker may be called "[red]".
            Text(printable(session["worker"] or "(not authorised)")),
            Text(printable(session["peer"])),
            Text(printable(session["user_agent"])),
            "yes" if session["working"] else "no",
            f"{session['difficulty']:g}" if session["difficulty"] else "",
            hashrate_text(session["hashrate"]),
            f"{session['accepted']}",
            f"{sum(session['rejected'].values())}",
            _duration(session["connected_s"]),
        )
    return table


def _table(*columns: str, wide: bool = True) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False, collapse_padding=not wide)
    for index, column in enumerate(columns):
        left = index == 0 or column in {"upstream", "note", "peer"}
        # Columns that may wrap are the first to shrink: where it is narrow, that is the note alone.
        whole = not wide and column != "note"
        table.add_column(column, justify="left" if left else "right", no_wrap=whole)
    return table


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} m" if hours else f"{minutes} m {rest} s"
