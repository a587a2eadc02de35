"""The live screen of ``pumpjack demo``, and its words for a log or a pipe."""

from __future__ import annotations

from dataclasses import asdict

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from proxy import events
from proxy.adapters.logs.printable import printable
from proxy.app.books import Books
from proxy.app.demo import Demo, Outcome, Said
from proxy.cli.screen import power_text, state_view

_FEWEST_EVENTS = 3
_WIDE = 120
"""Columns from which there is room for addresses and whole notes."""


class DemoScreen:
    """Draws a demo as it is at the moment of drawing; as many events as the terminal has lines for."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines of one picture."""
        demo = self._demo
        state = demo.state()
        wide = options.max_width >= _WIDE
        parts: list[RenderableType] = [_head(demo, wide=wide)]
        if state is not None:
            parts += [state_view(state, wide=wide), _truth(demo, Books.of(demo.books().values()))]
        whole = Group(*parts)
        yield whole
        used = len(console.render_lines(whole, options))
        room = max(_FEWEST_EVENTS, options.size.height - used - 1)
        yield Text("last events (times of day)", style="bold")
        for said in list(demo.said)[-room:]:
            yield event_line(said)


def _head(demo: Demo, *, wide: bool) -> Text:
    settings = demo.settings
    head = Text("SIMULATED SITE ", style="bold magenta", no_wrap=True, overflow="ellipsis")
    head.append(f"{settings.miners} simulated miners, scenario ", "not bold default")
    head.append(settings.scenario.name, "bold default")
    head.append(f", speed {settings.speed:g}, seed {settings.seed}\n", "not bold default")
    head.append(f"{_clock(demo.elapsed)}", "bold default")
    if settings.duration is not None:
        head.append(f" of {_clock(settings.duration)}", "not bold default")
    head.append(f", {demo.phase}   next: {next_text(demo)}\n", "not bold default")
    if wide:
        head.append(f"{steer_text(demo)}\n", "dim")
    return head


def steer_text(demo: Demo) -> str:
    """Return how to have less power, from another terminal."""
    return f"steer its power: pumpjack power cap --data {demo.folder} --kw N --for 5m --reason TEXT"


def next_text(demo: Demo) -> str:
    """Return what will happen next."""
    following = demo.following
    if following is None:
        if demo.settings.scenario.steps:
            return "nothing more happens to the pools"
        return "as it is; Ctrl-C ends" if demo.settings.duration is None else "as it is"
    due, step = following
    return f"{step.text} in {max(0.0, due - demo.elapsed):.0f} s"


def _truth(demo: Demo, books: Books) -> Text:
    """Return what the simulation counted on both sides, beside what the proxy says above."""
    miners, proxy, pools = books.miners, books.proxy, books.pools
    text = Text("simulated truth  ", style="bold", no_wrap=True, overflow="ellipsis")
    text.append(
        f"miners found {miners.found}, were answered {miners.answered}; "
        f"pools received {pools.submits}, took {pools.accepted}\n",
        "not bold",
    )
    text.append("under way        ", "bold")
    text.append(
        f"{miners.submitted - miners.answered} unanswered, {proxy.forwarded - proxy.settled} unsettled; "
        f"failovers {demo.failovers}; miners' reconnects {miners.reconnects}",
        "not bold",
    )
    return text


def event_line(said: Said) -> Text:
    """Return an event on one line."""
    line = Text(f"{said.at:%H:%M:%S} ", style="dim", no_wrap=True, overflow="ellipsis")
    if isinstance(said.what, str):
        return line.append(f"simulation: {said.what}", "not dim magenta")
    words, style = _words(said.what)
    return line.append(printable(words), f"not dim {style}")


