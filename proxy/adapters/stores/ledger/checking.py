"""``ledger check``: every batch proven, every closed day's signature, and the index against both.

Nothing is truncated and nothing repaired. What is bad is named by its range and noted in the index, so that
it is settled by nobody until an operator has signed it off; all the rest stays good.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice

from proxy.adapters.stores.ledger import damages, day_file, index, settlement_chain, standing
from proxy.adapters.stores.ledger.damages import INDEX
from proxy.adapters.stores.ledger.days import Day, DayRow, days, ledger_of, rows, steps
from proxy.adapters.stores.ledger.folder import Folder, day_of
from proxy.adapters.stores.ledger.signing import ClosedDay, is_signed, public_key, size_of
from proxy.adapters.stores.ledger.walking import UNREADABLE, Bad, Proven, Walk
from proxy.errors import LedgerUnusable
from proxy.ledger.chain import GENESIS
from proxy.ledger.outcomes import Outcome

_SUMS = f"""
    SELECT date(at, 'unixepoch') AS day, sum(count), sum(difficulty) FROM (
        SELECT at, count, difficulty FROM day WHERE outcome = {Outcome.ACCEPTED:d}
        UNION ALL
        SELECT at, count, difficulty FROM hour WHERE outcome = {Outcome.ACCEPTED:d} AND at >= :days
        UNION ALL
        SELECT at, count, difficulty FROM minute WHERE outcome = {Outcome.ACCEPTED:d} AND at >= :hours
    ) GROUP BY day
"""
"""Hours are made of minutes, and days of hours, once those are over: up to the instants in ``meta``."""


@dataclass(slots=True)
class Sum:
    """Shares and what was credited for them."""

    shares: int = 0
    difficulty: float = 0.0

    def add(self, shares: int, difficulty: float) -> None:
        """Add more of them."""
        self.shares += shares
        self.difficulty += difficulty


@dataclass(slots=True)
class Report:
    """What a check found; sums are of what is proven alone."""

    ledger: bytes | None = None
    public_key: bytes | None = None
    root: bytes = GENESIS
    """Hash of the last batch that is proven."""
    batches: int = 0
    superseded: int = 0
    """Batches that were written again in the next file, because a disk had refused to flush them."""
    credited: Sum = field(default_factory=Sum)
    refused: int = 0
    """By us, as counted in the notes."""
    first_at: int | None = None
    """Milliseconds since 1970, of the first batch that holds a share; ``last_at`` of the last one."""
    last_at: int | None = None
    signed_days: int = 0
    pruned_days: int = 0
    pruned: Sum = field(default_factory=Sum)
    """As signed when the days were closed."""
    watermark: tuple[int, bytes] | None = None
    """Seq and hash of the last batch that is folded into the index."""
    problems: list[damages.Damage] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong but what an operator has signed off."""
        return all(problem.signed_by is not None for problem in self.problems)


@dataclass(frozen=True, slots=True)
class _Index:
    """What the index said at one moment, before the days were walked through."""

    ledger: bytes | None
    watermark: tuple[int, bytes] | None
    rows: list[DayRow]
    sums: dict[str, Sum]
    """By UTC day: of the roll-ups, up to the watermark."""


def size(folder: Folder) -> int:
    """Return the bytes of all day files, which a check reads: for a progress bar.

    Raises:
        OSError: one of them cannot be looked at.

    """
    return sum(size_of(folder.day(name)) for name in folder.names())


def check(folder: Folder, progress: Callable[[int], None] = lambda read: None) -> Report:
    """Check a ledger, while a program writes it or not; ``progress`` is told of bytes that were read.

    Raises:
        OSError: the folder cannot be read.

    """
    checker = _Checker(folder, progress)
    report = checker.run()
    report.problems = damages.noted(folder, checker.found)
    return report


