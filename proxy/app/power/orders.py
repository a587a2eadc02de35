"""Orders of the site's operators about power. They outlive the program: a cap must not end with a restart."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from proxy.app.power.book import Book, Cap, Curtailment, Request, Told
from proxy.app.power.keeping import keep, kept
from proxy.app.power.wall import OrderClock
from proxy.config.power_outside import GREATEST_KW
from proxy.energy.budget import Term
from proxy.energy.orders import OperatorCap, Order, curtailment, operator
from proxy.errors import OrderRefused
from proxy.events import Event, PowerOrdered
from proxy.governor.readings import Instructions

FILE_NAME = "power-orders.json"
LONGEST_S = 366 * 86400.0
MOST_CURTAILMENTS = 100
NOT_STOPPED = (
    'NOTHING IS STOPPED: with control = "advise" nothing is gated, so that a stop would stop nobody. In an '
    'emergency cut the power by hand. To have miners stopped from here set power.control = "act" and restart'
)
"""An emergency stop must never pretend."""
_RELEASED = {"cap": "cap", "hold": "held", "stop": "stopped"}
"""Where the book has what an order of this name does."""


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
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without orders.

        Args:
            folder: Where they are kept.
            wall: Unix seconds.
            hear: Takes what was ordered.
            circuits: Names of all.
            acts: Whether anything is gated.
            steady: Monotonic seconds: by these an order for a while ends, however the wall clock is set.

        """
        self._path = folder / FILE_NAME
        self._circuits = tuple(circuits)
        self._acts = acts
        self._wall = wall
        self._clock = OrderClock(wall, steady)
        self._hear = hear
        self.book = Book()
        self._giving = asyncio.Lock()
        """One order at a time is judged, goes to the disk, and holds."""

    def load(self) -> None:
        """Go on with the orders of before.

        Raises:
            OrderRefused: they cannot be read, or cannot be obeyed: nobody knows what was meant.

        """
        try:
            self.book = kept(self._path, Book) or self.book
        except OSError as error:
            raise OrderRefused(f"{self._path}: {error.strerror or error}") from error
        except ValueError as error:
            raise OrderRefused(
                f"{self._path} holds the operators' orders and cannot be read ({error}): give them again "
                "after removing it"
            ) from error
        for circuit in self.book.lockouts:
            if circuit not in self._circuits:
                raise OrderRefused(
                    f"{self._path} locks out {circuit}, which the configuration does not name any more: "
                    f"there {self._known()}. Somebody may stand at it. Name it again, or take it out of "
                    "the file"
                )
        self._hold(self.book)

    async def give(self, order: str, request: Request) -> None:
        """Take an order: ``cap``, ``hold``, ``stop``, ``order``, ``lockout``, ``unlock`` or ``release``.

        A release is of cap, hold and stop, or of what it names: one of these, or a curtailment; never of a
        lockout.

        Raises:
            OrderRefused: it makes no sense, or cannot be kept.

        """
        reason, who = request.reason.strip(), request.who.strip() or "somebody"
        if not reason or len(reason) > 200 or not reason.isprintable():
            raise OrderRefused("a reason of 1 to 200 printable characters is needed: it is kept in the log")
        if len(who) > 64 or not who.isprintable():
            raise OrderRefused("who gives the order is told in at most 64 printable characters")
        async with self._giving:
            book = self._book_after(order, request, Told(reason, who))
            await asyncio.to_thread(self._keep, book)
            self._hold(book)
        name, circuit = request.name or request.only or "", request.circuit or ""
        self._hear(PowerOrdered(order, request.kw, request.seconds, reason, who, circuit, name))

    def _hold(self, book: Book) -> None:
        """Let a book hold; after a restart what is left of an order is what its end on the disk leaves."""
        orders = [*book.curtailments.items()]
        self._clock.take(orders if book.cap is None else [*orders, book.cap])
        self.book = book

    def _over(self, name: str, one: Curtailment) -> bool:
        return all(now >= one.until_s for now in self._clock.times((name, one)))

    def _book_after(self, order: str, request: Request, told: Told) -> Book:
        match order:
            case "cap":
                return self._capped(request, told)
            case "hold":
                return msgspec.structs.replace(self.book, held=told)
            case "stop":
                if not self._acts:
                    raise OrderRefused(NOT_STOPPED)
                return msgspec.structs.replace(self.book, stopped=told)
            case "order":
                return self._curtailed(request, told)
            case "lockout" | "unlock":
                return self._locked(order, request.circuit, told)
            case "release":
                return self._released(request)
            case _:
                raise OrderRefused(f"there is no order {order[:20]!r}")

    def _capped(self, request: Request, told: Told) -> Book:
        kw, seconds = _kw_of(request), request.seconds
        if seconds is None or not (math.isfinite(seconds) and 0 < seconds <= LONGEST_S):
            raise OrderRefused("a cap holds for a while, at most a year: one for good is power.cap_kw")
        return msgspec.structs.replace(self.book, cap=Cap(kw, self._wall() + seconds, told.reason, told.who))

    def _curtailed(self, request: Request, told: Told) -> Book:
        """Take a curtailment; one of the same name is replaced, and those that are over are forgotten."""
        kw, seconds, from_s, name = _kw_of(request), request.seconds, request.from_s, request.name or ""
        now = self._wall()
        if not name.strip() or len(name) > 64 or not name.isprintable():
            raise OrderRefused("a curtailment has a name of 1 to 64 printable characters")
        if seconds is None or not (math.isfinite(seconds) and 0 < seconds <= LONGEST_S):
            raise OrderRefused("a curtailment holds for a while, at most a year")
        if from_s is None or not (math.isfinite(from_s) and now < from_s + seconds <= now + 2 * LONGEST_S):
            raise OrderRefused("a curtailment begins within a year, and ends in the future")
        left = {each: one for each, one in self.book.curtailments.items() if not self._over(each, one)}
        left[name] = Curtailment(kw, from_s, from_s + seconds, told.reason, told.who)
        if len(left) > MOST_CURTAILMENTS:
            raise OrderRefused(f"more than {MOST_CURTAILMENTS} curtailments are too many: release some")
        return msgspec.structs.replace(self.book, curtailments=left)

    def _released(self, request: Request) -> Book:
        book, only, name = self.book, request.only, request.name
        if only is not None and name is not None:
            raise OrderRefused("release one kind or one curtailment, not both at once")
        if name is not None:
            if name not in book.curtailments:
                known = ", ".join(book.curtailments) or "none"
                raise OrderRefused(f"there is no curtailment {name[:64]!r}: there are {known}")
            left = {each: one for each, one in book.curtailments.items() if each != name}
            return msgspec.structs.replace(book, curtailments=left)
        if only is not None and only not in _RELEASED:
            raise OrderRefused(f"{only[:20]!r} is none of {', '.join(_RELEASED)}")
        gone = _RELEASED.values() if only is None else (_RELEASED[only],)
        return msgspec.structs.replace(book, **dict.fromkeys(gone))

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

    @property
    def idle(self) -> tuple[str, ...]:
        """What the book orders though nothing is gated, each as an operator knows it."""
        if self._acts:
            return ()
        stop = () if self.book.stopped is None else ("the emergency stop",)
        return (*stop, *(f"the lockout of {circuit}" for circuit in self.book.lockouts))

    def _known(self) -> str:
        return f"{'is' if len(self._circuits) == 1 else 'are'} {', '.join(self._circuits)}"

    def _keep(self, book: Book) -> None:
        try:
            keep(self._path, msgspec.json.encode(book))
        except OSError as error:
            raise OrderRefused(f"{self._path}: {error.strerror or error}; the order was not taken") from error

    def terms(self, unload_w_s: float = math.inf, lead_s: float = 0.0) -> Iterable[Term]:
        """Yield a term for each cap of the book that holds, and for each that is prepared for.

        Args:
            unload_w_s: How fast the load is let down before a curtailment.
            lead_s: How long before its beginning that is to be done.

        """
        cap = self.book.cap
        if cap is not None:
            by_hand = OperatorCap(cap.kw * 1000.0, cap.until_s, cap.reason, cap.who)
            yield from operator(by_hand, self._clock.now(cap))
        for name, one in self.book.curtailments.items():
            order = Order(name, one.from_s, one.until_s, one.kw * 1000.0)
            # Nobody knows which clock was right when they differ: the stricter holds.
            for now in self._clock.times((name, one)):
                yield from curtailment((order,), now, unload_w_s, lead_s)

    def instructions(self, terms: Iterable[Term]) -> Instructions:
        """Return what holds now: the strictest of all ``terms``, with its name, and the rest of the book."""
        strictest = min(terms, key=lambda term: term.watts, default=Term("", math.inf, ""))
        return Instructions(
            cap_w=strictest.watts,
            cap_name=strictest.sentence if strictest.watts < math.inf else "",
            held=self.book.held is not None,
            stopped=self.book.stopped is not None,
            locked=tuple(place for place, name in enumerate(self._circuits) if name in self.book.lockouts),
        )

    def state(self) -> dict[str, Any]:
        """Return the orders, for JSON, and whether anything is done by them; without those that are over."""
        state: dict[str, Any] = json.loads(msgspec.json.encode(self.book))
        state["control"] = "act" if self._acts else "advise"
        cap = self.book.cap
        if cap is not None:
            left_s = cap.until_s - self._clock.now(cap)
            state["cap"] = None if left_s <= 0 else {**state["cap"], "left_s": round(left_s)}
        state["curtailments"] = {
            name: state["curtailments"][name]
            for name, one in self.book.curtailments.items()
            if not self._over(name, one)
        }
        return state


def _kw_of(request: Request) -> float:
    kw = request.kw
    if kw is None or not (math.isfinite(kw) and 0 <= kw <= GREATEST_KW):
        raise OrderRefused(f"a cap is a number of kW from 0 to {GREATEST_KW:,.0f}")
    return kw
