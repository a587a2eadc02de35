"""What a disk may hold after a power cut, made from the log of all that it was told (disk.c).

What was written since a file's last flush is there, is not there, or is in parts, sector by sector. For names
there are two models. ``ext4``: names are journalled in their order, and a flush of any file makes all that
came before it durable. ``posix``: a name is durable once its folder is flushed, and until then each one may
be there or not, in any order.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Literal

SECTOR = 512
"""Bytes that a disk writes wholly or not at all."""
_HEAD = struct.Struct("<IIQQ")

Names = Literal["ext4", "posix"]


class Kind(IntEnum):
    """As in disk.c."""

    OPENED = 1
    CREATED = 2
    WRITTEN = 3
    CUT = 4
    FLUSHED = 5
    FLUSH_FAILED = 6
    REMOVED = 7
    RENAMED = 8
    FOLDER_MADE = 9


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the log."""

    kind: Kind
    opening: int
    """Number of the opening of the file, in whichever process; 0 where the data is a path."""
    place: int
    data: bytes
    end: int
    """Bytes of the log up to and with this one."""


def read_log(path: Path) -> list[Operation]:
    """Return all operations in their order."""
    content, at, found = path.read_bytes(), 0, []
    while at < len(content):
        kind, opening, place, length = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        data = content[at : at + length] if kind not in (Kind.CUT, Kind.FLUSHED, Kind.FLUSH_FAILED) else b""
        at += len(data)
        found.append(Operation(Kind(kind), opening, place, data, at))
    return found


@dataclass(slots=True)
class _Change:
    place: int
    data: bytes | None
    """None: cut there."""
    is_certain: bool = False
    is_forgotten: bool = False
    """Its flush failed: the kernel takes it for written, and no later flush will write it."""


@dataclass(eq=False, slots=True)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    changes: list[_Change] = field(default_factory=list)

    def flushed(self) -> None:
        for change in self.changes:
            change.is_certain = change.is_certain or not change.is_forgotten
        while self.changes and self.changes[0].is_certain:
            change = self.changes.pop(0)
            _apply(self.durable, change, lambda _: True)

    def flush_failed(self) -> None:
        for change in self.changes:
            change.is_forgotten = not change.is_certain

    def after_power_cut(self, chance: random.Random) -> bytes:
        """Return what may be there; sectors as they once were, each for itself."""
        content, count = bytearray(self.durable), len(self.changes)
        mode = chance.choice(["nothing", "all", "up to", "either", "torn"])
        fates: dict[int, int] = {}
        early = chance.randint(0, count)

        def fate(sector: int) -> int:
            """Return how many of the changes a sector has seen; -1 is the length of the file."""
            if sector not in fates:
                match mode:
                    case "nothing":
                        fates[sector] = 0
                    case "all":
                        fates[sector] = count
                    case "up to":
                        fates[sector] = early
                    case "either":
                        fates[sector] = chance.choice([0, count])
                    case _:
                        fates[sector] = chance.randint(0, count)
            return fates[sector]

        for number, change in enumerate(self.changes):
            if change.is_certain:
                _apply(content, change, lambda _: True)
            else:
                _apply(content, change, lambda sector, number=number: number < fate(sector))  # type: ignore[misc]
        return bytes(content)


