"""Gives commands and keeps the accounts of them, so that nothing can be told to a miner and not be counted."""

import numpy as np

from proxy.energy.arrays import Floats, Ints
from proxy.governor.accounts import Accounts, Mode
from proxy.governor.devices import Actuator, Devices, Verb
from proxy.governor.learned import ACTUATORS, Learned
from proxy.governor.plan import Steps

_LIMIT, _SLEEP, _WITHHOLD, _CUT = range(len(ACTUATORS))


class Commander:
    """Collects the steps of one tick."""

    def __init__(self, now: float, devices: Devices, accounts: Accounts, learned: Learned) -> None:
        self._now = now
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
        self._tell(Verb.LIMIT, miners, watts, Mode.RUNNING, t95)

    def sleep(self, miners: Ints) -> None:
        """Put miners to sleep."""
        t95 = self._devices.t_down_sleep_s[miners] * self._lag(miners, _SLEEP)
        self._tell(Verb.SLEEP, miners, self._devices.sleep_w[miners], Mode.ASLEEP, t95)

    def withhold(self, miners: Ints) -> None:
        """Give miners no more work."""
        t95 = self._devices.t_idle_s[miners] * self._lag(miners, _WITHHOLD)
        self._tell(Verb.WITHHOLD, miners, self._devices.idle_w[miners], Mode.WITHHELD, t95)

    def disconnect(self, miners: Ints) -> None:
        """Close the miners' sessions and let them not in again."""
        t95 = self._devices.t_idle_s[miners] * self._lag(miners, _CUT)
        self._tell(Verb.DISCONNECT, miners, self._devices.idle_w[miners], Mode.CUT, t95)

    def start(self, miners: Ints, watts: Floats) -> None:
        """Have miners hash that do not: work first, then the limit, then watts."""
        if not len(miners):
            return
        mode = self._accounts.mode[miners]
        idle = (mode == Mode.WITHHELD) | (mode == Mode.CUT)
        asleep = mode == Mode.ASLEEP
        # Nobody wakes to no work, and nobody starts above what was granted.
        limited = idle & self._devices.may(Actuator.LIMIT)[miners]
        self._note(Verb.LIMIT, miners[limited], watts[limited])
        self._note(Verb.RELEASE, miners[idle], watts[idle])
        self._note(Verb.WAKE, miners[asleep], watts[asleep])
        t95 = self._devices.t_wake_s[miners]
        self._accounts.told(self._now, miners, Mode.RUNNING, watts, t95)

    def again(self, miners: Ints) -> None:
        """Say the last thing once more to miners that seem not to have heard it. It is charged as it was."""
        mode, watts = self._accounts.mode[miners], self._accounts.setpoint_w[miners]
        running, asleep = mode == Mode.RUNNING, mode == Mode.ASLEEP
        limited = running & self._devices.may(Actuator.LIMIT)[miners]
        self._note(Verb.WAKE, miners[running], watts[running])
        self._note(Verb.LIMIT, miners[limited], watts[limited])
        self._note(Verb.SLEEP, miners[asleep], watts[asleep])
        self._note(Verb.WITHHOLD, miners[mode == Mode.WITHHELD], watts[mode == Mode.WITHHELD])
        self._note(Verb.DISCONNECT, miners[mode == Mode.CUT], watts[mode == Mode.CUT])
        self._accounts.issued_s[miners] = self._now

    def steps(self) -> Steps:
        """Return what is to be sent."""
        if not self._miner:
            return Steps()
        return Steps(np.concatenate(self._miner), np.concatenate(self._verb), np.concatenate(self._watts))

    def _lag(self, miners: Ints, actuator: int) -> Floats:
        return np.asarray(self._learned.lag[self._devices.curve[miners], actuator])

    def _tell(self, verb: Verb, miners: Ints, watts: Floats, mode: Mode, t95_s: Floats) -> None:
        if len(miners):
            self._note(verb, miners, watts)
            self._accounts.told(self._now, miners, mode, watts, t95_s)

    def _note(self, verb: Verb, miners: Ints, watts: Floats) -> None:
        if len(miners):
            self._miner.append(miners)
            self._verb.append(np.full(len(miners), int(verb)))
            self._watts.append(watts)
