"""Reading the answers of a pool, in all the shapes that there are."""

from proxy.adapters.simulated.miner.counters import UNCODED
from proxy.adapters.simulated.wire import Message, hex_bytes


def extranonce_of(first: object, size: object) -> tuple[bytes, int] | None:
    """Return extranonce1 and the size of extranonce2, if they can be."""
    extranonce1 = hex_bytes(first)
    if extranonce1 is None or isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 16:
        return None
    return extranonce1, size


def session_id_of(details: object) -> str | None:
    """Return the session id of mining.notify, wherever it is in the first element of the result."""
    if not isinstance(details, list):
        return None
    pairs = [details, *(entry for entry in details if isinstance(entry, list))]
    for pair in pairs:
        if len(pair) == 2 and pair[0] == "mining.notify" and isinstance(pair[1], str):
            return pair[1]
    return None


def refusal_code(message: Message) -> int | None:
    """Return None if a submit was accepted, else the code of its refusal, ``UNCODED`` if it has none."""
    error = message.get("error")
    if message.get("result") is True and not error:
        return None
    code: object = None
    if isinstance(error, list) and error:
        code = error[0]
    elif isinstance(error, dict):
        code = error.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else UNCODED
