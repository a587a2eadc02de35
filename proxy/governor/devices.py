"""What the governor may command: nominal values, indexed by miner. The truth is learned, not handed in."""

from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag

import numpy as np

from proxy.energy.arrays import Bools, Floats, Ints


class Actuator(IntFlag):
    """Ways to lower a miner's draw; a miner's mask says which it has."""

    LIMIT = 1
    """A power limit between floor and ceiling that does not reboot the miner."""
    SLEEP = 2
    WITHHOLD = 4
    """No new work: stops shares, and watts only where the firmware idles its boards."""
    DISCONNECT = 8


class Verb(IntEnum):
    """What one step tells a miner to do."""

    LIMIT = 0
    SLEEP = 1
    WAKE = 2
    WITHHOLD = 3
    RELEASE = 4
    DISCONNECT = 5


@dataclass(frozen=True, slots=True)
class Devices:
    """Miners 0..N-1, one array element each. Watts are nominal and at the miner's terminals."""

    ids: tuple[str, ...]
    tenant: Ints
    """Index into the site's tenants."""
    circuit: Ints
    """Index into the site's circuits: the one that the miner is plugged into."""
    curve: Ints
    """Index into the operating curves handed to the governor."""
    floor_w: Floats
    """Least watts at which it hashes."""
    ceiling_w: Floats
    """Most watts it can draw; what an unknown joiner is charged at."""
    sleep_w: Floats
    """Draw asleep."""
    idle_w: Floats
    """Draw without work, hash boards as the firmware leaves them."""
    actuators: Ints
    """``Actuator`` masks."""
    t_down_limit_s: Floats
    """From command to 95 % of a lower limit."""
    t_down_sleep_s: Floats
    """From command to 95 % of going to sleep."""
    t_idle_s: Floats
    """From the last work to 95 % of the fall to ``idle_w``."""
    t_up_limit_s: Floats
    """From command to 95 % of a higher limit."""
    t_wake_s: Floats
    """From waking, or from first work after boot, to 95 % of the limit."""
    share_rate_hz: Floats
    """Shares a second expected at the ceiling and its usual difficulty; 0 where nothing is known."""

    def __post_init__(self) -> None:
        """Hold every array to one length.

        Raises:
            ValueError: An array has not one element per id.

        """
        for one in fields(self):
            if len(getattr(self, one.name)) != len(self.ids):
                raise ValueError(
                    f"{one.name} has {len(getattr(self, one.name))} elements, not {len(self.ids)}"
                )

    def __len__(self) -> int:
        """Return the number of miners."""
        return len(self.ids)

    def may(self, actuator: Actuator) -> Bools:
        """Return which miners have the actuator."""
        return np.asarray((self.actuators & int(actuator)) != 0)

    def joined(self, more: "Devices") -> "Devices":
        """Return these devices with ``more`` appended; indices of the old ones stay."""
        columns = [
            np.concatenate((getattr(self, one.name), getattr(more, one.name))) for one in fields(self)[1:]
        ]
        return Devices(self.ids + more.ids, *columns)
