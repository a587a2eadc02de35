"""The ledger's journal and its writer: on real files, behind a relay that only counts windows."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import msgspec
import pytest

from proxy.adapters.simulated.changes import Changes
from proxy.adapters.stores.ledger import commits, day_file, indexing, journal, writer
from proxy.adapters.stores.ledger.commits import Commits, open_commits
from proxy.adapters.stores.ledger.days import days
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.housekeeping import Retention
from proxy.adapters.stores.ledger.indexing import Indexing
from proxy.adapters.stores.ledger.journal import LedgerJournal
from proxy.adapters.stores.ledger.opening import opened
from proxy.adapters.stores.ledger.pace import WindowBounds
from proxy.adapters.stores.ledger.reading import Reader
from proxy.events import Event, LedgerDegraded, LedgerReserveUsed, LedgerRestored
from proxy.ledger.chain import Batch
from proxy.ledger.records import JobIssued, Note, RunBegan, SessionBegan, SessionEnded, Share, pack
from proxy.ports import Drawn
from proxy.units import Seconds
from tests.adapters.stores.ledger_folder import batches, files
from tests.faults.hostile import until

SESSION = SessionBegan(1, "acme", "rig", "cgminer", "10.0.0.1", bytes(2))
PATIENCE = 10.0
DAY = 86_400.0


class Site:
    """Stands for the relay and the program around a journal."""

    def __init__(self, data: Path, least: float = 0.001) -> None:
        self.data = data
        self.number = 1
        self.shares: list[bytes] = []
        self.notes: list[bytes] = []
        self.reported: list[int] = []
        self.heard: list[Event] = []
        self.lives: Sequence[Note] = (JobIssued("lives", 7),)
        self.clock = 1_700_000_000.0
        self.changes = Changes("site", lambda: (self.reported, self.heard))
        bounds = WindowBounds(Seconds(least), Seconds(max(least, 0.1)))
        preamble = [RunBegan("0", "site", "c")]
        self.journal = LedgerJournal(b"run-0001", preamble, bounds, lambda: self.clock, self.hear)
        self.journal.serve(self.draw, self.report, lambda: self.lives)

    def share(self, credit: float = 1.0) -> int:
        """Take a share; returns the number of its window."""
        if not self.shares:
            self.journal.expect()
        share = Share(0, 1, "rig", "job", b"\0" * 8, 1, len(self.shares), 2, credit, 3.0, 0)
        self.shares.append(pack(share))
        return self.number

    def draw(self) -> Drawn:
        drawn = Drawn(
            self.number, len(self.notes), b"".join(self.notes), len(self.shares), b"".join(self.shares)
        )
        self.number += 1
        self.notes, self.shares = [], []
        return drawn

    def report(self, window: int) -> None:
        self.reported.append(window)
        self.changes.happened()

    def hear(self, event: Event) -> None:
        self.heard.append(event)
        self.changes.happened()

    async def answered(self, window: int) -> None:
        """Wait until a window is reported."""
        await self.changes.wait_for(lambda: window in self.reported, PATIENCE)

    async def told(self, kind: type[Event]) -> None:
        """Wait until an event of a kind was told."""
        await self.changes.wait_for(lambda: any(type(event) is kind for event in self.heard), PATIENCE)


@asynccontextmanager
async def running(data: Path, least: float = 0.001) -> AsyncIterator[Site]:
    site = Site(data, least)
    folder = Folder.of(data)
    problems: list[str] = []
    last = opened(folder).last
    # Its clock stands in 2023, and the index goes by the machine's: nothing is to be too old.
    keeper = Indexing(folder, last.ledger, Retention(days=36_500), problems.append)
    await site.journal.start(partial(writer.Writer, folder, last, keeper))
    try:
        yield site
    finally:
        await site.journal.close()
    assert problems == []


@pytest.mark.parametrize("compiled", [False, True])
async def test_a_window_is_reported_once_it_stands_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: bool
) -> None:
    if not compiled:
        monkeypatch.setattr(commits, "open_commits", lambda: None)
    async with running(tmp_path) as site:
        counts: list[int] = []
        report = site.report

        def looking(window: int) -> None:
            counts.append(sum(row.count for row in batches(tmp_path)))
            report(window)

        site.journal.serve(site.draw, looking, lambda: site.lives)
        for count in range(1, 4):
            windows = [site.share() for _ in range(count)]
            await site.answered(windows[-1])
        assert counts == [1, 3, 6]
    assert [row.count for row in batches(tmp_path)] == [0, 1, 2, 3]


async def test_a_ledger_goes_on_where_it_ended_and_each_start_begins_a_file(tmp_path: Path) -> None:
    for _ in range(3):
        async with running(tmp_path) as site:
            await site.answered(site.share())
    rows = batches(tmp_path)
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [path.stem for path in files(tmp_path)] == ["2023-11-14", "2023-11-14.2", "2023-11-14.3"]
    assert [row.notes for row in rows] == [[[1, "0", "site", "c"], [4, "lives", 7]], []] * 3


async def test_a_run_stands_in_the_chain_before_anybody_is_let_in(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        assert [(row.run, row.count) for row in batches(tmp_path)] == [(b"run-0001", 0)]
        assert site.journal.state["batch"] == 1


async def test_whose_ledger_it_is_stands_in_the_index_also_before_a_day_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BEGIN", 0.01)
    async with running(tmp_path):
        await until(Folder.of(tmp_path).index.exists)  # another process makes it
    with Reader(Folder.of(tmp_path)) as reader, closing(sqlite3.connect(files(tmp_path)[0])) as file:
        ledger = file.execute("SELECT ledger FROM origin").fetchone()[0]
        assert reader.ledger == ledger
    files(tmp_path)[0].unlink()
    assert opened(Folder.of(tmp_path)).last.ledger == ledger
    with Reader(Folder.of(tmp_path)) as reader:
        assert reader.ledger == ledger


async def test_a_disk_that_takes_nothing_holds_no_start_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RETRY", 0.01)
    disk = Disk(monkeypatch)
    disk.fails = 1 << 30
    async with running(tmp_path) as site:
        assert site.heard == [LedgerDegraded("disk I/O error")]
        await site.answered(site.share())
        disk.fails = 0
        await site.told(LedgerRestored)
    assert [row.count for row in batches(tmp_path)] == [0, 1]


async def test_a_new_day_begins_a_file_in_which_what_lives_is_told_again(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        await site.answered(site.share())
        await site.answered(site.share())
        site.clock += DAY
        site.lives = (JobIssued("later", 8),)
        await site.answered(site.share())
        site.clock -= DAY  # somebody has set the clock back
        await site.answered(site.share())
    assert [path.stem for path in files(tmp_path)] == ["2023-11-14", "2023-11-15", "2023-11-14.2"]
    notes = [row.notes for row in batches(tmp_path)]
    began = [1, "0", "site", "c"]
    assert notes == [
        [began, [4, "lives", 7]],
        [],
        [],
        [began, [4, "later", 8], [11, pytest.approx(DAY, abs=1.0)]],
        [began, [4, "later", 8], [11, pytest.approx(-DAY, abs=1.0)]],
    ]


async def test_notes_for_which_nobody_waits_come_with_the_next_shares_or_at_the_end(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        site.notes.append(pack(JobIssued("a", 1)))
        site.journal.told()
        await site.answered(site.share())
        site.notes.append(pack(JobIssued("b", 1)))
        site.journal.told()
    assert [row.notes for row in batches(tmp_path)][1:] == [[[4, "a", 1]], [[4, "b", 1]]]


class FailingCommits:
    """The compiled commits, of which some fail."""

    def __init__(self, disk: "Disk", commits: Commits) -> None:
        self._disk, self._commits = disk, commits
        self._failed = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._commits, name)

    def put(self, row: day_file.Row) -> None:
        if self._disk.fails:
            self._disk.fails -= 1
            self._failed = True
            self._commits.call()
        else:
            self._commits.put(row)

    def serve(self, seconds: float) -> tuple[int, str] | None:
        found = self._commits.serve(seconds)
        if found is None and self._failed:
            self._failed = False
            self._commits.close()
            code = getattr(self._disk.error, "sqlite_errorcode", sqlite3.SQLITE_IOERR)
            return code, str(self._disk.error)
        return found


class Disk:
    """Lets commits fail, as a disk would."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, after: bool = False, compiled: bool = False
    ) -> None:
        self.takes = 0
        """How many it takes before those that fail."""
        self.fails = 0
        self.error: Exception = sqlite3.OperationalError("disk I/O error")
        self._after = after
        """Whether it fails when all is written: nobody knows what has reached it."""
        self._append = day_file.append
        monkeypatch.setattr(day_file, "append", self.append)
        monkeypatch.setattr(commits, "open_commits", self.open_commits if compiled else lambda: None)

    def open_commits(self) -> FailingCommits | None:
        found = open_commits()
        return None if found is None else FailingCommits(self, found)

    def append(self, connection: sqlite3.Connection, batch: Batch, count: int) -> None:
        fails = 0 if self.takes else self.fails
        self.takes, self.fails = max(0, self.takes - 1), max(0, self.fails - bool(fails))
        if not fails or self._after:
            self._append(connection, batch, count)
        if fails:
            raise self.error


