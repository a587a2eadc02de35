"""What was decided about power, and since when it is short: for people, the log and the ledger."""

from __future__ import annotations

import math
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from proxy.events import Curtailed, CurtailmentEnded, Event, PowerAlarm, PowerDecided
from proxy.governor.alarms import Alarms
from proxy.governor.plan import Plan
from proxy.governor.settings import GovernorSettings
from proxy.ledger.records import Note, SiteCurtailed

KEPT = 200
"""Decisions and alarms that ``power why`` can tell."""
SHORT = 0.999
"""A budget of less than this part of what is wanted is a curtailment; the rest is rounding."""
PASSING = frozenset({"clock", "debts", "devices", "learned", "orders", "sessions"})
"""Kinds of alarms that tell what happened: none of them says that it is over."""
SHOWN = 5
"""Alarms that a status tells, and all that hold beside them."""
_FIGURES = re.compile(r"-?\d[\d.e+-]*")


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm as it was told."""

    wall_s: float
    at: float
    """On the monotonic clock."""
    kind: str
    subject: str
    sentence: str


class PowerAccount:
    """Tells what plans come to."""

    def __init__(
        self,
        hear: Callable[[Event], None],
        note: Callable[[Note], None],
        wall: Callable[[], float],
        *,
        acts: bool,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hear = hear
        self._now = now
        self._note = note
        self._wall = wall
        self._acts = acts
        self.decisions: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._alarms: deque[Raised] = deque(maxlen=KEPT)
        self._since: dict[tuple[str, str], float] = {}
        """Kind and subject of the alarms that hold, and since when: monotonic."""
        self.since: float | None = None
        """When the present curtailment began, on the clock of the plans."""
        self.missing_kwh = 0.0
        """What was not offered in it."""
        self._took_at = math.nan
        self._standing = Alarms(GovernorSettings().alarm_s)
        """Those that are not the governor's, and not said with every question."""
        self._warned: set[tuple[str, str]] = set()

    def take(self, plan: Plan, wanted_w: float, withheld: int) -> None:
        """Note a plan.

        Args:
            plan: Of this tick.
            wanted_w: What the miners that are here draw at their ceilings.
            withheld: How many of them have no work for want of power.

        """
        wall = round(self._wall(), 3)
        for decision in plan.decisions:
            what, miners, watts = decision.what, decision.miners, decision.watts
            self._hear(
                PowerDecided(what, miners, round(watts, 1), decision.bound, decision.sentence, self._acts)
            )
            self.decisions.append(
                {
                    "at": wall,
                    "what": what,
                    "miners": miners,
                    "kw": round(watts / 1000, 3),
                    "bound": decision.bound,
                    "sentence": decision.sentence,
                }
            )
        self._since = {
            key: self._since.get(key, self._now())
            for key in (*self._warned, *plan.standing)
            if key[0] not in PASSING
        }
        for alarm in plan.alarms:
            self.alarm(alarm.kind, alarm.subject, alarm.sentence)
        self._follow(plan, wanted_w, withheld)

    def alarm(self, kind: str, subject: str, text: str) -> None:
        """Note something that wants a person."""
        self._hear(PowerAlarm(kind, subject, text))
        self._alarms.append(Raised(round(self._wall(), 3), self._now(), kind, subject, text))

    def warn(self, now: float, kind: str, subject: str, text: str) -> None:
        """Note something that lasts: again after a while, and at once if it is another thing.

        Args:
            now: On a monotonic clock, seconds.
            kind: Of the alarm.
            subject: What it is about.
            text: Tells it; other figures in the same words are the same thing.

        """
        self._standing.say(now, kind, f"{subject}: {_FIGURES.sub('', text)}", text)
        self._warned.add((kind, subject))
        self._since.setdefault((kind, subject), self._now())
        for alarm in self._standing.drawn():
            self.alarm(kind, subject, alarm.sentence)

    def over(self, kind: str, subject: str) -> None:
        """Note that what was warned of is no more."""
        self._warned.discard((kind, subject))
        self._since.pop((kind, subject), None)

    def alarms(self) -> list[dict[str, Any]]:
        """Return the alarms that were told, the oldest first, for JSON."""
        now, last = self._now(), {(one.kind, one.subject): one for one in self._alarms}
        return [self._told(one, now, last=last[one.kind, one.subject] is one) for one in self._alarms]

    def standing(self) -> list[dict[str, Any]]:
        """Return the last of each kind and subject: all that hold, and a few more; the oldest first."""
        last = {(each["kind"], each["subject"]): each for each in self.alarms()}
        every = sorted(last.values(), key=lambda each: float(each["ago_s"]), reverse=True)
        return [each for place, each in enumerate(every) if each["holds"] or place >= len(every) - SHOWN]

    def _told(self, one: Raised, now: float, *, last: bool) -> dict[str, Any]:
        since = self._since.get((one.kind, one.subject)) if last else None
        return {
            "at": one.wall_s,
            "ago_s": round(now - one.at, 1),
            "holds": None if one.kind in PASSING else since is not None,
            "holds_s": None if since is None else round(now - since, 1),
            "kind": one.kind,
            "subject": one.subject,
            "sentence": one.sentence,
        }

    def _follow(self, plan: Plan, wanted_w: float, withheld: int) -> None:
        now = plan.at
        short = plan.budget_w < SHORT * wanted_w
        if self.since is not None:
            missing_w = max(0.0, wanted_w - plan.budget_w)
            self.missing_kwh += missing_w * max(0.0, now - self._took_at) / 3.6e6
        self._took_at = now
        if short and self.since is None:
            self.since, self.missing_kwh = now, 0.0
            self._hear(Curtailed(round(plan.budget_w, 1), round(wanted_w, 1), plan.bound, plan.sentence))
            self._note(SiteCurtailed(True, plan.budget_w, wanted_w, plan.bound, plan.sentence[:200], 0.0))
        elif not short and not withheld and self.since is not None:
            self._hear(CurtailmentEnded(round(now - self.since, 1), round(self.missing_kwh, 4)))
            self._note(
                SiteCurtailed(
                    False, plan.budget_w, wanted_w, plan.bound, plan.sentence[:200], self.missing_kwh
                )
            )
            self.since = None

    def state(self) -> dict[str, Any] | None:
        """Return the present curtailment, for JSON."""
        if self.since is None:
            return None
        return {"since_s": round(self._took_at - self.since, 1), "missing_kwh": round(self.missing_kwh, 4)}
