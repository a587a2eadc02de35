"""One connection of a simulated miner, without the socket: lines in, bytes out."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from proxy.adapters.simulated.miner.answers import extranonce_of, refusal_code, session_id_of
from proxy.adapters.simulated.miner.counters import Counters
from proxy.adapters.simulated.miner.firmware import Firmware, Identities
from proxy.adapters.simulated.miner.job import Found, Order, Search, read_notice
from proxy.adapters.simulated.wire import Message, decoded, encoded, hex_word, real_number
from proxy.units import Difficulty

_MOST_PENDING = 4096
"""Unanswered requests kept; past it the oldest are given up."""


@dataclass(frozen=True, slots=True)
class _Request:
    """Something sent that wants an answer."""

    kind: str
    found: Found | None = None


class MinerSession:
    """Handshake, jobs, submits and their answers, with the habits of a firmware.

    Args:
        firmware: The habits.
        worker: User name.
        password: Sent with it.
        counters: Where everything is counted; they outlive the session.
        random: Source of everything that is drawn.
        settled: Called with each answered share and its refusal's code, None for accepted.
        session_id: From the connection before, for firmware that resumes.
        first_extranonce2: Where its counter starts.

    """

    def __init__(
        self,
        firmware: Firmware,
        worker: str,
        password: str,
        counters: Counters,
        random: Random,
        settled: Callable[[Found, int | None], None],
        session_id: str | None = None,
        first_extranonce2: int = 0,
    ) -> None:
        self.firmware = firmware
        self._worker = worker if firmware.most_name is None else worker[: firmware.most_name]
        self._password = password
        self._counters = counters
        self._random = random
        self._settled = settled
        self.session_id = session_id
        self.search: Search | None = None
        """What to work at; None until there is a job and the worker is authorized."""
        self.leaving: str | None = None
        """Why the connection is to be closed, once it is."""
        self.authorized = False
        self.shook_hands = False
        """All stages of the handshake are answered."""
        self._stage = -1
        self._awaited = 0
        self._pending: dict[int | str, deque[_Request]] = {}
        self._submits: deque[_Request] = deque()
        self._identity = 0
        self._extranonce: tuple[bytes, int] | None = None  # for the next job
        self._difficulty = Difficulty(1.0)
        self._order: Order | None = None
        self._mask: int | None = None
        self._extranonce2 = first_extranonce2
        self._notifications: dict[str, Callable[[object, list[object]], bytes]] = {
            "mining.notify": self._notify,
            "mining.set_difficulty": self._set_difficulty,
            "mining.set_extranonce": self._set_extranonce,
            "mining.set_version_mask": self._set_version_mask,
            "client.reconnect": self._reconnect,
            "client.show_message": self._show_message,
            "client.get_version": lambda identity, _: self._reply(identity, self.firmware.user_agent),
            "mining.ping": lambda identity, _: self._reply(identity, "pong"),
        }

    @property
    def pending(self) -> int:
        """Submits without an answer."""
        return len(self._submits)

    @property
    def next_extranonce2(self) -> int:
        """Where the counter of a later session may start so as to repeat nothing."""
        return self.search.extranonce2 + 1 if self.search is not None else self._extranonce2

    # --- requests ----------------------------------------------------------------------------------

    def opening(self) -> bytes:
        """Return the first bytes of the handshake."""
        return self._next_stage()

    def _next_stage(self) -> bytes:
        self._stage += 1
        if self._stage >= len(self.firmware.handshake):
            self.shook_hands = True
            return b""
        kinds = self.firmware.handshake[self._stage]
        self._awaited = len(kinds)
        return b"".join(self._request(kind, *self._handshake_request(kind)) for kind in kinds)

    def _handshake_request(self, kind: str) -> tuple[str, list[object]]:
        firmware = self.firmware
        if kind == "configure":
            options: Message = {}
            if "version-rolling" in firmware.extensions:
                options["version-rolling.mask"] = f"{firmware.mask:08x}"
                if firmware.least_bits is not None:
                    options["version-rolling.min-bit-count"] = firmware.least_bits
            if "minimum-difficulty" in firmware.extensions:
                options["minimum-difficulty.value"] = 2.0**-32
            return "mining.configure", [list(firmware.extensions), options]
        if kind == "subscribe":
            params: list[object] = [firmware.user_agent]
            if firmware.session_on_reconnect and self.session_id is not None:
                params.append(self.session_id)
            elif firmware.subscribe_extra:
                params.append(None)
            return "mining.subscribe", params + list(firmware.subscribe_extra)
        if kind == "authorize":
            return "mining.authorize", [self._worker, self._password]
        if kind == "extranonce":
            return "mining.extranonce.subscribe", []
        return "mining.suggest_difficulty", [firmware.suggests]

    def _request(self, kind: str, method: str, params: list[object], found: Found | None = None) -> bytes:
        self._identity += 1
        identity: int | str = self._identity
        match self.firmware.identities:
            case Identities.STRINGS:
                identity = f"request-{self._identity}"
            case Identities.REPEATING if kind == "submit":
                identity = 4
            case _:
                pass
        request = _Request(kind, found)
        self._pending.setdefault(identity, deque()).append(request)
        if kind == "submit":
            self._submits.append(request)
            self._forget_oldest()
        self._counters.lines_out += 1
        if self.firmware.params_first:
            return encoded({"params": params, "id": identity, "method": method}, spaced=True)
        return encoded({"id": identity, "method": method, "params": params})

    def _forget_oldest(self) -> None:
        """Keep memory bounded against a side that never answers."""
        if len(self._submits) <= _MOST_PENDING:
            return
        oldest = self._submits.popleft()
        self._counters.unanswered += 1
        for identity, waiting in self._pending.items():
            if waiting[0] is oldest:
                self._answered(identity, waiting)
                return

    def submit(self, found: Found) -> bytes:
        """Return the mining.submit of a share; nothing if this firmware would keep it to itself."""
        self._counters.found += 1
        if found.order.extranonce2_size > self.firmware.most_extranonce2:
            self._counters.withheld += 1
            return b""
        self._counters.submitted += 1
        params: list[object] = [
            self._worker,
            found.order.notice.job_id,
            found.extranonce2.hex(),
            f"{found.ntime:08x}",
            f"{found.nonce:08x}",
        ]
        if found.bits is not None:
            params.append(f"{found.bits:08x}")
        return self._request("submit", "mining.submit", params, found)

    def close(self) -> None:
        """Count what was never answered; the connection is gone."""
        self._counters.unanswered += len(self._submits)
        self._submits.clear()
        self._pending.clear()

    # --- what comes in -----------------------------------------------------------------------------

    def receive(self, line: bytes) -> bytes:
        """Take one line and return what is to be sent, perhaps nothing."""
        self._counters.lines_in += 1
        if len(line) > self.firmware.most_line:
            self._violation("line too long for this firmware")
            return b""
        message = decoded(line)
        if message is None:
            self._violation("not a JSON object")
            return b""
        method = message.get("method")
        if not isinstance(method, str):
            return self._answer(message)
        act = self._notifications.get(method)
        if act is None:
            self._violation("unknown method")
            return b""
        params = message.get("params")
        return act(message.get("id"), params if isinstance(params, list) else [])

    def _violation(self, kind: str) -> None:
        self._counters.violations[kind] += 1

    def _leave(self, reason: str) -> None:
        if self.leaving is None:
            self.leaving = reason
            self._counters.left[reason] += 1

    def _reply(self, identity: object, result: object) -> bytes:
        self._counters.lines_out += 1
        return encoded({"id": identity, "result": result, "error": None})

    def _answer(self, message: Message) -> bytes:
        identity = message.get("id")
        waiting = self._pending.get(identity) if isinstance(identity, int | str) else None
        if waiting is None or not isinstance(identity, int | str):
            self._violation("answer to nothing that was asked")
            return b""
        if self.firmware.needs_error_key and "error" not in message:
            self._violation("no error key")
            self._leave("no error key")
        request = self._answered(identity, waiting)
        if request.kind == "submit":
            self._submit_answer(request, message)
            return b""
        result = message.get("result") if not message.get("error") else None
        match request.kind:
            case "configure":
                self._configured(result)
            case "subscribe":
                self._subscribed(result)
            case "authorize":
                self._authorization(result)
            case _:
                pass  # a hint that was refused changes nothing
        self._awaited -= 1
        return self._next_stage() if self._awaited == 0 and self.leaving is None else b""

    def _answered(self, identity: int | str, waiting: deque[_Request]) -> _Request:
        request = waiting.popleft()
        if not waiting:
            del self._pending[identity]
        return request

    def _submit_answer(self, request: _Request, message: Message) -> None:
        if self._submits and self._submits[0] is request:
            self._submits.popleft()
        else:
            self._violation("answers to submits out of order")
            self._submits.remove(request)
        found = request.found
        if found is None:
            return
        code = refusal_code(message)
        if code is None:
            self._counters.accepted += 1
            self._counters.credited += found.order.difficulty
        else:
            self._counters.rejected[code] += 1
        self._settled(found, code)

    def _configured(self, result: object) -> None:
        if not isinstance(result, dict):
            return
        for extension in self.firmware.extensions:
            if extension not in result:
                self._violation("configure key missing")
                if self.firmware.demands_configure_keys:
                    self._leave("configure key missing")
        mask = hex_word(result.get("version-rolling.mask"))
        if result.get("version-rolling") is True and mask is not None:
            self._use_mask(mask)

    def _use_mask(self, mask: int) -> None:
        """Roll these version bits, as far as the firmware asked for them, from now on."""
        self._mask = mask & self.firmware.mask
        if self._order is not None:
            self._order = replace(self._order, mask=self._mask)
            self._renew()

    def _subscribed(self, result: object) -> None:
        if not isinstance(result, list) or len(result) < 3:
            self._leave("subscribe refused")
            return
        extranonce = extranonce_of(result[1], result[2])
        if extranonce is None:
            self._violation("malformed extranonce")
            self._leave("malformed extranonce")
            return
        if extranonce[1] < self.firmware.least_extranonce2:
            self._leave("extranonce2 too small")
        self._extranonce = extranonce
        self.session_id = session_id_of(result[0]) or self.session_id

    def _authorization(self, result: object) -> None:
        if result is not True:
            self._leave("unauthorized")
            return
        self.authorized = True
        self._renew()

    # --- notifications -----------------------------------------------------------------------------

    def _set_difficulty(self, _: object, params: list[object]) -> bytes:
        value = params[0] if params else None
        difficulty = real_number(value) if not isinstance(value, str) else None
        if difficulty is None:
            self._violation("malformed difficulty")
            return b""
        self._counters.difficulties += 1
        self._difficulty = Difficulty(difficulty)  # counts from the next notify on
        return b""

    def _set_extranonce(self, _: object, params: list[object]) -> bytes:
        self._counters.set_extranonces += 1
        if not self.firmware.handles_set_extranonce:
            self._violation("set_extranonce to a miner that did not subscribe to it")
            return b""
        extranonce = extranonce_of(params[0], params[1]) if len(params) >= 2 else None
        if extranonce is None:
            self._violation("malformed extranonce")
        else:
            self._extranonce = extranonce  # counts from the next notify on
        return b""

    def _set_version_mask(self, _: object, params: list[object]) -> bytes:
        self._counters.set_version_masks += 1
        mask = hex_word(params[0]) if params else None
        if mask is None:
            self._violation("malformed mask")
        elif self.firmware.rolls and self.firmware.heeds_set_version_mask:
            self._use_mask(mask)
        return b""

    def _notify(self, _: object, params: list[object]) -> bytes:
        notice = read_notice(params)
        if notice is None:
            self._violation("malformed notify")
            return b""
        if self._extranonce is None:
            self._violation("notify before subscribe")
            return b""
        self._counters.jobs += 1
        self._counters.clean_jobs += notice.clean
        extranonce1, size = self._extranonce
        coinbase = len(notice.head) + len(extranonce1) + size + len(notice.tail)
        firmware = self.firmware
        if (firmware.most_coinbase is not None and coinbase > firmware.most_coinbase) or (
            firmware.most_branches is not None and len(notice.branches) > firmware.most_branches
        ):
            self._counters.ignored_jobs += 1
            self._violation("job too big for this firmware")
            return b""
        if len(extranonce1) + size > 32:
            self._violation("extranonces too wide for the core")
            return b""
        self._order = Order(notice, extranonce1, size, self._mask, self._difficulty)
        self._renew()
        return b""

    def _renew(self) -> None:
        """Work at the newest order, old or not: what is found later is for this one only."""
        if self._order is None or not self.authorized:
            return
        self._extranonce2 = self.next_extranonce2
        self.search = Search(self._order, self.firmware, self._random, self._extranonce2)

    def _reconnect(self, _: object, params: list[object]) -> bytes:
        self._counters.reconnects_asked += 1
        if self.firmware.obeys_reconnect:
            self._leave("client.reconnect")
        return b""

    def _show_message(self, _: object, params: list[object]) -> bytes:
        self._counters.messages_shown += 1
        return b""
