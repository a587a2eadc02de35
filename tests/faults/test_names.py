"""Whatever a miner calls itself, it stays a name: in the log, on the screen, in a file, at the pool."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from rich.console import Console

from proxy.adapters.logs.events import EventLog, configure
from proxy.adapters.simulated.pool import SimulatedPool
from proxy.adapters.stores.blocks import BlockFiles
from proxy.cli.screen import session_table, state_view
from proxy.events import BlockFound
from proxy.relay.settings import TenantSettings
from proxy.relay.snapshot import snapshot
from tests.adapters.simulated.raw import RawClient
from tests.fakes.pool import EASY_NBITS, FakePool
from tests.fakes.site import FIXED, Site, pool_settings
from tests.faults.names import NAMES, PLAIN, harmless, lines_of
from tests.system.mine import POOL, miner, more, undisturbed
from tests.system.pumpjack import command, environment, running
from tests.system.site import site, tenant, upstream, written


def named_site(pool: FakePool) -> Site:
    """Return a site where every name of the corpus has logged in, or has tried to."""
    upstream_ = pool_settings(pool, user="acct.{worker}", fallback_user="acct.site")
    acme = TenantSettings("acme", (upstream_,), user_match="acme.*", vardiff=FIXED)
    site = Site(pool, tenants=[acme]).start()
    for name in NAMES:
        sender = site.connect()
        for line in lines_of(name):
            sender.raw(line)
    site.pass_time(1.0)
    return site


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: True)
    return out


def logged(site: Site, out: io.StringIO) -> str:
    """Return the log of everything that happened, with time enough between that nothing is left out."""
    configure(out)
    clock: Iterator[int] = count(0, 2)
    log = EventLog(lambda: float(next(clock)))
    for event in site.events:
        log(event)
    return out.getvalue()


def test_a_machine_reads_the_log_line_by_line_and_finds_no_event_that_was_none() -> None:
    site = named_site(FakePool("one"))
    text = logged(site, io.StringIO())
    harmless(text)
    lines = text.split("\n")[:-1]
    assert [json.loads(line)["event"] for line in lines] == [type(event).__name__ for event in site.events]
    assert len(lines) > len(NAMES), "each is refused by one name, most are let in by the other"
    assert max(map(len, lines)) < 1024


def test_a_person_sees_the_log_and_nothing_takes_hold_of_the_terminal(terminal: io.StringIO) -> None:
    site = named_site(FakePool("one"))
    text = logged(site, terminal)
    harmless(text)
    assert text.count("\n") == len(site.events)


def test_the_status_is_a_table_of_names_and_no_markup(terminal: io.StringIO) -> None:
    site = named_site(FakePool("one"))
    state = json.loads(json.dumps(snapshot(site.relay, site.now, sessions=True)))
    workers = [session["worker"] for session in state["session_list"]]
    assert any("[/nothing]" in worker for worker in workers)
    console = Console(file=terminal, force_terminal=True, width=500, legacy_windows=False)
    console.print(session_table(state["session_list"]))
    text = terminal.getvalue()
    harmless(text)
    assert text.count("\n") == len(workers) + 1
    for worker in workers:
        assert worker in text


def test_the_words_of_a_pool_are_words(terminal: io.StringIO) -> None:
    words = "\x1b[2J\x1b]0;title\x07 [/] \u202e\r\n[red]no"
    pool = FakePool("one", refusal=lambda call: {"id": call, "result": None, "error": [20, words, None]})
    site = Site(pool).start()
    sender = site.miner()
    pool.side.say({"id": None, "method": "client.show_message", "params": [words]})
    for _ in range(30):
        sender.mine()
        site.pass_time(1.0)
    state = json.loads(json.dumps(snapshot(site.relay, site.now)))
    assert "[red]no" in state["tenants"][0]["upstreams"][0]["last_failure"]
    console = Console(file=terminal, force_terminal=True, width=500, legacy_windows=False)
    listeners = [{"host": "127.0.0.1", "port": 1, "tls": False}]
    console.print(state_view({"version": "0", "hot_path": "c", "site": "s", "listeners": listeners, **state}))
    harmless(terminal.getvalue())
    assert "[red]no" in terminal.getvalue()


def test_what_a_block_file_says_is_json_under_a_name_of_its_hash(tmp_path: Path) -> None:
    pool = FakePool("one", nbits=EASY_NBITS)
    site = Site(pool).start()
    for name in PLAIN:
        sender = site.miner("acme." + name)
        if sender.is_open and sender.jobs:
            sender.mine()
    found = site.seen(BlockFound)
    assert len(found) > len(PLAIN) // 4
    files = BlockFiles(tmp_path / "blocks")
    for event in found:
        files.keep(event)
    paths = sorted(tmp_path.rglob("*"))
    assert {path.name for path in paths if path.is_file()} == {f"{e.block_hash}.json" for e in found}
    for path in paths:
        if path.is_file():
            harmless(path.read_text())
            assert json.loads(path.read_text())["block_hash"] == path.stem


def test_a_pool_is_asked_for_names_that_are_names() -> None:
    pool = FakePool("one")
    acme = TenantSettings(
        "acme", (pool_settings(pool, user="acct.{worker}", fallback_user="acct.site"),), vardiff=FIXED
    )
    site = Site(pool, tenants=[acme]).start()
    for name in PLAIN:
        sender = site.miner("acme." + name)
        if sender.is_open and sender.jobs:
            sender.mine()
            sender.mine()
    names = {
        call["params"][0]
        for call in pool.side.calls
        if call["method"] in ("mining.authorize", "mining.submit")
    }
    assert len(names) > len(PLAIN) // 2
    for name in names:
        harmless(name)
        assert "\n" not in name
        assert name.startswith("acct.")
        assert len(name) <= 63 + len("acct.")
    assert pool.faults == []


async def test_the_program_takes_every_name_and_its_log_and_status_stay_readable(tmp_path: Path) -> None:
    async with SimulatedPool(POOL) as pool:
        path = written(tmp_path, site(tenant(upstream(pool), id="acme", user_match="acme.*")))
        async with running(["-c", str(path)], tmp_path / "data") as pumpjack, miner(pumpjack.port) as honest:
            await more([honest])
            senders = [RawClient(pumpjack.port) for _ in NAMES]
            for name, sender in zip(NAMES, senders, strict=True):
                await sender.__aenter__()
                sender.write(b"".join(lines_of(name)))
                while (
                    (heard := await sender.line()) and b'"id":5,' not in heard and b'"id":null' not in heard
                ):
                    pass
            words = command("status", "--data", str(pumpjack.data_dir), "--sessions")
            said = ""
            for extra in ([], ["--json"]):
                ran = await asyncio.to_thread(
                    subprocess.run,
                    [*words, *extra],
                    env=environment(COLUMNS="400", FORCE_COLOR="1"),
                    capture_output=True,
                    text=True,
                    timeout=50,
                )
                assert ran.returncode == 0, ran.stderr
                said = ran.stdout
                harmless(said)
            assert len(json.loads(said)["session_list"]) > len(PLAIN) // 2
            for sender in senders:
                await sender.__aexit__(None, None, None)
            await more([honest])
            undisturbed([honest])
        for line in pumpjack.lines:
            harmless(line)
