"""Events as log lines: JSON where a machine reads them, colours where a person does."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TextIO, cast

import structlog

from proxy import events
from proxy.adapters.logs.printable import printable
from proxy.adapters.logs.writer import Writer
from proxy.events import Event

LEVELS: dict[type[Event], int] = {
    events.SessionOpened: logging.INFO,
    events.MinerAtRisk: logging.WARNING,
    events.SessionClosed: logging.INFO,
    events.SessionRefused: logging.WARNING,
    events.Draining: logging.WARNING,
    events.ConnectionsRefused: logging.WARNING,
    events.AddressCrowded: logging.WARNING,
    events.UpstreamReady: logging.INFO,
    events.UpstreamDown: logging.WARNING,
    events.WorkMoved: logging.WARNING,
    events.NoUpstream: logging.ERROR,
    events.PoolSaid: logging.WARNING,
    events.WorkerNameRefused: logging.WARNING,
    events.RouteFull: logging.ERROR,
    events.WidthsChanged: logging.WARNING,
    events.BlockFound: logging.WARNING,
    events.LedgerDegraded: logging.CRITICAL,
    events.LedgerRestored: logging.WARNING,
    events.LedgerReserveUsed: logging.CRITICAL,
    events.LedgerProblem: logging.ERROR,
    events.Curtailed: logging.WARNING,
    events.CurtailmentEnded: logging.WARNING,
    events.PowerDecided: logging.INFO,
    events.PowerAlarm: logging.ERROR,
    events.PowerOrdered: logging.WARNING,
    events.GovernorSilent: logging.CRITICAL,
    events.GovernorHeard: logging.WARNING,
}
"""How loud each event is."""

LINES_PER_SECOND = 5
"""Of one kind; more are counted and told with the next line that is let through."""
PEER_KINDS: tuple[type[Event], ...] = (
    events.SessionOpened,
    events.SessionClosed,
    events.SessionRefused,
    events.ConnectionsRefused,
    events.AddressCrowded,
    events.MinerAtRisk,
    events.WorkerNameRefused,
    events.RouteFull,
)
"""What any peer can cause as often as it likes. Blocks and pools are never held back for these."""
PEER_BYTES_PER_HOUR = 8_000_000
"""Of all these kinds together, in any hour, in equal parts: five lines a second of each would be 40 MB."""
LINE_OVERHEAD = 120
"""Bytes of a line beside its fields: level, kind, time stamp, the count of what was not logged."""


def configure(out: TextIO | Writer, *, level: int = logging.INFO) -> None:
    """Write log lines to ``out``, coloured if that is a terminal, else JSON.

    Whoever serves gives it a ``Writer``: any other stream is waited for, and what goes wrong with it raises.
    """
    renderer: structlog.typing.Processor = (
        # A plain traceback: the colourful one prints local variables, and one may be a password.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if out.isatty()
        else structlog.processors.JSONRenderer(default=_plain)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([_Losses(out)] if isinstance(out, Writer) else []),
            *([] if out.isatty() else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # One write for a line: its end is not apart from it.
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, out)),
    )


class _Losses:
    """Tells in the next line how many were lost since the start; if that is lost, in the one behind it."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._told = 0

    def __call__(
        self, logger: object, name: str, fields: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        if self._writer.lost != self._told:
            self._told = fields["lines_lost"] = self._writer.lost
        return fields


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


class Budget:
    """Bytes of one kind: half of an hour's at once, and the other half spread over the hour."""

    __slots__ = ("_at", "_left", "_most")

    def __init__(self, per_hour: float, now: float) -> None:
        self._most = self._left = per_hour / 2
        self._at = now

    def takes(self, size: int, now: float) -> bool:
        """Take a line of ``size`` bytes, if there is room for it."""
        self._left = min(self._most, self._left + self._most * (now - self._at) / 3600)
        self._at = now
        if size > self._left:
            return False
        self._left -= size
        return True


@dataclass(slots=True)
class _Seen:
    """One kind and tenant: lines of this second, and what was held back since the last line."""

    since: float
    lines: int = 0
    held_back: int = 0


class EventLog:
    """Hears every event and logs it, each kind at a bounded rate: a storm of miners must not fill a disk."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._log = structlog.get_logger()
        self._seen: dict[tuple[str, str], _Seen] = {}
        share, now = PEER_BYTES_PER_HOUR / len(PEER_KINDS), clock()
        self._budgets = {kind: Budget(share, now) for kind in PEER_KINDS}

    def __call__(self, event: Event) -> None:
        """Log ``event`` unless its kind has had its lines of this second, or its bytes of this hour."""
        kind = type(event)
        key = (kind.__name__, getattr(event, "tenant", ""))  # one tenant's storm must not hide another's loss
        now = self._clock()
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = _Seen(now)
        if now - seen.since >= 1.0:
            seen.since, seen.lines = now, 0
        if seen.lines >= LINES_PER_SECOND:
            seen.held_back += 1
            return
        texts = {name: _readable(value) for name, value in asdict(event).items()}
        budget = self._budgets.get(kind)
        if budget is not None and not budget.takes(_size(texts), now):
            seen.held_back += 1
            return
        seen.lines += 1
        if seen.held_back:
            texts["not_logged"], seen.held_back = seen.held_back, 0
        self._log.log(level_of(event), kind.__name__, **texts)


def _size(texts: dict[str, object]) -> int:
    """Return at least the bytes of a line: JSON escapes a character beyond ASCII as six."""
    return LINE_OVERHEAD + sum(len(name) + 8 + len(json.dumps(f"{value}")) for name, value in texts.items())


def level_of(event: Event) -> int:
    """Return how loud an event is: the first work after a start is no warning."""
    if isinstance(event, events.WorkMoved) and event.cause == "first work":
        return logging.INFO
    return LEVELS[type(event)]


def _readable(value: object) -> object:
    """Return a value as it may be shown: bytes in hex, and in text nothing that a terminal would obey."""
    if isinstance(value, bytes):
        return value.hex()
    return printable(value) if isinstance(value, str) else value
