"""What a session's shares are judged by and what they earned: the specification in plain Python.

The compiled twin has the same state in C, and a ``take`` that judges plain submits without a Python object
for each. Here ``take`` leaves every line: whatever a lane takes must come out as if it had not.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from proxy.hotpath.evidence import Evidence
from proxy.hotpath.reasons import Reason
from proxy.hotpath.shares import Assignment, Tally


class Window:
    """The open commit window: what becomes durable together, and who waits for it."""

    __slots__ = ("count", "holders", "number", "records")

    def __init__(self, number: int) -> None:
        self.number = number
        """Rises by one."""
        self.records = bytearray()
        """Accepted shares as msgpack arrays, one behind the other."""
        self.count = 0
        """How many they are."""
        self.holders: list[Lane] = []
        """Sessions whose replies wait for this window, each once."""


class Lane:
    """The part of a session that each of its shares touches."""

    __slots__ = (
        "_held", "_marks", "asked_mask", "assignments", "due", "evidence", "extranonce1", "extranonce2_size",
        "first_mask", "has_work", "heard_at", "is_subscribed", "issued_ntime", "issued_work", "key",
        "last_write_at", "mask", "masks_ever", "outbox", "owes", "quirk", "route_tally", "tally", "wire",
        "workers",
    )  # fmt: skip

    def __init__(self, key: int, now: float) -> None:
        self.key = key
        self.heard_at = self.last_write_at = now
        self.is_subscribed = False
        """Whether it has an extranonce."""
        self.extranonce1 = b""
        self.extranonce2_size = 0
        self.mask = self.masks_ever = self.first_mask = 0
        """Version bits granted now, ever, and first."""
        self.workers: tuple[str, ...] = ()
        """User names that are authorised, as submits carry them."""
        self.assignments: tuple[Assignment, ...] = ()
        """What shares will be judged by, in the order of issue."""
        self.tally = Tally()
        self.route_tally: Tally | None = None
        """Of its tenant."""
        self.evidence: Evidence | None = None
        self.due = False
        """Whether a share brought what vardiff must decide about."""
        self.owes = False
        """Whether it did what has a price since its conduct was last looked at."""
        self.wire: Any
        """Where it hears from us: has ``write(bytes)``."""
        self.has_work = False
        """Whether it is given jobs."""
        self.asked_mask: int | None = None
        """Version bits that it asked for; None where it never did."""
        self.quirk: Any = None
        """What is known of its software, if anything: has ``is_fragile``."""
        self.issued_work: Any = None
        """What was given to it last, and with which ntime."""
        self.issued_ntime = 0
        self.outbox: bytearray | None = None
        """Where lines are held together while a read of this session is worked on."""
        self._held = bytearray()
        self._marks: list[tuple[int, int]] = []

    def assigned(self, job_id: str) -> Assignment | None:
        """Return what a share of that job is judged by; None if it was never given or is forgotten."""
        for assignment in reversed(self.assignments):
            if assignment.job_id == job_id:
                return None if assignment.job.is_forgotten else assignment
        return None

    def assign(self, assignment: Assignment) -> None:
        """Note a job that is being sent, and let go of those that are forgotten."""
        kept = (each for each in self.assignments if not each.job.is_forgotten)
        self.assignments = (*kept, assignment)

    def credit(self, credit: float, now: float) -> None:
        """Count an accepted share: for the session, its tenant, and vardiff, which may be ``due`` then."""
        self.tally.accept(credit)
        if self.route_tally is not None:
            self.route_tally.accept(credit)
        if self.evidence is not None:
            self.evidence.count(credit, now)
            if not self.evidence.is_calm:
                self.due = True

    def refuse(self, reason: Reason, difficulty: float) -> None:
        """Count a refused submit."""
        self.owes = True
        self.tally.reject(reason, difficulty)
        if self.route_tally is not None:
            self.route_tally.reject(reason, difficulty)

    def hold(self, line: bytes, window: Window) -> None:
        """Keep a reply until ``window`` is durable."""
        self._held += line
        if self._marks and self._marks[-1][0] == window.number:
            self._marks[-1] = (window.number, len(self._held))
        else:
            self._marks.append((window.number, len(self._held)))
            window.holders.append(self)

    def queue(self, line: bytes, outbox: bytearray, now: float) -> None:
        """Answer a submit that earns nothing: at once, or behind the replies that wait already.

        So replies to submits keep the order of the submits.
        """
        if self._marks:
            self._held += line
            self._marks[-1] = (self._marks[-1][0], len(self._held))
        else:
            outbox += line
            self.last_write_at = now

    @property
    def holds(self) -> int:
        """Bytes of replies that wait."""
        return len(self._held)

    def release(self, window: int) -> bytes:
        """Return the replies that waited for windows up to ``window``."""
        end = 0
        while self._marks and self._marks[0][0] <= window:
            end = self._marks.pop(0)[1]
        released = bytes(self._held[:end])
        del self._held[:end]
        self._marks = [(number, at - end) for number, at in self._marks]
        return released

    def take(self, data: bytes, start: int, limit: int, now: float, window: Window, outbox: bytearray) -> int:
        """Judge the leading plain submits of ``data[start:]`` and return where it stopped.

        It stops before a line that it leaves: one that is no plain submit, is not complete, has more than
        ``limit`` bytes. It stops behind a share that makes vardiff ``due``. Replies to what earns nothing go
        into ``outbox``, unless others wait in ``window``. A share that goes upstream it hands to
        ``self.found``, which the relay's sessions have; what that returns is its number in the record.
        """
        return start


class Issue(Protocol):
    """A job under an id, as far as it concerns those who deal it out."""

    ntime: int

    @property
    def work(self) -> Any:
        """Has the ``ceiling`` of difficulties, the ``job``, and ``grant_for`` a mask that was asked for."""

    def assignment_for(self, difficulty: Any, mask: int) -> Assignment:
        """Return what a session with these is assigned."""


def deal(sessions: Iterable[Any], issue: Issue, line: bytes, now: float) -> None:
    """Give a new job to all sessions that have work, with ``line`` for all that need to be told nothing else.

    The compiled twin asks only those sessions whose difficulty or version bits change with the job, whose
    software may not bear it, or who are held up; ``give`` the relay's sessions have.
    """
    for session in sessions:
        if session.has_work:
            session.give(issue, line, now)
