"""A day's file as one thread writes it without Python's lock, where the compiled code is there."""

from __future__ import annotations

import _sqlite3
import ctypes
import sqlite3
from importlib import import_module
from pathlib import Path
from typing import Protocol

from proxy import hotpath
from proxy.adapters.stores.ledger import database, day_file


class Commits(Protocol):
    """What ``ext/ledger.pyx`` does: rows become durable one after the other, and the loop is told at once.

    ``put``, ``call`` and ``confirmed`` are the loop's, all else is the writer's thread's.
    """

    told: int
    """A descriptor that becomes readable when a row is durable."""
    is_open: bool
    """Whether rows can be put. After an error they cannot, until another file is opened."""

    def put(self, row: day_file.Row) -> None:
        """Have a row appended; only when the one before has been confirmed."""

    def call(self) -> None:
        """Have ``serve`` return."""

    def confirmed(self) -> float | None:
        """Return the seconds that the row took, or None if it is not durable yet."""

    def hurry(self) -> bool:
        """Let this thread come in before who computes for long; returns whether the kernel does so."""

    def open(self, path: str, statements: tuple[str, ...], insert: str) -> tuple[int, str] | None:
        """Open a file; returns the code and text of an error, or None."""

    def close(self) -> None:
        """Give up the file."""

    def serve(self, seconds: float) -> tuple[int, str] | None:
        """Append rows until called, or for so many seconds; returns the error of one that was not."""


def open_commits() -> Commits | None:
    """Return the compiled writer of this process, or None where there is none: then Python's module serves.

    It calls the very SQLite that Python's module is linked to: a second copy in one process would not know
    of the first one's locks. A Python that hides it inside itself has no compiled writer.
    """
    if not hotpath.COMPILED:
        return None
    compiled = import_module("proxy.adapters.stores.ledger._compiled")
    library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    try:
        functions = [getattr(library, name) for name in compiled.NAMES]
    except AttributeError:
        return None
    addresses = [ctypes.cast(function, ctypes.c_void_p).value for function in functions]
    commits: Commits = compiled.Commits(addresses)
    return commits


def follow(commits: Commits, path: Path) -> None:
    """Have another file written, which is there.

    Raises:
        sqlite3.OperationalError: it cannot be opened.

    """
    failed = commits.open(str(path), database.WRITING, day_file.INSERT)
    if failed is not None:
        raise error_of(failed)


def error_of(failed: tuple[int, str]) -> sqlite3.OperationalError:
    """Return the exception that Python's module would have raised."""
    error = sqlite3.OperationalError(failed[1])
    error.sqlite_errorcode = failed[0]
    return error
