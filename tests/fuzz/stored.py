"""The inputs that are committed: one file for each target, one input on each line.

A line is the input in hex. Behind a space may stand a name that says what was wrong: such an input once found
a bug, and stays. The others are there for what they reach, and make way for fewer that reach as much.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CORPUS: Final = Path(__file__).parent / "corpus"
ENDING: Final = ".hex"


def path_of(target: str) -> Path:
    """Return the file of a target."""
    return CORPUS / f"{target}{ENDING}"


def inputs(target: str) -> dict[str, bytes]:
    """Return a target's inputs; those without a name of their own go by their hash, as with libFuzzer."""
    path = path_of(target)
    lines = path.read_text().splitlines() if path.exists() else []
    found: dict[str, bytes] = {}
    for line in lines:
        digits, _, name = line.partition(" ")
        data = bytes.fromhex(digits)
        found[name or hash_of(data)] = data
    return found


def unpack(target: str, folder: Path) -> None:
    """Write each input into a file of its own, as libFuzzer reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in inputs(target).items():
        (folder / name).write_bytes(data)


def store(target: str, found: Mapping[str, bytes]) -> None:
    """Write a target's inputs anew: first those with a name, then the others, the shortest first."""
    lines = [
        data.hex() if name == hash_of(data) else f"{data.hex()} {name}"
        for name, data in found.items()
        if data  # libFuzzer runs the empty one unasked
    ]
    lines.sort(key=lambda line: (" " not in line, len(line), line))
    CORPUS.mkdir(exist_ok=True)
    path_of(target).write_text("".join(f"{line}\n" for line in lines))


def hash_of(data: bytes) -> str:
    """Return the name that libFuzzer gives an input."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
