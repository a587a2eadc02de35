"""The compiled lane holds, orders and releases replies, and counts, as the reference does."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from proxy.hotpath import reference
from proxy.hotpath.reasons import REASONS
from tests.fuzz.faults import Fault
from tests.fuzz.source import Source
from tests.fuzz.twins import compiled

MOST_STEPS: Final = 128


class Desk:
    """One twin's lanes, which share the open window."""

    def __init__(self, twin: ModuleType) -> None:
        self.twin = twin
        self.lanes = [twin.Lane(key, 0.0) for key in range(2)]
        self.window = twin.Window(1)
        self.outbox = bytearray()
        self.jobs = [self._job() for _ in range(2)]
        for lane in self.lanes:
            lane.route_tally = twin.Tally()
            lane.evidence = twin.Evidence(0.0)

    def _job(self) -> Any:
        prepared = self.twin.PreparedJob(b"\x01", b"\x02", 4, [], 0, bytes(32), 0)
        return self.twin.Job(prepared, 0, self.twin.Target(0), self.twin.Target(0))

    def do(self, kind: int, which: int, value: int, line: bytes) -> object:
        """Do one thing and return what it shows."""
        lane = self.lanes[which]
        match kind:
            case 0:
                lane.hold(line, self.window)
            case 1:
                lane.queue(line, self.outbox, float(value))
            case 2:
                self.window = self.twin.Window(self.window.number + 1 + value % 3)
            case 3:
                return lane.release(max(0, self.window.number - value % 4))
            case 4:
                lane.credit(2.0 ** (value % 16), float(value))
            case 5:
                lane.refuse(REASONS[value % len(REASONS)], float(value))
            case 6:
                job = self.jobs[value % 2]
                lane.assign(
                    self.twin.Assignment(job, f"{value:x}", self.twin.Target(value), 1.0, value, None)
                )
            case 7:
                return lane.assigned(line.decode("utf-8", "surrogateescape")) is None
            case 8:
                lane.evidence = None if value % 2 else self.twin.Evidence(float(value))
            case _:
                self.jobs[value % 2].forget()
                self.jobs[value % 2] = self._job()
        return None

    def state(self) -> list[object]:
        """Return what can be seen of the lanes."""
        seen: list[object] = [bytes(self.outbox), [lane.key for lane in self.window.holders]]
        for lane in self.lanes:
            tally = lane.tally
            seen += [
                lane.holds,
                lane.due,
                lane.last_write_at,
                tally.judged,
                tally.rejected,
                tally.accepted_square,
            ]
            seen += [tally.rejected_difficulty, lane.route_tally.judged]
            seen += [each.job_id for each in lane.assignments]
            seen += [getattr(lane.assigned(f"{value:x}"), "mask", None) for value in range(256)[::17]]
        return seen


def run(data: bytes) -> None:
    """Do to both twins what ``data`` says."""
    source = Source(data)
    desks = Desk(reference), Desk(compiled())
    done = []
    for _ in range(MOST_STEPS):
        if source.is_empty:
            break
        step = source.below(10), source.below(2), source.byte(), source.take(source.below(8))
        done.append(step)
        ours, theirs = ((desk.do(*step), desk.state()) for desk in desks)
        if ours != theirs:
            raise Fault(f"after {done}: reference {ours}, compiled {theirs}")
