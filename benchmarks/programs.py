"""The C programs of this folder: compiled when they are first needed, started, spoken to line by line."""

from __future__ import annotations

import hashlib
import json
import os
import select
import shlex
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.goals import Json
from benchmarks.machine import on_core, process_cpu_ns

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CORE = sorted(path for path in (ROOT / "ext").glob("*.c") if path.name.startswith("sha256d"))
FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O3")
"""Plain, so that a ratio is not one of compiler options; the core chooses its instructions at run time."""
_SERVER = ("hello.c", "server.c", "sockets.c", "stratum.c")
SOURCES = {
    "floor": ("floor.c", *_SERVER),
    "full": ("full.c", *_SERVER),
    "fanout": ("fanout.c", *_SERVER),
    "load": ("load.c", "miner.c", "sockets.c", "stratum.c"),
    "limit.so": ("limit.c",),
}
PATIENCE = 60.0
"""Seconds after which a program that says nothing is taken to hang."""


class Broken(Exception):
    """A benchmark did not do what it was to measure: its numbers mean nothing, so there are none."""


def compiled(name: str) -> Path:
    """Return the path of a program, or of a library where the name ends in .so; compiles it if need be.

    Raises:
        Broken: there is no C compiler, or it fails.

    """
    sources = [HERE / source for source in SOURCES[name]] + CORE
    key = hashlib.sha256(repr((FLAGS, name)).encode())
    for path in sorted({*sources, *HERE.glob("*.h"), *(ROOT / "ext").glob("*.h")}):
        key.update(path.read_bytes())
    made = ROOT / "build" / "bench" / key.hexdigest()[:16] / name
    if made.exists():
        return made
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None:
        raise Broken(f"no C compiler ({compiler}): ./dev bench installs one where it may")
    made.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when whole: two benchmarks may start at the same time.
    half = made.with_name(f"{name}.{os.getpid()}")
    shared = ("-shared", "-fPIC") if name.endswith(".so") else ()
    words = [compiler, *FLAGS, *shared, "-o", str(half), *map(str, sources), "-lm", "-ldl"]
    run = subprocess.run(words, capture_output=True, text=True)
    if run.returncode != 0:
        raise Broken(f"{compiler} cannot compile {name}:\n{run.stderr}")
    half.rename(made)
    return made


class Child:
    """A process that is told lines and answers with lines of JSON; at the end of its input it ends."""

    def __init__(
        self, words: Sequence[str], core: int | None = None, *, environment: dict[str, str] | None = None
    ) -> None:
        self.name = Path(words[0]).name
        with nullcontext() if core is None else on_core(core):
            self._process = subprocess.Popen(
                list(words),
                cwd=ROOT,
                env=environment,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        assert self._process.stdin is not None  # PIPE was asked for
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._tail = b""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def cpu_ns(self) -> int:
        """Return its CPU time."""
        return process_cpu_ns(self.pid)

    def tell(self, line: str) -> None:
        """Send a line."""
        self._input.write(line.encode() + b"\n")

    def heard(self, patience: float = PATIENCE) -> Json:
        """Return the next line.

        Raises:
            Broken: it ended, or said nothing for so many seconds.

        """
        deadline = time.monotonic() + patience
        while b"\n" not in self._tail:
            ready, _, _ = select.select([self._output], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise Broken(f"{self.name} has said nothing for {patience:.0f} s")
            data = os.read(self._output.fileno(), 1 << 20)
            if not data:
                raise Broken(f"{self.name} has ended ({self._process.wait()})")
            self._tail += data
        line, self._tail = self._tail.split(b"\n", 1)
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer

    def end(self) -> Json:
        """End its input, wait until it has ended; return the last thing it said, if anything."""
        self._input.close()
        try:
            rest = self._tail + self._output.read()
            self._process.wait(PATIENCE)
        finally:
            self.kill()
        answer = json.loads(rest) if rest.strip() else {}
        assert isinstance(answer, dict)
        return answer

    def kill(self) -> None:
        """End it now, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._input.close()
        self._output.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.kill()
