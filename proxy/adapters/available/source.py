"""Asks a file or an HTTP endpoint how many kW there are. What cannot be believed is not there."""

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

from proxy.errors import SourceSilent

MOST_BYTES = 4096
"""Of an answer: a number, or a small object around it."""
GREATEST_KW = 1e6
FUTURE_S = 60.0
"""A time stamp further ahead is a wrong clock, and its age unknown."""


@dataclass(frozen=True, slots=True)
class Available:
    """What a source tells."""

    kw: float
    age_s: float
    """Since it was so."""


class Source(Protocol):
    """Somebody who can be asked."""

    async def ask(self) -> Available:
        """Return what there is.

        Raises:
            SourceSilent: it does not answer, or with nonsense.

        """


def read(content: bytes, wall_s: float, at_s: float) -> Available:
    """Return what an answer tells: a number of kW, or an object with ``available_kw`` and perhaps ``at``.

    Args:
        content: Of the file, or the body.
        wall_s: Now, Unix seconds.
        at_s: When it was told, if it does not say itself.

    Raises:
        SourceSilent: it is none of that.

    """
    if len(content) > MOST_BYTES:
        raise SourceSilent(f"more than {MOST_BYTES} bytes")
    try:
        told: object = msgspec.json.decode(content)
    except (ValueError, RecursionError):
        raise SourceSilent('neither a number nor {"available_kw": number}') from None
    at: object = at_s
    if isinstance(told, dict):
        at = told.get("at", at_s)
        told = told.get("available_kw")
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise SourceSilent('neither a number nor {"available_kw": number}')
    if not (math.isfinite(told) and 0 <= told <= GREATEST_KW):
        raise SourceSilent(f"{told:g} kW is no power that a site has")
    if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at):
        raise SourceSilent('"at" is no Unix time in seconds')
    if at - wall_s > FUTURE_S:
        raise SourceSilent(f'"at" is {at - wall_s:.0f} s in the future: one of two clocks is wrong')
    return Available(float(told), max(0.0, wall_s - at))


class FileSource:
    """A file that somebody rewrites; what it says is as old as its last change."""

    def __init__(self, path: Path, wall: Callable[[], float]) -> None:
        self._path = path
        self._wall = wall

    async def ask(self) -> Available:
        """Return what the file tells.

        Raises:
            SourceSilent: it cannot be read, or holds nonsense.

        """
        content, at_s = await asyncio.to_thread(self._read)
        return read(content, self._wall(), at_s)

    def _read(self) -> tuple[bytes, float]:
        try:
            with self._path.open("rb") as file:
                return file.read(MOST_BYTES + 1), os.fstat(file.fileno()).st_mtime
        except OSError as error:
            raise SourceSilent(f"{self._path}: {error.strerror or error}") from error


class HttpSource:
    """An endpoint that answers GET. Redirects are not followed: what it was told is what is asked."""

    def __init__(self, url: str, timeout_s: float, wall: Callable[[], float]) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._wall = wall

    async def ask(self) -> Available:
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
        return read(content, now, now)
