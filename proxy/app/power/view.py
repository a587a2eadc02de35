"""What the governor and its orders look like from outside, ready for JSON."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from proxy.app.power.roster import NOBODY
from proxy.errors import OrderRefused
from proxy.governor.accounts import Mode

if TYPE_CHECKING:
    from proxy.app.power.control import PowerControl

WORKS, ASLEEP, WITHHELD, LOCKED_OUT, AWAY = "working", "asleep", "withheld", "locked_out", "away"
_STATES = {int(Mode.RUNNING): WORKS, int(Mode.ASLEEP): ASLEEP}


class PowerView:
    """Reads what the control has, and changes nothing."""

    def __init__(self, control: PowerControl) -> None:
        self._control = control

    def of(self, what: str) -> dict[str, Any]:
        """Return ``status``, ``plan`` or ``why``, ready for JSON.

        Raises:
            OrderRefused: there is no such view.

        """
        match what:
            case "status":
                return self.status()
            case "plan":
                states = self._states()
                return {
                    "control": self._control.power.control,
                    "counts": self._counts(states),
                    "miners": self._miners(states),
                }
            case "why":
                return {
                    "control": self._control.power.control,
                    "sentence": self._sentence(),
                    "caps": self._caps_told(),
                    "orders": self._control.orders.state(),
                    "decisions": list(self._control.account.decisions),
                    "waiting": self._waiting(),
                    "alarms": self._control.account.alarms(),
                }
        raise OrderRefused(f"there is no view {what[:20]!r}")

    def status(self) -> dict[str, Any]:
        """Return how it stands, ready for JSON."""
        control, plan = self._control, self._control.plan
        here = control.connected
        locked = control.locked_out()[: len(here)] & here
        want = here & ~locked
        states = self._states()
        return {
            "control": control.power.control,
            "reserve": control.power.reserve,
            "budget_kw": _kw(plan.budget_w if plan else math.nan),
            "wanted_kw": _kw(float(control.commanded.ceiling_w[: len(here)][want].sum())),
            "proven_kw": _kw(plan.proven_w if plan else math.nan),
            "expected_kw": _kw(plan.expected_w if plan else math.nan),
            "bound": plan.bound if plan else "",
            "sentence": self._sentence(),
            "miners": self._counts(states),
            "waiting": self._waiting(),
            "tenants": self._tenants(states),
            "orders": control.orders.state(),
            "caps": self._caps_told(),
            "source": control.source.state("kw"),
            "price": control.price.state("per_mwh"),
            "measured": control.instruments.state(),
            "trace": None if control.tracing is None else control.tracing.state(),
            "curtailed": control.account.state(),
            "governor": {
                "steps": control.steps,
                "silent_s": None
                if math.isnan(control.stepped_at)
                else round(control.now() - control.stepped_at, 1),
            },
            "alarms": control.account.standing(),
        }

    def _caps_told(self) -> list[dict[str, Any]]:
        return [
            {"by": term.name, "kw": round(term.watts / 1000, 3), "sentence": term.sentence}
            for term in self._control.caps()
        ]

    def _sentence(self) -> str:
        return self._control.plan.sentence if self._control.plan else "no miner has come yet"

    def _states(self) -> list[str]:
        """Return how each miner stands: the one list from which all counts come."""
        control = self._control
        locked = control.locked_out()
        modes = [] if control.waiting is None else control.waiting.mode.tolist()
        return [
            AWAY if not here else LOCKED_OUT if out else _STATES.get(mode, WITHHELD)
            for here, out, mode in zip(control.connected.tolist(), locked.tolist(), modes, strict=False)
        ]

    def _counts(self, states: list[str]) -> dict[str, int]:
        counted = Counter(states)
        here = {state: counted[state] for state in (WORKS, ASLEEP, WITHHELD, LOCKED_OUT)}
        return {"here": sum(here.values()), **here, "known": len(self._control.roster)}

    def _waiting(self) -> list[dict[str, Any]]:
        """Return what holds the miners that are here: how many each, and when the first is free."""
        waiting, here = self._control.waiting, self._control.connected
        if waiting is None:
            return []
        rows = []
        for code, sentence in waiting.sentences.items():
            mine = (waiting.wait[: len(here)] == code) & here
            if mine.any():
                left_s = waiting.left_s[: len(here)][mine]
                ends = None if np.isnan(left_s).all() else round(float(np.nanmin(left_s)), 1)
                rows.append({"miners": int(mine.sum()), "why": sentence, "left_s": ends})
        return rows

    def _tenants(self, states: list[str]) -> list[dict[str, Any]]:
        control = self._control
        owner, state = np.array(control.roster.tenant[: len(states)]), np.array(states, dtype=np.str_)
        rows = []
        for place, tenant in enumerate(control.instruments.site.tenants):
            mine = owner == tenant.name
            owed = float(control.plan.debts_wh[place]) / 1000 if control.plan else 0.0
            rows.append(
                {
                    "id": tenant.name,
                    "guarantee_kw": tenant.guarantee_kw,
                    "contracted_share": tenant.contracted_share,
                    "here": int((mine & control.connected).sum()),
                    "asleep": int((mine & (state == ASLEEP)).sum()),
                    "withheld": int((mine & (state == WITHHELD)).sum()),
                    "owed_kwh": round(owed, 3),
                }
            )
        return rows

    def _miners(self, states: list[str]) -> list[dict[str, Any]]:
        control = self._control
        circuits, locked = control.instruments.site.circuits, control.locked_out()
        waiting = control.waiting
        told = {} if waiting is None else waiting.sentences
        codes = [] if waiting is None else waiting.wait.tolist()
        left_s = [] if waiting is None else waiting.left_s.tolist()
        return [
            {
                "id": control.roster.ids[device],
                "tenant": control.roster.tenant[device],
                "session": None if control.roster.keys[device] == NOBODY else control.roster.keys[device],
                "circuit": circuits[control.commanded.circuit[device]].name,
                "locked_out": bool(locked[device]),
                "state": states[device],
                "why": told.get(codes[device], ""),
                "left_s": None if math.isnan(left_s[device]) else round(left_s[device], 1),
                "work": not bool(control.commanded.withheld[device]),
                "told_w": round(float(control.commanded.watts[device]), 1),
                "ceiling_w": round(float(control.commanded.ceiling_w[device]), 1),
            }
            for device in range(len(states))
        ]


def _kw(watts: float) -> float | None:
    return round(watts / 1000, 3) if math.isfinite(watts) else None