@pytest.mark.parametrize(("after", "compiled"), [(False, False), (True, False), (False, True)])
async def test_what_a_disk_did_not_confirm_is_written_again_into_another_file_and_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool, compiled: bool
) -> None:
    disk = Disk(monkeypatch, after=after, compiled=compiled)
    async with running(tmp_path) as site:
        await site.answered(site.share())
        disk.fails = 1
        await site.answered(site.share())
        await site.answered(site.share())
        assert site.heard == []
        assert site.journal.state["state"] == "ok"
    assert [(row.seq, row.count) for row in batches(tmp_path)] == [(1, 0), (2, 1), (3, 1), (4, 1)]
    valid = days(Folder.of(tmp_path), [])
    assert [(day.name, day.first, day.last) for day in valid] == [
        ("2023-11-14", 1, 2),
        ("2023-11-14.2", 3, 4),
    ]
    assert [day.problem for day in valid] == [None, None]
    assert batches(tmp_path)[2].notes == [[1, "0", "site", "c"], [4, "lives", 7]]


@pytest.mark.parametrize("after", [False, True])
async def test_a_file_in_which_no_batch_was_ever_confirmed_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    monkeypatch.setattr(journal, "RETRY", 0.01)
    disk = Disk(monkeypatch, after=after)
    async with running(tmp_path) as site:
        disk.fails = 4
        await site.answered(site.share())
        await site.told(LedgerRestored)
        await site.answered(site.share())
    assert sum(row.count for row in batches(tmp_path)) == 2
    there = sorted(path.name for path in Folder.of(tmp_path).days.iterdir())
    assert there == ["2023-11-14.5.db", "2023-11-14.db"]


