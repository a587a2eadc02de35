"""``pumpjack demo`` as a process: its JSON, its exit codes, what it leaves behind."""

import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from proxy.app.books import Books, MinerBook, PoolBook, ProxyBook
from proxy.app.demo import Outcome
from proxy.app.demo_configuration import DemoSettings
from proxy.app.scenarios import SCENARIOS
from proxy.cli import demo as command
from proxy.cli import main
from proxy.units import Seconds
from tests.conftest import Require

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "shares_found",
    "judged",
    "answered",
    "accepted",
    "rejected",
    "forwarded",
    "settled",
    "lost",
    "doubled",
    "seed",
    "miners",
    "duration_s",
    "scenario",
    "hot_path",
    "reconnects",
    "set_extranonce",
    "failovers",
    "tenants",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder with a short path: the demo's control socket lies below, and its path has 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="pj-") as name:
        yield Path(name)


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "proxy", "demo", *words],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_short_demo_ends_with_books_that_agree(folder: Path) -> None:
    process = started(folder, "--headless", "--duration", "4", "--miners", "20", "--seed", "3", "--json")
    output, errors = process.communicate(timeout=50)
    assert process.returncode == 0, errors
    summary = json.loads(output)
    assert summary.keys() >= KEYS
    assert summary["shares_found"] == summary["judged"] == summary["answered"] > 0
    assert summary["accepted"] + summary["rejected"] == summary["judged"]
    assert summary["forwarded"] == summary["settled"] == summary["pools_received"]
    assert (summary["lost"], summary["doubled"], summary["violations"]) == (0, 0, [])
    assert (summary["miners"], summary["seed"], summary["scenario"]) == (20, 3, "steady")
    assert sum(tenant["shares_found"] for tenant in summary["tenants"].values()) == summary["shares_found"]
    assert "Traceback" not in errors
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_summary(folder: Path, number: signal.Signals) -> None:
    process = started(folder, "--headless", "--duration", "300", "--miners", "10", "--json")
    assert process.stderr is not None
    assert "stratum+tcp://127.0.0.1:" in process.stderr.readline()
    process.send_signal(number)
    output, errors = process.communicate(timeout=50)
    assert process.returncode == 0, errors
    summary = json.loads(output)
    assert summary["shares_found"] == summary["judged"] == summary["answered"]
    assert summary["duration_s"] < 60
    assert list(folder.iterdir()) == []


def test_on_a_terminal_it_draws_and_leaves_the_summary(folder: Path, require: Require) -> None:
    try:
        ours, theirs = pty.openpty()
    except OSError:
        require("a pseudo terminal (/dev/pts)", False)
        raise
    process = subprocess.Popen(
        [sys.executable, "-m", "proxy", "demo", "--duration", "2", "--miners", "10"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder), "TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    drawn = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux tells the end of a terminal
            break
        if not part:
            break
        drawn += part
    os.close(ours)
    _, errors = process.communicate(timeout=50)
    assert process.returncode == 0, errors
    assert errors == b""
    picture, summary = drawn.split(b"\x1b[?1049l")  # the end of the alternate screen
    assert b"SIMULATED SITE" in picture
    assert b"books of miners, proxy and pools agree" in summary


@pytest.mark.parametrize(
    "words",
    [
        ["--scenario", "nonsense"],
        ["--miners", "0"],
        ["--speed", "0"],
        ["--duration", "-1"],
        ["--headless", "--duration", "5", "--scenario", "lying-pool"],
    ],
)
def test_usage_errors_end_with_2(words: list[str]) -> None:
    assert CliRunner().invoke(main, ["demo", *words]).exit_code == 2


def test_help_explains_every_scenario_and_every_figure() -> None:
    text = CliRunner().invoke(main, ["demo", "--help"]).output
    for name in (*SCENARIOS, "lost", "doubled", "repeated", "unsent"):
        assert f"\n  {name} " in text


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_books_that_disagree_end_with_1(monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    books = Books(
        MinerBook(found=11, accepted=10), ProxyBook(accepted=10, forwarded=1, pool_accepted=1), PoolBook(1, 1)
    )

    def lossy(settings: DemoSettings, *_: object) -> Outcome:
        duration = Seconds(1.0)
        return Outcome(replace(settings, duration=duration), duration, {"acme": books}, {"acme": 0})

    monkeypatch.setattr(command, "_run", lossy)
    result = CliRunner().invoke(main, ["demo", "--headless", *options])
    assert result.exit_code == 1
    assert "found 11, but judged 10" in result.output
    if options:
        assert json.loads(result.stdout)["lost"] == 1
