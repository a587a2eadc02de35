"""The index follows a ledger that is written, in a process of its own: no batch twice, none too early."""

from __future__ import annotations

import os
import queue
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.adapters.stores.ledger import day_file, index, index_process, indexing, standing
from proxy.adapters.stores.ledger.catching_up import catch_up
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.following import Following
from proxy.adapters.stores.ledger.housekeeping import Retention
from proxy.adapters.stores.ledger.index_process import Input, alone, keep
from proxy.adapters.stores.ledger.indexing import Indexing
from proxy.ledger.chain import GENESIS, Batch
from tests.ledger.writing import BEGINNING, Chain, share

LEDGER = b"1" * 16
FOR_EVER = Retention(days=36_500)
PATIENCE = 30.0


class Written:
    """A ledger that a test writes, file by file."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        folder.make()
        self.chain = Chain()
        self.name = ""
        self.previous = GENESIS
        self.numbers = 0

    def begin(self, name: str = "") -> None:
        """Make the next file, with nothing in it yet."""
        self.numbers += 1
        self.name = name or f"2026-11-{25 + self.numbers // 9}.{self.numbers}"
        self.previous = self.chain.hash
        day_file.create(self.folder.day(self.name), LEDGER, self.previous).close()

    def add(self, shares: int = 1, *, begins: bool = False) -> Batch:
        batch = self.chain.batch(BEGINNING if begins or self.chain.seq == 0 else [], [share()] * shares)
        with closing(day_file.create(self.folder.day(self.name), LEDGER, self.previous)) as connection:
            day_file.append(connection, batch, shares)
        return batch


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def credited(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT coalesce(sum(count), 0) FROM minute WHERE outcome = 0").fetchone()
    return int(count)


def damages(connection: sqlite3.Connection) -> list[tuple[str, int, int]]:
    return connection.execute("SELECT day, first, last FROM damages ORDER BY id").fetchall()


def folded(folder: Folder) -> tuple[int, int, list[tuple[str, int, int]]]:
    """Return the watermark, the credited shares and the damages of an index that somebody may write."""
    with closing(index.open_to_read(folder.index)) as connection:
        return standing.watermark(connection)[0], credited(connection), damages(connection)


# --- following ------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(["batch", "batch", "batch", "file", "look", "all"]), max_size=30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_follows_comes_to_what_one_finds_who_reads_it_all(
    tmp_path_factory: pytest.TempPathFactory, steps: Sequence[str]
) -> None:
    folder = Folder(tmp_path_factory.mktemp("ledger"))
    written = Written(folder)
    written.begin()
    durable = 0
    with closing(index.open_to_write(folder.index)) as connection:
        following = Following(folder, connection)
        for step in steps:
            match step:
                case "batch":
                    durable = written.chain.seq  # the one before is
                    written.add(1 + written.chain.seq % 3)
                case "file":
                    durable = written.chain.seq
                    written.begin()
                case "all":
                    durable = written.chain.seq
                case _:
                    has_moved = following.look(durable)
                    assert has_moved or following.folding.seq == durable
                    assert following.folding.seq == durable
        following.look(written.chain.seq)
        following.folding.flush()
        found = credited(connection), damages(connection), standing.watermark(connection)
    with closing(index.in_memory()) as anew:
        catch_up(folder, anew)
        assert found == (credited(anew), [], standing.watermark(anew))
        assert found[2][0] == written.chain.seq


def test_what_the_disk_did_not_confirm_is_not_folded_before_it_is_written_again(folder: Folder) -> None:
    written = Written(folder)
    written.begin()
    written.add()
    lost = written.add()  # it stands there, and nobody was told that it is durable
    with closing(index.open_to_write(folder.index)) as connection:
        following = Following(folder, connection)
        assert following.look(1)
        assert not following.look(1)
        again = Chain()
        again.seq, again.hash, again.at = 1, written.chain.batches[0].hash, lost.at
        written.chain = again
        written.begin()
        written.add(begins=True)
        written.add()
        assert following.look(3)
        following.folding.flush()
        assert (credited(connection), damages(connection)) == (3, [])


def test_only_the_file_that_is_written_is_looked_at(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    written = Written(folder)
    for _ in range(5):
        written.begin()
        written.add()
    with closing(index.open_to_write(folder.index)) as connection:
        following = Following(folder, connection)
        assert following.look(5)
        opened: list[Path] = []
        real = day_file.open_to_read

        def noting(path: Path) -> sqlite3.Connection:
            opened.append(path)
            return real(path)

        monkeypatch.setattr(day_file, "open_to_read", noting)
        written.add()
        assert following.look(6)
        assert opened == [folder.day(written.name)]
        opened.clear()
        assert not following.look(6)
        assert opened == []


# --- the process's loop, in this one ------------------------------------------------------------------------


class Scripted:
    """A program that says how far it is, look by look, and then ends."""

    def __init__(self, *looks: Callable[[], int]) -> None:
        self.until = 0
        self._looks = iter(looks)

    def wait(self, seconds: float) -> bool:
        look = next(self._looks, None)
        if look is not None:
            self.until = look()
        return look is not None


def test_a_site_that_is_never_quiet_is_tidied_all_the_same(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    tidied: list[int] = []
    written = Written(folder)
    written.begin()

    def tidy(folder: Folder, *_: object) -> list[str]:
        tidied.append(folded(folder)[0])
        return []

    monkeypatch.setattr(index_process, "keep_house", tidy)
    keep(folder, LEDGER, FOR_EVER, Scripted(*[lambda: written.add().seq] * 5), lambda text: None)
    assert tidied == [1], "in the first second, of what is written by then; the next time is in an hour"
    assert folded(folder) == (5, 5, [])


def test_problems_of_days_are_told_once_and_others_each_time(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Written(folder)
    written.begin()
    written.add()
    monkeypatch.setattr(index_process, "TIDY", 0.0)
    monkeypatch.setattr(index_process, "keep_house", lambda *_: ["day 1 cannot be signed"])
    told: list[str] = []
    keep(folder, LEDGER, FOR_EVER, Scripted(*[lambda: 1] * 4), told.append)
    assert told == ["day 1 cannot be signed"]


def test_an_index_that_cannot_be_written_is_tried_again(folder: Folder) -> None:
    written = Written(folder)
    written.begin()
    written.add()
    folder.index.write_bytes(b"noise" * 1000)

    def mended() -> int:
        folder.index.unlink()
        return 1

    told: list[str] = []
    keep(folder, LEDGER, FOR_EVER, Scripted(mended, lambda: 1), told.append)
    assert [text.partition(":")[0] for text in told] == [
        "the index cannot be written, and will be caught up later"
    ]
    assert folded(folder) == (1, 1, [])


def test_of_words_that_came_together_the_last_whole_one_counts() -> None:
    reading, writing = os.pipe()
    try:
        word = Input(reading)
        os.write(writing, b"3\n12\n4")
        assert word.wait(0)
        assert word.until == 12
        os.write(writing, b"0\n")
        assert word.wait(0)
        assert word.until == 40
    finally:
        os.close(writing)
    assert not word.wait(PATIENCE)
    assert not word.wait(PATIENCE)
    os.close(reading)


# --- the process ------------------------------------------------------------------------------------------


@contextmanager
def kept(folder: Folder) -> Iterator[tuple[Indexing, queue.Queue[str]]]:
    """Have an index kept by a process of its own, and hear its problems."""
    problems: queue.Queue[str] = queue.Queue()
    keeper = Indexing(folder, LEDGER, FOR_EVER, problems.put)
    keeper.start()
    try:
        yield keeper, problems
    finally:
        keeper.stop()
    assert not keeper.is_alive()


@pytest.fixture(name="at_once")
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BEGIN", 0.02)
    monkeypatch.setattr(indexing, "TELL", 0.02)
    monkeypatch.setattr(indexing, "AGAIN", 0.02)


def until(condition: Callable[[], bool]) -> None:
    """Wait for another process: it has no event for us."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it does not come true")


