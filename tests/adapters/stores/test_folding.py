"""The index against a naive count: whatever happens in between, each share is in it once."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from proxy.adapters.stores.ledger import day_file, index, standing
from proxy.adapters.stores.ledger.catching_up import catch_up, rebuild
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.folding import DAY, HOUR, Folding
from proxy.ledger import chain
from proxy.ledger.chain import GENESIS
from proxy.ledger.fold import PROGRAM_ENDED
from proxy.ledger.outcomes import Outcome
from proxy.ledger.records import Note, RunBegan, Share
from tests.ledger import writing
from tests.ledger.writing import (
    Chain,
    ended,
    job,
    refused,
    session,
    share,
    work,
)

Who = tuple[str, str, str, Outcome]
Count = tuple[int, float, float, float, int]

TENANTS = {"acme": "pool", "zeta": "other"}
"""And the upstream of each."""
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""What a power cut leaves is asked elsewhere: here no disk needs to be waited for."""
NOTHING: Count = (0, 0.0, 0.0, 0.0, 0)


def plus(one: Count, other: Count) -> Count:
    return (
        one[0] + other[0],
        one[1] + other[1],
        one[2] + other[2],
        max(one[3], other[3]),
        max(one[4], other[4]),
    )


def opened(path: Path) -> sqlite3.Connection:
    connection = index.open_to_write(path)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def rows_of(
    connection: sqlite3.Connection, name: str, since: int = 0, until: int = 1 << 60
) -> dict[tuple[int, Who], Count]:
    """Return the rows of a roll-up by their names."""
    return {
        (at, (tenant, worker, upstream, Outcome(outcome))): (*sums,)
        for at, tenant, worker, upstream, outcome, *sums in connection.execute(
            f"SELECT at, workers.tenant, workers.name, upstreams.name, outcome,"
            f" count, difficulty, square, best, last"
            f" FROM {name} JOIN workers ON workers.id = worker JOIN upstreams ON upstreams.id = upstream"
            f" WHERE at >= ? AND at < ?",
            (since, until),
        )
    }


def totals_of(connection: sqlite3.Connection) -> dict[Who, Count]:
    """Return what the roll-ups hold together: days, then hours, then minutes."""
    hours, days = standing.number(connection, "hours"), standing.number(connection, "days")
    found: dict[Who, Count] = defaultdict(lambda: NOTHING)
    for part in (
        rows_of(connection, "day"),
        rows_of(connection, "hour", days),
        rows_of(connection, "minute", hours),
    ):
        for (_, who), count in part.items():
            found[who] = plus(found[who], count)
    return dict(found)


def settlements_of(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    """Return the settlements in their order, their chain proven."""
    found, previous = [], GENESIS
    for row in connection.execute(
        "SELECT run, number, seq, place, outcome, reason, at, hash FROM settlements ORDER BY id"
    ):
        previous = chain.settled(previous, *row[:-1])
        assert row[-1] == previous
        found.append(row[:-1])
    return found


Pick = tuple[int, int, bool, int]
"""Of a share: which session, which job, whether it goes up, and the power of two that it is worth."""
WINDOWS = st.tuples(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans(), st.integers(0, 12)), max_size=6),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["accepted", "rejected", "unknown"])), max_size=4),
    st.sampled_from([20, 20, 999, 59_000, 60_000, 1_200_000, 3_500_000, -20, -60_000, -3_600_000]),
)


