"""A session: one miner's connection, as data, and what can be said to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.events import MinerAtRisk
from proxy.mining.vardiff import Vardiff
from proxy.mining.verdict import Standing, Terms
from proxy.mining.version_rolling import grant
from proxy.ports import Wire
from proxy.relay.conduct import Conduct
from proxy.relay.outside import Outside
from proxy.relay.quirks import ClientQuirk
from proxy.relay.tally import Tally
from proxy.relay.work import Work
from proxy.stratum import tell
from proxy.stratum.framing import LineBuffer
from proxy.units import Difficulty, Seconds

if TYPE_CHECKING:
    from proxy.relay.bundle import Bundle
    from proxy.relay.route import Route


MOST_ASSIGNMENTS = 48
"""Jobs remembered before those that expired are looked for: a clean job does so as well, but a block can
take hours."""


class Session:
    """Everything known of one miner's connection. No task, no closure: it can be written out."""

    __slots__ = (
        "asked_mask",
        "assignments",
        "bundle",
        "closing",
        "closing_cause",
        "conduct",
        "corked",
        "difficulty",
        "extranonce1",
        "extranonce2_size",
        "first_mask",
        "follows_extranonce",
        "has_work",
        "hinted",
        "issued_ntime",
        "issued_work",
        "key",
        "last_window",
        "last_write_at",
        "lease",
        "lines",
        "listener",
        "malformed",
        "mask",
        "masks_ever",
        "name",
        "opened_at",
        "out",
        "outside",
        "peer",
        "quirk",
        "replies_waiting",
        "resumed",
        "route",
        "subscribed_at",
        "tally",
        "told",
        "user_agent",
        "vardiff",
        "wire",
        "workers",
    )

    def __init__(
        self, key: int, name: str, listener: str, wire: Wire, peer: str, outside: Outside, now: Seconds
    ) -> None:
        self.key = key
        self.name = name
        """Its id on the wire: a miner that comes back with it gets its lease again."""
        self.listener = listener
        self.wire = wire
        self.peer = peer
        self.outside = outside
        self.opened_at = self.last_write_at = now
        self.lines = LineBuffer(outside.limits.line_before_login)
        self.malformed = 0
        self.conduct = Conduct(peer, now)
        self.closing = False
        self.closing_cause = ""
        """Why it was closed, if we closed it."""
        self.user_agent = ""
        self.quirk: ClientQuirk | None = None
        self.told: set[str] = set()
        """Warnings about this miner that were given already."""
        self.subscribed_at: Seconds | None = None
        self.workers: dict[str, str] = {}
        """Authorised user names, as submits carry them, to worker names."""
        self.route: Route | None = None
        self.bundle: Bundle | None = None
        self.lease: bytes | None = None
        self.resumed = False
        """It came back with the session id of an earlier connection, and so with its lease."""
        self.extranonce1 = b""
        self.extranonce2_size = 0
        self.follows_extranonce = False
        self.asked_mask: int | None = None
        """Version bits that it asked for; None where it never did."""
        self.mask = self.masks_ever = self.first_mask = 0
        self.hinted: Difficulty | None = None
        self.vardiff: Vardiff | None = None
        self.difficulty: Difficulty | None = None
        """Told last."""
        self.has_work = False
        self.issued_work: Work | None = None
        self.issued_ntime = 0
        self.assignments: dict[str, Terms] = {}
        """What shares will be judged by, for each job id that this session was sent."""
        self.tally = Tally()
        self.replies_waiting = 0
        """Pieces of replies that wait for the journal: later replies to submits queue behind them."""
        self.last_window = 0
        self.corked = False
        self.out = bytearray()

    @property
    def worker(self) -> str:
        """The first name that it authorised, or nothing."""
        return next(iter(self.workers.values()), "")

    @property
    def is_subscribed(self) -> bool:
        """Whether it has an extranonce."""
        return self.subscribed_at is not None

    # --- saying things ------------------------------------------------------------------------------

    def send(self, data: bytes, now: Seconds) -> None:
        """Write now, or with everything else once the bytes at hand have been taken."""
        self.last_write_at = now
        if self.corked:
            self.out += data
        else:
            self.wire.write(data)

    def uncork(self) -> None:
        """Write what was held together: one write for each read."""
        self.corked = False
        if self.out:
            self.wire.write(bytes(self.out))
            self.out.clear()

    def keep_alive(self, now: Seconds) -> None:
        """Say something harmless: the difficulty that is in force already."""
        difficulty = self.difficulty or (self.vardiff.difficulty if self.vardiff else None)
        if difficulty is not None:
            self.send(tell.set_difficulty(difficulty), now)

    # --- work -------------------------------------------------------------------------------------------

    def give(self, work: Work, now: Seconds, *, clean: bool, ntime: int | None = None) -> None:
        """Send a job, and before it, in the same write, what changes with it."""
        if self.vardiff is None:
            return
        self.vardiff.resume(now)
        if self.quirk is not None:
            self._warn(self.quirk, work)
        issue = self.outside.jobs.issue(work, work.job.ntime if ntime is None else ntime)
        lines = self._regrant(work)
        difficulty = self.vardiff.clamped(work.job.upstream_difficulty)
        if difficulty != self.difficulty:
            self.difficulty = difficulty
            lines += tell.set_difficulty(difficulty)
        if len(self.assignments) >= MOST_ASSIGNMENTS:
            self.forget_stale_jobs()
        self.assignments[issue.job_id] = issue.terms_for(difficulty, self.mask)
        self.issued_work, self.issued_ntime = work, issue.ntime
        notify = issue.line(clean=clean)
        self.send(lines + notify if lines else notify, now)

    def give_anew(self, work: Work, now: Seconds) -> None:
        """Send a job to a miner that begins at its first extranonce2, perhaps not for the first time.

        A miner that reconnects gets its lease again, and one that subscribes twice keeps it: the later ntime
        makes it different work, or it would find the same shares twice.
        """
        after = self.issued_ntime if self.issued_work is work else work.job.ntime - 1
        self.give(work, now, clean=True, ntime=work.next_ntime(now, after))

    def _warn(self, quirk: ClientQuirk, work: Work) -> None:
        """Tell what this software is known not to bear."""
        length = work.coinbase_bytes
        if quirk.coinbase_most is not None and length > quirk.coinbase_most:
            self._at_risk(quirk, "coinbase", f"coinbase of {length} bytes, it bears {quirk.coinbase_most}")
        if quirk.extranonce2_least is not None and self.extranonce2_size < quirk.extranonce2_least:
            self._at_risk(
                quirk,
                "extranonce2",
                f"extranonce2 of {self.extranonce2_size} bytes, it wants {quirk.extranonce2_least}: "
                "set the tenant's extranonce2_size",
            )

    def _at_risk(self, quirk: ClientQuirk, kind: str, text: str) -> None:
        if kind not in self.told and self.route is not None:
            self.told.add(kind)
            self.outside.emit(MinerAtRisk(self.key, self.route.tenant, self.worker, quirk.client, text))

    def regive(self, now: Seconds) -> None:
        """Send the current job again under a new id and a later ntime, if its difficulty is to change.

        The later ntime makes it different work: firmware starts at its first extranonce2 again, and
        would otherwise find the same shares twice.
        """
        work = self.issued_work
        if work is None or self.vardiff is None or work.stale_since is not None or work.lost_at is not None:
            return
        if self.vardiff.clamped(work.job.upstream_difficulty) == self.difficulty:
            return
        ntime = work.next_ntime(now, self.issued_ntime)
        if ntime is not None:
            self.give(work, now, clean=True, ntime=ntime)

    def forget_stale_jobs(self) -> None:
        """Drop the terms of jobs whose ids are forgotten."""
        find = self.outside.jobs.find
        self.assignments = {job: terms for job, terms in self.assignments.items() if find(job)}

    def regrant(self, work: Work, now: Seconds) -> None:
        """Tell a changed version mask at once."""
        lines = self._regrant(work)
        if lines:
            self.send(lines, now)

    def _regrant(self, work: Work) -> bytes:
        if self.asked_mask is None:
            return b""
        # The connection's mask and not the job's: that one keeps the old bits, for shares in flight.
        mask = grant(work.connection.mask or 0, self.asked_mask, work.job.version)
        self.masks_ever |= work.job.rollable & self.asked_mask
        if mask == self.mask:
            return b""
        self.mask = mask
        return tell.set_version_mask(mask)

    def change_extranonce(self, extranonce1: bytes, size: int, now: Seconds) -> None:
        """Give another extranonce to a miner that follows set_extranonce; others must reconnect.

        A clean job has to follow at once. The jobs sent before are void.
        """
        if (extranonce1, size) == (self.extranonce1, self.extranonce2_size):
            return
        self.extranonce1, self.extranonce2_size = extranonce1, size
        self.assignments.clear()
        if self.follows_extranonce:
            self.send(tell.set_extranonce(extranonce1, size), now)

    def standing(self, *, authorized: bool, stale: bool) -> Standing:
        """Return what a share of this session is judged with beside its job."""
        return Standing(authorized, stale, self.mask, self.masks_ever, self.first_mask)
