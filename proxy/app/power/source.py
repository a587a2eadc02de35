"""Asks the source of available kW again and again, and keeps the last that could be believed."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from proxy.adapters.available.source import Available, FileSource, HttpSource, Source
from proxy.config.power import PowerSource
from proxy.errors import SourceSilent


def source_of(settings: PowerSource) -> Source | None:
    """Return what the configuration names, if it names one."""
    if settings.file is not None:
        return FileSource(settings.file, time.time)
    if settings.url is not None:
        return HttpSource(settings.url, settings.timeout, time.time)
    return None


class SourceWatch:
    """Remembers what a source told last, and since when it is silent."""

    def __init__(self, source: Source | None, settings: PowerSource, now: Callable[[], float]) -> None:
        self._source = source
        self._every = settings.every
        self._timeout = settings.timeout
        self._now = now
        self.available_w = math.nan
        """As told last; NaN before."""
        self.at = math.nan if source is None else now()
        """When it was so, on the program's clock. One that never told is silent from the start."""
        self.problem = ""
        """Why the last question had no answer."""

    async def run(self) -> None:
        """Ask until cancelled."""
        while self._source is not None:
            await self.ask(self._source)
            await asyncio.sleep(self._every)

    async def ask(self, source: Source) -> None:
        """Ask once."""
        try:
            async with asyncio.timeout(self._timeout):
                told: Available = await source.ask()
        except SourceSilent as error:
            self.problem = str(error)
            return
        except TimeoutError:
            self.problem = f"no answer within {self._timeout:g} s"
            return
        self.problem = ""
        self.available_w = told.kw * 1000.0
        self.at = self._now() - told.age_s

    def state(self) -> dict[str, object] | None:
        """Return what is known, for JSON; None where nobody is asked."""
        if self._source is None:
            return None
        known = math.isfinite(self.available_w)
        return {
            "kw": round(self.available_w / 1000, 3) if known else None,
            "age_s": round(self._now() - self.at, 1),
            "problem": self.problem,
        }
