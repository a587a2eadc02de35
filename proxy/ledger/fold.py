"""Batches folded into what the index holds: sums by the minute, settlements, who and what there was.

Sums are of doubles. They do not depend on how the batches were parted as long as difficulties are multiples
of one power of two and sums stay below 2**53 of it, as those are that we assign.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from proxy.hotpath import ShareFold
from proxy.ledger.chain import Batch
from proxy.ledger.network import ALMOST, blocks_among, expected_blocks, network_difficulty
from proxy.ledger.outcomes import Outcome, of_refusal, of_settlement
from proxy.ledger.records import (
    AnyNote,
    Gap,
    JobIssued,
    RefusalSampled,
    RunBegan,
    SessionBegan,
    SessionEnded,
    ShareSettled,
    SharesRefused,
    TenantKnown,
    WorkReceived,
    notes_of,
)
from proxy.ledger.soundness import demand_sound

NOBODY = "?"
"""Tenant or upstream of a share whose session or job nobody knows."""
PROGRAM_ENDED = "the program ended"
"""Reason of what a run left open."""
MINUTE = 60
SESSION_KEPT = 3_600_000
"""Milliseconds for which a session is known behind its end: its last shares may be settled late."""
JOB_KEPT = 26 * 3_600_000
"""The same for works and jobs; those that live are told again each day."""
MOST_HELD = 4 << 20
"""Bytes of shares that are held until they are summed up, should there be a block among them."""


class Key(NamedTuple):
    """What shares are summed up by."""

    minute: int
    """Its beginning, seconds since 1970."""
    tenant: str
    worker: str
    upstream: str
    outcome: Outcome


@dataclass(slots=True)
class Sum:
    """Shares together."""

    count: int = 0
    difficulty: float = 0.0
    """Credited of accepted shares, asked for of refused ones, the pool's of settled ones."""
    square: float = 0.0
    best: float = 0.0
    """The greatest achieved difficulty."""
    last: int = 0
    """Milliseconds since 1970."""
    expected: float = 0.0
    """Blocks that accepted shares were worth: of each its credit by the network's difficulty."""
    blocks: int = 0
    """Blocks among them."""

    def add(
        self,
        count: int,
        difficulty: float,
        square: float,
        best: float,
        last: int,
        expected: float = 0.0,
        blocks: int = 0,
    ) -> None:
        """Count more of them."""
        self.count += count
        self.difficulty += difficulty
        self.square += square
        if best > self.best:  # a call of max each is what a month of 5,000 workers would feel
            self.best = best
        if last > self.last:
            self.last = last
        self.expected += expected
        self.blocks += blocks

    def copy(self) -> Sum:
        """Return another that is equal."""
        return Sum(self.count, self.difficulty, self.square, self.best, self.last, self.expected, self.blocks)


class Open(NamedTuple):
    """A share that went to a pool whose answer is not known yet."""

    number: int
    seq: int
    place: int
    session: int
    worker: str
    job_id: str


class Settled(NamedTuple):
    """What became of a share at the pool."""

    run: bytes
    number: int
    seq: int | None
    """With ``place`` the share's id; None where its batch is not known."""
    place: int | None
    outcome: Outcome
    reason: str
    at: int


class Work(NamedTuple):
    """What is asked of a work."""

    upstream: str
    tenant: str
    difficulty: float
    network: float
    """The network's difficulty; 0.0 if nothing can meet it."""
    at: int
    """When it was told last, milliseconds since 1970; as with jobs and sessions."""


class Job(NamedTuple):
    """What is asked of a job."""

    work: int
    at: int


class Session(NamedTuple):
    """What is asked of a session."""

    tenant: str
    ended: int | None


@dataclass(slots=True)
class Known:
    """What was told of a run and is still of use, and what it left open: what ``Fold`` goes on from."""

    run: bytes = b""
    at: int = 0
    """When its last batch was drawn."""
    works: dict[int, Work] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    sessions: dict[int, Session] = field(default_factory=dict)
    open: dict[int, Open] = field(default_factory=dict)
    """By number."""


