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
from proxy.adapters.logs.events import (
    LEVELS,
    LINES_PER_SECOND,
    PEER_BYTES_PER_HOUR,
    PEER_KINDS,
    EventLog,
    configure,
)
from proxy.events import BlockFound, Event, NoUpstream, PoolSaid, SessionOpened, SessionRefused, UpstreamDown


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


def test_whatever_peers_do_an_hour_of_log_is_less_than_ten_megabytes(stream: io.StringIO) -> None:
    """Each kind that a peer can cause, at the greatest rate, with the longest names."""
    clock = Clock()
    log = EventLog(clock)
    samples: dict[object, object] = {int: 10**15, str: "\u2028" * 200, float: 1.5}
    for second in range(0, 3600, 12):
        clock.now = 100.0 + second
        for kind in PEER_KINDS:
            given: dict[str, Any] = {field.name: samples[field.type] for field in fields(kind)}
            for tenant in range(2):
                if "tenant" in given:
                    given["tenant"] = f"tenant-{tenant}"
                for _ in range(LINES_PER_SECOND + 1):
                    log(kind(**given))
    size = len(stream.getvalue().encode())
    assert PEER_BYTES_PER_HOUR / 4 < size < 10_000_000


def test_what_peers_cause_never_holds_back_a_block_or_the_loss_of_a_pool(stream: io.StringIO) -> None:
    clock = Clock()
    log = EventLog(clock)
    for second in range(1200):
        clock.now = 100.0 + second
        for _ in range(50):
            log(SessionRefused(1, "192.0.2.1:1", "x" * 500))
    log(UpstreamDown("acme", "one", 1, "gone", 1.0))
    log(NoUpstream("acme"))
    log(example(BlockFound))
    assert [line["event"] for line in lines(stream)][-3:] == ["UpstreamDown", "NoUpstream", "BlockFound"]


def test_every_event_is_either_logged_or_counted_in_the_next_line(stream: io.StringIO) -> None:
    clock = Clock()
    log = EventLog(clock)
    said = 0
    for second in range(900):
        clock.now = 100.0 + second
        for _ in range(7):
            log(SessionRefused(1, "192.0.2.1:1", "x" * 400))
            said += 1
    clock.now += 3600.0
    log(SessionRefused(2, "192.0.2.1:1", "the last"))
    told = lines(stream)
    assert len(told) + sum(line.get("not_logged", 0) for line in told) == said + 1
    assert told[-1]["cause"] == "the last"


@pytest.mark.parametrize("terminal", [False, True])
def test_a_terminal_obeys_nothing_that_stands_in_the_log(
    terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: terminal)
    configure(out)
    EventLog(Clock())(PoolSaid("acme", "one", "\x1b]0;owned\x07\x9b2J\u202etxt\ud800"))
    structlog.reset_defaults()
    text = out.getvalue()
    assert not {"\x1b]", "\x07", "\x9b", "\u202e", "\ud800"} & {
        text[i : i + n] for n in (1, 2) for i in range(len(text))
    }
    assert "?]0;owned??2J?txt?" in text
