"""What all connections of one simulated pool share."""

from collections.abc import Callable
from random import Random

from proxy.adapters.simulated.changes import Changes
from proxy.adapters.simulated.pool.seat import Seat
from proxy.adapters.simulated.pool.settings import PoolSettings
from proxy.adapters.simulated.pool.truth import Truth
from proxy.adapters.simulated.pool.work import Chain, Template
from proxy.adapters.simulated.wire import Message, Traffic, encoded
from proxy.units import Seconds

_MOST_SESSIONS = 50_000
_MOST_LEFT = 64


class Extranonces:
    """Hands out extranonce1 values: unique among the connections, the same again to a known session."""

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._next = Random(f"{seed}/extranonces").getrandbits(8 * size)
        self._used: set[bytes] = set()
        self._sessions: dict[str, bytes] = {}

    def take(self, session_id: str | None = None) -> tuple[str, bytes] | None:
        """Return a session id and its extranonce1; None when every value is in use."""
        known = self._sessions.get(session_id) if session_id is not None else None
        if session_id is not None and known is not None and known not in self._used:
            self._used.add(known)
            return session_id, known
        if len(self._used) >= 1 << 8 * self._size:
            return None
        while (value := self._next.to_bytes(self._size, "big")) in self._used:
            self._next = (self._next + 1) % (1 << 8 * self._size)
        self._next = (self._next + 1) % (1 << 8 * self._size)
        fresh = f"{len(self._sessions):04x}{value.hex()}"
        self._used.add(value)
        self._sessions[fresh] = value
        if len(self._sessions) > _MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return fresh, value

    def release(self, value: bytes) -> None:
        """Let a value be handed out again; one that is not in use is ignored."""
        self._used.discard(value)


class Desk:
    """Chain, books and counters behind the connections.

    Args:
        settings: The pool's personality.
        seed: Of everything that is drawn.
        clock: Unix time, for ntime.
        now: Monotonic time.
        block_found: Called with the digest of a share that is a block on the tip.

    """

    def __init__(
        self,
        settings: PoolSettings,
        seed: int,
        clock: Callable[[], float],
        now: Callable[[], Seconds],
        block_found: Callable[[bytes], None],
    ) -> None:
        self.settings = settings
        self.now = now
        self.block_found = block_found
        self.truth = Truth(settings.remember_shares)
        self.chain = Chain(settings, seed, clock)
        self.template: Template = self.chain.template()
        self.extranonces = Extranonces(settings.extranonce1_size, seed)
        self.traffic = Traffic(settings.record_lines)
        self.changes = Changes("simulated pool", self.truth.summary)
        self.hung = False
        """Nothing is read and nothing is written."""
        self.rubbish = 0
        """Lines from clients that were no JSON object."""
        self.connected = 0
        """Connections since the start."""
        self.left: dict[str, Seat] = {}
        """Of sessions that may come back, by id, oldest first: work is the pool's, so whoever gets the old
        extranonce1 may submit for the old jobs (ckpool)."""
        self.methods: dict[str, int] = {}
        """Requests by method; unknown ones together under ``""``."""
        self._jobs = 0
        self._prefix = f"0x{Random(f'{seed}/jobs').getrandbits(40):010x}"
        self._notify: tuple[tuple[str, int, bool], bytes] | None = None

    def leave(self, seat: Seat) -> None:
        """Give an extranonce1 free, and remember the jobs of whoever may come back for it."""
        self.extranonces.release(seat.extranonce1)
        if seat.session_id and self.settings.resume:
            self.left[seat.session_id] = seat
            if len(self.left) > _MOST_LEFT:
                del self.left[next(iter(self.left))]

    def next_job_id(self) -> str:
        """Return a job id that was not used before."""
        self._jobs += 1
        return f"{self._prefix}_{self._jobs}" if self.settings.antpool_job_ids else f"{self._jobs:x}"

    def notify_line(self, job_id: str, template: Template, hole: int, clean: bool) -> bytes:
        """Return the line of a notify; the last one is kept, because all connections get the same."""
        key = (job_id, hole, clean)
        if self._notify is not None and self._notify[0] == key:
            return self._notify[1]
        params = template.notify(job_id, hole, clean)
        message: Message = {"id": None, "method": "mining.notify", "params": params}
        if self.settings.omit_error_key:
            del message["id"]
        line = encoded(message)
        self._notify = (key, line)
        return line
