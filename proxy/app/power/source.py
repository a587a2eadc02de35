"""Asks a source of kW or prices again and again, and keeps the last that could be believed."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from proxy.adapters.available.source import FileSource, HttpSource, Quantity, Source, Told
from proxy.config.power_outside import Asked
from proxy.energy.plausible import Judged
from proxy.errors import SourceDoubted, SourceSilent

TWICE = 2
"""A file that is read while it is rewritten is nonsense once; nonsense at two questions in a row is meant."""


def source_of(quantity: Quantity, settings: Asked) -> Source | None:
    """Return what the configuration names, if it names one."""
    if settings.file is not None:
        return FileSource(quantity, settings.file, time.time)
    if settings.url is not None:
        return HttpSource(quantity, settings.url, settings.timeout, time.time)
    return None


class SourceWatch:
    """Remembers what a source told last, and since when it is silent."""

    def __init__(
        self,
        source: Source | None,
        settings: Asked,
        now: Callable[[], float],
        *,
        judge: Callable[[float], Judged] | None = None,
        doubt: Callable[[str], None] | None = None,
        trust: Callable[[], None] | None = None,
        silent_s: float = math.inf,
        forgets: bool = False,
    ) -> None:
        """Begin without an answer.

        Args:
            source: Who is asked; None is nobody.
            settings: How often, and how long it may take.
            now: The program's clock.
            judge: What to take an answer for; without it all that could be read is believed.
            doubt: Hears why what was told is not believed, and of long silence, with each question.
            trust: Hears that what is told is believed, with each question.
            silent_s: Silence for so long costs power, and is worth an alarm.
            forgets: Whether nonsense makes the value unknown. Else the last goes on growing old.

        """
        self._source = source
        self._every = settings.every
        self._timeout = settings.timeout
        self._now = now
        self._judge = judge
        self._doubt = doubt
        self._trust = trust
        self._silent_s = silent_s
        self._forgets = forgets
        self._doubts = 0
        """Answers in a row that were not believed."""
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
        """Ask once. What is not believed is no answer: the last one goes on growing old."""
        doubted = False
        try:
            async with asyncio.timeout(self._timeout):
                told: Told = await source.ask()
            self._take(told)
        except SourceSilent as error:
            self.problem, doubted = str(error), isinstance(error, SourceDoubted)
        except TimeoutError:
            self.problem = f"no answer within {self._timeout:g} s"
        self._doubts = self._doubts + 1 if doubted else 0 if not self.problem else self._doubts
        if self._forgets and self._doubts >= TWICE:
            self.value = math.nan
        if self._doubt is None:
            return
        silent_s = self._now() - self.at
        if doubted:
            so = (
                "it is unknown then, and the strictest rule holds"
                if self._forgets
                else "nothing is raised by it"
            )
            self._doubt(f"{self.problem}; it is not believed, and {so}")
        elif silent_s >= self._silent_s:
            self._doubt(f"it told nothing new for {silent_s:.0f} s: {self.problem or 'what it tells is old'}")
        elif not self.problem and self._trust is not None:
            self._trust()

    def _take(self, told: Told) -> None:
        judged = Judged(told.value, "") if self._judge is None else self._judge(told.value)
        if judged.reason:
            raise SourceDoubted(judged.reason)
        self.problem = ""
        self.value = judged.value
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
