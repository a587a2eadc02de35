"""The way of a submit through a session: verdict, credit, record, reply, and what goes upstream.

``take`` is the long way, for every submit that the session's lane leaves; both come to the same end.
"""

from __future__ import annotations

import msgpack

from proxy.hotpath import Window, achieved_difficulty
from proxy.hotpath.names import worker_of
from proxy.mining.verdict import Claim, Judgement, Reason, judge
from proxy.relay.session import Session
from proxy.stratum.downstream import BadSubmit, Submit
from proxy.stratum.jsonrpc import error_line, result_line
from proxy.units import Seconds

FORWARDED, BLOCK = 1, 2
"""Flags of a record."""

_pack = msgpack.Packer().pack


def take(session: Session, submit: Submit | BadSubmit, window: Window, now: Seconds) -> None:
    """Judge one submit; its reply is sent or held, its record added to ``window``."""
    if not session.is_subscribed:
        _refuse(session, submit, Reason.NOT_SUBSCRIBED, now)
        return
    if isinstance(submit, BadSubmit):
        _refuse(session, submit, Reason.SHAPE, now)
        return
    authorized = submit.worker in session.workers
    assignment = session.assigned(submit.job_id)
    if assignment is None:
        _refuse(session, submit, Reason.STALE if authorized else Reason.UNAUTHORIZED, now)
        return
    if len(submit.extranonce2) != session.extranonce2_size:
        _refuse(session, submit, Reason.SHAPE, now)
        return
    job = assignment.job
    claim = Claim(session.extranonce1 + submit.extranonce2, submit.ntime, submit.nonce, submit.version_bits)
    standing = session.standing(authorized=authorized, stale=job.is_stale_at(now))
    judgement = judge(job, claim, assignment, standing)
    # A block that is a duplicate has gone up before.
    is_new_block = judgement.is_block and judgement.reason is not Reason.DUPLICATE
    number = 0
    if is_new_block or (judgement.accepted and judgement.meets_upstream):
        number = session.found(
            assignment,
            claim.extranonce,
            claim.ntime,
            claim.nonce,
            judgement.version,
            judgement.digest,
            submit.worker if authorized else None,
            is_block=judgement.is_block,
            now=now,
        )
    if judgement.reason is not None:
        _refuse(session, submit, judgement.reason, now, assignment.credit)
        return
    session.credit(assignment.credit, now)
    window.count += 1
    window.records.extend(_record(session, submit, claim, judgement, assignment.credit, number))
    session.hold(result_line(submit.id, b"true"), window)


def adapt(session: Session, now: Seconds) -> None:
    """Let vardiff decide: in its opening the job is issued anew at once, later the next job carries it."""
    session.due = False
    vardiff = session.vardiff
    if vardiff is not None and vardiff.decide(now) is not None and not vardiff.converged:
        session.regive(now)


def adapt_when_idle(session: Session, now: Seconds) -> None:
    """Let silence lower the difficulty, but not where nothing that a miner sends would count."""
    vardiff, work = session.vardiff, session.issued_work
    if vardiff is None or not session.has_work:
        return
    vardiff.pass_time(now)
    if work is None or work.job.is_stale_at(now):
        vardiff.pause(now)
    elif not vardiff.is_calm:
        adapt(session, now)


def _refuse(
    session: Session, submit: Submit | BadSubmit, reason: Reason, now: Seconds, difficulty: float = 0.0
) -> None:
    session.refuse(reason, difficulty)
    text = submit.reason if isinstance(submit, BadSubmit) else reason.text
    assert session.outbox is not None, "submits come by reads"
    session.queue(error_line(submit.id, reason.code, text, b"false"), session.outbox, now)


def _record(
    session: Session, submit: Submit, claim: Claim, judgement: Judgement, credit: float, number: int
) -> bytes:
    flags = (FORWARDED if number else 0) | (BLOCK if judgement.is_block else 0)
    packed: bytes = _pack(
        (
            number,
            session.key,
            worker_of(submit.worker),
            submit.job_id,
            claim.extranonce,
            claim.ntime,
            claim.nonce,
            judgement.version,
            credit,
            achieved_difficulty(judgement.digest),
            flags,
        )
    )
    return packed
