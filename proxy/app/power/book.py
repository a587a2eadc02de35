"""What operators ordered, as it stands on the disk and as it is given."""

from __future__ import annotations

import msgspec


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


class Curtailment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request from outside that is known beforehand: no more than so much, from then till then."""

    kw: float
    from_s: float
    until_s: float
    """Unix seconds."""
    reason: str
    who: str


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that hold."""

    cap: Cap | None = None
    held: Told | None = None
    stopped: Told | None = None
    curtailments: dict[str, Curtailment] = {}
    """By name."""
    lockouts: dict[str, Told] = {}
    """By the circuit's name."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order as it is given."""

    kw: float | None = None
    seconds: float | None = None
    from_s: float | None = None
    """Unix seconds."""
    name: str | None = None
    """Of a curtailment."""
    circuit: str | None = None
    only: str | None = None
    """What is released: ``cap``, ``hold`` or ``stop``."""
    reason: str = ""
    who: str = ""
