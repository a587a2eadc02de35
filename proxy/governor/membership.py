"""Who comes and who goes. A joiner is admitted before its first work, and charged at its ceiling."""

import numpy as np

from proxy.energy.arrays import Bools, Ints
from proxy.governor.accounts import ASLEEP, CUT, NO_TIME, RUNNING
from proxy.governor.readings import Claim, Readings
from proxy.governor.tick import Body, Tick

REBOOT_PART = 0.2
"""So many of the fleet gone at once are a brown-out or a lost network, not chance."""


class Membership:
    """Watches sessions."""

    def __init__(self, count: int) -> None:
        self.connected: Bools = np.zeros(count, dtype=np.bool_)
        self.gone_s = np.full(count, NO_TIME)
        """When each was lost."""
        self.begun = False

    def adopt(self, now: float, readings: Readings, body: Body) -> None:
        """Take over a site as it is: miners that work go on as they are, charged at what they may draw."""
        devices, accounts = body.devices, body.accounts
        here = readings.connected
        asleep = here & (readings.claimed == Claim.ASLEEP)
        works = here & ~asleep
        own = np.where(
            np.isfinite(readings.miner_w) & (readings.miner_w >= 0), readings.miner_w, devices.ceiling_w
        )
        accounts.mode[works] = RUNNING
        accounts.mode[asleep] = ASLEEP
        accounts.setpoint_w[works] = np.minimum(own, devices.ceiling_w)[works]
        accounts.setpoint_w[asleep] = devices.sleep_w[asleep]
        accounts.base_w[:] = accounts.setpoint_w
        # Nothing was proven yet: what draws little now may be told by somebody else to draw more.
        accounts.charge_w[:] = np.where(works, devices.ceiling_w, accounts.setpoint_w)
        accounts.settled_s[here] = now + 10.0
        self.connected = here.copy()
        self.begun = True

    def look(self, tick: Tick) -> bool:
        """Note who came and went; return whether anybody did."""
        now, readings, body = tick.now, tick.readings, tick.body
        changed = readings.connected != self.connected
        self._absent(now, body)
        # Each second, and often of few: ``any`` takes twice as long.
        if not np.count_nonzero(changed):
            return False
        gone = np.flatnonzero(changed & self.connected)
        came = np.flatnonzero(changed & ~self.connected)
        self.connected = readings.connected.copy()
        if len(gone):
            self._lost(tick, gone)
        if len(came):
            self._came(tick, came)
        return True

    def withheld_at_start(self, tick: Tick) -> None:
        """Keep the door for all that are not here yet: nobody gets work before it is admitted."""
        absent = np.flatnonzero(~tick.readings.connected)
        tick.commander.hold_back(absent)

    def _lost(self, tick: Tick, gone: Ints) -> None:
        accounts = tick.body.accounts
        self.gone_s[gone] = tick.now
        # A miner that comes back gets no work until there are watts for it. It may burn on for minutes
        # meanwhile: its charge stays.
        working = gone[accounts.mode[gone] == RUNNING]
        tick.commander.withhold(working)
        accounts.due_s[working] = NO_TIME
        if tick.readings.instructions.ends:
            return
        if len(gone) > REBOOT_PART * len(self.connected):
            tick.body.alarms.say(
                tick.now, "sessions", "fleet", f"{len(gone)} of {len(self.connected)} miners are gone at once"
            )
        tick.decide(
            "lost", len(gone), 0.0, f"{len(gone)} miners are gone; they wait for watts when they return"
        )

    def _came(self, tick: Tick, came: Ints) -> None:
        accounts = tick.body.accounts
        self.gone_s[came] = NO_TIME
        fresh = came[accounts.mode[came] == CUT]
        fresh = fresh[~accounts.deaf[fresh]]
        tick.commander.withhold(fresh)
        accounts.falling[fresh] = False
        accounts.charge_w[fresh] = tick.body.devices.idle_w[fresh]
        tick.decide("joined", len(came), 0.0, f"{len(came)} miners are here and wait to be admitted")

    def _absent(self, now: float, body: Body) -> None:
        """Write off what has been gone for long."""
        late = (now - self.gone_s > body.settings.absent_s).nonzero()[0]
        if not len(late):
            return
        accounts = body.accounts
        self.gone_s[late] = NO_TIME
        accounts.mode[late] = CUT
        for watts in (accounts.setpoint_w, accounts.base_w, accounts.charge_w):
            watts[late] = 0.0
        accounts.falling[late] = accounts.rising[late] = False
        accounts.undone_w[late] = 0.0

    def append(self, count: int) -> None:
        """Make room for joiners."""
        self.connected = np.concatenate((self.connected, np.zeros(count, np.bool_)))
        self.gone_s = np.concatenate((self.gone_s, np.full(count, NO_TIME)))
