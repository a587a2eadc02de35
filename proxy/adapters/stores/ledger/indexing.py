"""Keeps the index up to date, in a process of its own: neither a commit nor the loop waits for it.

A thread that folds holds Python's lock now and then, and the loop waits for it: where hostile peers filled
two cores, that alone was a tenth of what the slowest honest answers took. The process reads what is durable
from the days' files, as any reader does. It is told how far they are durable, once a second, and ends with
its input: it cannot outlive the program, however that ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from typing_extensions import override

import proxy
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.housekeeping import Retention
from proxy.adapters.stores.ledger.index_process import MODULE

BEGIN = 5.0
"""Seconds until there is a process: a program that ends before has none, and leaves the work to the next one.
Until then, and always, a reader folds for himself what the index does not hold yet."""
TELL = 1.0
"""Seconds between two words about what is durable."""
AGAIN = 60.0
"""Seconds until a process that ended is started again."""
LAST_WORK = 60.0
"""Seconds for its last work, when the program ends: it is killed then, and another goes on behind it."""


class Indexing(threading.Thread):
    """Has what is durable folded, and says what keeps that from being done."""

    def __init__(
        self, folder: Folder, ledger: bytes, retention: Retention, problem: Callable[[str], None]
    ) -> None:
        """``ledger`` is its id; ``problem`` hears, in this thread, what an operator should know."""
        super().__init__(name="pumpjack-index")
        self._words = [str(folder.root), ledger.hex(), json.dumps(asdict(retention))]
        self._problem = problem
        self._reached = self._said = 0
        """Seq of the last durable batch, and the last one that the process knows of."""
        self._ends = threading.Event()
        self._talking = threading.Lock()
        """Held by who uses the input of the process."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process; None where there is none now."""
        process = self._process
        return None if process is None else process.pid

    def reached(self, seq: int) -> None:
        """All batches up to this one are durable."""
        self._reached = seq

    def stop(self) -> None:
        """Have what is durable folded, and end."""
        with self._talking:
            self._ends.set()
            if self._process is not None:
                self._tell(self._process)
                assert self._process.stdin is not None  # PIPE was asked for
                self._process.stdin.close()
        self.join(LAST_WORK)
        if self.is_alive() and self._process is not None:
            self._process.kill()
            self.join()

    @override
    def run(self) -> None:
        """Keep a process until told to end."""
        wait = BEGIN
        while not self._ends.wait(wait):
            wait = AGAIN
            try:
                process = self._process_of_index()
            except OSError as error:
                self._problem(f"the index has no process, and will be caught up later: {error}")
                continue
            if process is None:
                return
            with process:
                self._attend(process)
            if not self._ends.is_set():
                self._problem(f"the index's process has ended ({process.returncode}); another one follows")

    def _process_of_index(self) -> subprocess.Popen[bytes] | None:
        """Return a process, or None if it is too late for one.

        Raises:
            OSError: none can be had.

        """
        with self._talking:
            if self._ends.is_set():
                return None
            # This very package, from wherever it came, and none that lies in the working directory.
            path = [
                str(Path(proxy.__file__).parent.parent),
                *os.environ.get("PYTHONPATH", "").split(os.pathsep),
            ]
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE, *self._words],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path))},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
            )
            assert process.stdin is not None  # PIPE was asked for
            os.set_blocking(process.stdin.fileno(), False)
            self._said = -1
            self._tell(process)
            self._process = process
            return process

    def _attend(self, process: subprocess.Popen[bytes]) -> None:
        """Tell it what is durable and hear its problems, until it ends."""
        assert process.stdout is not None  # PIPE was asked for
        heard = b""
        waiting = select.poll()  # select knows no descriptor above 1023: miners may have taken those below
        waiting.register(process.stdout, select.POLLIN)
        while True:
            if waiting.poll(TELL * 1000):
                data = os.read(process.stdout.fileno(), 1 << 16)
                if not data:
                    break
                *lines, heard = (heard + data).split(b"\n")
                for line in lines:
                    self._problem(json.loads(line))
            with self._talking:
                if not self._ends.is_set():
                    self._tell(process)
        with self._talking:
            self._process = None

    def _tell(self, process: subprocess.Popen[bytes]) -> None:
        reached = self._reached
        if reached == self._said or process.stdin is None:
            return
        # What it does not take now it is told the next time: only the last word counts.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(process.stdin.fileno(), b"%d\n" % reached)
            self._said = reached
