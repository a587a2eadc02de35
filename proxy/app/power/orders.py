"""Orders of the site's operators about power. They outlive the program: a cap must not end with a restart."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from proxy.app.power.keeping import keep
from proxy.energy.orders import OperatorCap, operator
from proxy.errors import OrderRefused
from proxy.events import Event, PowerOrdered
from proxy.governor.readings import Instructions

FILE_NAME = "power-orders.json"
GREATEST_KW = 1e6
LONGEST_S = 366 * 86400.0


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hold, a stop or a lockout."""

    reason: str
    who: str


class Cap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What miners may draw at most, for a while."""

    kw: float
    until_s: float
    """Unix seconds."""
    reason: str
    who: str


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that hold."""

    cap: Cap | None = None
    held: Told | None = None
    stopped: Told | None = None
    lockouts: dict[str, Told] = {}
    """By the circuit's name."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order as it is given."""

    kw: float | None = None
    seconds: float | None = None
    circuit: str | None = None
    reason: str = ""
    who: str = ""


class PowerOrders:
    """The book of orders, on disk before it is obeyed."""

    def __init__(
        self,
        folder: Path,
        wall: Callable[[], float],
        hear: Callable[[Event], None],
        circuits: Sequence[str],
        *,
        acts: bool,
    ) -> None:
        self._path = folder / FILE_NAME
        self._circuits = tuple(circuits)
        self._acts = acts
        self._wall = wall
        self._hear = hear
        self.book = Book()
        self._giving = asyncio.Lock()
        """One order at a time is added to the book, and goes to the disk."""

    def load(self) -> None:
        """Go on with the orders of before.

        Raises:
            OrderRefused: they cannot be read, or cannot be obeyed: nobody knows what was meant.

        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise OrderRefused(f"{self._path}: {error.strerror or error}") from error
        try:
            self.book = msgspec.json.decode(content, type=Book)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise OrderRefused(
                f"{self._path} holds the operators' orders and cannot be read ({error}): give them again "
                "after removing it"
            ) from error
        for circuit in self.book.lockouts:
            if circuit not in self._circuits:
                raise OrderRefused(
                    f"{self._path} locks out {circuit}, which the configuration does not name any more: there "
                    f"{self._known()}. Somebody may stand at it. Name it again, or take it out of the file"
                )

    async def give(self, order: str, request: Request) -> None:
        """Take an order: ``cap``, ``hold``, ``stop``, or ``release`` of all of these; ``lockout``, ``unlock``.

        Raises:
            OrderRefused: it makes no sense, or cannot be kept.

        """
        reason, who = request.reason.strip(), request.who.strip() or "somebody"
        if not reason or len(reason) > 200 or not reason.isprintable():
            raise OrderRefused("a reason of 1 to 200 printable characters is needed: it is kept in the log")
        if len(who) > 64 or not who.isprintable():
            raise OrderRefused("who gives the order is told in at most 64 printable characters")
        async with self._giving:
            book = self._with(order, request, Told(reason, who))
            await asyncio.to_thread(self._keep, book)
            self.book = book
        self._hear(PowerOrdered(order, request.kw, request.seconds, reason, who, request.circuit or ""))

    def _with(self, order: str, request: Request, told: Told) -> Book:
        """Return all that is to hold with one more order."""
        match order:
            case "cap":
                return self._capped(request, told)
            case "hold":
                return msgspec.structs.replace(self.book, held=told)
            case "stop":
                return msgspec.structs.replace(self.book, stopped=told)
            case "release":
                # Not of lockouts: who wants power back may not know who stands at a circuit.
                return Book(lockouts=self.book.lockouts)
            case "lockout" | "unlock":
                return self._locked(order, request.circuit, told)
        raise OrderRefused(f"there is no order {order[:20]!r}")

    def _capped(self, request: Request, told: Told) -> Book:
        kw, seconds = request.kw, request.seconds
        if kw is None or not (math.isfinite(kw) and 0 <= kw <= GREATEST_KW):
            raise OrderRefused("a cap is 0 kW or more")
        if seconds is None or not (math.isfinite(seconds) and 0 < seconds <= LONGEST_S):
            raise OrderRefused("a cap holds for a while, at most a year: one for good is power.cap_kw")
        return msgspec.structs.replace(self.book, cap=Cap(kw, self._wall() + seconds, told.reason, told.who))

    def _locked(self, order: str, circuit: str | None, told: Told) -> Book:
        lockouts = dict(self.book.lockouts)
        if circuit not in self._circuits:
            raise OrderRefused(f"there is no circuit {(circuit or '')[:64]!r}: there {self._known()}")
        now = lockouts.pop(circuit, None)
        if order == "unlock":
            if now is None:
                raise OrderRefused(f"{circuit} is not locked out")
        elif not self._acts:
            raise OrderRefused('nothing is gated with control = "advise": a lockout would lock nobody out')
        elif now is not None:
            raise OrderRefused(f"{circuit} is locked out already, by {now.who}: {now.reason}")
        else:
            lockouts[circuit] = told
        return msgspec.structs.replace(self.book, lockouts=lockouts)

    def _known(self) -> str:
        return f"{'is' if len(self._circuits) == 1 else 'are'} {', '.join(self._circuits)}"

    def _keep(self, book: Book) -> None:
        try:
            keep(self._path, msgspec.json.encode(book))
        except OSError as error:
            raise OrderRefused(f"{self._path}: {error.strerror or error}; the order was not taken") from error

    def instructions(self, most_w: float, cap_kw: float | None) -> Instructions:
        """Return what holds now; the strictest cap, with its name.

        Args:
            most_w: What nominal figures allow; infinite where the supply is measured.
            cap_kw: The configuration's own.

        """
        caps = [(most_w, "the nominal power of the site, less reserve and auxiliaries")]
        if cap_kw is not None:
            caps.append((cap_kw * 1000.0, "power.cap_kw of the configuration"))
        cap = self.book.cap
        if cap is not None:
            by_hand = OperatorCap(cap.kw * 1000.0, cap.until_s, cap.reason, cap.who)
            caps += [(term.watts, term.sentence) for term in operator(by_hand, self._wall())]
        watts, name = min(caps, key=lambda each: each[0])
        return Instructions(
            cap_w=watts,
            cap_name=name if watts < math.inf else "",
            held=self.book.held is not None,
            stopped=self.book.stopped is not None,
            locked=tuple(place for place, name in enumerate(self._circuits) if name in self.book.lockouts),
        )

    def state(self) -> dict[str, Any]:
        """Return the orders, for JSON."""
        now = self._wall()
        state: dict[str, Any] = json.loads(msgspec.json.encode(self.book))
        cap = self.book.cap
        if cap is not None:
            state["cap"] = (
                None if cap.until_s <= now else {**state["cap"], "left_s": round(cap.until_s - now)}
            )
        return state
