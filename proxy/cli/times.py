"""Times on the command line and in what commands print: UTC, ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click
from typing_extensions import override

_UNITS = {"m": 60, "h": 3600, "d": 86400}


def iso(at: float) -> str:
    """Return seconds since 1970 as text, to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_ms(at: int) -> str:
    """Return milliseconds since 1970 as text, to the millisecond."""
    seconds, rest = divmod(at, 1000)
    return f"{iso(seconds)[:-1]}.{rest:03d}Z"


def ago(seconds: float) -> str:
    """Return how long ago something was, with its two largest units."""
    whole = max(0, int(seconds))
    for name, length, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= length:
            return f"{whole // length} {name} {whole % length // part} {smaller}"
    return f"{whole} s"


class Month(click.ParamType[tuple[int, int]]):
    """A month as ``2026-11``: its first second since 1970, and that of the next one."""

    name = "month"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return what a text names."""
        text = str(value)
        if not re.fullmatch(r"(?a:\d{4}-\d{2})", text) or not 1 <= int(text[5:]) <= 12 or text < "1970":
            self.fail(f"{text!r} is no month as 2026-11", param, ctx)
        first = datetime(int(text[:4]), int(text[5:]), 1, tzinfo=UTC)
        following = (first + timedelta(days=31)).replace(day=1)
        return int(first.timestamp()), int(following.timestamp())


class Period(click.ParamType[int]):
    """A length of time as ``90m``, ``24h``, ``7d``: seconds."""

    name = "period"

    @override
    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return what a text names."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", str(value))
        if found is None:
            self.fail(f"{value!r} is no length of time as 90m, 24h, 7d", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


class Instant(click.ParamType[int]):
    """A time in UTC as ``2026-11-26T10:00:00Z``: seconds since 1970."""

    name = "time"

    @override
    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return what a text names."""
        if isinstance(value, int):
            return value
        try:
            read = datetime.fromisoformat(str(value))
            return int((read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp())
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time as 2026-11-26T10:00:00Z", param, ctx)
