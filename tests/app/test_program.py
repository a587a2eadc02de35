"""What a mistake of ours may and may not do to the program."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from proxy.adapters.logs import events as logs
from proxy.adapters.simulated.pool import SimulatedPool
from proxy.app.program import Program
from proxy.config.load import settings_from
from proxy.relay.engine import Relay


async def test_a_tick_that_fails_stops_nobody_and_is_confessed_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with SimulatedPool() as pool:
        upstream = {"name": "pool", "url": f"stratum+tcp://127.0.0.1:{pool.port}", "user": "acct.site"}
        raw: dict[str, Any] = {
            "site": {"data_dir": str(tmp_path / "data")},
            "stratum": {"listen": ["127.0.0.1:0"]},
            "tenant": [{"id": "main", "upstream": [upstream]}],
        }
        logs.configure(sys.stderr)
        program = Program(settings_from(raw, base=tmp_path))
        running = asyncio.create_task(program.run())
        await program.listening.wait()
        at = asyncio.get_running_loop().time()
        monkeypatch.setattr(program, "_clock", lambda: at)  # the second does not pass
        ticks = 0
        enough = asyncio.Event()

        def broken(relay: Relay, now: float) -> None:
            nonlocal ticks
            ticks += 1
            if ticks >= 4:
                enough.set()
            raise ZeroDivisionError("planted")

        monkeypatch.setattr(Relay, "tick", broken)
        await enough.wait()
        assert not running.done()
        monkeypatch.undo()
        program.stop()
        await running
    assert capsys.readouterr().err.count("ZeroDivisionError: planted") == 1
