"""Events as log lines: JSON where a machine reads them, colours where a person does."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TextIO

import structlog

from proxy import events
from proxy.events import Event

LEVELS: dict[type[Event], int] = {
    events.SessionOpened: logging.INFO,
    events.MinerAtRisk: logging.WARNING,
    events.SessionClosed: logging.INFO,
    events.SessionRefused: logging.WARNING,
    events.UpstreamReady: logging.INFO,
    events.UpstreamDown: logging.WARNING,
    events.WorkMoved: logging.WARNING,
    events.NoUpstream: logging.ERROR,
    events.PoolSaid: logging.WARNING,
    events.WorkerNameRefused: logging.WARNING,
    events.RouteFull: logging.ERROR,
    events.WidthsChanged: logging.WARNING,
    events.BlockFound: logging.WARNING,
}
"""How loud each event is."""

LINES_PER_SECOND = 5
"""Of one kind; more are counted and told with the next line that is let through."""


def configure(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """Write log lines to ``stream`` (standard error), coloured if that is a terminal, else JSON."""
    out = stream or sys.stderr
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
            *([] if out.isatty() else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
    )


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


class EventLog:
    """Hears every event and logs it, each kind at a bounded rate: a storm of miners must not fill a disk."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._log = structlog.get_logger()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def __call__(self, event: Event) -> None:
        """Log ``event`` unless its kind has had its lines of this second."""
        kind = type(event).__name__
        key = (kind, getattr(event, "tenant", ""))  # one tenant's storm must not hide another's loss
        now = self._clock()
        since, count = self._seen.get(key, (now, 0))
        fields = {name: _readable(value) for name, value in asdict(event).items()}
        if now - since >= 1.0:
            if count > LINES_PER_SECOND:
                fields["not_logged"] = count - LINES_PER_SECOND
            since, count = now, 0
        self._seen[key] = (since, count + 1)
        if count < LINES_PER_SECOND:
            self._log.log(level_of(event), kind, **fields)


def level_of(event: Event) -> int:
    """Return how loud an event is: the first work after a start is no warning."""
    if isinstance(event, events.WorkMoved) and event.cause == "first work":
        return logging.INFO
    return LEVELS[type(event)]


def _readable(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value
