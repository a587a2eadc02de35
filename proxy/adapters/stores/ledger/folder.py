"""Where the files are: ``ledger/index.db`` and ``ledger/days/2026-11-26.db`` of the data directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

NAME = "ledger"
SUFFIX = ".db"


@dataclass(frozen=True, slots=True)
class Folder:
    """The ledger's part of a data directory."""

    root: Path

    @classmethod
    def of(cls, data_dir: Path) -> Folder:
        """Return that of a data directory."""
        return cls(data_dir / NAME)

    @property
    def index(self) -> Path:
        """Roll-ups, settlements, jobs, sessions, the days' roots: made anew from the days if it is lost."""
        return self.root / "index.db"

    @property
    def index_lock(self) -> Path:
        """Locked by the process that writes the index."""
        return self.root / "index.lock"

    @property
    def days(self) -> Path:
        """Raw batches."""
        return self.root / "days"

    @property
    def signing_key(self) -> Path:
        """With which roots are signed."""
        return self.root / "signing.key"

    @property
    def reserve(self) -> Path:
        """Room that is given back when the disk is full."""
        return self.root / "reserve"

    def day(self, name: str) -> Path:
        """Return the file of a name."""
        return self.days / f"{name}{SUFFIX}"

    def names(self) -> list[str]:
        """Return the names of all days that are there; which comes first the files know."""
        return sorted(path.stem for path in self.days.glob(f"*{SUFFIX}"))

    def make(self) -> None:
        """Make the folders, for the owner alone, and have their names survive a power cut.

        Raises:
            OSError: that is not possible.

        """
        self.days.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite flushes the folder that its files are in, and none above it.
        for folder in (self.root, self.root.parent):
            flush_folder(folder)


def day_of(at: int) -> str:
    """Return the UTC day of milliseconds since 1970."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")


def order_of(name: str) -> tuple[str, int]:
    """Return what files are ordered by where nothing but their names is known."""
    day, _, number = name.partition(".")
    return day, int(number) if number.isascii() and number.isdigit() else 1


def free_name(day: str, taken: set[str]) -> str:
    """Return a name for a file of a day: a day that comes twice, or whose file is broken, gets another."""
    number, name = 1, day
    while name in taken:
        number += 1
        name = f"{day}.{number}"
    return name


def flush_folder(path: Path) -> None:
    """Make what was made, renamed or unlinked in a folder durable.

    Raises:
        OSError: the disk does not take it.

    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
