"""Gives commands and keeps the accounts of them, so that nothing is told and not counted."""

import math

import numpy as np

from proxy.energy.arrays import Floats, Ints
from proxy.energy.evidence import time_to_proof_s
from proxy.governor.accounts import ASLEEP, CUT, RUNNING, WITHHELD, Accounts
from proxy.governor.devices import Actuator, Devices, Verb
from proxy.governor.learned import ACTUATORS, Learned
from proxy.governor.plan import NO_STEPS, Steps

POLL_S = 15.0
"""Miners are asked for their watts every 10 s or so [A]."""
UNKNOWN_S = 60.0
"""So long a proof is waited for where neither figure nor shares are known [A]."""
_LIMIT, _SLEEP, _WITHHOLD, _CUT = range(len(ACTUATORS))


class Commander:
    """Collects the steps of one tick."""

    def __init__(
        self,
        now: float,
        devices: Devices,
        accounts: Accounts,
        learned: Learned,
        patience: float,
        gap_w: float = math.nan,
    ) -> None:
        self._now = now
        self._gap_w = gap_w
        self._patience = patience
        self._devices = devices
        self._accounts = accounts
        self._learned = learned
        self._miner: list[Ints] = []
        self._verb: list[Ints] = []
        self._watts: list[Floats] = []

    def limit(self, miners: Ints, watts: Floats) -> None:
        """Limit miners that run to ``watts``."""
        down = watts < self._accounts.setpoint_w[miners]
        t_down = self._devices.t_down_limit_s[miners] * self._lag(miners, _LIMIT)
        t95 = np.where(down, t_down, self._devices.t_up_limit_s[miners])
        self._tell(Verb.LIMIT, miners, watts, RUNNING, t95)

    def sleep(self, miners: Ints, *, lent: bool = False) -> None:
        """Put miners to sleep; what is ``lent`` to a shortage is given back without dwell."""
        t95 = self._devices.t_down_sleep_s[miners] * self._lag(miners, _SLEEP)
        self._tell(Verb.SLEEP, miners, self._devices.sleep_w[miners], ASLEEP, t95)
        self._accounts.lent[miners] = lent

    def withhold(self, miners: Ints) -> None:
        """Give miners no more work."""
        t95 = self._devices.t_idle_s[miners] * self._lag(miners, _WITHHOLD)
        self._tell(Verb.WITHHOLD, miners, self._devices.idle_w[miners], WITHHELD, t95)

    def hold_back(self, miners: Ints) -> None:
        """Have miners that are not here get no work when they come. There is nothing to account yet."""
        self._note(Verb.WITHHOLD, miners, np.zeros(len(miners)))

    def disconnect(self, miners: Ints) -> None:
        """Close the miners' sessions and let them not in again."""
        t95 = self._devices.t_idle_s[miners] * self._lag(miners, _CUT)
        self._tell(Verb.DISCONNECT, miners, self._devices.idle_w[miners], CUT, t95)

    def start(self, miners: Ints, watts: Floats) -> None:
        """Have miners hash that do not: work first, then the limit, then watts."""
        if not len(miners):
            return
        mode = self._accounts.mode[miners]
        idle = (mode == WITHHELD) | (mode == CUT)
        asleep = mode == ASLEEP
        # Nobody wakes to no work, and nobody starts above what was granted.
        limits = self._devices.may(Actuator.LIMIT)[miners]
        limited = idle & limits
        self._note(Verb.LIMIT, miners[limited], watts[limited])
        self._note(Verb.RELEASE, miners[idle], watts[idle])
        # One that went to sleep on its own orders before it lost its work sleeps still.
        sleepers = asleep | (idle & self._devices.may(Actuator.SLEEP)[miners])
        self._note(Verb.WAKE, miners[sleepers], watts[sleepers])
        self._note(Verb.LIMIT, miners[asleep & limits], watts[asleep & limits])
        t95 = self._devices.t_wake_s[miners]
        self._accounts.told(self._now, miners, RUNNING, watts, t95)

    def again(self, miners: Ints) -> None:
        """Say the last thing once more to miners that seem not to have heard it. It is charged as it was."""
        mode, watts = self._accounts.mode[miners], self._accounts.setpoint_w[miners]
        running, asleep = mode == RUNNING, mode == ASLEEP
        limited = running & self._devices.may(Actuator.LIMIT)[miners]
        self._note(Verb.WAKE, miners[running], watts[running])
        self._note(Verb.LIMIT, miners[limited], watts[limited])
        self._note(Verb.SLEEP, miners[asleep], watts[asleep])
        self._note(Verb.WITHHOLD, miners[mode == WITHHELD], watts[mode == WITHHELD])
        self._note(Verb.DISCONNECT, miners[mode == CUT], watts[mode == CUT])
        self._accounts.issued_s[miners] = self._now
        self._accounts.due_s[miners] = self._due_s(miners, self._accounts.t95_s[miners])

    def steps(self) -> Steps:
        """Return what is to be sent."""
        if not self._miner:
            return NO_STEPS
        return Steps(np.concatenate(self._miner), np.concatenate(self._verb), np.concatenate(self._watts))

    def _lag(self, miners: Ints, actuator: int) -> Floats:
        return np.asarray(self._learned.lag[self._devices.curve[miners], actuator])

    def _tell(self, verb: Verb, miners: Ints, watts: Floats, mode: int, t95_s: Floats) -> None:
        if len(miners):
            self._note(verb, miners, watts)
            self._accounts.told(self._now, miners, mode, watts, t95_s)
            self._accounts.due_s[miners] = self._due_s(miners, t95_s)
            self._accounts.gap_w[miners] = self._gap_w

    def _due_s(self, miners: Ints, t95_s: Floats) -> Floats:
        """Return when reductions should be proven: by a miner's own figure, or by shares that stop."""
        tells = ~np.isnan(self._accounts.seen_w[miners])
        rate = self._accounts.rate_hz(miners, self._devices)
        silence_s = time_to_proof_s(rate, UNKNOWN_S)
        return np.asarray(self._now + self._patience * t95_s + np.where(tells, POLL_S, silence_s))

    def _note(self, verb: Verb, miners: Ints, watts: Floats) -> None:
        if len(miners):
            self._miner.append(miners)
            self._verb.append(np.full(len(miners), int(verb)))
            self._watts.append(watts)
