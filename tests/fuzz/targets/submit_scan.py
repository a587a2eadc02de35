"""What the compiled scanner takes for a plain submit, the parser of the long way reads as the same submit.

The input is a line. A lane is made that would accept exactly the submit that the parser reads, so what the
scanner read shows in the reply, in the record and in what would go upstream.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import msgpack

from proxy import hotpath
from proxy.hotpath.names import worker_of
from proxy.stratum.downstream import Submit, parse
from proxy.stratum.jsonrpc import result_line
from tests.fuzz.faults import Fault
from tests.fuzz.source import Source
from tests.fuzz.submits import Aim, submit_line

LIMIT: Final = 4096
KEY: Final = 7
ENOUGH: Final = hotpath.Target((1 << 256) - 1)
AIM: Final = Aim("8000001", 4, 0x65000000, 0x1FFFE000)


class Watched(hotpath.Lane):
    """A lane that remembers what it would send upstream."""

    def __init__(self) -> None:
        super().__init__(KEY, 0.0)
        self.upstream: list[tuple[object, ...]] = []

    def found(self, assignment: hotpath.Assignment, *share: object, is_block: bool, now: float) -> int:
        """Note a share; its number is the order."""
        self.upstream.append((assignment.job_id, *share))
        return len(self.upstream)


def run(data: bytes) -> None:
    """Check one line: as it stands, or made by the choices in ``data``."""
    source = Source(data)
    if source.flag(2):
        line = submit_line(source, AIM).partition(b"\n")[0]
    else:
        line = source.rest().partition(b"\n")[0]
    check(line)


def check(line: bytes) -> bool:
    """Compare both readings of one line; return whether the scanner took it."""
    stripped = line.rstrip(b"\r")
    submit = parse(stripped) if stripped else None
    lane = Watched()
    lane.is_subscribed = True
    if isinstance(submit, Submit):
        _expect(lane, submit)
    window, outbox = hotpath.Window(1), bytearray()
    end = lane.take(line + b"\n", 0, LIMIT, 0.0, window, outbox)
    if end == 0:
        if window.records or outbox or lane.holds or lane.upstream:
            raise Fault(f"{line!r} was left, but not untouched")
        return False
    if end != len(line) + 1 or not isinstance(submit, Submit):
        raise Fault(f"{line!r} was taken up to {end}, and is {submit}")
    _compare(lane, submit, window, bytes(outbox), line)
    return True


@cache
def _prepared(extranonce_size: int) -> hotpath.PreparedJob:
    return hotpath.PreparedJob(b"\x01" * 50, b"\x02" * 60, extranonce_size, [bytes(32)], 0, bytes(32), 0)


def _extranonce1(submit: Submit) -> bytes:
    return b"\xee\xee"[: hotpath.MAX_EXTRANONCE_SIZE - len(submit.extranonce2)]


def _expect(lane: Watched, submit: Submit) -> None:
    """Give the lane the worker and the job of a submit."""
    lane.extranonce1 = _extranonce1(submit)
    lane.extranonce2_size = len(submit.extranonce2)
    lane.workers = (submit.worker,)
    lane.mask = lane.masks_ever = lane.first_mask = 0xFFFFFFFF
    job = hotpath.Job(_prepared(len(lane.extranonce1 + submit.extranonce2)), submit.ntime, ENOUGH, ENOUGH)
    job.rollable = 0xFFFFFFFF
    if submit.job_id.isascii():
        lane.assign(hotpath.Assignment(job, submit.job_id, ENOUGH, 1.0, 0xFFFFFFFF, None))


def _compare(lane: Watched, submit: Submit, window: hotpath.Window, outbox: bytes, line: bytes) -> None:
    extranonce = _extranonce1(submit) + submit.extranonce2
    version = submit.version_bits or 0
    record: Any = msgpack.unpackb(bytes(window.records)) if window.records else None
    expected = [
        1,
        KEY,
        worker_of(submit.worker),
        submit.job_id,
        extranonce,
        submit.ntime,
        submit.nonce,
        version,
    ]
    if record is None or record[:8] != expected:
        raise Fault(f"{line!r} is {submit}, recorded as {record}, answered {outbox!r}")
    share = lane.upstream[0]
    if (
        share[:5] != (submit.job_id, extranonce, submit.ntime, submit.nonce, version)
        or share[6] != submit.worker
    ):
        raise Fault(f"{line!r} is {submit}, sent upstream as {share}")
    answer = lane.release(window.number)
    if answer != result_line(submit.id, b"true"):
        raise Fault(f"{line!r} has id {submit.id!r}, answered {answer!r}")