async def test_without_a_disk_miners_are_answered_and_all_of_it_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RETRY", 0.01)
    disk = Disk(monkeypatch)
    async with running(tmp_path) as site:
        await site.answered(site.share())
        disk.fails = 1 << 30
        for _ in range(5):
            await site.answered(site.share())
        await site.told(LedgerDegraded)
        assert site.journal.state["state"] == "degraded"
        assert site.journal.state["unproven_shares"] == 5
        disk.fails = 0
        await site.told(LedgerRestored)
        await site.answered(site.share())
        assert site.journal.state["state"] == "ok"
    assert [event for event in site.heard if isinstance(event, LedgerDegraded)] == [
        LedgerDegraded("disk I/O error")
    ]
    assert [event.lost_shares for event in site.heard if isinstance(event, LedgerRestored)] == [0]
    assert sum(row.count for row in batches(tmp_path)) == 7
    assert site.reported == sorted(set(site.reported))


async def test_what_memory_cannot_keep_meanwhile_is_a_gap_that_the_chain_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RETRY", 0.01)
    monkeypatch.setattr(journal, "MOST_KEPT", 200)
    disk = Disk(monkeypatch)
    async with running(tmp_path) as site:
        disk.fails = 1 << 30
        for _ in range(20):
            await site.answered(site.share(credit=2.0))
        disk.fails = 0
        await site.told(LedgerRestored)
    (restored,) = [event for event in site.heard if isinstance(event, LedgerRestored)]
    rows = batches(tmp_path)
    kept = sum(row.count for row in rows)
    assert kept + restored.lost_shares == 20
    assert restored.lost_shares > 0
    (gap,) = [note for row in rows for note in row.notes if note[0] == 10]
    assert gap[3:] == [restored.lost_shares, 2.0 * restored.lost_shares, "disk I/O error"]


async def test_what_was_kept_is_told_with_what_lived_then_even_if_the_disk_fails_amid_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RETRY", 0.01)
    disk = Disk(monkeypatch)
    async with running(tmp_path) as site:
        site.lives = (JobIssued("before", 6), SESSION)
        await site.answered(site.share())
        disk.fails = 1 << 30
        await site.answered(site.share())
        await site.told(LedgerDegraded)
        for number in range(3):
            site.notes.append(pack(JobIssued(f"job{number}", number)))
            await site.answered(site.share())
        site.notes.append(pack(SessionEnded(1, "gone")))
        await site.answered(site.share())
        # Nothing of that lives any more when a disk takes two of them and refuses the third.
        site.lives = (JobIssued("now", 9),)
        disk.takes, disk.fails = 2, 1
        await site.told(LedgerRestored)
    rows = batches(tmp_path)
    assert sum(row.count for row in rows) == 6
    (third,) = [row for row in rows if [4, "job1", 1] in row.notes]
    assert third.notes == [
        [1, "0", "site", "c"],
        [4, "before", 6],
        [5, *msgspec.structs.astuple(SESSION)],
        [4, "job0", 0],
        [4, "job1", 1],
    ]


