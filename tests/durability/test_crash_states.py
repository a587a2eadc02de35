"""Power cuts: whatever the disk holds, each acknowledged batch is there, and none that was not written."""

import shutil
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxy.adapters.stores.ledger.folder import Folder
from tests.durability import writer
from tests.durability.audit import Broken, Row, rows
from tests.durability.crash_states import Kind, Names, Operation, Recorded, State, read_log, states
from tests.durability.disk import Disk
from tests.system.pumpjack import ROOT, environment

BATCHES = 2 * writer.DAY + 8
IN_ORDER = "PRAGMA synchronous = FULL"


@dataclass(frozen=True)
class Recording:
    """What a writer told its disk, and when it said that a batch was safe."""

    data: Path
    """The data directory: it had been there before."""
    operations: list[Operation]
    acknowledged: list[int]
    """By batch: the length of the log by then."""


def recording(folder: Path, shim: Path, pragma: str = IN_ORDER, *, lies: bool = False) -> Recording:
    (folder / "data").mkdir(parents=True)
    disk, acks = Disk.below(folder / "data", shim), folder / "acknowledged"
    if lies:
        disk.set("sync_lies", 1)
    words = [folder / "data", disk.log, acks, BATCHES, pragma]
    command = [sys.executable, "-m", "tests.durability.writer", *map(str, words)]
    subprocess.run(command, cwd=ROOT, env=environment(**disk.environment(recorded=True)), check=True)
    return Recording(folder / "data", read_log(disk.log), [int(line) for line in acks.read_text().split()])


@pytest.fixture(scope="module")
def recorded(shim: Path, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return recording(tmp_path_factory.mktemp("writer"), shim)


def written() -> list[Row]:
    return [
        Row(each.seq, each.run, each.at, 1, each.notes, each.shares, each.hash)
        for each in writer.batches(BATCHES)
    ]


def problems(
    recorded: Recording, state: State, folder: Path, read: Callable[[Path], list[Row]]
) -> Iterator[str]:
    """Yield what is wrong with the ledger that a power cut left, looked at with ``read``."""
    safe, truth = bisect_right(recorded.acknowledged, state.position), written()
    state.write(recorded.data, folder)
    days = Folder.of(folder).days
    try:
        found = read(days)
    except Broken as broken:
        yield f"broken: {broken}"
        return
    if len(found) < safe:
        yield f"lost: {safe} batches were acknowledged, {len(found)} are there"
    if found != truth[: len(found)]:
        yield "phantom: what is there was not written"
    if len(found) > safe + 1:
        yield f"phantom: {len(found)} batches are there, and {safe + 1} had been begun"
    if not found or found != truth[: len(found)]:
        return
    more = writer.go_on(days, len(found) + 1, found[-1].hash)
    try:
        behind = read(days)
    except Broken as broken:
        yield f"after the power cut it does not go on: {broken}"
        return
    if [row.hash for row in behind] != [*(row.hash for row in found), more.hash]:
        yield "after the power cut it does not go on"


def explored(
    recorded: Recording,
    names: Names,
    folder: Path,
    count: int,
    seed: int = 0,
    read: Callable[[Path], list[Row]] = rows,
    moments: Sequence[int] = (),
) -> list[str]:
    """Return all problems of ``count`` power cuts, each with what makes it come again."""
    found = []
    for state in states(recorded.operations, names, count, seed, moments):
        place = folder / "state"
        place.mkdir()
        whence = f"{names}, seed {state.seed}, byte {state.position} of the log"
        found += [f"{whence}: {problem}" for problem in problems(recorded, state, place, read)]
        shutil.rmtree(place)
    return found


@pytest.mark.parametrize("names", ["ext4", "posix"])
def test_no_power_cut_loses_or_invents_a_batch(recorded: Recording, names: Names, tmp_path: Path) -> None:
    assert not explored(recorded, names, tmp_path, 100)


def test_no_power_cut_during_a_checkpoint_does(recorded: Recording, tmp_path: Path) -> None:
    checkpoints = [
        (recorded.acknowledged[seq - 1], recorded.acknowledged[seq])
        for seq in range(1, BATCHES)
        if (seq - 1) % writer.DAY in writer.CHECKPOINTS
    ]
    moments = [
        number
        for number, each in enumerate(recorded.operations, 1)
        if any(first < each.end < last for first, last in checkpoints)
    ]
    assert len(moments) > 8 * len(checkpoints)
    assert not explored(recorded, "ext4", tmp_path, 60, moments=moments)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(1, 9))
@pytest.mark.parametrize("names", ["ext4", "posix"])
def test_none_of_thousands_does(recorded: Recording, names: Names, seed: int, tmp_path: Path) -> None:
    assert not explored(recorded, names, tmp_path, 500, seed)


def test_the_log_is_the_disk(recorded: Recording) -> None:
    """Nothing escaped the shim: followed to its end, the log makes what the files hold."""
    disk = Recorded("posix")
    for operation in recorded.operations:
        disk.follow(operation)
    held = {
        path: path.read_bytes()
        for path in Folder.of(recorded.data).days.iterdir()
        if not path.name.endswith("-shm")
    }
    assert disk.seen() == held
    assert sum(each.kind is Kind.FLUSHED for each in recorded.operations) > BATCHES


def test_without_flushes_batches_are_lost(shim: Path, tmp_path: Path) -> None:
    """The search finds what it is there for: SQLite told not to flush, and a disk that only says it did."""
    normal = recording(tmp_path / "normal", shim, "PRAGMA synchronous = NORMAL")
    lazy = recording(tmp_path / "lazy", shim, "PRAGMA synchronous = OFF")
    lying = recording(tmp_path / "lying", shim, lies=True)
    for careless in (normal, lazy, lying):
        assert any(": lost: " in problem for problem in explored(careless, "ext4", tmp_path, 60))


def test_without_the_chain_phantoms_are_taken_for_batches(shim: Path, tmp_path: Path) -> None:
    """On a disk that lies about flushes SQLite reads torn pages without complaint: the chain does not."""
    lying = recording(tmp_path / "lying", shim, lies=True)
    phantom = "phantom: what is there was not written"

    def trusting(days: Path) -> list[Row]:
        return rows(days, trusting=True)

    assert any(phantom in problem for problem in explored(lying, "ext4", tmp_path, 150, read=trusting))
    assert not any(phantom in problem for problem in explored(lying, "ext4", tmp_path, 150))
