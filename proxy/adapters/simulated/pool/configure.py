"""The answer to mining.configure, by BIP 310 and by what pools make of it."""

from proxy.adapters.simulated.pool.seat import Seat
from proxy.adapters.simulated.pool.settings import PoolSettings
from proxy.adapters.simulated.wire import Message, hex_word


def configured(params: list[object], seat: Seat, settings: PoolSettings) -> Message:
    """Return one key for each extension that was named; what is granted is entered in the seat."""
    names = params[0] if params and isinstance(params[0], list) else []
    options = params[1] if len(params) > 1 and isinstance(params[1], dict) else {}
    granted: Message = {}
    for name in names[:32]:
        if name == "version-rolling":
            granted |= _rolling(options, seat, settings)
        elif name == "subscribe-extranonce":
            seat.wants_extranonce = settings.extranonce_subscribe
            granted[name] = settings.extranonce_subscribe
        elif isinstance(name, str):
            granted[name] = name == "info"
    return granted


def _rolling(options: dict[str, object], seat: Seat, settings: PoolSettings) -> Message:
    """Return the keys about version rolling."""
    asked = hex_word(options.get("version-rolling.mask", "ffffffff"))
    if asked is None:
        return {"version-rolling": "Malformed mask"}
    mask = settings.version_mask & asked
    if settings.forced_mask is not None:
        mask = settings.forced_mask
    least = options.get("version-rolling.min-bit-count")
    if isinstance(least, int) and mask.bit_count() < least:
        return {"version-rolling": False}
    seat.mask, seat.configured = mask, True
    return {"version-rolling": True, "version-rolling.mask": f"{mask:08x}"}
