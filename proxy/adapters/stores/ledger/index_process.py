"""The process that writes the index. ``indexing`` starts it, tells it how far to fold, hears its problems.

Its input is a line for each word, the seq of the last durable batch; it ends with its input, when all of that
is folded. Its output is a line of JSON for each problem, a text.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from proxy.adapters.stores.ledger import index, standing
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.following import Following
from proxy.adapters.stores.ledger.housekeeping import Retention, keep_house
from proxy.errors import LedgerDamaged, LedgerUnusable

MODULE = "proxy.adapters.stores.ledger.index_process"
LOOK = 1.0
"""Seconds between two looks at what has become durable."""
ROLL = 60.0
"""Seconds between two looks at hours that are over and rows that are too old."""
TIDY = 3600.0
"""Seconds between two looks at days that are over or too old."""
AGAIN = 60.0
"""Seconds until an index that could not be written is tried again."""
NICENESS = 10
"""Nobody waits for the index: whoever answers miners comes first."""


class Word(Protocol):
    """What the program says."""

    until: int
    """Seq of the last batch that is durable."""

    def wait(self, seconds: float) -> bool:
        """Listen for so long; returns False once the program ends."""


class Input:
    """The word by a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.until = 0
        self._descriptor = descriptor
        self._heard = b""
        self._goes_on = True

    def wait(self, seconds: float) -> bool:
        """Listen for so long; returns False once the other end is closed."""
        deadline = time.monotonic() + seconds
        while self._goes_on:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._descriptor], [], [], left)[0]:
                return True
            data = os.read(self._descriptor, 1 << 16)
            self._goes_on = bool(data)
            *lines, self._heard = (self._heard + data).split(b"\n")
            if lines:
                self.until = int(lines[-1])
        return False


def keep(
    folder: Folder, ledger: bytes, retention: Retention, word: Word, problem: Callable[[str], None]
) -> None:
    """Keep a ledger's index until the program ends; what goes wrong is told, and tried again."""
    told: set[str] = set()

    def tell_once(text: str) -> None:
        if text not in told:  # problems of days are found again each hour
            told.add(text)
            problem(text)

    goes_on = True
    while goes_on:
        try:
            with closing(index.open_to_write(folder.index)) as connection:
                # What it holds can be folded again: it need not be flushed at each commit.
                connection.execute("PRAGMA synchronous = NORMAL")
                standing.put(connection, "ledger", ledger)
                _follow(folder, connection, retention, word, tell_once)
            return
        except (sqlite3.Error, OSError, LedgerUnusable, LedgerDamaged) as error:
            problem(f"the index cannot be written, and will be caught up later: {error}")
        goes_on = word.wait(AGAIN)


def _follow(
    folder: Folder,
    connection: sqlite3.Connection,
    retention: Retention,
    word: Word,
    problem: Callable[[str], None],
) -> None:
    """Fold until the program ends.

    Raises:
        sqlite3.Error, OSError, LedgerUnusable, LedgerDamaged: begin anew.

    """
    following = Following(folder, connection)
    rolled_at, tidied_at = time.monotonic(), float("-inf")
    goes_on = True
    while goes_on:
        goes_on = word.wait(LOOK)
        is_quiet = not following.look(word.until) or not goes_on
        if following.folding.has_news and (is_quiet or following.folding.is_due(int(time.time() * 1000))):
            following.folding.flush()
        if goes_on and time.monotonic() - rolled_at >= ROLL:
            rolled_at = time.monotonic()
            following.folding.roll(int(time.time()))
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if goes_on and time.monotonic() - tidied_at >= TIDY:
            tidied_at = time.monotonic()
            following.folding.flush()
            for text in keep_house(folder, connection, retention, int(time.time() * 1000)):
                problem(text)


@contextmanager
def alone(folder: Folder) -> Iterator[None]:
    """Wait until no other process writes the index: that of a program which was killed may still end.

    Raises:
        OSError: it cannot be known.

    """
    with folder.index_lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Run the process: its words are the ledger's folder, its id in hexadecimal digits, and the retention."""
    root, ledger, retention = sys.argv[1:]
    # Those who end the program's whole group mean the program: what it has committed is folded first.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    folder = Folder(Path(root))

    def say(text: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # the program was killed, and nobody listens
            os.write(sys.stdout.fileno(), json.dumps(text).encode() + b"\n")

    try:
        with alone(folder):
            keep(
                folder,
                bytes.fromhex(ledger),
                Retention(**json.loads(retention)),
                Input(sys.stdin.fileno()),
                say,
            )
    except OSError as error:
        say(f"the index cannot be written: {error}")


if __name__ == "__main__":
    main()
