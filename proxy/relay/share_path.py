"""The way of a submit through a session: verdict, credit, record, reply, and what goes upstream.

``take`` is what the compiled lane will replace for plain lines; both call ``judge``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgpack

from proxy.events import BlockFound
from proxy.mining.difficulty import difficulty_of
from proxy.mining.verdict import Claim, Judgement, Reason, judge
from proxy.relay.session import Session
from proxy.relay.upstream import Forward
from proxy.relay.work import Issue
from proxy.stratum.downstream import BadSubmit, Submit
from proxy.stratum.jsonrpc import error_line, result_line
from proxy.units import Difficulty, Seconds

FORWARDED, BLOCK = 1, 2
"""Flags of a record."""

_pack = msgpack.Packer().pack


@dataclass(slots=True)
class Fed:
    """What one read of a session brought."""

    records: bytearray = field(default_factory=bytearray)
    """Accepted shares, packed one behind the other: for the journal."""
    held: bytearray = field(default_factory=bytearray)
    """Replies that wait until the records are durable, and those that must come after them."""
    forwards: list[Forward] = field(default_factory=list)


def take(session: Session, submit: Submit | BadSubmit, fed: Fed, now: Seconds) -> None:
    """Judge one submit; its reply is sent or held, its record and forward are added to ``fed``."""
    if not session.is_subscribed:
        _refuse(session, submit, Reason.NOT_SUBSCRIBED, fed, now)
        return
    if isinstance(submit, BadSubmit):
        _refuse(session, submit, Reason.SHAPE, fed, now)
        return
    authorized = submit.worker in session.workers
    issue = session.outside.jobs.find(submit.job_id)
    terms = session.assignments.get(submit.job_id)
    if issue is None or terms is None:
        _refuse(session, submit, Reason.STALE if authorized else Reason.UNAUTHORIZED, fed, now)
        return
    if len(submit.extranonce2) != session.extranonce2_size:
        _refuse(session, submit, Reason.SHAPE, fed, now)
        return
    work = issue.work
    claim = Claim(session.extranonce1 + submit.extranonce2, submit.ntime, submit.nonce, submit.version_bits)
    stale = work.is_stale(now, session.outside.timers.lost_job_grace)
    judgement = judge(work.job, claim, terms, session.standing(authorized=authorized, stale=stale))
    forward = None
    # A block that is a duplicate has gone up before.
    is_new_block = judgement.is_block and judgement.reason is not Reason.DUPLICATE
    if is_new_block or (judgement.accepted and judgement.meets_upstream):
        forward = _forward(session, submit, issue, claim, judgement, now)
        fed.forwards.append(forward)
    if is_new_block:
        _announce(session, submit, issue, claim, judgement)
    if judgement.reason is not None:
        _refuse(session, submit, judgement.reason, fed, now, terms.credit)
        return
    _credit(session, terms.credit, now)
    fed.records += _record(session, submit, claim, judgement, terms.credit, forward)
    fed.held += result_line(submit.id, b"true")


def _credit(session: Session, credit: Difficulty, now: Seconds) -> None:
    session.tally.accepted += 1
    session.tally.accepted_difficulty += credit
    if session.route is not None:
        session.route.credit(credit, now)
    if session.vardiff is not None:
        session.vardiff.share(credit, now)
        _adapt(session, now)


def _adapt(session: Session, now: Seconds) -> None:
    """While converging re-issue the current job at once; later the next job carries the change."""
    vardiff = session.vardiff
    if vardiff is not None and vardiff.decide(now) is not None and not vardiff.converged:
        session.regive(now)


def adapt_when_idle(session: Session, now: Seconds) -> None:
    """Let silence lower the difficulty, but not where nothing that a miner sends would count."""
    work = session.issued_work
    if session.vardiff is None or not session.has_work:
        return
    if work is None or work.is_stale(now, session.outside.timers.lost_job_grace):
        session.vardiff.pause(now)
    else:
        _adapt(session, now)


def _refuse(
    session: Session,
    submit: Submit | BadSubmit,
    reason: Reason,
    fed: Fed,
    now: Seconds,
    difficulty: Difficulty = Difficulty(0.0),
) -> None:
    session.tally.reject(reason, difficulty)
    if session.route is not None:
        session.route.tally.reject(reason, difficulty)
    text = submit.reason if isinstance(submit, BadSubmit) else reason.text
    line = error_line(submit.id, reason.code, text, b"false")
    if fed.held or session.replies_waiting:
        fed.held += line  # replies to submits keep the order of the submits
    else:
        session.send(line, now)


def _forward(
    session: Session, submit: Submit, issue: Issue, claim: Claim, judgement: Judgement, now: Seconds
) -> Forward:
    return Forward(
        number=session.outside.new_key(),
        worker=session.workers.get(submit.worker, session.worker),
        work=issue.work,
        extranonce2=issue.work.prefix.upstream_extranonce2(claim.extranonce),
        ntime=claim.ntime,
        nonce=claim.nonce,
        version=judgement.version,
        at=now,
        is_block=judgement.is_block,
    )


def _record(
    session: Session,
    submit: Submit,
    claim: Claim,
    judgement: Judgement,
    credit: Difficulty,
    forward: Forward | None,
) -> bytes:
    flags = (FORWARDED if forward else 0) | (BLOCK if judgement.is_block else 0)
    achieved = difficulty_of(int.from_bytes(judgement.digest, "little"))
    packed: bytes = _pack(
        (
            forward.number if forward else 0,
            session.key,
            session.workers[submit.worker],
            submit.job_id,
            claim.extranonce,
            claim.ntime,
            claim.nonce,
            judgement.version,
            credit,
            achieved,
            flags,
        )
    )
    return packed


def _announce(session: Session, submit: Submit, issue: Issue, claim: Claim, judgement: Judgement) -> None:
    """A block is news: header and coinbase go out with the event, so that they can be kept."""
    session.tally.blocks += 1
    if session.route is None:
        return
    session.route.tally.blocks += 1
    prepared = issue.work.job.prepared
    session.outside.emit(
        BlockFound(
            session.route.tenant,
            issue.work.connection.pool.name,
            session.workers.get(submit.worker, session.worker),
            judgement.digest[::-1].hex(),
            prepared.header(claim.extranonce, claim.ntime, claim.nonce, judgement.version),
            prepared.coinbase(claim.extranonce),
        )
    )
