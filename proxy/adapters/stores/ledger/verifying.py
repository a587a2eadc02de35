"""``shares verify``: every credited share of a range hashed again, from nothing but the day files.

That no header is credited twice is seen across batches, days and runs. Equal headers have the previous
block's hash in common, so shares are remembered by that, 8 to 10 bytes each; where there are more than
``MOST_REMEMBERED``, those of blocks that were worked on longest ago are given up. A share that comes for
such a block all the same is named for that: no twice credited share goes unnamed, and memory has a bound.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from proxy.adapters.stores.ledger.days import days, known_rows, steps
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.walking import Bad, Proven
from proxy.hotpath import Job
from proxy.ledger.audit import Targets, audit, words_of
from proxy.ledger.chain import Batch
from proxy.ledger.records import JobIssued, RunBegan, SessionBegan, WorkReceived, message, notes_of, shares_of
from proxy.mining.difficulty import target_of
from proxy.mining.job import prepare
from proxy.units import Difficulty

MOST_REMEMBERED = 16_000_000
"""Shares: half a day and more of a site that finds 300 a second, in 160 MB."""
FEWEST_BLOCKS = 8
"""Blocks that are remembered in any case: several chains, and a late share of the block before."""
MOST_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A credited share that is not what the ledger says."""

    seq: int
    place: int
    problems: list[str]

    @property
    def id(self) -> str:
        """By which the share is asked for."""
        return f"{self.seq}-{self.place}"


@dataclass(slots=True)
class Verification:
    """What hashing again has shown."""

    shares: int = 0
    batches: int = 0
    first: int | None = None
    """Seq of the first batch of the range, as ``last`` is of the last one."""
    last: int | None = None
    disagreeing: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)
    """The first ``MOST_SHOWN``."""
    bad: list[Bad] = field(default_factory=list)
    """Batches that are not proven: none of their shares was hashed."""

    @property
    def ok(self) -> bool:
        """Whether every share is what the ledger says."""
        return not self.disagreeing and not self.bad


def verify(
    folder: Folder,
    since: int = 0,
    until: int = 1 << 62,
    tenant: str | None = None,
    progress: Callable[[int], None] = lambda read: None,
) -> Verification:
    """Hash the credited shares again of batches from ``since`` on and before ``until``, in ms since 1970.

    ``tenant`` leaves those of others out; ``progress`` is told of bytes that were read.

    Raises:
        OSError: the folder cannot be read.

    """
    found = Verification()
    verifier = _Verifier(tenant, found)
    for step in _proven(folder, since, until):
        if isinstance(step, Bad):
            found.bad.append(step)
            continue
        verifier.take(step.batch, since <= step.batch.at < until)
        progress(step.size)
    return found


def _proven(folder: Folder, since: int, until: int) -> Iterator[Proven | Bad]:
    """Yield the batches of all files that may hold some of the range; each begins with what lives."""
    # Without an index that can be read no day is skipped: `ledger check` says what is wrong with it.
    for day in days(folder, known_rows(folder)):
        row = day.row
        if day.is_pruned or (row is not None and (row.last_at < since or row.first_at >= until)):
            continue
        yield from steps(folder, day)


class _Block:
    """What is remembered of the shares on one previous block."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        """Of its works that are known now, the first of them for ever: it holds the memory of all."""


class _Verifier:
    """Knows the jobs and sessions of the file at hand, and the shares of all blocks that are not given up."""

    def __init__(self, tenant: str | None, found: Verification) -> None:
        self._tenant = tenant
        self._found = found
        self._targets = Targets(target_of)
        self._run = b""
        self._works: dict[int, Job] = {}
        self._jobs: dict[str, Job] = {}
        self._extranonces: dict[int, tuple[bytes, ...]] = {}
        self._extranonces_before: dict[int, tuple[bytes, ...]] = {}
        """Of the file before: one may have changed in the window that begins a file."""
        self._tenants: dict[int, str] = {}
        self._blocks: OrderedDict[bytes, _Block] = OrderedDict()
        self._given_up: set[bytes] = set()

    def take(self, batch: Batch, in_range: bool) -> None:
        """Take the notes of a batch that is proven, and verify its shares if they are in the range."""
        changed = self._take_notes(batch)
        if in_range:
            found = self._found
            found.batches += 1
            found.first = batch.seq if found.first is None else found.first
            found.last = batch.seq
            self._verify(batch)
        self._extranonces_before.clear()
        for session in changed:
            self._extranonces[session] = self._extranonces[session][-1:]

    def _take_notes(self, batch: Batch) -> set[int]:
        """Return sessions whose extranonce has changed: of both, shares may be in this batch."""
        changed = set()
        for note in notes_of(batch.notes):
            match note:
                case RunBegan():
                    self._begin(batch.run)
                case WorkReceived():
                    self._work(note)
                case JobIssued(job_id, work):
                    if work in self._works:
                        self._jobs[job_id] = self._works[work]
                case SessionBegan():
                    before = self._extranonces.get(note.session) or self._extranonces_before.get(
                        note.session, ()
                    )
                    self._extranonces[note.session] = (*before, note.extranonce1)
                    self._tenants[note.session] = note.tenant
                    changed.add(note.session)
        return changed

    def _begin(self, run: bytes) -> None:
        """A file or a run begins: all that lives is told again."""
        self._works.clear()
        self._jobs.clear()
        self._tenants.clear()
        self._extranonces_before = self._extranonces if run == self._run else {}
        self._extranonces = {}
        self._run = run
        for block in self._blocks.values():
            del block.jobs[1:]

    def _work(self, note: WorkReceived) -> None:
        try:
            job = prepare(
                coinb1=note.coinb1,
                coinb2=note.coinb2,
                extranonce_size=note.extranonce_size,
                branches=note.branches,
                version=note.version,
                prevhash=note.prevhash,
                nbits=note.nbits,
                ntime=note.ntime,
                upstream_difficulty=Difficulty(note.difficulty),
                version_mask=None,
            )
        except ValueError:
            return  # no shares can be hashed with it: they are named, for their job is not known
        self._works[note.work] = job
        if note.prevhash in self._given_up:
            job.forget()
            return
        block = self._blocks.setdefault(note.prevhash, _Block())
        if block.jobs:
            job.share_credits(block.jobs[0])
        block.jobs.append(job)
        self._blocks.move_to_end(note.prevhash)
        self._keep_bound()

    def _verify(self, batch: Batch) -> None:
        shares, places = batch.shares, None
        if self._tenant is not None:
            chosen = [
                (place, share)
                for place, share in enumerate(shares_of(shares))
                if self._tenants.get(share.session) == self._tenant
            ]
            places = [place for place, _ in chosen]
            shares = message([share for _, share in chosen])
        count, findings = audit(shares, self._jobs, self._extranonces, self._targets)
        found = self._found
        found.shares += count
        found.disagreeing += len(findings)
        for place, finding in findings[: MOST_SHOWN - len(found.disagreements)]:
            at = place if places is None else places[place]
            found.disagreements.append(Disagreement(batch.seq, at, words_of(finding)))

    def _keep_bound(self) -> None:
        while (
            len(self._blocks) > FEWEST_BLOCKS
            and sum(block.jobs[0].credited_shares for block in self._blocks.values()) > MOST_REMEMBERED
        ):
            prevhash, block = self._blocks.popitem(last=False)
            self._given_up.add(prevhash)
            for job in block.jobs:
                job.forget()
