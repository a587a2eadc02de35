"""The fast loop: what must not wait for an allocation.

Inside the reserve a sized reduction by limits, in marginal order, is enough. When the supply cannot give what
is drawn, seconds count: a part of the fleet going down exponentially ends an excess later than all of it
would, so as much goes down as keeps the excess near the least possible, by limits where they are as fast;
what was too much is given back at once.
"""

import numpy as np

from proxy.energy.arrays import Bools, Floats
from proxy.governor.accounts import RUNNING
from proxy.governor.devices import Actuator
from proxy.governor.rounds import Rounds
from proxy.governor.tick import Tick

NEAR_PANIC = 1.03
"""Excess, in watt-seconds, over that of everything going down at once, which a plunge may cost."""
HORIZON_S = 60
DELAY_S = 1.5
"""From command to first effect, at the slowest half of firmwares [A]."""


class Guard:
    """Sheds."""

    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds

    def look(self, tick: Tick) -> bool:
        """Shed if the moment asks for it; return whether anything was done."""
        if tick.readings.instructions.stopped:
            return self._stop(tick)
        deficit = tick.deficit_w
        least = tick.body.settings.act_now * max(tick.budget.watts, 0.05 * tick.load_w)
        if tick.severe and tick.overload_w > 0 and deficit > 0:
            return self._plunge(tick, max(deficit, tick.overload_w))
        if deficit > max(least, 1.0):
            return (
                self._rounds.shed(
                    tick,
                    deficit,
                    tick.budget.bound,
                    f"{deficit / 1000:,.1f} kW too much: {tick.budget.sentence}",
                )
                > 0
            )
        return False

    def _stop(self, tick: Tick) -> bool:
        body = tick.body
        awake = np.flatnonzero((body.accounts.mode == RUNNING) & ~body.accounts.deaf)
        if not len(awake):
            return False
        tick.commander.sleep(awake[body.devices.may(Actuator.SLEEP)[awake]])
        rest = awake[~body.devices.may(Actuator.SLEEP)[awake]]
        cut = body.devices.may(Actuator.DISCONNECT)[rest]
        tick.commander.disconnect(rest[cut])
        tick.commander.withhold(rest[~cut & body.devices.may(Actuator.WITHHOLD)[rest]])
        tick.decide("stop", len(awake), -tick.load_w, "emergency stop", "emergency stop")
        return True

    def _plunge(self, tick: Tick, deficit_w: float) -> bool:
        """Lower as much as keeps the excess near the least possible."""
        body = tick.body
        accounts, devices = body.accounts, body.devices
        drawn = accounts.modelled_w(tick.now)
        works: Bools = (accounts.mode == RUNNING) & ~accounts.deaf
        limit = works & devices.may(Actuator.LIMIT)
        sleep = works & devices.may(Actuator.SLEEP)
        floor_drop = np.where(
            limit, np.maximum(0.0, np.minimum(drawn, accounts.setpoint_w) - devices.floor_w), 0.0
        )
        sleep_drop = np.where(
            sleep, np.maximum(0.0, np.minimum(drawn, accounts.setpoint_w) - devices.sleep_w), 0.0
        )
        lag = body.learned.lag[devices.curve]
        limit_s = devices.t_down_limit_s * lag[:, 0]
        sleep_s = devices.t_down_sleep_s * lag[:, 1]
        excess = tick.overload_w
        all_down = _excess_ws(
            excess, [(sleep_drop, sleep_s), (np.where(sleep, 0.0, floor_drop), limit_s)], body.bias
        )
        # Gentle to harsh: limits alone, then sleep for the quickest sleepers first.
        order = np.argsort(np.where(sleep, sleep_s, np.inf), kind="stable")
        sleepers = int(sleep.sum())
        for part in (0.0, 0.25, 0.5, 0.75, 1.0):
            asleep = np.zeros(len(works), np.bool_)
            asleep[order[: int(np.ceil(part * sleepers))]] = True
            drops = [
                (np.where(asleep, sleep_drop, 0.0), sleep_s),
                (np.where(asleep, 0.0, floor_drop), limit_s),
            ]
            least = _excess_ws(excess, drops, body.bias)
            enough = float(sum(drop.sum() for drop, _ in drops)) * body.bias >= deficit_w
            if (least <= NEAR_PANIC * all_down and enough) or part == 1.0:
                break
        else:  # pragma: no cover - the last part always ends the loop
            return False
        limited = np.flatnonzero(~asleep & (floor_drop > 0))
        tick.commander.limit(limited, devices.floor_w[limited])
        put = np.flatnonzero(asleep & (sleep_drop > 0))
        tick.commander.sleep(put, lent=True)
        count = len(limited) + len(put)
        if count:
            total = float(floor_drop[limited].sum() + sleep_drop[put].sum()) * body.bias
            tick.decide(
                "plunge",
                count,
                -total,
                f"{excess / 1000:,.1f} kW more are drawn than the supply can give: {count} miners go down",
            )
        return count > 0


def _excess_ws(excess_w: float, drops: list[tuple[Floats, Floats]], bias: float) -> float:
    """Return the watt-seconds of an excess that ``drops`` (watts, seconds to 95 %) end."""
    time = np.arange(0.0, HORIZON_S, 1.0)
    fallen = np.zeros(len(time))
    for watts, t95 in drops:
        kinds, which = np.unique(t95[watts > 0], return_inverse=True)
        if not len(kinds):
            continue
        total = np.bincount(which, weights=watts[watts > 0], minlength=len(kinds))
        fallen += bias * (
            total[:, None] * -np.expm1(-3.0 * time[None, :] / np.maximum(kinds[:, None], 0.1))
        ).sum(0)
    return float(excess_w * DELAY_S + np.maximum(0.0, excess_w - fallen).sum())