class Site(RuleBasedStateMachine):
    """A site whose program crashes, starts anew, turns days, and whose clock is set."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory(dir=MEMORY)
        self.folder = Folder(Path(self.place.name))
        self.folder.make()
        self.chain = Chain()
        self.file: sqlite3.Connection | None = None
        self.connection = opened(self.folder.index)
        self.folding = Folding(self.connection)
        self.runs = self.files = self.numbers = 0
        self.minutes: dict[tuple[int, Who], Count] = defaultdict(lambda: NOTHING)
        self.settled: list[tuple[object, ...]] = []
        self.open: dict[int, tuple[int, int, int, str]] = {}
        self.sessions: dict[int, tuple[str, str]] = {}
        self.living: set[int] = set()
        self.jobs: dict[str, str] = {}
        self.notes: list[Note] = []

    @override
    def teardown(self) -> None:
        self.check()
        self.connection.close()
        if self.file is not None:
            self.file.close()
        self.place.cleanup()

    # --- what happens -----------------------------------------------------------------------------------

    @initialize()
    def begin_run(self) -> None:
        for number, (seq, place, of, worker) in sorted(self.open.items()):
            tenant = self.sessions[of][0]
            at = self.chain.at
            self.settled.append((self.chain.run, number, seq, place, Outcome.POOL_UNKNOWN, PROGRAM_ENDED, at))
            self.count(
                at, (tenant, worker, TENANTS[tenant], Outcome.POOL_UNKNOWN), (1, 65536.0, 65536.0**2, 0.0, at)
            )
        self.runs += 1
        self.chain.run = self.runs.to_bytes(8, "big")
        self.open, self.sessions, self.living, self.jobs = {}, {}, set(), {}
        self.begin_file()
        self.begin_session("acme", "a")
        self.commit([], [], 20)

    @rule()
    def begin_file(self) -> None:
        if self.notes:
            self.commit([], [], 20)
        if self.file is not None:
            self.file.close()
        self.files += 1
        name = "2026-11-26" + (f".{self.files}" if self.files > 1 else "")
        self.file = day_file.create(self.folder.day(name), b"1" * 16, self.chain.hash)
        self.file.execute("PRAGMA synchronous = OFF")
        # Here all jobs and sessions live; each tenant has one work, number and all.
        self.notes = [RunBegan("1", "site", "python"), *(writing.tenant(name) for name in TENANTS)]
        self.notes += [work(n, of, upstream) for n, (of, upstream) in enumerate(TENANTS.items(), 1)]
        for of in TENANTS:
            self.jobs[f"{of}-1"] = of
        self.notes += [job(job_id, 1 + list(TENANTS).index(of)) for job_id, of in self.jobs.items()]
        self.notes += [session(n, *self.sessions[n]) for n in sorted(self.living)]

    @rule(of=st.sampled_from(sorted(TENANTS)), worker=st.sampled_from(["a", "b"]))
    def begin_session(self, of: str, worker: str) -> None:
        number = len(self.sessions) + 1
        self.sessions[number] = (of, worker)
        self.living.add(number)
        self.notes.append(session(number, of, worker))

    @rule(of=st.sampled_from(sorted(TENANTS)))
    def issue_job(self, of: str) -> None:
        job_id = f"{of}-{len(self.jobs)}"
        self.jobs[job_id] = of
        self.notes.append(job(job_id, 1 + list(TENANTS).index(of)))

    @precondition(lambda self: len(self.living) > 1)
    @rule(data=st.data())
    def end_session(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.living)))
        self.living.remove(number)
        self.notes.append(ended(number))

    @rule(windows=st.lists(WINDOWS, min_size=1, max_size=5))
    def work_on(self, windows: list[tuple[list[Pick], list[tuple[int, str]], int]]) -> None:
        for picks, settle, later in windows:
            self.commit(picks, settle, later)

    def commit(self, picks: Sequence[Pick], settle: Iterable[tuple[int, str]], later: int) -> None:
        notes, self.notes = self.notes, []
        shares: list[Share] = []
        at, seq = self.chain.at + later, self.chain.seq + 1
        for of, which, is_forwarded, size in picks:
            of = 1 + of % len(self.sessions)
            tenant, worker = self.sessions[of]
            ids = [job_id for job_id, owner in self.jobs.items() if owner == tenant]
            self.numbers += is_forwarded
            number = self.numbers if is_forwarded else 0
            if number:
                self.open[number] = (seq, len(shares), of, worker)
            credit = 2.0**size
            shares.append(
                share(of, worker, ids[which % len(ids)], number=number, credit=credit, achieved=credit * 3)
            )
            self.count(
                at,
                (tenant, worker, TENANTS[tenant], Outcome.ACCEPTED),
                (1, credit, credit**2, credit * 3, at),
            )
        for which, outcome in settle:
            if self.open:
                number = sorted(self.open)[which % len(self.open)]
                of_seq, place, of, worker = self.open.pop(number)
                tenant = self.sessions[of][0]
                on = 1 + list(TENANTS).index(tenant)
                notes.append(writing.settled(number, outcome, "21 x", of=of, worker=worker, on=on))
                ends = {
                    "accepted": Outcome.POOL_ACCEPTED,
                    "rejected": Outcome.POOL_STALE,
                    "unknown": Outcome.POOL_UNKNOWN,
                }
                end = ends[outcome]
                self.settled.append((self.chain.run, number, of_seq, place, end, "21 x", at))
                self.count(at, (tenant, worker, TENANTS[tenant], end), (1, 65536.0, 65536.0**2, 0.0, at))
        batch = self.chain.batch(notes, shares, later=later)
        assert self.file is not None
        day_file.append(self.file, batch, len(shares))
        self.folding.take(batch)

    @rule(count=st.integers(1, 5), worker=st.sampled_from(["a", "b"]))
    def refuse(self, count: int, worker: str) -> None:
        self.notes.append(refused("stale", count, count * 4.0, worker=worker))
        later = 20
        who = ("acme", worker, "pool", Outcome.STALE)
        at = self.chain.at + later
        self.count(at, who, (count, count * 4.0, count * 16.0, 0.0, at))
        self.commit([], [], later)

    def count(self, at: int, who: Who, more: Count) -> None:
        key = at // 60_000 * 60, who
        self.minutes[key] = plus(self.minutes[key], more)

    # --- what the program does --------------------------------------------------------------------------

    @rule(ahead=st.sampled_from([0, 60, HOUR, DAY, 3 * DAY]))
    def roll(self, ahead: int) -> None:
        self.folding.roll(self.chain.at // 1000 + ahead)

    @rule()
    def crash(self) -> None:
        """Whatever was not flushed is gone; it is caught up from the day files."""
        self.connection.close()
        self.connection = opened(self.folder.index)
        self.folding = catch_up(self.folder, self.connection)

    @rule(back=st.integers(1, 30))
    def replay(self, back: int) -> None:
        for batch in self.chain.batches[-back:]:
            self.folding.take(batch)

    # --- what must be true ------------------------------------------------------------------------------

    @invariant()
    def nothing_is_damaged(self) -> None:
        assert self.connection.execute("SELECT * FROM damages").fetchall() == []

    @rule()
    def check(self) -> None:
        self.folding.flush()
        expected: dict[Who, Count] = defaultdict(lambda: NOTHING)
        for (_, who), count in self.minutes.items():
            expected[who] = plus(expected[who], count)
        assert totals_of(self.connection) == dict(expected)
        for size, name in ((60, "minute"), (HOUR, "hour"), (DAY, "day")):
            kept = rows_of(self.connection, name)
            grouped: dict[tuple[int, Who], Count] = defaultdict(lambda: NOTHING)
            for (at, who), count in self.minutes.items():
                key = at // size * size, who
                grouped[key] = plus(grouped[key], count)
            assert {key: grouped[key] for key in kept} == kept
        assert settlements_of(self.connection) == self.settled
        unsettled = self.connection.execute(
            "SELECT number, seq, place, session, worker FROM unsettled"
        ).fetchall()
        assert {row[0]: row[1:] for row in unsettled} == self.open

    @rule()
    def make_anew(self) -> None:
        """An index that was lost comes out as the one that was kept."""
        self.folding.flush()
        with closing(rebuild(self.folder, self.folder.root / "again.db")) as again:
            assert totals_of(again) == totals_of(self.connection)
            tables = ("tenants", "works", "jobs", "sessions", "settlements", "unsettled", "samples", "gaps")
            for table in tables:
                rows = f"SELECT * FROM {table} ORDER BY 1, 2"
                assert again.execute(rows).fetchall() == self.connection.execute(rows).fetchall()


Site.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestSite = Site.TestCase