def _words(event: events.Event) -> tuple[str, str]:
    """Return an event in words, and their colour."""
    match event:
        case events.UpstreamReady():
            return f"{event.tenant}: {event.pool} is ready", "green"
        case events.UpstreamDown():
            return f"{event.tenant}: {event.pool} lost, {event.cause}", "red"
        case events.WorkMoved():
            return f"{event.tenant}: {event.cause}, {event.sessions} sessions to {event.pool}", "bold"
        case events.NoUpstream():
            return f"{event.tenant}: no pool works, the last job is held", "bold red"
        case events.BlockFound():
            return (
                f"{event.tenant}: {event.worker} found a (simulated) block {event.block_hash[:16]}...",
                "cyan",
            )
        case events.PoolSaid():
            return f"{event.tenant}: {event.pool} {event.text}", "yellow"
        case events.SessionClosed():
            return f"{event.tenant}: {event.worker} has gone, {event.cause}", "yellow"
        case events.SessionRefused():
            return f"{event.peer} refused, {event.cause}", "yellow"
        case events.ConnectionsRefused():
            return f"{event.count} connections refused, {event.cause}", "yellow"
        case events.RouteFull():
            return f"{event.tenant}: no room, {event.waiting} miners wait", "red"
        case events.WidthsChanged():
            return (
                f"{event.tenant}: lease {event.lease} bytes, miners' extranonce2 {event.miner} bytes",
                "yellow",
            )
        case events.WorkerNameRefused():
            return f"{event.tenant}: {event.pool} refuses the name {event.name}", "yellow"
        case events.Curtailed():
            return f"curtailed: {event.sentence}", "bold yellow"
        case events.CurtailmentEnded():
            return f"curtailment ended after {event.seconds:.0f} s, {event.kwh:.2f} kWh not offered", "green"
        case events.PowerDecided():
            return f"power: {event.what}, {event.sentence}", "cyan"
        case events.PowerOrdered():
            what = f"{event.order} {event.circuit}".rstrip()
            return f"{event.who} orders: {what}, {event.reason}", "bold"
        case events.PowerAlarm():
            return f"ALARM {event.kind}: {event.text}", "bold red"
        case _:  # a kind that has no words of its own here
            fields = ", ".join(f"{name} {value}" for name, value in asdict(event).items())
            return f"{type(event).__name__}: {fields}", "yellow"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def progress_text(demo: Demo) -> str:
    """Return where the demo is, on one line."""
    books, state = Books.of(demo.books().values()), demo.state()
    power = "" if state is None or state["power"] is None else f"; {power_text(state['power'])}"
    return (
        f"{_clock(demo.elapsed)} {demo.phase}: found {books.miners.found}, answered {books.miners.answered}, "
        f"forwarded {books.proxy.forwarded}, settled {books.proxy.settled}{power}; next: {next_text(demo)}"
    )


def outcome_text(outcome: Outcome) -> str:
    """Return the summary for people: a few lines."""
    settings, books = outcome.settings, outcome.site
    miners, proxy, pools = books.miners, books.proxy, books.pools
    lines = [
        f"Simulated site, scenario {settings.scenario.name}: {settings.miners} simulated miners, "
        f"{outcome.duration:.1f} s, seed {settings.seed}",
        f"  miners found {miners.found}, judged {proxy.judged}, answered {miners.answered}: "
        f"{proxy.accepted} accepted, {proxy.rejected} rejected",
        f"  forwarded {proxy.forwarded}, settled {proxy.settled}: {proxy.pool_accepted} accepted, "
        f"{proxy.pool_rejected} rejected, {proxy.unknown} unknown; unsent {proxy.unsent}",
        f"  pools received {pools.submits} and found {pools.accepted} good, with {pools.blocks} blocks",
        f"  failovers {sum(outcome.failovers.values())}; miners' reconnects {miners.reconnects}, "
        f"set_extranonce to miners {miners.set_extranonces}",
        f"  lost {books.lost}, doubled {books.doubled}",
    ]
    violations = outcome.violations
    if violations:
        lines += ["The books do NOT agree:", *(f"  {text}" for text in violations)]
    else:
        lines.append("The books of miners, proxy and pools agree.")
    return "\n".join(lines)
