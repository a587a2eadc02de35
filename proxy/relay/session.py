"""A session: one miner's connection, as data, and what can be said to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.events import BlockFound, MinerAtRisk
from proxy.hotpath import Assignment, Lane
from proxy.hotpath.names import worker_of
from proxy.mining.vardiff import Vardiff
from proxy.mining.verdict import Standing
from proxy.ports import Wire
from proxy.relay.conduct import Conduct
from proxy.relay.outside import Outside
from proxy.relay.quirks import ClientQuirk
from proxy.relay.upstream import Forward
from proxy.relay.work import Issue, Work
from proxy.stratum import tell
from proxy.stratum.framing import LineBuffer
from proxy.units import Difficulty, Seconds

if TYPE_CHECKING:
    from proxy.relay.bundle import Bundle
    from proxy.relay.route import Route


class Session(Lane):
    """Everything known of one miner's connection. No task, no closure: it can be written out.

    What its shares touch is the lane's, which it inherits.
    """

    __slots__ = (
        "_route",
        "bundle",
        "closing",
        "closing_cause",
        "conduct",
        "follows_extranonce",
        "hinted",
        "lease",
        "line_limit",
        "listener",
        "malformed",
        "opened_at",
        "outside",
        "partial",
        "resumed",
        "told",
        "user_agent",
        "vardiff",
        "withheld_at",
    )

    # The lane's, for which these are whatever they are.
    wire: Wire
    quirk: ClientQuirk | None
    issued_work: Work | None

    def __init__(self, key: int, listener: str, wire: Wire, outside: Outside, now: Seconds) -> None:
        super().__init__(key, now)
        self.listener = listener
        self.wire = wire
        self.outside = outside
        self.opened_at = now
        self.line_limit = outside.limits.line_before_login
        """Most bytes of a line."""
        self.partial: LineBuffer | None = None
        """The beginning of a line, while one is not complete."""
        self.malformed = 0
        self.conduct = Conduct(wire.peer, now)
        self.closing = False
        self.closing_cause = ""
        """Why it was closed, if we closed it."""
        self.user_agent = ""
        self.told: tuple[str, ...] = ()
        """Warnings about this miner that were given already."""
        self._route: Route | None = None
        self.bundle: Bundle | None = None
        self.lease: bytes | None = None
        self.resumed = ""
        """The id of an earlier connection, if it came back with that and so with its lease."""
        self.follows_extranonce = False
        self.hinted: Difficulty | None = None
        self.vardiff: Vardiff | None = None
        """Decides its difficulty; the lane counts for it."""
        self.withheld_at: Seconds | None = None
        """Since when it gets no work by the work gate; it never has work then."""

    @property
    def name(self) -> str:
        """Its id on the wire: a miner that comes back with it gets its lease again."""
        return self.resumed or self.outside.jobs.unique(self.key)

    @property
    def worker(self) -> str:
        """The first name that it authorised, or nothing."""
        return worker_of(self.workers[0]) if self.workers else ""

    @property
    def difficulty(self) -> Difficulty | None:
        """Told last, with the jobs of its extranonce."""
        return Difficulty(self.assignments[-1].credit) if self.assignments else None

    @property
    def route(self) -> Route | None:
        """Its tenant's way to the pools, once that is known."""
        return self._route

    @route.setter
    def route(self, route: Route | None) -> None:
        self._route = route
        self.route_tally = None if route is None else route.tally

    # --- saying things ------------------------------------------------------------------------------

    def send(self, data: bytes, now: Seconds) -> None:
        """Write now, or with everything else once the bytes at hand have been taken."""
        self.last_write_at = now
        if self.outbox is None:
            self.wire.write(data)
        else:
            self.outbox += data

    def end(self, cause: str) -> None:
        """Close its connection; what was written before still goes out."""
        self.closing, self.closing_cause = True, cause
        self.wire.close()

    def keep_alive(self, now: Seconds) -> None:
        """Say something harmless: the difficulty that is in force already."""
        difficulty = self.difficulty or (self.vardiff.difficulty if self.vardiff else None)
        if difficulty is not None:
            self.send(tell.set_difficulty(difficulty), now)

    # --- work -------------------------------------------------------------------------------------------

    def adapt_to(self, vardiff: Vardiff) -> None:
        """Let ``vardiff`` decide the difficulty from now on."""
        self.vardiff = self.evidence = vardiff

    def give(self, issue: Issue, notify: bytes, now: Seconds) -> None:
        """Send a job as ``notify``, and before it, in the same write, what changes with it.

        Where nothing changes with it, ``hotpath.deal`` does the same for ten thousand sessions.
        """
        vardiff, work = self.vardiff, issue.work
        if vardiff is None:
            return
        if vardiff.paused:
            vardiff.resume(now)
        if self.quirk is not None:
            self._warn(self.quirk, work)
        mask_line = b"" if self.asked_mask is None else self._regrant(work, self.asked_mask)
        difficulty = vardiff.clamped(work.ceiling)
        if not self.assignments or difficulty != self.assignments[-1].credit:
            notify = tell.set_difficulty(difficulty) + notify
        self.assign(issue.assignment_for(difficulty, self.mask))
        self.issued_work, self.issued_ntime = work, issue.ntime
        if mask_line:
            notify = mask_line + notify
        if self.outbox is None:  # as ``send`` would
            self.last_write_at = now
            self.wire.write(notify)
        else:
            self.outbox += notify

    def withhold(self, now: Seconds) -> None:
        """Give no job from now on; time without work counts neither as slowness nor as silence."""
        self.withheld_at = now
        self.has_work = False
        if self.vardiff is not None:
            self.vardiff.pause(now)

    def _give_clean(self, work: Work, ntime: int, now: Seconds) -> None:
        issue = self.outside.jobs.issue(work, ntime)
        self.give(issue, issue.line(clean=True), now)

    def give_anew(self, work: Work, now: Seconds) -> None:
        """Send a job to a miner that begins at its first extranonce2, perhaps not for the first time.

        A miner that reconnects gets its lease again, and one that subscribes twice keeps it: the later ntime
        makes it different work, or it would find the same shares twice.
        """
        after = self.issued_ntime if self.issued_work is work else work.job.ntime - 1
        ntime = work.next_ntime(now, after)
        self._give_clean(work, work.job.ntime if ntime is None else ntime, now)

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
            self.told += (kind,)
            self.outside.emit(MinerAtRisk(self.key, self.route.tenant, self.worker, quirk.client, text))

    def regive(self, now: Seconds) -> None:
        """Send the current job again under a new id and a later ntime, if its difficulty is to change.

        The later ntime makes it different work: firmware starts at its first extranonce2 again, and
        would otherwise find the same shares twice.
        """
        work = self.issued_work
        if work is None or self.vardiff is None or work.has_ended or work.is_lost:
            return
        if self.vardiff.clamped(work.ceiling) == self.difficulty:
            return
        ntime = work.next_ntime(now, self.issued_ntime)
        if ntime is not None:
            self._give_clean(work, ntime, now)

    def regrant(self, work: Work, now: Seconds) -> None:
        """Tell a changed version mask at once."""
        lines = b"" if self.asked_mask is None else self._regrant(work, self.asked_mask)
        if lines:
            self.send(lines, now)

    def _regrant(self, work: Work, asked: int) -> bytes:
        mask = work.grant_for(asked)
        self.masks_ever |= work.job.rollable & asked
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
        self.assignments = ()
        if self.workers and self.route is not None:
            self.outside.chronicle.began(self)
        if self.follows_extranonce:
            self.send(tell.set_extranonce(extranonce1, size), now)

    # --- shares go up -------------------------------------------------------------------------------

    def found(
        self,
        assignment: Assignment,
        extranonce: bytes,
        ntime: int,
        nonce: int,
        version: int,
        digest: bytes,
        user: str | None,
        *,
        is_block: bool,
        now: Seconds,
    ) -> int:
        """Note a share that goes upstream, tell of a block, and return the share's number.

        ``user`` is the name that submitted it, or None where that one is not authorised.
        """
        work = assignment.origin
        assert isinstance(work, Work)
        worker = self.worker if user is None else worker_of(user)
        forward = Forward(
            number=self.outside.new_key(),
            session=self.key,
            worker=worker,
            work=work,
            extranonce2=work.prefix.upstream_extranonce2(extranonce),
            ntime=ntime,
            nonce=nonce,
            version=version,
            at=now,
            is_block=is_block,
        )
        self.outside.forwards.append(forward)
        if is_block:
            self._announce(forward, extranonce, digest)
        return forward.number

    def _announce(self, forward: Forward, extranonce: bytes, digest: bytes) -> None:
        """A block is news: header and coinbase go out with the event, so that they can be kept."""
        self.tally.blocks += 1
        if self.route is None:
            return
        self.route.tally.blocks += 1
        prepared = forward.work.job.prepared
        self.outside.emit(
            BlockFound(
                self.route.tenant,
                forward.work.connection.pool.name,
                forward.worker,
                digest[::-1].hex(),
                prepared.header(extranonce, forward.ntime, forward.nonce, forward.version),
                prepared.coinbase(extranonce),
            )
        )

    def standing(self, *, authorized: bool, stale: bool) -> Standing:
        """Return what a share of this session is judged with beside its job."""
        return Standing(authorized, stale, self.mask, self.masks_ever, self.first_mask)