def process_of(keeper: Indexing) -> int:
    until(lambda: keeper.pid is not None)
    assert keeper.pid is not None
    return keeper.pid


@pytest.mark.usefixtures("at_once")
def test_what_is_durable_at_the_end_is_in_the_index_when_the_program_ends(folder: Folder) -> None:
    written = Written(folder)
    written.begin()
    with kept(folder) as (keeper, problems):
        process_of(keeper)
        for count in range(1, 6):
            keeper.reached(written.add(count).seq)
    assert folded(folder) == (5, 15, [])
    assert problems.empty()
    with closing(index.open_to_read(folder.index)) as connection:
        assert standing.value(connection, "ledger") == LEDGER


@pytest.mark.usefixtures("at_once")
def test_a_process_that_is_killed_is_told_of_and_another_one_goes_on(folder: Folder) -> None:
    written = Written(folder)
    written.begin()
    with kept(folder) as (keeper, problems):
        keeper.reached(written.add().seq)
        until(lambda: folder.index.exists() and folded(folder)[0] == 1)
        first = process_of(keeper)
        os.kill(first, signal.SIGKILL)
        assert problems.get(timeout=PATIENCE) == "the index's process has ended (-9); another one follows"
        until(lambda: keeper.pid not in (None, first))
        keeper.reached(written.add().seq)
    assert folded(folder) == (2, 2, [])


@pytest.mark.usefixtures("at_once")
def test_signals_that_mean_the_program_do_not_end_the_process(folder: Folder) -> None:
    written = Written(folder)
    written.begin()
    with kept(folder) as (keeper, problems):
        keeper.reached(written.add().seq)
        until(lambda: folder.index.exists() and folded(folder)[0] == 1)
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(process_of(keeper), each)
        keeper.reached(written.add().seq)
    assert folded(folder) == (2, 2, [])
    assert problems.empty()


@pytest.mark.usefixtures("at_once")
def test_a_process_waits_until_the_one_of_a_killed_program_has_ended(folder: Folder) -> None:
    written = Written(folder)
    written.begin()
    folder.index_lock.touch()
    with kept(folder) as (keeper, _):
        with alone(folder):
            process_of(keeper)
            keeper.reached(written.add().seq)
            assert not folder.index.exists()
        until(lambda: folder.index.exists() and folded(folder)[0] == 1)


def test_a_program_that_ends_at_once_has_no_process_and_loses_nothing(folder: Folder) -> None:
    written = Written(folder)
    written.begin()
    with kept(folder) as (keeper, _):
        keeper.reached(written.add().seq)
        assert keeper.pid is None
    assert not folder.index.exists()
    with closing(index.open_to_write(folder.index)) as connection:
        assert catch_up(folder, connection).seq == 1
        assert standing.watermark(connection)[1] != GENESIS