class _Checker:
    """One check, from the first day to the last."""

    def __init__(self, folder: Folder, progress: Callable[[int], None]) -> None:
        self._folder = folder
        self._progress = progress
        self._walk = Walk()
        self._by_day: dict[str, Sum] = {}
        self._at_watermark: bytes | None = None
        self.found: list[Bad] = []
        self.report = Report()

    def run(self) -> Report:
        """Go through everything."""
        known = self._read_index()
        self.report.watermark = known.watermark
        self.report.ledger = known.ledger
        self._read_key()
        ordered = days(self._folder, known.rows)
        if self.report.ledger is None:
            self.report.ledger = ledger_of(ordered)
        for day in ordered:
            if day.is_pruned:
                self._pruned(day)
            else:
                # The watermark must be in one of them: in the last, if not before.
                self._day(day, known, known.watermark[0] if known.watermark and day is ordered[-1] else 0)
        self._against_index(known)
        self._settlements()
        return self.report

    def _bad(self, day: str, first: int, last: int, problem: str) -> None:
        self.found.append(Bad(day, first, last, problem))

    def _read_key(self) -> None:
        try:
            self.report.public_key = public_key(self._folder.signing_key)
        except (LedgerUnusable, OSError) as error:
            self._bad(INDEX, 0, 0, f"signatures cannot be checked: {error}")

    def _read_index(self) -> _Index:
        nothing = _Index(None, None, [], {})
        if not self._folder.index.exists():
            return nothing
        try:
            with closing(index.open_to_read(self._folder.index)) as connection:
                damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if damage != "ok":
                    raise sqlite3.DatabaseError(damage)
                connection.execute("BEGIN")
                until = {key: standing.number(connection, key) for key in ("days", "hours")}
                sums = {day: Sum(*sum_) for day, *sum_ in connection.execute(_SUMS, until)}
                watermark = standing.watermark(connection)
                ledger = standing.value(connection, "ledger") or None
                return _Index(ledger, watermark if watermark[0] else None, rows(connection), sums)
        except (*UNREADABLE, ValueError, TypeError) as error:
            self._bad(INDEX, 0, 0, f"the index cannot be used; it can be made anew from the days: {error}")
            return nothing

    def _pruned(self, day: Day) -> None:
        row = day.row
        assert row is not None, "that a day is pruned its row says"
        self._follows(day.name, row.first, row.previous)
        self._signature(row)
        self.report.pruned_days += 1
        self.report.pruned.add(row.shares, row.difficulty)
        self.report.root = row.root
        self._walk = Walk(row.root, row.last + 1)

    def _follows(self, name: str, first: int | None, previous: bytes) -> None:
        """Have the walk go on with a day, and say where it does not fit to the one before."""
        expected = self._walk.expected
        if first is not None and first > expected:
            self._bad(name, expected, first - 1, "in no file, and no pruned day says why")
            self._walk = Walk(previous, first)
            return
        if previous in self._walk.possible:
            return
        if self._walk.possible:
            self._bad(name, expected, expected, "its file does not follow the one before")
        self._walk.possible.append(previous)

    def _day(self, day: Day, known: _Index, must_reach: int) -> None:
        if day.previous is not None:
            if day.ledger != self.report.ledger:
                self._bad(day.name, self._walk.expected, self._walk.expected, "its file is of another ledger")
            self._follows(day.name, day.first, day.previous)
        first, sums = self._walk.expected, Sum()
        if day.row is not None:
            must_reach = max(must_reach, day.row.last)
        self._take(steps(self._folder, day, self._walk, must_reach=must_reach), sums, known.watermark)
        if day.is_there:
            self._structure(day)
        if day.row is not None:
            self._closed(day, day.row, first, sums)

    def _take(self, steps: Iterator[Proven | Bad], sums: Sum, watermark: tuple[int, bytes] | None) -> None:
        report = self.report
        for step in steps:
            if isinstance(step, Bad):
                self.found.append(step)
                continue
            batch = step.batch
            report.batches += 1
            report.root = batch.hash
            report.refused += step.refused
            for sum_ in (sums, report.credited):
                sum_.add(step.shares, step.credit)
            if step.shares:
                report.first_at = batch.at if report.first_at is None else report.first_at
                report.last_at = batch.at
            if watermark is not None and batch.seq <= watermark[0]:
                self._by_day.setdefault(day_of(batch.at), Sum()).add(step.shares, step.credit)
                if batch.seq == watermark[0]:
                    self._at_watermark = batch.hash
            self._progress(step.size)

    def _structure(self, day: Day) -> None:
        """Have SQLite look at its own pages: rows behind the last one could have gone with a page's head."""
        try:
            with closing(day_file.open_to_read(self._folder.day(day.name))) as connection:
                if day.end is not None:
                    void = connection.execute("SELECT count(*) FROM batches WHERE seq >= ?", (day.end,))
                    self.report.superseded += void.fetchone()[0]
                found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except UNREADABLE as error:
            found = f"{error}"
        if found != "ok" and not any(bad.day == day.name for bad in self.found):
            last = self._walk.expected - 1
            self._bad(day.name, last, last, f"SQLite: {found}; what stood behind it may be lost")

    def _closed(self, day: Day, row: DayRow, first: int, sums: Sum) -> None:
        """Hold a closed day's row, which is what was signed, against its file."""
        self._signature(row)
        if any(bad.day == day.name for bad in self.found):
            return
        proven = (
            first,
            self._walk.expected - 1,
            sums.shares,
            sums.difficulty,
            day.previous,
            self.report.root,
        )
        if proven != (row.first, row.last, row.shares, row.difficulty, row.previous, row.root):
            self._bad(
                day.name, row.first, row.last, "the index says something else of this day than its file"
            )

    def _signature(self, row: DayRow) -> None:
        if row.signature is None:
            return
        public, ledger = self.report.public_key, self.report.ledger
        closed = ClosedDay(
            ledger or b"", row.name, row.first, row.last, row.shares, row.difficulty, row.previous, row.root
        )
        if public is None:
            self._bad(row.name, row.first, row.last, "it is signed, and the key is not there to check it")
        elif not is_signed(closed, row.signature, public):
            self._bad(row.name, row.first, row.last, "its signature is not good")
        else:
            self.report.signed_days += 1

    def _against_index(self, known: _Index) -> None:
        """Hold the roll-ups against what was credited up to the watermark."""
        if known.watermark is None:
            return
        seq, digest = known.watermark
        if self._at_watermark not in (None, digest) or (seq and seq >= self._walk.expected):
            self._bad(INDEX, seq, seq, "the index was folded from other batches than these")
        damaged = {bad.day.partition(".")[0] for bad in self.found}
        for day, proven in self._by_day.items():
            folded = known.sums.get(day, Sum())
            alike = proven.shares == folded.shares and math.isclose(
                proven.difficulty, folded.difficulty, rel_tol=1e-9
            )
            if not alike and day not in damaged and self._is_whole(day, known):
                self._bad(
                    INDEX,
                    seq,
                    seq,
                    f"on {day} the index credits {folded.shares} shares with {folded.difficulty:.15g}, "
                    f"the batches {proven.shares} with {proven.difficulty:.15g}; it can be made anew",
                )

    def _settlements(self) -> None:
        """Hold the settlements against their chain; what cannot be read was said before."""
        if not self._folder.index.exists():
            return
        with suppress(*UNREADABLE), closing(index.open_to_read(self._folder.index)) as connection:
            for number, seq in islice(settlement_chain.broken(connection), damages.MOST):
                self._bad(INDEX, seq, seq, f"settlement {number} is not what was written")

    def _is_whole(self, day: str, known: _Index) -> bool:
        """Return whether no batch of that day has been pruned: the roll-ups keep what they had."""
        pruned = [row for row in known.rows if row.pruned_at is not None]
        return not any(day_of(row.first_at) <= day <= day_of(row.last_at) for row in pruned)
