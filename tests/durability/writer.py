"""Writes batches to day files and notes which are acknowledged: the process that the power goes from."""

import random
import sqlite3
import sys
from pathlib import Path

from proxy.adapters.stores.ledger import day_file
from proxy.adapters.stores.ledger.folder import Folder
from proxy.ledger.chain import GENESIS, Batch, chained

LEDGER = b"crash-state-test"
DAY = 24
"""Batches in a file."""
CHECKPOINTS = {5: "PASSIVE", 11: "TRUNCATE", 17: "PASSIVE"}
"""Of the write-ahead log, behind these batches of a file."""


def batch(seq: int, previous: bytes) -> Batch:
    """Return the batch of that number, the same each time; some lie in one page, some in several."""
    chance = random.Random(seq)
    run, at = bytes(8), 1_800_000_000_000 + seq
    notes, shares = chance.randbytes(chance.randint(1, 300)), chance.randbytes(chance.choice([40, 900, 9000]))
    return Batch(seq, run, at, notes, shares, chained(previous, seq, run, at, notes, shares))


def batches(count: int) -> list[Batch]:
    """Return the first ``count`` of them."""
    found, previous = list[Batch](), GENESIS
    for seq in range(1, count + 1):
        found.append(batch(seq, previous))
        previous = found[-1].hash
    return found


def file_of(days: Path, seq: int) -> Path:
    """Return which file a batch belongs to."""
    return days / f"2026-11-{(seq - 1) // DAY + 1:02}.db"


def main(data: Path, log: Path, acknowledged: Path, count: int, pragma: str) -> None:
    """Write ``count`` batches to a data directory; after each, note how long the disk's log was by then."""
    folder = Folder.of(data)
    folder.make()
    connection: sqlite3.Connection | None = None
    with acknowledged.open("w") as acks:
        for each in batches(count):
            place = (each.seq - 1) % DAY
            if connection is None or place == 0:
                if connection is not None:
                    connection.close()
                previous = GENESIS if each.seq == 1 else batches(each.seq - 1)[-1].hash
                connection = day_file.create(file_of(folder.days, each.seq), LEDGER, previous)
                connection.execute(pragma)
            day_file.append(connection, each, 1)
            print(log.stat().st_size, file=acks)
            if place in CHECKPOINTS:
                connection.execute(f"PRAGMA wal_checkpoint({CHECKPOINTS[place]})").fetchall()
    assert connection is not None
    connection.close()


def go_on(days: Path, seq: int, previous: bytes) -> Batch:
    """Append one more batch, as the program does when it starts again; return it."""
    more = batch(seq, previous)
    connection = day_file.create(file_of(days, seq), LEDGER, previous)
    try:
        day_file.append(connection, more, 1)
    finally:
        connection.close()
    return more


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