def _apply(content: bytearray, change: _Change, reaches: Callable[[int], bool]) -> None:
    if change.data is None:
        if reaches(-1):
            del content[change.place :]
            content.extend(bytes(change.place - len(content)))
        return
    at, end = change.place, change.place + len(change.data)
    while at < end:
        stop = min(end, (at // SECTOR + 1) * SECTOR)
        if reaches(at // SECTOR):
            content.extend(bytes(max(0, at - len(content))))
            content[at:stop] = change.data[at - change.place : stop - change.place]
        at = stop


_Entry = tuple[Path, _File | None]
"""A name and what it is the name of; None: of nothing any more."""


class Recorded:
    """A disk that follows the log of a process, and can be asked what a power cut would leave."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._openings: dict[int, tuple[Path, _File | None]] = {}
        self._now: dict[Path, _File] = {}
        self._durable: dict[Path, _File] = {}
        self._told: list[_Entry] = []
        """Changes of names that are not durable."""
        self._folders: set[Path] = set()

    def follow(self, operation: Operation) -> None:
        """Do what the process did."""
        match operation.kind:
            case Kind.OPENED | Kind.CREATED:
                self._opened(operation)
            case Kind.WRITTEN:
                self._file(operation).changes.append(_Change(operation.place, operation.data))
            case Kind.CUT:
                self._file(operation).changes.append(_Change(operation.place, None))
            case Kind.FLUSHED:
                self._flushed(*self._openings[operation.opening])
            case Kind.FLUSH_FAILED:
                self._file(operation).flush_failed()
            case Kind.REMOVED:
                path = Path(operation.data.decode())
                del self._now[path]
                self._told.append((path, None))
            case Kind.RENAMED:
                old, new = (Path(part.decode()) for part in operation.data.split(b"\0"))
                self._now[new] = self._now.pop(old)
                self._told += [(new, self._now[new]), (old, None)]
            case Kind.FOLDER_MADE:
                path = Path(operation.data.decode())
                self._now[path] = _File()
                self._folders.add(path)
                self._told.append((path, self._now[path]))

    def _file(self, operation: Operation) -> _File:
        file = self._openings[operation.opening][1]
        assert file is not None, "a folder is not written to"
        return file

    def _opened(self, operation: Operation) -> None:
        path = Path(operation.data.decode())
        if operation.kind is Kind.CREATED:
            self._now[path] = _File()
            self._told.append((path, self._now[path]))
        # What was there before, and is no file that was made meanwhile, is a folder.
        file = None if path in self._folders else self._now.get(path)
        self._openings[operation.opening] = path, file

    def _flushed(self, path: Path, file: _File | None) -> None:
        if file is not None:
            file.flushed()
        if self._names == "ext4":
            self._keep(self._told)
            self._told = []
        elif file is None:
            self._keep(entry for entry in self._told if entry[0].parent == path)
            self._told = [entry for entry in self._told if entry[0].parent != path]

    def _keep(self, entries: Iterable[_Entry]) -> None:
        for path, file in entries:
            _name(self._durable, path, file)

    def seen(self) -> dict[Path, bytes]:
        """Return what the process itself sees: everything that it wrote."""
        found = {}
        for path in self._now.keys() - self._folders:
            content = bytearray(self._now[path].durable)
            for change in self._now[path].changes:
                _apply(content, change, lambda _: True)
            found[path] = bytes(content)
        return found

    def after_power_cut(self, chance: random.Random) -> dict[Path, bytes | None]:
        """Return a possible content of the disk: None is a folder."""
        names = dict(self._durable)
        if self._names == "ext4":
            told = self._told[: chance.randint(0, len(self._told))]
        else:
            told = [entry for entry in self._told if chance.random() < 0.5]
        for path, file in told:
            _name(names, path, file)
        return {
            path: None if path in self._folders else file.after_power_cut(chance)
            for path, file in names.items()
            if all(parent in names for parent in path.parents if parent in self._folders)
        }


def _name(names: dict[Path, _File], path: Path, file: _File | None) -> None:
    if file is None:
        names.pop(path, None)
    else:
        names[path] = file


@dataclass(frozen=True, slots=True)
class State:
    """One disk after one power cut."""

    position: int
    """Bytes of the log that the process had got to."""
    seed: int
    """With it, and the model of names, the same state comes again."""
    content: dict[Path, bytes | None]

    def write(self, source: Path, folder: Path) -> None:
        """Write what was below ``source`` to ``folder``."""
        for path, data in sorted(self.content.items()):
            place = folder / path.relative_to(source)
            if data is None:
                place.mkdir()
            else:
                place.write_bytes(data)


def states(
    operations: list[Operation], names: Names, count: int, seed: int, moments: Sequence[int] = ()
) -> Iterator[State]:
    """Yield ``count`` states, each one of very many at its moment.

    ``moments`` are numbers of operations behind which the power may go; all, if none is named.
    """
    chance, disk, done = random.Random(seed), Recorded(names), 0
    for moment in sorted(chance.choices(moments or range(1, len(operations) + 1), k=count)):
        for operation in operations[done:moment]:
            disk.follow(operation)
        done = moment
        own = chance.getrandbits(32)
        yield State(operations[moment - 1].end, own, disk.after_power_cut(random.Random(own)))
