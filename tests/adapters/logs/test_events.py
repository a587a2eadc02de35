"""The log: every event has a level, storms are bounded, machines read JSON."""

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, get_args

import pytest
import structlog

from proxy import events
from proxy.adapters.logs.events import LEVELS, LINES_PER_SECOND, EventLog, configure
from proxy.events import BlockFound, Event, NoUpstream, SessionOpened


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    out = io.StringIO()
    configure(out)
    yield out
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def example(kind: type[Event]) -> Event:
    """Return an event with plausible values of the types that it declares."""
    samples: dict[object, object] = {int: 3, str: "text", bytes: b"\x00\xff", float: 1.5, bool: True}
    given: dict[str, Any] = {field.name: samples.get(field.type) for field in fields(kind)}
    return kind(**given)


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_every_event_has_a_level_and_can_be_written(kind: type[Event], stream: io.StringIO) -> None:
    EventLog(Clock())(example(kind))
    (line,) = lines(stream)
    assert line["event"] == kind.__name__
    assert line["level"] == logging.getLevelName(LEVELS[kind]).lower()
    assert set(line) == {field.name for field in fields(kind)} | {"event", "level", "timestamp"}


def test_levels_are_for_events_that_exist() -> None:
    assert set(LEVELS) == set(get_args(Event))
    assert all(kind.__module__ == events.__name__ for kind in LEVELS)


def test_bytes_are_written_in_hex(stream: io.StringIO) -> None:
    event = example(BlockFound)
    EventLog(Clock())(event)
    assert lines(stream)[0]["header"] == "00ff"


def test_a_storm_of_one_kind_is_bounded_counted_and_hides_no_other_kind(stream: io.StringIO) -> None:
    clock = Clock()
    log = EventLog(clock)
    for number in range(100):
        log(SessionOpened(number, "acme", "w", "agent", "peer"))
    log(NoUpstream("acme"))
    clock.now += 1.0
    log(SessionOpened(100, "acme", "w", "agent", "peer"))
    told = lines(stream)
    opened = [line for line in told if line["event"] == "SessionOpened"]
    assert [line["session"] for line in opened] == [*range(LINES_PER_SECOND), 100]
    assert opened[-1]["not_logged"] == 100 - LINES_PER_SECOND
    assert [line["event"] for line in told].count("NoUpstream") == 1


def test_a_terminal_gets_colours_and_no_json(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: True)
    configure(out)
    EventLog(Clock())(NoUpstream("acme"))
    structlog.reset_defaults()
    assert "NoUpstream" in out.getvalue()
    assert not out.getvalue().startswith("{")


def test_what_is_below_the_level_is_not_written() -> None:
    out = io.StringIO()
    configure(out, level=logging.ERROR)
    log = EventLog(Clock())
    log(SessionOpened(1, "acme", "w", "agent", "peer"))
    log(NoUpstream("acme"))
    structlog.reset_defaults()
    assert [line["event"] for line in lines(out)] == ["NoUpstream"]
