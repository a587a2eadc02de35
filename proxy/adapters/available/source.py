"""Asks a file or an HTTP endpoint for one figure. What cannot be believed is not there."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp
import msgspec

from proxy.errors import SourceDoubted, SourceSilent

MOST_BYTES = 4096
"""Of an answer: a number, or a small object around it."""
FUTURE_S = 60.0
"""A time stamp further ahead is a wrong clock, and its age unknown."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a source is asked for."""

    key: str
    """Of the JSON object that may be around the number."""
    unit: str
    what: str
    """Reads on after "is no"."""
    least: float
    most: float


AVAILABLE = Quantity("available_kw", "kW", "power that a site has", 0.0, 1e6)
PRICE = Quantity("per_mwh", "for a MWh", "price that a market has", -1e5, 1e5)
"""In whatever money. Who makes too much pays to be rid of it: prices fall below zero."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a source tells."""

    value: float
    """In the unit of its quantity."""
    age_s: float
    """Since it was so."""


class Source(Protocol):
    """Somebody who can be asked."""

    async def ask(self) -> Told:
        """Return what there is.

        Raises:
            SourceSilent: it does not answer, or with nonsense.

        """


def read(quantity: Quantity, content: bytes, wall_s: float, at_s: float) -> Told:
    """Return what an answer tells: a number, or an object with one under the key and perhaps ``at``.

    Args:
        quantity: What was asked for.
        content: Of the file, or the body.
        wall_s: Now, Unix seconds.
        at_s: When it was told, if it does not say itself.

    Raises:
        SourceDoubted: it is none of that.
        SourceSilent: it is empty.

    """
    if len(content) > MOST_BYTES:
        raise SourceDoubted(f"more than {MOST_BYTES} bytes")
    if not content.strip():
        # Not worth an alarm: whoever rewrites a file in place leaves it empty for an instant.
        raise SourceSilent("empty")
    neither = f'neither a number nor {{"{quantity.key}": number}}'
    try:
        told: object = msgspec.json.decode(content)
    except (ValueError, RecursionError):
        raise SourceDoubted(neither) from None
    stamp: object = at_s
    if isinstance(told, dict):
        stamp = told.get("at", at_s)
        told = told.get(quantity.key)
    value, at = _number(told), _number(stamp)
    if math.isnan(value):
        raise SourceDoubted(neither)
    if not quantity.least <= value <= quantity.most:
        raise SourceDoubted(f"{value:g} {quantity.unit} is no {quantity.what}")
    if not math.isfinite(at):
        raise SourceDoubted('"at" is no Unix time in seconds')
    if at - wall_s > FUTURE_S:
        raise SourceDoubted(f'"at" is {at - wall_s:.0f} s in the future: one of two clocks is wrong')
    return Told(value, max(0.0, wall_s - at))


def _number(told: object) -> float:
    """Return a number; NaN for what is none, infinity for a whole number that no float is as large as."""
    if isinstance(told, bool) or not isinstance(told, int | float):
        return math.nan
    try:
        return float(told)
    except OverflowError:
        return math.inf if told > 0 else -math.inf


class FileSource:
    """A file that somebody rewrites; what it says is as old as its last change."""

    def __init__(self, quantity: Quantity, path: Path, wall: Callable[[], float]) -> None:
        self._quantity = quantity
        self._path = path
        self._wall = wall

    async def ask(self) -> Told:
        """Return what the file tells.

        Raises:
            SourceSilent: it cannot be read, or holds nonsense.

        """
        content, at_s = await asyncio.to_thread(self._read)
        return read(self._quantity, content, self._wall(), at_s)

    def _read(self) -> tuple[bytes, float]:
        try:
            with self._path.open("rb") as file:
                return file.read(MOST_BYTES + 1), os.fstat(file.fileno()).st_mtime
        except OSError as error:
            raise SourceSilent(f"{self._path}: {error.strerror or error}") from error


class HttpSource:
    """An endpoint that answers GET. Redirects are not followed: what it was told is what is asked."""

    def __init__(self, quantity: Quantity, url: str, timeout_s: float, wall: Callable[[], float]) -> None:
        self._quantity = quantity
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._wall = wall

    async def ask(self) -> Told:
        """Return what the endpoint tells.

        Raises:
            SourceSilent: it does not answer in time, or with nonsense.

        """
        try:
            # A session for each question: a connection that hangs is gone with it.
            async with (
                aiohttp.ClientSession(timeout=self._timeout, auto_decompress=False) as session,
                session.get(self._url, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise SourceSilent(f"{self._url}: status {response.status}")
                content = b""
                async for chunk in response.content.iter_chunked(MOST_BYTES + 1):
                    content += chunk
                    if len(content) > MOST_BYTES:
                        break
        except TimeoutError as error:
            raise SourceSilent(f"{self._url}: no answer within {self._timeout.total:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise SourceSilent(f"{self._url}: {str(error) or type(error).__name__}") from error
        now = self._wall()
        return read(self._quantity, content, now, now)
