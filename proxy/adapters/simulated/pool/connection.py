"""One client of a simulated pool."""

import asyncio
import re
from collections.abc import Callable
from typing import cast

from typing_extensions import override

from proxy.adapters.simulated.pool import replies
from proxy.adapters.simulated.pool.configure import configured
from proxy.adapters.simulated.pool.desk import Desk
from proxy.adapters.simulated.pool.judge import Good, judged
from proxy.adapters.simulated.pool.seat import Seat
from proxy.adapters.simulated.pool.settings import Configure, Nonsense, Submits
from proxy.adapters.simulated.pool.truth import AcceptedShare, Refusal
from proxy.adapters.simulated.pool.vardiff import Vardiff
from proxy.adapters.simulated.pool.work import Template
from proxy.adapters.simulated.wire import (
    decoded,
    encoded,
    hex_bytes,
    plain_number,
    real_number,
)
from proxy.mining.difficulty import difficulty_of
from proxy.stratum.framing import LineBuffer
from proxy.units import Difficulty

_MOST_RUBBISH = 10
_MOST_UNSENT = 4 << 20
"""Bytes that a client may leave unread before it is dropped."""

Handler = Callable[[object, list[object]], None]


class PoolConnection(asyncio.Protocol):
    """Speaks Stratum V1 to one client, as its pool's personality has it."""

    def __init__(
        self, desk: Desk, came: Callable[["PoolConnection"], None], left: Callable[["PoolConnection"], None]
    ) -> None:
        self._desk = desk
        self._settings = desk.settings
        self._came = came
        self._left = left
        self._transport: asyncio.Transport | None = None
        self._lines = LineBuffer(desk.settings.most_line)
        self._held_in = bytearray()
        self._held_out = bytearray()
        self._rubbish = 0
        self._submits = 0
        self._notifies = 0
        self._silent = False
        self._working = False
        self._later: set[asyncio.TimerHandle] = set()
        self.number = 0
        self.seat = Seat(difficulty=desk.settings.difficulty)
        settings = desk.settings.vardiff
        self._vardiff = Vardiff(settings, desk.now()) if settings is not None else None
        self._handlers: dict[str, Handler] = {
            "mining.configure": self._configure,
            "mining.subscribe": self._subscribe,
            "mining.authorize": self._authorize,
            "mining.submit": self._submit,
            "mining.extranonce.subscribe": self._extranonce_subscribe,
            "mining.suggest_difficulty": self._suggest_difficulty,
            "mining.suggest_target": self._suggest_target,
            "mining.multi_version": lambda identity, _: self._answer(identity, True),
            "mining.ping": lambda identity, _: self._answer(identity, "pong"),
        }

    # --- the transport -----------------------------------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Only stream transports come here; uvloop's are no subclass of asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)
        self._desk.connected += 1
        self.number = self._desk.connected
        self._came(self)
        self._desk.changes.happened()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        for handle in self._later:
            handle.cancel()
        self._later.clear()
        self._desk.leave(self.seat)
        self._left(self)
        self._desk.changes.happened()

    @override
    def data_received(self, data: bytes) -> None:
        if self._desk.hung:
            # What was under way when the pool hung; the transport is paused for the rest.
            self._held_in += data
            self.pause()
            return
        for line in self._lines.feed(data):
            self._line(line)
            if self._transport is None or self._transport.is_closing():
                break
        if self._lines.overflowed:
            self.close()
        self._desk.changes.happened()

    def pause(self) -> None:
        """Stop reading."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on after a hang, beginning with what was held; write what was held back."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.resume_reading()
        unsent, unread = bytes(self._held_out), bytes(self._held_in)
        self._held_out.clear()
        self._held_in.clear()
        self.send(unsent)
        if unread:
            self.data_received(unread)

    def send(self, data: bytes) -> None:
        """Write lines, unless this connection has fallen silent; a client that does not read is dropped."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._silent or not data:
            return
        if self._desk.hung:
            self._held_out += data
        else:
            self._desk.traffic.record(self._desk.now(), self.number, "out", data)
            transport.write(data)
        if transport.get_write_buffer_size() + len(self._held_out) > _MOST_UNSENT:
            transport.abort()

    def close(self) -> None:
        """Close after what is written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # --- requests ----------------------------------------------------------------------------------

    def _line(self, line: bytes) -> None:
        self._desk.traffic.record(self._desk.now(), self.number, "in", line)
        message = decoded(line)
        if message is None:
            self._desk.rubbish += 1
            self._rubbish += 1
            self.send(encoded(replies.error(None, Refusal(20, "Not a JSON object"))))
            if self._rubbish >= _MOST_RUBBISH:
                self.close()
            return
        method = message.get("method")
        if not isinstance(method, str):
            return  # an answer to a request of ours, or nothing that could be answered
        handler = self._handlers.get(method)
        name = method if handler is not None else ""
        self._desk.methods[name] = self._desk.methods.get(name, 0) + 1
        params = message.get("params")
        identity = message.get("id")
        if handler is None:
            self._refuse(identity, Refusal(-3, f"Method {method[:64]!r} not found"))
        else:
            handler(identity, params if isinstance(params, list) else [])

    def _answer(self, identity: object, value: object) -> None:
        self.send(encoded(replies.result(identity, value, self._settings)))

    def _refuse(self, identity: object, refusal: Refusal) -> None:
        self.send(encoded(replies.error(identity, refusal)))

    def _tell(self, method: str, params: list[object]) -> bytes:
        return encoded({"id": None, "method": method, "params": params})

    def _configure(self, identity: object, params: list[object]) -> None:
        match self._settings.configure:
            case Configure.SILENT:
                return
            case Configure.DISCONNECT:
                self.close()
                return
            case Configure.REFUSE:
                self._refuse(identity, Refusal(-3, "Method 'mining.configure' not found"))
                return
            case Configure.GRANT:
                pass
        self._answer(identity, configured(params, self.seat, self._settings))
        if self._settings.extra_set_version_mask and self.seat.configured:
            self.send(self._tell("mining.set_version_mask", [f"{self.seat.mask:08x}"]))

    def _subscribe(self, identity: object, params: list[object]) -> None:
        if not self.seat.subscribed:
            asked = params[1] if len(params) > 1 and self._settings.resume else None
            taken = self._desk.extranonces.take(asked if isinstance(asked, str) else None)
            if taken is None:
                self._refuse(identity, Refusal(20, "No extranonce left"))
                return
            self.seat.session_id, self.seat.extranonce1 = taken
            self.seat.extranonce2_size = self._settings.extranonce2_size
            if (before := self._desk.left.pop(self.seat.session_id, None)) is not None:
                self.seat.issued, self.seat.least_since = before.issued, before.least_since
        self._answer(identity, replies.subscription(self.seat, self._settings))
        self._start_work()

    def _authorize(self, identity: object, params: list[object]) -> None:
        worker = params[0] if params else None
        password = params[1] if len(params) > 1 else ""
        settings = self._settings
        taken = (
            isinstance(worker, str)
            and (settings.refused_names is None or re.search(settings.refused_names, worker) is None)
            and (settings.password is None or settings.password == password)
            and self.seat.authorize(worker)
        )
        if not taken:
            self.send(
                encoded(replies.error(identity, Refusal(24, "Unauthorized worker")) | {"result": False})
            )
            return
        self._answer(identity, True)
        self._start_work()

    def _extranonce_subscribe(self, identity: object, _: list[object]) -> None:
        if not self._settings.extranonce_subscribe:
            self._refuse(identity, Refusal(20, "Not supported"))
            return
        self.seat.wants_extranonce = True
        self._answer(identity, True)

    def _suggest_difficulty(self, identity: object, params: list[object]) -> None:
        wish = real_number(params[0]) if params else None
        self._suggested(identity, None if wish is None else Difficulty(wish))

    def _suggest_target(self, identity: object, params: list[object]) -> None:
        target = hex_bytes(params[0], 32) if params else None
        wish = None if target is None else difficulty_of(int.from_bytes(target, "big"))
        self._suggested(identity, wish)

    def _suggested(self, identity: object, wish: Difficulty | None) -> None:
        if wish is None:
            self._refuse(identity, Refusal(20, "Not a difficulty"))
            return
        self._answer(identity, True)
        if self._settings.honour_suggestion:
            limits = self._settings.vardiff
            if limits is not None:
                wish = Difficulty(min(limits.most, max(limits.least, wish)))
            self.set_difficulty(wish)

    # --- shares ------------------------------------------------------------------------------------

    def _submit(self, identity: object, params: list[object]) -> None:
        truth = self._desk.truth
        truth.submits += 1
        self._submits += 1
        verdict = judged(params, self.seat, self._desk.chain.height, truth.shares, self._settings)
        if isinstance(verdict, Good):
            self._enter(verdict)
        else:
            truth.refuse(verdict)
        refusal = verdict if isinstance(verdict, Refusal) else None
        answers = replies.to_submit(identity, refusal, self._settings)
        for answer in answers:
            truth.answered_true += answer["result"] is True
            truth.answered_false += answer["result"] is not True
        line = b"".join(encoded(answer) for answer in answers)
        if self._settings.submits is Submits.LATE:
            self._send_later(line)
        else:
            self.send(line)
        if isinstance(verdict, Good) and verdict.is_block:
            self._desk.block_found(verdict.digest)
        self._after_submit()

    def _enter(self, good: Good) -> None:
        share = AcceptedShare(
            digest=good.digest,
            header=good.header,
            worker=good.worker,
            job_id=good.job_id,
            connection=self.number,
            difficulty=good.difficulty,
            achieved=good.achieved,
            at=self._desk.now(),
        )
        self._desk.truth.accept(share)
        if good.is_block:
            self._desk.truth.block(share)
        if self._vardiff is not None:
            self._vardiff.share()

    def _send_later(self, line: bytes) -> None:
        def due() -> None:
            self._later.discard(handle)
            self.send(line)

        handle = asyncio.get_running_loop().call_later(self._settings.late, due)
        self._later.add(handle)

    def _after_submit(self) -> None:
        """Do what the personality does now and then."""
        settings, count = self._settings, self._submits
        if settings.set_extranonce_every and count % settings.set_extranonce_every == 0:
            self.set_extranonce()
        if settings.reconnect_every and count % settings.reconnect_every == 0:
            self.send(self._tell("client.reconnect", list(settings.reconnect_to)))
        if settings.silent_after is not None and count >= settings.silent_after:
            self._silent = True
        self.adapt()

    # --- work --------------------------------------------------------------------------------------

    def _start_work(self) -> None:
        """Send difficulty and first job once subscribed and, as a rule, authorized."""
        ready = self.seat.authorized or self._settings.work_at_subscribe
        if self._working or not self.seat.subscribed or not ready:
            return
        self._working = True
        if self._settings.silent_after == 0:
            self._silent = True
        if self._vardiff is not None:
            self._vardiff.restart(self._desk.now())
        self.send(self._difficulty_line() + self._job(self._desk.next_job_id(), self._desk.template, True))

    def _difficulty_line(self) -> bytes:
        return self._tell("mining.set_difficulty", [plain_number(self.seat.difficulty)])

    def _job(self, job_id: str, template: Template, clean: bool) -> bytes:
        """Return the line of a job, remembered as sent now, or the nonsense in its place."""
        self._notifies += 1
        issued = self.seat.issue(job_id, template)
        hole = len(issued.extranonce1) + issued.extranonce2_size
        kind = self._settings.nonsense
        if kind is not Nonsense.NONE and self._notifies > self._settings.nonsense_after:
            return replies.nonsense(kind, template.notify(job_id, hole, clean))
        return self._desk.notify_line(job_id, template, hole, clean)

    def notify(self, job_id: str, template: Template, clean: bool) -> None:
        """Send a job that goes to all connections."""
        if self._working:
            self.send(self._job(job_id, template, clean))

    def set_difficulty(self, difficulty: Difficulty) -> None:
        """Change the difficulty, from the next job on; that job follows in the same write as a rule."""
        self.seat.set_difficulty(difficulty)
        if not self._working:
            return
        if self._vardiff is not None:
            self._vardiff.restart(self._desk.now())
        line = self._difficulty_line()
        if not self._settings.difficulty_alone:
            line += self._job(self._desk.next_job_id(), self._desk.template, False)
        self.send(line)

    def adapt(self) -> None:
        """Let vardiff look at the rate of shares."""
        if self._vardiff is None or not self._working:
            return
        wanted = self._vardiff.wanted(self.seat.difficulty, self._desk.now())
        if wanted is not None:
            self.set_difficulty(wanted)

    def set_extranonce(self, extranonce2_size: int | None = None) -> None:
        """Give a connection that subscribed to it another extranonce, with a clean job in the same write."""
        taken = self._desk.extranonces.take() if self._working and self.seat.wants_extranonce else None
        if taken is None:
            return
        self._desk.extranonces.release(self.seat.extranonce1)
        self.seat.session_id, self.seat.extranonce1 = taken
        if extranonce2_size is not None:
            self.seat.extranonce2_size = extranonce2_size
        told: list[object] = [self.seat.extranonce1.hex(), self.seat.extranonce2_size]
        job = self._job(self._desk.next_job_id(), self._desk.template, True)
        self.send(self._tell("mining.set_extranonce", told) + job)

    def set_version_mask(self, mask: int) -> None:
        """Change the version bits that may be rolled, with a clean job behind it."""
        self.seat.mask, self.seat.configured = mask, True
        if self._working:
            told = self._tell("mining.set_version_mask", [f"{mask:08x}"])
            self.send(told + self._job(self._desk.next_job_id(), self._desk.template, True))
