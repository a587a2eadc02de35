"""Asks a source of kW or prices again and again, and keeps the last that could be believed."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from proxy.adapters.available.source import FileSource, HttpSource, Quantity, Source, Told
from proxy.config.power_outside import Asked
from proxy.errors import SourceSilent


def source_of(quantity: Quantity, settings: Asked) -> Source | None:
    """Return what the configuration names, if it names one."""
    if settings.file is not None:
        return FileSource(quantity, settings.file, time.time)
    if settings.url is not None:
        return HttpSource(quantity, settings.url, settings.timeout, time.time)
    return None


class SourceWatch:
    """Remembers what a source told last, and since when it is silent."""

    def __init__(self, source: Source | None, settings: Asked, now: Callable[[], float]) -> None:
        self._source = source
        self._every = settings.every
        self._timeout = settings.timeout
        self._now = now
        self.value = math.nan
        """As told last, in the unit of its quantity; NaN before."""
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
                told: Told = await source.ask()
        except SourceSilent as error:
            self.problem = str(error)
            return
        except TimeoutError:
            self.problem = f"no answer within {self._timeout:g} s"
            return
        self.problem = ""
        self.value = told.value
        self.at = self._now() - told.age_s

    def state(self, unit: str) -> dict[str, object] | None:
        """Return what is known, the value under its ``unit``, for JSON; None where nobody is asked."""
        if self._source is None:
            return None
        return {
            unit: round(self.value, 3) if math.isfinite(self.value) else None,
            "age_s": round(self._now() - self.at, 1),
            "problem": self.problem,
        }
