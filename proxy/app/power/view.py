"""What the governor and its orders look like from outside, ready for JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from proxy.app.power.roster import NOBODY
from proxy.energy.arrays import Bools
from proxy.errors import OrderRefused

if TYPE_CHECKING:
    from proxy.app.power.control import PowerControl


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
                return {"control": self._control.power.control, "miners": self._miners()}
            case "why":
                return {
                    "control": self._control.power.control,
                    "sentence": self._sentence(),
                    "caps": self._caps_told(),
                    "orders": self._control.orders.state(),
                    "decisions": list(self._control.account.decisions),
                    "alarms": list(self._control.account.alarms),
                }
        raise OrderRefused(f"there is no view {what[:20]!r}")

    def status(self) -> dict[str, Any]:
        """Return how it stands, ready for JSON."""
        control, plan = self._control, self._control.plan
        here = control.connected
        locked = control.locked_out()[: len(here)] & here
        want = here & ~locked
        withheld = control.commanded.withheld[: len(here)] & want
        return {
            "control": control.power.control,
            "reserve": control.power.reserve,
            "budget_kw": _kw(plan.budget_w if plan else math.nan),
            "wanted_kw": _kw(float(control.commanded.ceiling_w[: len(here)][want].sum())),
            "proven_kw": _kw(plan.proven_w if plan else math.nan),
            "expected_kw": _kw(plan.expected_w if plan else math.nan),
            "bound": plan.bound if plan else "",
            "sentence": self._sentence(),
            "miners": {
                "here": int(here.sum()),
                "withheld": int(withheld.sum()),
                "locked_out": int(locked.sum()),
                "known": len(control.roster),
            },
            "tenants": self._tenants(withheld),
            "orders": control.orders.state(),
            "caps": self._caps_told(),
            "source": control.source.state("kw"),
            "price": control.price.state("per_mwh"),
            "measured": control.instruments.state(),
            "curtailed": control.account.state(),
            "governor": {
                "steps": control.steps,
                "silent_s": None
                if math.isnan(control.stepped_at)
                else round(control.now() - control.stepped_at, 1),
            },
            "alarms": list(control.account.alarms)[-5:],
        }

    def _caps_told(self) -> list[dict[str, Any]]:
        return [
            {"by": term.name, "kw": round(term.watts / 1000, 3), "sentence": term.sentence}
            for term in self._control.caps()
        ]

    def _sentence(self) -> str:
        return self._control.plan.sentence if self._control.plan else "no miner has come yet"

    def _tenants(self, withheld: Bools) -> list[dict[str, Any]]:
        control = self._control
        owner = np.array(control.roster.tenant[: len(withheld)])
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
                    "withheld": int((mine & withheld).sum()),
                    "owed_kwh": round(owed, 3),
                }
            )
        return rows

    def _miners(self) -> list[dict[str, Any]]:
        control = self._control
        circuits, locked = control.instruments.site.circuits, control.locked_out()
        return [
            {
                "id": control.roster.ids[device],
                "tenant": control.roster.tenant[device],
                "session": None if control.roster.keys[device] == NOBODY else control.roster.keys[device],
                "circuit": circuits[control.commanded.circuit[device]].name,
                "locked_out": bool(locked[device]),
                "work": not bool(control.commanded.withheld[device]),
                "told_w": round(float(control.commanded.watts[device]), 1),
                "ceiling_w": round(float(control.commanded.ceiling_w[device]), 1),
            }
            for device in range(len(control.connected))
        ]


def _kw(watts: float) -> float | None:
    return round(watts / 1000, 3) if math.isfinite(watts) else None
