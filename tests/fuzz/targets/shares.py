"""The compiled verdict and duplicate set equal the reference: by any job, claim and standing."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from proxy.hotpath import reference
from tests.fuzz.faults import Fault
from tests.fuzz.source import Source
from tests.fuzz.twins import compiled

BITS: Final = (0, 0x1FFFE000, 0x00FFE000, 0xFFFFFFFF, 0x20000000, 0x00002000, 0x20002000)
WHOLE: Final = (1 << 256) - 1
TARGETS: Final = (WHOLE, WHOLE >> 1, WHOLE >> 2, WHOLE >> 4, WHOLE >> 8, 0, WHOLE >> 224)
MOST_SHARES: Final = 64
TIGHT: Final = 600
"""Seconds of ntime that a site may allow instead of the usual."""


def run(data: bytes) -> None:
    """Judge a sequence of shares by both twins."""
    twin = compiled()
    source = Source(data)
    drawn = _draw(source)
    ours, theirs = _jobs(reference, drawn), _jobs(twin, drawn)
    for _ in range(MOST_SHARES):
        if source.is_empty:
            return
        if source.flag(16):
            _tend(source, ours, theirs)
            continue
        _judge(source, twin, ours, theirs)


def _draw(source: Source) -> list[Any]:
    return [
        source.pick(BITS) ^ source.byte(),
        0x65000000 if not source.flag(8) else source.word(),
        source.pick(TARGETS),
        source.pick(TARGETS),
        source.pick(BITS),
        source.below(20),
        source.below(14),
    ]


def _jobs(twin: ModuleType, drawn: list[Any]) -> list[Any]:
    """Return two jobs with the same headers."""
    version, ntime, upstream, network, rollable, width, branches = drawn
    jobs = []
    for _ in range(2):
        prepared = twin.PreparedJob(
            b"\x01" * 42,
            b"\x02" * 60,
            width,
            [bytes([n]) * 32 for n in range(branches)],
            version,
            bytes(32),
            0,
        )
        job = twin.Job(prepared, ntime, twin.Target(upstream), twin.Target(network))
        job.rollable = rollable
        if not version & 1:
            job.last_ntime = min(ntime + TIGHT, (1 << 32) - 1)
        jobs.append(job)
    return jobs


def _tend(source: Source, ours: list[Any], theirs: list[Any]) -> None:
    kind = source.below(3)
    digest = source.take(32).ljust(32, b"\0")
    seen = []
    for jobs in (ours, theirs):
        if kind == 0:
            jobs[1].share_credits(jobs[0])
        elif kind == 1:
            jobs[0].remember(digest)
        else:
            jobs[0].forget()
        seen.append([(job.credited_shares, job.is_duplicate(digest), job.is_forgotten) for job in jobs])
    _compare("memory", *seen)


def _edges(job: Any) -> range:
    """Return the last offsets of ntime that count, and the first that does not."""
    last: int = job.last_ntime - job.ntime
    return range(last, last + 2)


def _judge(source: Source, twin: ModuleType, ours: list[Any], theirs: list[Any]) -> None:
    which, style = source.below(2), source.byte()
    job = ours[which]
    extranonce = source.take(style & 3).ljust(job.prepared.extranonce_size, b"\0")[
        : job.prepared.extranonce_size
    ]
    ntime = job.ntime + source.byte() if style & 4 else job.ntime
    if style & 8:
        ntime = job.ntime + source.pick((-1, *_edges(job))) if style & 4 else source.word()
    nonce = source.byte()
    bits = source.pick(BITS) & source.word() if style & 16 else None
    masks = [source.pick(BITS) for _ in range(4)] if style & 32 else [BITS[1]] * 4
    target = source.pick(TARGETS) if style & 64 else TARGETS[1]
    standing = {"authorized": source.byte() % 8 != 7, "stale": source.flag(8)} if style & 128 else {}
    standing = standing or {"authorized": True, "stale": False}
    claim = (extranonce, ntime & 0xFFFFFFFF, nonce, bits)
    found = [
        (
            one.judge(jobs[which], *claim, one.Target(target), *masks, **standing),
            [each.credited_shares for each in jobs],
        )
        for one, jobs in ((reference, ours), (twin, theirs))
    ]
    _compare(f"verdict on {claim} at {target:x} with {masks} {standing}", *found)
    digest = found[0][0][1]
    _compare("difficulty", *(one.achieved_difficulty(digest) for one in (reference, twin)))


def _compare(what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise Fault(f"{what}: reference {ours}, compiled {theirs}")
