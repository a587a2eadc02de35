"""The ledger's half on the loop: closes windows, hands them to the writer, reports what is durable."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from proxy.adapters.stores.ledger.folder import day_of
from proxy.adapters.stores.ledger.pace import Pace, WindowBounds
from proxy.adapters.stores.ledger.writer import Task, Writer, Written
from proxy.events import Event, LedgerDegraded, LedgerReserveUsed, LedgerRestored
from proxy.ledger.records import ClockStepped, Gap, Note, joined, message, pack, shares_of
from proxy.ledger.told import Told
from proxy.ports import Drawn

TOLD = 1.0
"""Seconds after which notes are written for which nobody waits."""
RETRY = 1.0
"""Seconds between two tries while no disk takes anything."""
STEP = 1.0
"""Seconds by which the system's clock must have been set to be worth a note."""
GRAIN = 0.001
"""Of the loop's clock and its timers. A window is rather closed one early: its first share waits longest."""
MOST_KEPT = 64 << 20
"""Bytes kept in memory meanwhile: an hour of a large site. What is beyond that is lost, and counted."""


@dataclass(slots=True)
class _Lost:
    """Answered while no disk took anything, and not kept."""

    since: int
    until: int
    shares: int = 0
    difficulty: float = 0.0


class LedgerJournal:
    """Implements ``ports.ShareJournal``. One batch is written at a time; the next window is open meanwhile.

    While no disk takes anything, miners are answered all the same, since turning them away would drop a
    site's load at once: what they are told is then not proven, which ``state`` and an event say.
    """

    def __init__(
        self,
        run: bytes,
        preamble: Sequence[Note],
        bounds: WindowBounds,
        wall: Callable[[], float],
        emit: Callable[[Event], None],
    ) -> None:
        """``preamble`` stands at the beginning of every file; ``wall`` is the time in seconds since 1970."""
        self.pace = Pace(bounds)
        self._loop = asyncio.get_running_loop()
        self._writer: Writer | None = None
        self._run = run
        self._preamble = [pack(note) for note in preamble]
        self._wall = wall
        self._offset = wall() - self._loop.time()
        self._emit = emit
        self._draw: Callable[[], Drawn] | None = None
        self._restated: Callable[[], Sequence[Note]] = list
        self._report: Callable[[int], None] = lambda window: None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        """When the open window is to be closed."""
        self._drawn_at = -math.inf
        """When the last one was."""
        self._is_open = False
        self._day = ""
        """Of the file that is written; empty where the next batch has to begin one."""
        self._writing: tuple[int, Task] | None = None
        """Window and task that the writer has."""
        self._drawn_late = self._read_late = 0.0
        """Seconds by which that window was closed late, and the one before it: a busy loop reads as late."""
        self._drawn_clock = 0.0
        """When that was, by a clock that goes on while the loop works."""
        self._tries = 0
        """Of that task, that failed."""
        self._kept: deque[Task] = deque()
        self._kept_bytes = 0
        self._told_before = Told()
        """By batches that were kept and have been written since: those behind them rely on it."""
        self._lost: _Lost | None = None
        self._forgot = False
        """Whether what was lost last, notes and all, is not made good by a batch that begins a file."""
        self._cause = ""
        """Why nothing can be written; empty while all is well."""
        self._degraded_at = 0.0
        self._seq = 0
        self._unproven = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def serve(
        self,
        draw: Callable[[], Drawn],
        report: Callable[[int], None],
        restated: Callable[[], Sequence[Note]],
    ) -> None:
        """Draw windows with ``draw``, call ``report`` with the number of each that may be answered.

        ``restated`` gives what lives, for a file that begins.
        """
        self._draw, self._report, self._restated = draw, report, restated

    async def start(self, writer: Callable[[Callable[[Written], None]], Writer]) -> None:
        """Begin to write, with a writer that tells the function it is given what became of each batch.

        When this returns, a file of this run is durable in which the chain goes on; or no disk takes it,
        and ``state`` says so.
        """
        self._writer = writer(self._told)
        if self._writer.told is not None:
            self._loop.add_reader(self._writer.told, self._confirmed)
        self._writer.start()
        self.told()
        self.commit()
        await self._idle.wait()

    def expect(self) -> None:
        """The open window has its first share."""
        # After a pause nobody is waited for: commits come no faster, and a lone share only waits for a flush.
        self._close_by(max(self._loop.time(), self._drawn_at + self.pace.open_for))

    def told(self) -> None:
        """The open window has notes, for which nobody waits."""
        self._close_by(self._loop.time() + TOLD)

    def commit(self) -> None:
        """Close the open window now, if anything is in it and the writer is free."""
        if self._is_open:
            self._due = self._loop.time()
            self._next()

    async def close(self) -> None:
        """Write what is left, and end."""
        if self._writer is None:
            return
        self.told()
        self.commit()
        await self._idle.wait()
        if self._timer is not None:
            self._timer.cancel()
        self._writer.put(None)
        await asyncio.to_thread(self._writer.join)
        if self._writer.told is not None:
            self._loop.remove_reader(self._writer.told)

    @property
    def state(self) -> dict[str, Any]:
        """What is to be said of it: ``ok`` or ``degraded``, and numbers."""
        return {
            "state": "degraded" if self._cause else "ok",
            "cause": self._cause or None,
            "batch": self._seq,
            "window_ms": round(self.pace.window * 1000, 1),
            "flush_p50_ms": round(self.pace.p50 * 1000, 2),
            "flush_p95_ms": round(self.pace.p95 * 1000, 2),
            "flush_p99_ms": round(self.pace.p99 * 1000, 2),
            "unproven_shares": self._unproven,
        }

    # --- windows ----------------------------------------------------------------------------------------

    def _close_by(self, due: float) -> None:
        if not self._is_open:
            self._is_open, self._due = True, due
            self._idle.clear()
        elif due >= self._due:
            return
        self._due = due
        if self._writing is None or self._cause:
            self._at(due)

    def _at(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due - GRAIN / 2, self._next)

    def _next(self) -> None:
        """Close the open window, if it is time and the writer is free."""
        if not self._is_open or self._draw is None or self._writer is None:
            return
        if self._cause:
            self._answer_unproven()
            return
        if self._writing is not None:
            return
        if self._due > self._loop.time() + GRAIN:
            self._at(self._due)
            return
        drawn, at = self._take(), self._now()
        day = day_of(at)
        begins = day != self._day
        if not (begins or drawn.note_count or drawn.share_count):
            self._report(drawn.window)
            self._idle.set()
            return
        self._day = day
        self._put(drawn.window, self._task(drawn, at, begins=begins))

    def _take(self) -> Drawn:
        assert self._draw is not None
        self._is_open, self._drawn_at, self._drawn_clock = False, self._loop.time(), time.perf_counter()
        self._read_late, self._drawn_late = self._drawn_late, max(0.0, self._drawn_at - self._due)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return self._draw()

    def _task(self, drawn: Drawn, at: int, *, begins: bool) -> Task:
        stepped = self._stepped()
        notes = joined(drawn.note_count + bool(stepped), stepped + drawn.notes)
        shares = joined(drawn.share_count, drawn.shares)
        task = Task(self._run, at, notes, shares, drawn.share_count, begins=False)
        return self._beginning(task, self._lives()) if begins else task

    def _lives(self) -> list[bytes]:
        return [pack(note) for note in self._restated()]

    def _beginning(self, task: Task, lives: Sequence[bytes]) -> Task:
        """Return the task as the first of a file, with all told before it that it may name."""
        told = [*self._preamble, *lives]
        count = int.from_bytes(task.notes[1:5], "big")
        notes = joined(len(told) + count, b"".join(told) + task.notes[5:])
        return replace(task, notes=notes, begins=True)

    def _put(self, window: int, task: Task) -> None:
        assert self._writer is not None
        self._writing = window, task
        self._writer.put(task)

    def _now(self) -> int:
        return int(self._wall() * 1000)

    def _stepped(self) -> bytes:
        """Return the note of a clock that was set since the last batch, or nothing."""
        offset = self._wall() - self._loop.time()
        step, self._offset = offset - self._offset, offset
        return pack(ClockStepped(round(step, 3))) if abs(step) >= STEP else b""

    # --- what became of them ----------------------------------------------------------------------------

    def _told(self, written: Written) -> None:
        """Take the writer's word, in its thread."""
        self._loop.call_soon_threadsafe(self._done, written)

    def _confirmed(self) -> None:
        """The writer's descriptor says that a batch is durable."""
        written = self._writer.confirmed() if self._writer is not None else None
        if written is not None:
            self._done(written)

    def _done(self, written: Written) -> None:
        assert self._writing is not None
        window, task = self._writing
        if written.used_reserve:
            self._emit(LedgerReserveUsed())
        if not written.seq:
            self._failed(window, task, written.error)
            return
        self._writing, self._tries, self._seq = None, 0, written.seq
        late = self._read_late + self._drawn_late + time.perf_counter() - self._drawn_clock
        self.pace.took(written.took, late, task.count)
        if self._cause:
            if self._kept:
                self._let_go(self._kept.popleft(), task)
            if self._kept:
                self._put(0, self._kept[0])
                return
            self._restored()
        else:
            self._report(window)
        if self._is_open:
            self._at(self._due)
        else:
            self._idle.set()

    def _failed(self, window: int, task: Task, error: str) -> None:
        """Try once more with another file, at once; then answer without a disk."""
        self._tries += 1
        if not self._cause and self._tries == 1:
            self._put(window, task if task.begins else self._beginning(task, self._lives()))
            return
        self._writing = None
        if not self._cause:
            self._cause = error
            self._degraded_at = self._loop.time()
            self._emit(LedgerDegraded(error))
            self._keep(task)
            self._unproven += task.count
            self._report(window)
            if self._is_open:
                self._at(self._due)
        self._cause = error
        self._idle.set()  # an end need not wait for a disk that takes nothing
        self._loop.call_later(RETRY, self._retry)

    def _retry(self) -> None:
        if self._writing is None:
            # Nothing may have been kept, where the first batch was too large already: a disk is still asked.
            first = self._kept[0] if self._kept else self._empty()
            # What was kept names what lived then.
            lives = self._told_before.again() or self._lives()
            self._put(0, first if first.begins else self._beginning(first, lives))

    def _answer_unproven(self) -> None:
        drawn = self._take()
        task = self._task(drawn, self._now(), begins=False)
        self._unproven += drawn.share_count
        self._keep(task)
        self._report(drawn.window)
        self._idle.set()

    def _keep(self, task: Task) -> None:
        """Keep a batch for when a disk takes it; without room its shares are counted as lost."""
        size = len(task.notes) + len(task.shares)
        # Half of the room has to be free again: what lives is not told for each batch that just fits.
        most = MOST_KEPT // 2 if self._forgot else MOST_KEPT
        if self._kept_bytes + self._told_before.size + size <= most:
            if self._forgot:
                task = self._beginning(task, self._lives())
            self._forgot = False
            self._kept.append(task)
            self._kept_bytes += len(task.notes) + len(task.shares)
            return
        self._forgot = True
        if self._lost is None:
            self._lost = _Lost(task.at, task.at)
        self._lost.until = task.at
        self._lost.shares += task.count
        self._lost.difficulty += sum(share.credit for share in shares_of(task.shares))

    def _let_go(self, kept: Task, written: Task) -> None:
        """A batch that was kept is durable; those behind it in its file name what it told."""
        self._kept_bytes -= len(kept.notes) + len(kept.shares)
        if written.begins:
            self._told_before.forget()
        self._told_before.take(written.notes)

    def _restored(self) -> None:
        lost, cause = self._lost, self._cause
        self._lost, self._cause = None, ""
        self._told_before.forget()
        seconds = self._loop.time() - self._degraded_at
        self._emit(LedgerRestored(round(seconds, 1), 0 if lost is None else lost.shares))
        # Everything that could not be kept is at least named, in the chain.
        if lost is not None:
            gap = Gap(lost.since, lost.until, lost.shares, lost.difficulty, cause[:200])
            task = replace(self._empty(), notes=message([gap]))
            # What the lost ones told is told again before any share names it.
            self._put(0, self._beginning(task, self._lives()) if self._forgot else task)
            self._forgot = False

    def _empty(self) -> Task:
        return Task(self._run, self._now(), message([]), message([]), 0, begins=False)