async def test_what_lost_batches_told_is_told_again_before_a_share_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RETRY", 0.01)
    monkeypatch.setattr(journal, "MOST_KEPT", 400)
    disk = Disk(monkeypatch)
    async with running(tmp_path) as site:
        disk.fails = 1 << 30
        for _ in range(20):
            await site.answered(site.share())
        assert site.journal.state["state"] == "degraded"
        site.lives = (JobIssued("told among the lost", 9),)
        disk.fails = 0
        await site.told(LedgerRestored)
        await site.answered(site.share())
    *_, gap, last = batches(tmp_path)
    assert [4, "told among the lost", 9] in gap.notes
    assert gap.notes[-1][0] == 10
    assert last.count == 1
    assert len(files(tmp_path)) == 3


async def test_a_batch_that_is_kept_behind_lost_ones_begins_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RETRY", 0.01)
    monkeypatch.setattr(journal, "MOST_KEPT", 400)
    disk = Disk(monkeypatch)
    async with running(tmp_path) as site:
        disk.fails = 1 << 30
        for _ in range(20):
            await site.answered(site.share())
        monkeypatch.setattr(journal, "MOST_KEPT", 1 << 20)
        site.lives = (JobIssued("told among the lost", 9),)
        await site.answered(site.share())
        disk.fails = 0
        await site.told(LedgerRestored)
    *_, behind, gap = batches(tmp_path)
    assert behind.notes == [[1, "0", "site", "c"], [4, "told among the lost", 9]]
    assert behind.count == 1
    assert [note[0] for note in gap.notes] == [10]


@pytest.mark.parametrize("compiled", [False, True])
async def test_a_full_disk_gets_the_reserve_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: bool
) -> None:
    monkeypatch.setattr(writer, "FOLD_INTERVAL", 0.001)
    monkeypatch.setattr(writer, "RESERVE", 4096)
    disk = Disk(monkeypatch, compiled=compiled)
    disk.error = sqlite3.OperationalError("database or disk is full")
    disk.error.sqlite_errorcode = sqlite3.SQLITE_FULL
    reserve = Folder.of(tmp_path).reserve
    async with running(tmp_path) as site:
        async with asyncio.timeout(PATIENCE):
            # It is there before it has its room, and then the writer still asks how large it is to be.
            while not (reserve.exists() and reserve.stat().st_size == 4096):
                await site.answered(site.share())
        monkeypatch.setattr(writer, "RESERVE", 1 << 60)
        disk.fails = 1
        await site.answered(site.share())
        assert LedgerReserveUsed() in site.heard
        assert not reserve.exists()
        assert not any(isinstance(event, LedgerDegraded) for event in site.heard)
        await site.answered(site.share())
    assert [path.stem for path in files(tmp_path)] == ["2023-11-14"]


async def test_windows_are_one_behind_the_other_however_slow_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = day_file.append

    def slow(connection: sqlite3.Connection, batch: Batch, count: int) -> None:
        time.sleep(0.02)
        append(connection, batch, count)

    monkeypatch.setattr(day_file, "append", slow)
    monkeypatch.setattr(commits, "open_commits", lambda: None)
    async with running(tmp_path) as site:
        windows = []
        for _ in range(20):
            windows.append(site.share())
            await asyncio.sleep(0.003)
        await site.answered(windows[-1])
        assert len(set(windows)) < 20, "a window takes what comes while the one before is written"
        assert site.journal.state["window_ms"] >= 40
    assert sum(row.count for row in batches(tmp_path)) == 20


async def test_a_disk_is_asked_again_even_if_nothing_could_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RETRY", 0.01)
    monkeypatch.setattr(journal, "MOST_KEPT", 0)
    disk = Disk(monkeypatch)
    async with running(tmp_path) as site:
        disk.fails = 1 << 30
        await site.answered(site.share(credit=2.0))
        disk.fails = 0
        await site.told(LedgerRestored)
        await site.answered(site.share())
    rows = batches(tmp_path)
    assert sum(row.count for row in rows) == 1
    assert [note[3:5] for row in rows for note in row.notes if note[0] == 10] == [[1, 2.0]]
