"""What shares must have earned, reckoned from the wire alone: an auditor that trusts nobody.

It reads what was written to each miner and what the miner sent. Difficulty is what was told last before the
job; a share counts where the miner was told so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.header import hash_of, header_of, target_at
from tests.fakes.miner import FakeMiner


@dataclass(frozen=True)
class Job:
    """A job as one miner was told it."""

    params: Sequence[Any]
    difficulty: float
    extranonce1: str


@dataclass
class Book:
    """One connection, as it looks from outside."""

    miner: FakeMiner
    read: int = 0
    difficulty: float | None = None
    extranonce1: str = ""
    jobs: dict[str, Job] = field(default_factory=dict)
    submits: dict[Any, Sequence[Any]] = field(default_factory=dict)


class Oracle:
    """Audits every connection of a site together: a header counts once among all of them."""

    def __init__(self) -> None:
        self._books: dict[int, Book] = {}
        self.credit: dict[int, float] = defaultdict(float)
        """By session."""
        self.count = 0
        self._headers: set[bytes] = set()

    def watch(self, miner: FakeMiner) -> None:
        """Audit this connection too, from its first line."""
        assert not miner.lines
        self._books[miner.key] = Book(miner)

    def submitted(self, miner: FakeMiner, identity: Any, params: Sequence[Any]) -> None:
        """Note what a miner sends, before it does."""
        self._books[miner.key].submits[identity] = params

    @property
    def total(self) -> float:
        """Difficulty that was earned in all."""
        return sum(self.credit.values())

    def audit(self) -> None:
        """Read what has been written since last time.

        Raises:
            AssertionError: a share was credited that earns nothing, or refused as too easy though it was not.

        """
        for book in self._books.values():
            while book.read < len(book.miner.lines):
                message = book.miner.lines[book.read]
                book.read += 1
                self._read(book, message)

    def _read(self, book: Book, message: dict[str, Any]) -> None:
        match message.get("method"):
            case "mining.set_difficulty":
                (book.difficulty,) = message["params"]
            case "mining.set_extranonce":
                book.extranonce1 = message["params"][0]
            case "mining.notify":
                assert book.difficulty is not None, "a job without a difficulty"
                assert message["params"][0] not in book.jobs, "an id told twice may mean two things"
                job = Job(message["params"], book.difficulty, book.extranonce1)
                book.jobs[message["params"][0]] = job
            case None:
                self._answered(book, message)

    def _answered(self, book: Book, message: dict[str, Any]) -> None:
        result = message["result"]
        if isinstance(result, list) and len(result) == 3:
            book.extranonce1 = result[1]
        params = book.submits.pop(message["id"], None)
        if params is None:
            return
        job = book.jobs.get(params[1])
        if result is True:
            assert job is not None, "a share of a job that was never told"
            header = self._header(job, params)
            assert hash_of(header) <= target_at(job.difficulty), "too easy for what was told"
            assert header not in self._headers, "credited before"
            self._headers.add(header)
            self.credit[book.miner.key] += job.difficulty
            self.count += 1
        elif message["error"][0] == 23:
            assert job is not None
            assert hash_of(self._header(job, params)) > target_at(job.difficulty), "it was good enough"

    @staticmethod
    def _header(job: Job, params: Sequence[Any]) -> bytes:
        """Return the header of a submit without version bits."""
        assert len(params) == 5
        _, _, extranonce2, ntime, nonce = params
        version = int(job.params[5], 16)
        return header_of(job.params, job.extranonce1, extranonce2, int(ntime, 16), int(nonce, 16), version)
