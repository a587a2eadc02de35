"""A running pumpjack as its operator has it: a process, its log, its status, signals."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from proxy import hotpath
from proxy.adapters.control.asking import ask
from proxy.adapters.simulated.changes import Changes

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20.0
"""Seconds after which what should happen is taken not to happen: far above what an idle machine needs."""
LOOK = 0.05
"""Seconds between two looks at the status: the only thing about the process that cannot be awaited."""
FORBIDDEN = ("Traceback", "Exception", "Error:", "never retrieved", "never awaited")
"""Words of Python's own in a log: something went wrong that nobody had thought of."""

State = dict[str, Any]


def command(*words: str) -> list[str]:
    """Return the command line of pumpjack with the interpreter that runs the tests."""
    return [sys.executable, "-m", "proxy", *words]


def environment(**extra: str) -> dict[str, str]:
    """Return our environment without the settings and switches of a pumpjack, plus ``extra``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PUMPJACK_")}
    return {**kept, **extra}


class Pumpjack:
    """One process of ``pumpjack run``."""

    def __init__(self, process: Process, data_dir: Path) -> None:
        self.process = process
        self.data_dir = data_dir
        self.lines: list[str] = []
        """Everything it wrote to its log."""
        self.log: list[State] = []
        """The same, read."""
        self.strange: list[str] = []
        """Lines of the log that were no JSON."""
        self.ports: dict[tuple[str | None, bool], int] = {}
        """By tenant (None: shared) and TLS."""
        self._changes = Changes("pumpjack", lambda: "\n".join(self.lines[-40:]))
        self._ended = False
        self._reading = asyncio.create_task(self._read(), name="log of pumpjack")

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            text = line.decode().rstrip("\n")
            self.lines.append(text)
            try:
                entry = json.loads(text)
            except ValueError:
                self.strange.append(text)
            else:
                self.log.append(entry)
                if entry["event"] == "listening":
                    self._listens(entry)
            self._changes.happened()
        self._ended = True
        self._changes.happened()

    def _listens(self, entry: State) -> None:
        scheme, _, address = entry["address"].partition("://")
        self.ports[entry["tenant"], scheme == "stratum+ssl"] = int(address.rpartition(":")[2])

    # --- looking ------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port of the only plain listener that tenants share."""
        return self.ports[None, False]

    def entries(self, event: str, **fields: object) -> list[State]:
        """Return the entries of the log with this event and these fields."""
        return [
            entry
            for entry in self.log
            if entry["event"].startswith(event)
            and all(entry.get(name) == value for name, value in fields.items())
        ]

    async def logged(self, event: str, count: int = 1, timeout: float = PATIENCE, **fields: object) -> State:
        """Wait for the ``count``-th entry of ``event`` (or what begins so) with these fields; return it."""
        await self._changes.wait_for(
            lambda: len(self.entries(event, **fields)) >= count or self._ended, timeout
        )
        found = self.entries(event, **fields)
        assert len(found) >= count, "pumpjack ended:\n" + "\n".join(self.lines)
        return found[count - 1]

    async def status(self, *, sessions: bool = False) -> State:
        """Return what it says that it is doing."""
        return await asyncio.to_thread(ask, self.data_dir, sessions=sessions)

    async def status_when(
        self, condition: Callable[[State], object], *, sessions: bool = False, timeout: float = PATIENCE
    ) -> State:
        """Return the first status for which ``condition`` holds."""
        state: State = {}
        try:
            async with asyncio.timeout(timeout):
                while not condition(state := await self.status(sessions=sessions)):  # noqa: ASYNC110
                    # Another process's state has no event to wait for.
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            raise TimeoutError(f"not within {timeout} s; status is {json.dumps(state, indent=1)}") from None
        return state

    async def settled(self) -> State:
        """Return the status once every share is answered, by us and by the pools."""
        return await self.status_when(lambda state: state["unanswered"] == state["unsettled"] == 0)

    # --- doing --------------------------------------------------------------------------------------------

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def ended(self, timeout: float = PATIENCE) -> int:
        """Return the exit code once it has ended."""
        async with asyncio.timeout(timeout):
            code = await self.process.wait()
            await self._reading
        return code

    async def stop(self) -> None:
        """Ask it to end, and see that it ends well."""
        self.send(signal.SIGTERM)
        assert await self.ended() == 0, "\n".join(self.lines)

    def assert_clean(self) -> None:
        """See that the log holds nothing but entries, and nothing that nobody had thought of."""
        assert not self.strange, "\n".join(self.lines)
        bad = [line for line in self.lines if any(word in line for word in FORBIDDEN)]
        assert not bad, "\n".join(bad)

    async def kill(self) -> None:
        """End it at once, if it has not ended."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reading


async def started(
    words: Sequence[str], data_dir: Path, extra: Mapping[str, str] | None = None, *, pure: bool = False
) -> Pumpjack:
    """Return a process of ``pumpjack run`` with these words; it need not listen yet."""
    if pure or not hotpath.COMPILED:
        words = [*words, "--allow-pure-python"]
    return await launched(command("run", *words), data_dir, extra)


async def launched(line: Sequence[str], data_dir: Path, extra: Mapping[str, str] | None = None) -> Pumpjack:
    """Return a process of this command line, which comes to a ``pumpjack run``."""
    process = await asyncio.create_subprocess_exec(
        *line,
        cwd=ROOT,
        env=environment(**(extra or {})),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
        limit=1 << 22,
    )
    return Pumpjack(process, data_dir)


@asynccontextmanager
async def running(
    words: Sequence[str], data_dir: Path, extra: Mapping[str, str] | None = None, *, pure: bool = False
) -> AsyncIterator[Pumpjack]:
    """Run pumpjack until it listens, beside the body; at the end see that it ends well and with a clean log.

    Where the body ended it already, the body has looked at its exit code.
    """
    pumpjack = await started(words, data_dir, extra, pure=pure)
    try:
        await pumpjack.logged("listening")
        # One write announces all listeners, but a pipe may hand it over in parts.
        doors = len((await pumpjack.status())["listeners"])
        await pumpjack.logged("listening", count=doors)
        yield pumpjack
        if pumpjack.process.returncode is None:
            await pumpjack.stop()
        await pumpjack.ended()
        pumpjack.assert_clean()
    finally:
        await pumpjack.kill()
