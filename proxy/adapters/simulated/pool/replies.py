"""How a pool writes its answers, good, bad and mad."""

from collections.abc import Mapping

from proxy.adapters.simulated.pool.seat import Seat
from proxy.adapters.simulated.pool.settings import Nonsense, PoolSettings, Refusals, Submits, SubscribeShape
from proxy.adapters.simulated.pool.truth import Refusal
from proxy.adapters.simulated.wire import Message, encoded

# What a pool writes that knows words only, by code; ckpool's and NOMP's.
_WORDS: Mapping[int, str] = {
    20: "Invalid share",
    21: "Stale",
    22: "Duplicate",
    23: "Above target",
    24: "Unauthorized",
    25: "Not subscribed",
}


def result(identity: object, value: object, settings: PoolSettings) -> Message:
    """Return a good answer; the id is echoed as it came."""
    answer: Message = {"id": identity, "result": value}
    if not settings.omit_error_key:
        answer["error"] = None
    return answer


def error(identity: object, refusal: Refusal) -> Message:
    """Return a bad answer to anything but a submit."""
    return {"id": identity, "result": None, "error": [refusal.code, refusal.reason, None]}


def subscription(seat: Seat, settings: PoolSettings) -> list[object]:
    """Return the result of mining.subscribe: what it is about, extranonce1, size of extranonce2."""
    session = seat.session_id
    shapes: dict[SubscribeShape, object] = {
        SubscribeShape.PAIRS: [["mining.set_difficulty", session], ["mining.notify", session]],
        SubscribeShape.FLAT: ["mining.notify", session],
        SubscribeShape.EMPTY: [],
        SubscribeShape.NULL: None,
    }
    return [shapes[settings.subscribe_shape], seat.extranonce1.hex(), seat.extranonce2_size]


def refused(identity: object, refusal: Refusal, settings: PoolSettings) -> Message:
    """Return a bad answer to a submit, in this pool's manner."""
    word = _WORDS.get(refusal.code, refusal.reason)
    match settings.refusals:
        case Refusals.LIST:
            return error(identity, refusal)
        case Refusals.FALSE_LIST:
            return error(identity, refusal) | {"result": False}
        case Refusals.STRING:
            return {"id": identity, "result": None, "error": word}
        case Refusals.REASON:
            return {"id": identity, "result": False, "error": None, "reject-reason": word}
        case Refusals.OBJECT:
            return {
                "id": identity,
                "result": None,
                "error": {"code": refusal.code, "message": refusal.reason},
            }


def to_submit(identity: object, refusal: Refusal | None, settings: PoolSettings) -> list[Message]:
    """Return what is answered to a submit, given the honest verdict: none, one or two messages."""
    match settings.submits:
        case Submits.SILENT:
            return []
        case Submits.ACCEPT_ALL:
            refusal = None
        case Submits.REJECT_ALL:
            refusal = refusal or Refusal(20, "Invalid share")
        case Submits.WRONG_IDS:
            identity = identity + 1_000_000 if isinstance(identity, int) else "another"
        case Submits.JUDGE | Submits.TWICE | Submits.LATE:
            pass
    answer = result(identity, True, settings) if refusal is None else refused(identity, refusal, settings)
    return [answer, answer] if settings.submits is Submits.TWICE else [answer]


def nonsense(kind: Nonsense, notify: list[object]) -> bytes:
    """Return bytes that look the less like ``notify`` the longer one looks."""
    job_id, previous, head, tail, branches, version, nbits, ntime, clean = notify
    params = notify
    match kind:
        case Nonsense.NONE:
            pass
        case Nonsense.MISSING_FIELDS:
            params = [job_id, previous, head]
        case Nonsense.WRONG_TYPES:
            params = [17, None, {"head": head}, tail, "branches", 4, nbits, [], "yes"]
        case Nonsense.NON_HEX:
            params = [job_id, "z" * 64, head, "0_0 x", branches, version, "-0000001", ntime, clean]
        case Nonsense.HUGE_MERKLE:
            params = [job_id, previous, head, tail, ["00" * 32] * 10_000, version, nbits, ntime, clean]
        case Nonsense.NOT_JSON:
            return b'{"id":null,"method":"mining.notify","params":[\xff\xfe,,]\n<html>502</html>\n'
        case Nonsense.DEEP:
            return b"[" * 100_000 + b"\n"
        case Nonsense.ENDLESS:
            return b'{"id":null,"method":"mining.notify","params":["' + b"0" * (1 << 20)
    return encoded({"id": None, "method": "mining.notify", "params": params})
