"""The demo in this process: real sockets, real shares, a few seconds."""

import asyncio
import dataclasses
import io
import socket
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from rich.console import Console

from proxy.app.demo import Demo, Outcome, Said
from proxy.app.demo_configuration import DemoError, DemoSettings, free_port
from proxy.app.scenarios import SCENARIOS
from proxy.cli.demo_screen import DemoScreen, event_line, outcome_text, progress_text
from proxy.events import Event
from proxy.units import Seconds


def settings(scenario: str = "steady", duration: float | None = None) -> DemoSettings:
    return DemoSettings(12, 4.0, None if duration is None else Seconds(duration), SCENARIOS[scenario], 7)


async def some_shares(demo: Demo, running: asyncio.Task[Outcome], shares: int = 10) -> None:
    """Return once the miners have had answers; what ends the demo before comes out here."""
    async with asyncio.timeout(20):
        while sum(books.miners.answered for books in demo.books().values()) < shares:
            if running.done():
                running.result()
            await asyncio.sleep(0.01)


async def test_stop_answers_and_settles_what_is_under_way(tmp_path: Path) -> None:
    demo = Demo(settings(), tmp_path)
    running = asyncio.create_task(demo.run())
    await some_shares(demo, running)
    demo.stop()
    outcome = await running
    books = outcome.site
    assert outcome.violations == []
    assert books.miners.found == books.proxy.judged == books.miners.answered >= 10
    assert books.proxy.forwarded == books.proxy.settled
    assert all(each.miners.found for each in outcome.books.values())
    assert "agree." in outcome_text(outcome)


async def test_a_narrow_pool_gives_leases_of_one_byte(tmp_path: Path) -> None:
    demo = Demo(settings("narrow"), tmp_path)
    running = asyncio.create_task(demo.run())
    await some_shares(demo, running)
    state = demo.state()
    assert state is not None
    assert {tenant["extranonce"]["lease"] for tenant in state["tenants"]} == {1}
    demo.stop()
    assert (await running).violations == []


async def test_a_cut_pool_is_left_for_the_backup_and_taken_again(tmp_path: Path) -> None:
    outcome = await Demo(settings("pool-outage", 8.0), tmp_path).run()
    assert outcome.violations == []
    assert outcome.failovers == {"acme": 2, "borealis": 0}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_screen_fits_into_the_terminal(tmp_path: Path, size: tuple[int, int]) -> None:
    demo = Demo(settings(), tmp_path)
    running = asyncio.create_task(demo.run())
    await some_shares(demo, running)
    console = Console(width=size[0], height=size[1], record=True, file=io.StringIO())
    newest = demo.said[-1]
    console.print(DemoScreen(demo))
    lines = console.export_text().splitlines()
    demo.stop()
    await running
    assert len(lines) <= size[1]
    assert max(map(len, lines)) <= size[0]
    text = "\n".join(lines)
    assert "SIMULATED SITE" in text
    # Which of the others there was room for depends on what has happened since the pools were ready.
    assert event_line(newest).plain[:40] in text
    assert [line.split()[1] for line in lines if line.startswith(("acme ", "borealis "))][:4] == [
        "primary",
        "backup",
        "primary",
        "backup",
    ]


async def test_a_program_that_cannot_start_ends_the_demo(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("a file where the data directory should be")
    with pytest.raises(Exception, match="data directory"):
        await Demo(settings(), tmp_path / "site").run()


async def test_progress_is_told_before_anything_has_begun(tmp_path: Path) -> None:
    assert "found 0" in progress_text(Demo(settings(), tmp_path))


def test_a_taken_port_is_passed_over() -> None:
    first = free_port()
    with socket.create_server(("127.0.0.1", first)):
        assert free_port() > first


def test_a_port_that_another_demo_is_about_to_take_is_passed_over() -> None:
    with ExitStack() as claims:
        first = free_port(claims=claims)
        assert free_port() > first


def test_without_a_free_port_there_is_no_demo() -> None:
    with pytest.raises(DemoError, match="taken"):
        free_port(0)


@pytest.mark.parametrize("kind", get_args(Event))
def test_every_event_has_one_line(kind: type) -> None:
    plain = {int: 1, float: 1.0, str: "x", bool: True, bytes: b"x"}
    hints = get_type_hints(kind)
    event = kind(**{each.name: plain.get(hints[each.name], 1) for each in dataclasses.fields(kind)})
    line = event_line(Said(datetime(2026, 1, 1, tzinfo=UTC), event)).plain
    assert "\n" not in line
    assert len(line) > len("00:00:00 ")
