"""The fast loop: what must not wait for an allocation.

Inside the reserve a sized reduction by limits, in marginal order, is enough. When the supply cannot give what
is drawn, seconds count, and the fleet plunges; what was too much is given back at once.
"""

import numpy as np

from proxy.energy.arrays import Bools
from proxy.energy.plunge import plunge
from proxy.governor.accounts import RUNNING
from proxy.governor.devices import Actuator
from proxy.governor.rounds import Rounds
from proxy.governor.tick import Tick


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
        awake = np.flatnonzero(body.accounts.mode == RUNNING)
        if not len(awake):
            return False
        # Who was given up may hear this time, and is to be followed up like all others.
        body.accounts.deaf[awake] = False
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
        works: Bools = (accounts.mode == RUNNING) & ~accounts.deaf
        limit = works & devices.may(Actuator.LIMIT)
        sleep = works & devices.may(Actuator.SLEEP)
        least = np.minimum(accounts.modelled_w(tick.now), accounts.setpoint_w)
        floor_drop = np.where(limit, np.maximum(0.0, least - devices.floor_w), 0.0)
        sleep_drop = np.where(sleep, np.maximum(0.0, least - devices.sleep_w), 0.0)
        lag = body.learned.lag[devices.curve]
        excess = tick.overload_w
        # Nominal watts are scaled to the feeder's.
        asleep = plunge(
            excess,
            deficit_w,
            limit_drop_w=body.bias * floor_drop,
            limit_s=devices.t_down_limit_s * lag[:, 0],
            sleep_drop_w=body.bias * sleep_drop,
            sleep_s=devices.t_down_sleep_s * lag[:, 1],
            can_sleep=sleep,
        )
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