@dataclass(slots=True)
class Folded:
    """What batches bring to the index since it was last taken."""

    sums: dict[Key, Sum] = field(default_factory=dict)
    tenants: dict[str, TenantKnown] = field(default_factory=dict)
    works: list[tuple[bytes, int, WorkReceived]] = field(default_factory=list)
    """With the run, and when it was told."""
    jobs: list[tuple[bytes, int, JobIssued]] = field(default_factory=list)
    sessions: list[tuple[bytes, int, SessionBegan]] = field(default_factory=list)
    ended: list[tuple[bytes, int, SessionEnded]] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    opened: dict[int, Open] = field(default_factory=dict)
    """By number; those that were settled since are not in it."""
    closed: list[int] = field(default_factory=list)
    """Numbers that were open when this began; all of them if the run is another one."""
    samples: list[tuple[int, int, int, RefusalSampled]] = field(default_factory=list)
    """With seq, place among the notes, and when it was told; as of gaps."""
    gaps: list[tuple[int, int, Gap]] = field(default_factory=list)
    """With seq and place."""


class Fold:
    """Folds one batch after the other; whoever writes the index takes what it found from time to time."""

    def __init__(self, known: Known | None = None) -> None:
        """Begin where ``known`` was left."""
        self.known = known or Known()
        self._shares = ShareFold()
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._minute = self.known.at // 60_000
        self._folded = Folded()
        self._ended: deque[tuple[int, int]] = deque(
            sorted((s.ended, n) for n, s in self.known.sessions.items() if s.ended is not None)
        )

    def __len__(self) -> int:
        """Return how many sums there are to write, about."""
        return len(self._folded.sums) + len(self._shares)

    def take(self, batch: Batch) -> None:
        """Fold a batch.

        Raises:
            LedgerDamaged: it holds what it cannot; nothing of it was folded.

        """
        notes = notes_of(batch.notes)
        demand_sound(batch, notes)
        if batch.at // 60_000 != self._minute or batch.run != self.known.run or self._contradict(notes):
            self._sum_up()
        forwarded = self._shares.add(batch.shares, batch.at)
        self._held.append(batch.shares)
        self._held_bytes += len(batch.shares)
        self._minute = batch.at // 60_000
        if batch.run != self.known.run:
            self._begin(batch.run)
        self.known.at = batch.at
        self._tell(batch, notes)
        for place, number, key in forwarded:
            # A number is given once. Were it not, the first share would stay open: it is nobody's any more.
            self._folded.opened[number] = self.known.open[number] = Open(number, batch.seq, place, *key)
        for note in notes:
            if isinstance(note, ShareSettled):
                self._settle(note, batch.at)
        self._forget_sessions(batch.at)
        if self._held_bytes > MOST_HELD:
            self._sum_up()

    def drain(self) -> Folded:
        """Return what was found since the last time, and begin anew."""
        self._sum_up()
        folded, self._folded = self._folded, Folded()
        return folded

    # --- shares -----------------------------------------------------------------------------------------

    def _sum_up(self) -> None:
        """Resolve the sums by session, worker and job; all of them are of one minute and one run."""
        minute = self._minute * MINUTE
        blocks: Counter[tuple[int, str, str]] | None = None
        for session, worker, job_id, count, credit, square, best, last in self._shares.drain():
            work = self._work(job_id)
            upstream, network = (NOBODY, 0.0) if work is None else (work.upstream, work.network)
            found = 0
            if 0 < network * ALMOST <= best:
                # Seldom: what shares are flagged with is not worth being read of each.
                blocks = blocks_among(self._held) if blocks is None else blocks
                found = blocks[session, worker, job_id]
            key = Key(minute, self._tenant(session), worker, upstream, Outcome.ACCEPTED)
            expected = expected_blocks(count, credit, network)
            self._sum(key).add(count, credit, square, best, last, expected, found)
        self._held, self._held_bytes = [], 0

    def _sum(self, key: Key) -> Sum:
        found = self._folded.sums.get(key)
        if found is None:
            found = self._folded.sums[key] = Sum()
        return found

    def _tenant(self, session: int) -> str:
        found = self.known.sessions.get(session)
        return NOBODY if found is None else found.tenant

    def _work(self, job_id: str) -> Work | None:
        job = self.known.jobs.get(job_id)
        return None if job is None else self.known.works.get(job.work)

    # --- notes ------------------------------------------------------------------------------------------

    def _contradict(self, notes: Iterable[AnyNote]) -> bool:
        """Return whether what came before is to be resolved before these are heard."""
        return any(
            isinstance(note, RunBegan)
            or (isinstance(note, SessionBegan) and self._tenant(note.session) not in (NOBODY, note.tenant))
            or (isinstance(note, JobIssued) and self.known.jobs.get(note.job_id, note).work != note.work)
            for note in notes
        )

    def _tell(self, batch: Batch, notes: Sequence[AnyNote]) -> None:
        known, folded, run, at = self.known, self._folded, batch.run, batch.at
        for place, note in enumerate(notes):
            match note:
                case TenantKnown():
                    folded.tenants[note.tenant] = note
                case WorkReceived():
                    network = network_difficulty(note.nbits)
                    known.works[note.work] = Work(note.upstream, note.tenant, note.difficulty, network, at)
                    folded.works.append((run, at, note))
                case JobIssued():
                    known.jobs[note.job_id] = Job(note.work, at)
                    folded.jobs.append((run, at, note))
                case SessionBegan():
                    known.sessions[note.session] = Session(note.tenant, None)
                    folded.sessions.append((run, at, note))
                case SessionEnded():
                    self._end(note, at)
                case SharesRefused() if note.count:
                    key = Key(
                        at // 60_000 * MINUTE,
                        note.tenant,
                        note.worker,
                        note.upstream,
                        of_refusal(note.reason),
                    )
                    square = note.difficulty * note.difficulty / note.count
                    self._sum(key).add(note.count, note.difficulty, square, 0.0, at)
                case RefusalSampled():
                    folded.samples.append((batch.seq, place, at, note))
                case Gap():
                    folded.gaps.append((batch.seq, place, note))
                case RunBegan():
                    self._forget_jobs(at)
                case _:
                    pass  # settlements come after the shares; a clock that was set changes no sum

    def _end(self, note: SessionEnded, at: int) -> None:
        found = self.known.sessions.get(note.session)
        if found is not None:
            self.known.sessions[note.session] = Session(found.tenant, at)
            self._ended.append((at, note.session))
        self._folded.ended.append((self.known.run, at, note))

    def _settle(self, note: ShareSettled, at: int) -> None:
        outcome = of_settlement(note.outcome, note.reason)
        key = self._settlement_key(at, note.session, note.worker, note.work, outcome)
        self._close(note.number, key, note.reason, note.difficulty, at)

    def _settlement_key(self, at: int, of: int, worker: str, on: int | None, outcome: Outcome) -> Key:
        session = self.known.sessions.get(of)
        work = None if on is None else self.known.works.get(on)
        # A session may be gone long before its last share is settled; the work is its tenant's, too.
        tenant = session.tenant if session is not None else NOBODY if work is None else work.tenant
        upstream = NOBODY if work is None else work.upstream
        return Key(at // 60_000 * MINUTE, tenant, worker, upstream, outcome)

    def _close(self, number: int, key: Key, reason: str, difficulty: float, at: int) -> None:
        share = self.known.open.pop(number, None)
        if share is not None and self._folded.opened.pop(number, None) is None:
            self._folded.closed.append(number)
        seq, place = (None, None) if share is None else (share.seq, share.place)
        self._folded.settled.append(Settled(self.known.run, number, seq, place, key.outcome, reason, at))
        self._sum(key).add(1, difficulty, difficulty * difficulty, 0.0, at)

    # --- runs -------------------------------------------------------------------------------------------

    def _begin(self, run: bytes) -> None:
        """Begin another run: what the one before left open ended with its last batch."""
        known = self.known
        for number, share in sorted(known.open.items()):
            job = known.jobs.get(share.job_id)
            on = None if job is None else job.work
            work = None if on is None else known.works.get(on)
            key = self._settlement_key(known.at, share.session, share.worker, on, Outcome.POOL_UNKNOWN)
            difficulty = 0.0 if work is None else work.difficulty
            self._close(number, key, PROGRAM_ENDED, difficulty, known.at)
        for session in sorted(n for n, found in known.sessions.items() if found.ended is None):
            self._folded.ended.append((known.run, known.at, SessionEnded(session, PROGRAM_ENDED)))
        self.known = Known(run)
        self._ended.clear()

    def _forget_sessions(self, at: int) -> None:
        while self._ended and self._ended[0][0] < at - SESSION_KEPT:
            ended, session = self._ended.popleft()
            found = self.known.sessions.get(session)
            if found is not None and found.ended == ended:
                self._sum_up()
                del self.known.sessions[session]

    def _forget_jobs(self, at: int) -> None:
        """Let go of what a new day's file need not tell again."""
        known = self.known
        known.jobs = {job_id: job for job_id, job in known.jobs.items() if job.at >= at - JOB_KEPT}
        known.works = {number: work for number, work in known.works.items() if work.at >= at - JOB_KEPT}
