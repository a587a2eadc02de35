"""What the relay tells the ledger beside its shares: works, jobs, sessions, settlements, refusals.

Notes stand in the open window, in front of its shares, and nobody waits for them: they become durable with
the next shares, or within a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from proxy.hotpath import Reason
from proxy.hotpath.names import sanitised
from proxy.ledger.records import (
    JobIssued,
    Note,
    RefusalSampled,
    SessionBegan,
    SessionEnded,
    ShareSettled,
    SharesRefused,
    WorkGated,
    WorkReceived,
    pack,
)
from proxy.throttle import Throttle
from proxy.units import Seconds

if TYPE_CHECKING:
    from proxy.relay.session import Session
    from proxy.relay.upstream import Forward
    from proxy.relay.work import Issue, Work

COUNT_INTERVAL = Seconds(10)
"""How often refusals are told: each session that had some makes a note, and spam must not fill a disk.

A little in each tick, not all at once: the notes of ten thousand sessions stop the loop for 40 ms."""
SAMPLE_INTERVAL, SAMPLE_BURST = Seconds(1), 20
"""Refused submits that are kept as they came: some 30 MB in the worst day."""
SAMPLE_MOST = 512
TEXT_MOST = 200
"""Bytes and characters of one note's words."""


class Chronicle:
    """The notes of the open window."""

    def __init__(self) -> None:
        self._notes = bytearray()
        self._count = 0
        self._gone: list[Note] = []
        """What the shares of the open window may name and lives no more."""
        self._gone_before: list[Note] = []
        """The same for the window that was drawn last."""
        self._refusing: dict[int, Session] = {}
        """Sessions with refusals that were not told yet, the first of them first."""
        self._told: dict[int, tuple[dict[Reason, int], float]] = {}
        """What of each session's refusals was told; sessions without any have no entry."""
        self._counted_at = Seconds(0)
        self._pace = self._due = 0.0
        """How many of them are told in a second, and are due by now."""
        self._sampling = Throttle()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self._count

    def note(self, note: Note) -> None:
        """Add a note."""
        self._notes += pack(note)
        self._count += 1

    def draw(self) -> tuple[int, bytes]:
        """Return how many notes there are, and them, packed; from now on there are none."""
        drawn = self._count, bytes(self._notes)
        self._notes.clear()
        self._count = 0
        self._gone_before, self._gone = self._gone, []
        return drawn

    @property
    def gone(self) -> list[Note]:
        """What lives no more, and is yet named by shares of the window drawn last, or of the open one."""
        return self._gone_before + self._gone

    # --- what happened ----------------------------------------------------------------------------------

    def received(self, work: Work) -> None:
        """A pool's job is given out."""
        self.note(received(work))

    def issued(self, issue: Issue) -> None:
        """A work has another id."""
        self.note(JobIssued(issue.job_id, issue.work.number))

    def forgotten(self, work: Work) -> None:
        """A work and all its ids are gone: from now on no share names them."""
        self._gone += told_again(work)

    def began(self, session: Session) -> None:
        """A miner has logged in, or its extranonce has changed."""
        self.note(began(session))

    def ended(self, session: Session, cause: str) -> None:
        """A miner that had logged in has gone."""
        if session.tally.refused:
            self._tell(session)
        self._refusing.pop(session.key, None)
        self._told.pop(session.key, None)
        self._gone.append(began(session))
        self.note(SessionEnded(session.key, _text(cause)))

    def settled(self, forward: Forward, outcome: str, reason: str = "") -> None:
        """A share's way to the pool has come to its end."""
        work = forward.work
        self.note(
            ShareSettled(
                forward.number,
                forward.session,
                forward.worker,
                work.number,
                outcome,
                _text(reason),
                work.job.upstream_difficulty,
            )
        )

    def refused(self, session: Session, data: bytes, now: Seconds) -> None:
        """Something of what a logged-in miner sent as ``data`` may have been refused."""
        if session.key in self._refusing or session.route is None or not session.tally.refused:
            return
        told = self._told.get(session.key)
        if told is not None and sum(told[0].values()) == session.tally.refused:
            return
        self._refusing[session.key] = session
        if self._sampling.admits(now, SAMPLE_INTERVAL, SAMPLE_BURST):
            sent = bytes(data[:SAMPLE_MOST])
            self.note(RefusalSampled(session.key, session.route.tenant, session.worker, sent))

    def tick(self, now: Seconds) -> None:
        """Tell what was refused of those whose turn it is: nobody waits longer than ``COUNT_INTERVAL``."""
        passed, self._counted_at = now - self._counted_at, now
        if not self._refusing:
            self._pace = self._due = 0.0
            return
        self._pace = max(self._pace, len(self._refusing) / COUNT_INTERVAL)
        self._due = min(self._due + self._pace * passed, float(len(self._refusing)))
        while self._due >= 1.0:
            self._due -= 1.0
            self._tell(self._refusing.pop(next(iter(self._refusing))))

    def _tell(self, session: Session) -> None:
        if session.route is None:
            return
        counts, difficulty = session.tally.rejected, session.tally.rejected_difficulty
        before, difficulty_before = self._told.get(session.key, ({}, 0.0))
        new = {reason: count - before.get(reason, 0) for reason, count in counts.items()}
        total = sum(new.values())
        upstream = session.issued_work.connection.pool.name if session.issued_work is not None else ""
        for reason, count in new.items():
            if count:
                # The tally has one sum for all reasons: each gets its part by number.
                part = (difficulty - difficulty_before) * count / total
                self.note(
                    SharesRefused(
                        session.key,
                        session.route.tenant,
                        session.worker,
                        upstream,
                        reason.name.lower(),
                        count,
                        part,
                    )
                )
        self._told[session.key] = dict(counts), difficulty


def restated(works: Iterable[Work], sessions: Iterable[Session]) -> list[Note]:
    """Return what lives, told again: the beginning of a file that can be read without those before it."""
    notes = [note for work in works for note in told_again(work)]
    withheld: dict[str, list[int]] = {}
    for session in sessions:
        if session.workers and session.route is not None:
            notes.append(began(session))
            if session.withheld_at is not None:
                withheld.setdefault(session.route.tenant, []).append(session.key)
    notes += [WorkGated("withhold", tenant, tuple(keys), "") for tenant, keys in withheld.items()]
    return notes


def told_again(work: Work) -> list[Note]:
    """Return the notes of a work and all ids under which it was issued."""
    return [received(work), *(JobIssued(issue.job_id, work.number) for issue in work.issues.values())]


def received(work: Work) -> WorkReceived:
    """Return the note of a work."""
    prepared = work.job.prepared
    return WorkReceived(
        work.number,
        work.connection.owner.tenant,
        work.connection.pool.name,
        work.connection.key,
        prepared.version,
        prepared.prevhash,
        prepared.coinb1,
        prepared.coinb2,
        prepared.extranonce_size,
        tuple(prepared.branches),
        prepared.nbits,
        work.job.ntime,
        work.job.upstream_difficulty,
    )


def began(session: Session) -> SessionBegan:
    """Return the note of a session that has a tenant."""
    assert session.route is not None
    return SessionBegan(
        session.key,
        session.route.tenant,
        session.worker,
        _text(session.user_agent),
        session.wire.peer,
        session.extranonce1,
    )


def _text(words: str) -> str:
    return sanitised(words[:TEXT_MOST])
