"""Work: a pool's job as this relay gives it out, and the ids under which it was issued."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.hotpath import Assignment, Target
from proxy.mining.difficulty import power_of_two_at_most, target_of
from proxy.mining.extranonce import Widths
from proxy.mining.job import Job, prepare
from proxy.mining.version_rolling import grant
from proxy.stratum.tell import NotifyTemplate
from proxy.stratum.upstream import Notify
from proxy.units import Difficulty, Seconds

if TYPE_CHECKING:
    from proxy.relay.chronicle import Chronicle
    from proxy.relay.upstream import UpstreamConnection

MOST_AHEAD = 32
"""Seconds that the ntime of a re-issued job may run ahead of its age."""
TAIL = 4
"""Bytes of the upstream's extranonce1 that become the miner's where no byte is left for a lease: cgminer
refuses an empty extranonce1."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """What stands before the miner's part of the extranonce on one connection, and how it is cut.

    The upstream's extranonce1 and the padding go to the end of the downstream coinb1, so that a miner
    keeps its extranonce whatever upstream it works for.
    """

    fixed: bytes
    """In coinb1."""
    tail: bytes
    """In the miner's extranonce1, before the lease; empty wherever a lease has a byte of its own."""
    upstream_extranonce1: int
    """Bytes of ``fixed + tail`` that the upstream knows already."""

    @classmethod
    def of(cls, extranonce1: bytes, extranonce2_size: int, widths: Widths) -> Prefix:
        """Cut ``extranonce1`` plus padding. The caller has checked that the widths fit."""
        whole = extranonce1 + bytes(extranonce2_size - widths.total)
        cut = len(whole) if widths.lease else max(0, len(whole) - TAIL)
        return cls(whole[:cut], whole[cut:], len(extranonce1))

    def upstream_extranonce2(self, extranonce: bytes) -> bytes:
        """Return what the upstream takes as extranonce2 for ``extranonce``, the bytes in the job's hole."""
        return (self.fixed + extranonce)[self.upstream_extranonce1 :]


@dataclass(slots=True, eq=False)
class Issue:
    """One downstream job id: common to all sessions that it was sent to."""

    job_id: str
    number: int
    work: Work
    ntime: int
    assignments: dict[tuple[Difficulty, int], Assignment] = field(default_factory=dict)
    _lines: dict[bool, bytes] = field(default_factory=dict)

    def line(self, *, clean: bool) -> bytes:
        """Return the notify: encoded once, the same bytes for every session."""
        line = self._lines.get(clean)
        if line is None:
            line = self._lines[clean] = self.work.template.line(self.job_id, self.ntime, clean=clean)
        return line

    def assignment_for(self, difficulty: Difficulty, mask: int) -> Assignment:
        """Return what a session is assigned, one object for all sessions with the same."""
        assignment = self.assignments.get((difficulty, mask))
        if assignment is None:
            target = Target(target_of(difficulty))
            assignment = Assignment(self.work.job, self.job_id, target, difficulty, mask, self.work)
            self.assignments[difficulty, mask] = assignment
        return assignment


