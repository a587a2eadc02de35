"""What a miner may say besides submit, and what it is answered."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from proxy.events import SessionOpened, SessionRefused
from proxy.hotpath.names import MOST_WORKER, sanitised
from proxy.mining.difficulty import GREATEST_DIFFICULTY, LEAST_DIFFICULTY, difficulty_of
from proxy.mining.version_rolling import grant
from proxy.relay.conduct import refuse_login
from proxy.relay.quirks import quirk_of
from proxy.relay.session import Session
from proxy.stratum import downstream as say
from proxy.stratum import tell
from proxy.stratum.jsonrpc import Json, Malformed, error_line, result_line
from proxy.units import Difficulty, Seconds

if TYPE_CHECKING:
    from proxy.relay.directory import Directory
    from proxy.relay.route import Route

_TRUE = b"true"


def answer(directory: Directory, session: Session, request: say.Request, now: Seconds) -> None:
    """Answer any request but a submit; unknown ones are refused without dropping the miner."""
    if not isinstance(request, Malformed):  # which has a price of its own
        session.conduct.requests += 1
    match request:
        case say.Subscribe():
            _subscribe(directory, session, request, now)
        case say.Authorize():
            _authorize(directory, session, request, now)
        case say.Configure():
            _configure(directory, session, request, now)
        case say.SubscribeExtranonce(identity):
            session.follows_extranonce = True
            session.send(result_line(identity, _TRUE), now)
        case say.SuggestDifficulty(identity, difficulty):
            _hint(session, identity, difficulty, now)
        case say.SuggestTarget(identity, target):
            _hint(session, identity, None if target is None else difficulty_of(target), now)
        case say.MultiVersion(identity):
            session.send(result_line(identity, _TRUE), now)
        case say.GetVersion(identity):
            session.send(result_line(identity, b'"pumpjack"'), now)
        case say.Ping(identity):
            session.send(result_line(identity, b'"pong"'), now)
        case say.Answer():
            pass
        case say.Unknown(identity, method):
            # A notification (id null) wants no answer.
            if identity != b"null":
                session.send(error_line(identity, -3, f"Method not found: {method[:64]}"), now)
        case Malformed(identity, reason):
            session.malformed += 1
            session.send(error_line(identity, 20, reason[:200]), now)
        case _:
            raise AssertionError(f"submits do not come here: {request}")


def _subscribe(directory: Directory, session: Session, request: say.Subscribe, now: Seconds) -> None:
    again = session.is_subscribed
    session.is_subscribed = True
    if request.user_agent:
        session.user_agent = sys.intern(sanitised(request.user_agent))  # a site has few kinds of miners
        session.quirk = quirk_of(request.user_agent)
    if not again:
        route = session.route or directory.only_route(session.listener)
        _seat(directory, session, route, request.session_id, now)
    session.send(
        tell.subscribed(request.id, session.name, session.extranonce1, session.extranonce2_size), now
    )
    if again:
        if session.has_work and session.bundle is not None and session.bundle.work is not None:
            session.give_anew(session.bundle.work, now)
    elif session.workers and session.route is not None:
        session.route.join(session, now)


def _seat(
    directory: Directory, session: Session, route: Route | None, resume: str | None, now: Seconds
) -> None:
    """Choose the extranonce that the subscribe reply must carry.

    Where only the worker's name will tell the tenant, the lease is provisional: unlikely to be taken in any
    of the tenants' bundles, and claimed there at authorisation.
    """
    if route is None and resume is not None:
        route = next(
            (each for each in directory.routes_at(session.listener) if each.resume(session, resume)),
            None,
        )
    if route is not None and (session.resumed or route.place(session, now, resume=resume)):
        session.route = route
        assert session.bundle is not None and session.lease is not None and route.widths is not None
        session.extranonce1 = session.bundle.extranonce1_of(session.lease)
        session.extranonce2_size = route.widths.miner
        if not session.extranonce1:
            # No byte of lease, and no connection yet whose extranonce1 would serve: cgminer refuses none.
            session.extranonce1 = directory.provisional(session.listener, now)[1]
        return
    session.route = route
    session.lease, session.extranonce1, session.extranonce2_size = directory.provisional(
        session.listener, now
    )


def _authorize(directory: Directory, session: Session, request: say.Authorize, now: Seconds) -> None:
    route = directory.route_for(session.listener, request.worker)
    admission, limits = session.outside.admission, session.outside.limits
    is_new = request.worker not in session.workers
    if route is None or (session.workers and route is not session.route):
        _refuse(session, request, "Unauthorized worker", now)
        return
    if is_new and len(session.workers) >= limits.workers_per_session:
        _refuse(session, request, "Too many workers on one connection", now)
        return
    if is_new and admission.is_banned(session, request.worker, now):
        _refuse(session, request, "Refused for some minutes: most of its shares were bad", now)
        return
    first = not session.workers
    if is_new:
        session.workers += (request.worker,)
        told = admission.authorised(session, limits.admission, now)
        if told is not None:
            session.outside.emit(told)
    session.send(result_line(request.id, _TRUE), now)
    if not first:
        return
    session.line_limit = limits.line
    if session.route is not None and session.route is not route:
        session.route.leave(session, now)
    session.route = route
    _hint_in_password(session, request.password)
    session.outside.emit(
        SessionOpened(session.key, route.tenant, session.worker, session.user_agent, session.wire.peer)
    )
    if session.is_subscribed:
        if session.bundle is None and session.lease is not None and route.place(session, now):
            route.correct_extranonce(session, now)
        route.join(session, now)


def _refuse(session: Session, request: say.Authorize, cause: str, now: Seconds) -> None:
    session.outside.emit(
        SessionRefused(session.key, session.wire.peer, f"{cause}: {sanitised(request.worker[:MOST_WORKER])}")
    )
    session.send(error_line(request.id, 24, cause, b"false"), now)
    refuse_login(session, session.outside.timers)


def _configure(directory: Directory, session: Session, request: say.Configure, now: Seconds) -> None:
    """Answer every key that was asked for: Whatsminers loop otherwise (stratum#1173)."""
    answers: dict[str, Json] = {}
    for extension in request.extensions:
        match extension:
            case "version-rolling" if request.mask is None:
                answers[extension] = "version-rolling.mask must be hex digits, at most eight"
            case "version-rolling":
                assert request.mask is not None
                session.asked_mask = request.mask
                upstream, version = directory.rollable(session)
                session.mask = session.first_mask = grant(upstream, request.mask, version)
                session.masks_ever |= upstream & request.mask
                answers[extension] = bool(session.mask)
                if session.mask:
                    answers["version-rolling.mask"] = f"{session.mask:08x}"
            case "minimum-difficulty":
                answers[extension] = request.minimum_difficulty is not None
                if request.minimum_difficulty is not None:
                    _suggest(session, request.minimum_difficulty, now)
            case "subscribe-extranonce":
                session.follows_extranonce = answers[extension] = True
            case "info":
                answers[extension] = True
            case _:
                answers[extension] = False
    session.send(tell.configured(request.id, answers), now)


def _hint(session: Session, identity: bytes, difficulty: float | None, now: Seconds) -> None:
    if difficulty is None:
        session.send(error_line(identity, 20, "Not a difficulty"), now)
        return
    session.send(result_line(identity, _TRUE), now)
    _suggest(session, difficulty, now)


def _suggest(session: Session, difficulty: float, now: Seconds) -> None:
    hint = Difficulty(min(max(difficulty, LEAST_DIFFICULTY), GREATEST_DIFFICULTY))
    session.hinted = hint
    if session.vardiff is not None:
        session.vardiff.suggest(hint, now)
        if session.has_work:
            session.regive(now)


def _hint_in_password(session: Session, password: str) -> None:
    """Read ``d=NUMBER`` or ``diff=NUMBER``: the hint of miners that cannot suggest a difficulty."""
    for part in password.replace(";", ",").split(","):
        key, _, value = part.partition("=")
        if key.strip() in {"d", "diff"} and session.hinted is None:
            digits = value.strip()
            if (
                digits.replace(".", "", 1).isdigit()
                and digits.isascii()
                and len(digits) <= 20
                and float(digits) > 0
            ):
                session.hinted = Difficulty(min(max(float(digits), LEAST_DIFFICULTY), GREATEST_DIFFICULTY))