@dataclass(slots=True, eq=False)
class Work:
    """A job of one upstream connection, ready to be issued and judged."""

    number: int
    """In the ledger; never given twice."""
    job: Job
    notify: Notify
    connection: UpstreamConnection
    prefix: Prefix
    template: NotifyTemplate
    received_at: Seconds
    ceiling: Difficulty = field(init=False)
    """Highest difficulty to give with it: the largest power of two that is not above the upstream's."""
    coinbase_bytes: int = field(init=False)
    """Length of the coinbase transaction, without witness."""
    _grants: dict[tuple[int | None, int], int] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    """By ntime: re-issuing under a later ntime repeats no work."""
    has_ended: bool = False
    """A clean job of the same connection, or retention, ended it."""
    is_lost: bool = False
    """Its connection was lost."""

    def end(self) -> None:
        """From now on its shares do not count."""
        self.has_ended = True
        self.job.stale_at = -math.inf

    def lose(self, now: Seconds, grace: Seconds) -> None:
        """Its connection is gone: its shares count for the grace, and no longer."""
        if not self.is_lost:
            self.is_lost = True
            self.job.stale_at = min(self.job.stale_at, now + grace)

    def is_stale(self, now: Seconds) -> bool:
        """Return whether its shares no longer count."""
        return self.job.is_stale_at(now)

    def __post_init__(self) -> None:
        prepared = self.job.prepared
        self.ceiling = power_of_two_at_most(self.job.upstream_difficulty)
        self.coinbase_bytes = len(prepared.coinb1) + prepared.extranonce_size + len(prepared.coinb2)

    def grant_for(self, asked: int) -> int:
        """Return the version bits for a miner that asked for ``asked``: the same for all that asked so.

        Of the connection's mask and not the job's: that one keeps the old bits, for shares in flight.
        """
        key = (self.connection.mask, asked)
        mask = self._grants.get(key)
        if mask is None:
            mask = self._grants[key] = grant(self.connection.mask or 0, asked, self.job.version)
        return mask

    def has_headers_of(self, other: Work) -> bool:
        """Return whether shares of ``other`` make the same headers: only id, ntime and clean may differ."""
        ours, theirs = self.notify, other.notify
        return (ours.prevhash, ours.coinb1, ours.coinb2, ours.branches, ours.version, ours.nbits) == (
            theirs.prevhash,
            theirs.coinb1,
            theirs.coinb2,
            theirs.branches,
            theirs.version,
            theirs.nbits,
        ) and (self.prefix.fixed + self.prefix.tail) == (other.prefix.fixed + other.prefix.tail)

    def next_ntime(self, now: Seconds, after: int) -> int | None:
        """Return an ntime for re-issuing that is later than ``after``, or None past the window."""
        elapsed = int(now - self.received_at)
        ntime = max(after + 1, self.job.ntime + elapsed)
        # Once a second for long: a miner that asks without end must not fill the book of jobs.
        half = (self.job.last_ntime - self.job.ntime) // 2  # the rest is the miner's to roll
        return ntime if ntime <= self.job.ntime + min(half, elapsed + MOST_AHEAD) else None


class JobBook:
    """Every downstream job id that may still be answered; ids are short and never repeat."""

    def __init__(self, boot: int, chronicle: Chronicle) -> None:
        """``boot`` is 24 bits of chance, so that ids differ across restarts without a disk."""
        self._chronicle = chronicle
        self._boot = boot & 0xFFFFFF
        self._number = 0
        self._issues: dict[str, Issue] = {}

    def __len__(self) -> int:
        return len(self._issues)

    def unique(self, number: int) -> str:
        """Return an id for a number that was given once since the start."""
        return f"{self._boot:06x}{number:x}"

    def issue(self, work: Work, ntime: int) -> Issue:
        """Return ``work`` under an id for ``ntime``, a new id unless it has one."""
        issue = work.issues.get(ntime)
        if issue is None:
            self._number += 1
            job_id = self.unique(self._number)
            issue = work.issues[ntime] = self._issues[job_id] = Issue(job_id, self._number, work, ntime)
            self._chronicle.issued(issue)
        return issue

    def find(self, job_id: str) -> Issue | None:
        """Return the issue of an id that is not forgotten."""
        return self._issues.get(job_id)

    def forget(self, work: Work) -> None:
        """Drop every id of ``work``: its shares will be answered as of an unknown job."""
        work.job.forget()
        self._chronicle.forgotten(work)
        for issue in work.issues.values():
            self._issues.pop(issue.job_id, None)


def make_work(
    number: int,
    notify: Notify,
    connection: UpstreamConnection,
    prefix: Prefix,
    widths: Widths,
    difficulty: Difficulty,
    mask: int | None,
    now: Seconds,
    *,
    ntime_window: int,
) -> Work:
    """Return a pool's job prepared for sessions with ``widths``."""
    coinb1 = notify.coinb1 + prefix.fixed
    job = prepare(
        coinb1=coinb1,
        coinb2=notify.coinb2,
        extranonce_size=len(prefix.tail) + widths.total,
        branches=notify.branches,
        version=notify.version,
        prevhash=notify.prevhash,
        nbits=notify.nbits,
        ntime=notify.ntime,
        upstream_difficulty=difficulty,
        version_mask=mask,
        ntime_window=ntime_window,
    )
    template = NotifyTemplate(
        notify.prevhash, coinb1, notify.coinb2, notify.branches, notify.version, notify.nbits
    )
    return Work(number, job, notify, connection, prefix, template, now)
