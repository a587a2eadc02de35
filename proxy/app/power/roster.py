"""Which session is which device of the governor: devices stay, sessions come and go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proxy.energy.arrays import Bools, Ints
from proxy.ports import FleetView, Miner, Miners

MOST_DEVICES = 50_000
"""Of miners that ever came, by tenant, worker and address: beyond, newcomers wait for a restart."""
MOST_NEW = 1000
"""Newcomers taken in at one look, for some 20 ms of the loop: a site that comes back waits anyway."""
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Attendance:
    """Who is here now, by device [N]."""

    joined: tuple[Miner, ...]
    """Those that were never seen before, in the order of the devices, behind all others."""
    connected: Bools
    shares: Ints
    """Since the last look, refused ones too."""
    withheld: Bools
    has_work: Bools


class Roster:
    """Keeps the devices' names and their present sessions.

    A device is a tenant's worker at an address; several under one name and address are told apart by number,
    in the order of their coming.
    """

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.tenant: list[str] = []
        self.keys: list[int] = []
        """Session of each device; ``NOBODY`` where it is away."""
        self.turned_away = 0
        """Newcomers for which there was no place."""
        self._bases: list[str] = []
        self._numbers: dict[str, int] = {}
        self._counted: Ints = np.empty(0, dtype=np.int64)
        """Shares of each present session at the last look."""
        self._device: dict[int, int] = {}
        self._away: dict[str, list[int]] = {}
        """Devices of each name that have no session."""
        self._refused: set[int] = set()
        self._seen: bytes | None = None
        """Keys of the last look, where nobody was new: most looks are like the one before."""
        self._row: Ints = np.empty(0, dtype=np.int64)
        self._place: Ints = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def look(self, seen: Miners, view: FleetView) -> Attendance:
        """Take note of who came and went.

        A device whose session is another one than at the last look counts as away once: its new session has
        no work yet, and nobody must believe that it goes on.
        """
        keys = seen.keys.tobytes()
        fresh: list[int] = []
        joined: list[Miner] = []
        if keys != self._seen:
            self._update(seen, view, fresh, joined)
            self._seen = None if fresh else keys
        row, device = self._row, self._place
        count = len(self.ids)
        connected, withheld, has_work = (np.zeros(count, dtype=np.bool_) for _ in range(3))
        shares = np.zeros(count, dtype=np.int64)
        total = np.frombuffer(seen.shares, dtype=np.int64)[row]
        shares[device] = np.maximum(0, total - self._counted[device])
        self._counted[device] = total
        connected[device] = True
        connected[fresh] = False
        withheld[device] = np.frombuffer(seen.withheld, dtype=np.uint8)[row] > 0
        has_work[device] = np.frombuffer(seen.has_work, dtype=np.uint8)[row] > 0
        return Attendance(tuple(joined), connected, shares, withheld, has_work)

    def _update(self, seen: Miners, view: FleetView, fresh: list[int], joined: list[Miner]) -> None:
        """Take note of another set of sessions."""
        present = set(seen.keys)
        for key in self._device.keys() - present:
            self._leave(key)
        self._refused &= present
        for key in seen.keys:
            if key not in self._device and key not in self._refused:
                self._take_in(key, view, fresh, joined)
                if len(fresh) == MOST_NEW:
                    break
        more = len(self.ids) - len(self._counted)
        self._counted = np.concatenate((self._counted, np.zeros(more, dtype=np.int64)))
        self._counted[fresh] = 0
        rows = [row for row, key in enumerate(seen.keys) if key in self._device]
        self._row = np.array(rows, dtype=np.int64)
        self._place = np.array([self._device[seen.keys[row]] for row in rows], dtype=np.int64)

    def _leave(self, key: int) -> None:
        device = self._device.pop(key)
        self.keys[device] = NOBODY
        self._away.setdefault(self._bases[device], []).append(device)

    def _take_in(self, key: int, view: FleetView, fresh: list[int], joined: list[Miner]) -> None:
        miner = view.miner(key)
        if miner is None:
            return
        base = f"{miner.tenant}/{miner.worker}@{miner.peer.rpartition(':')[0]}"
        away = self._away.get(base)
        if away:
            device = away.pop(0)
        elif len(self.ids) < MOST_DEVICES:
            device = self._enter(base, miner.tenant)
            joined.append(miner)
        else:
            self.turned_away += 1
            self._refused.add(key)
            return
        self._device[key] = device
        self.keys[device] = key
        fresh.append(device)

    def _enter(self, base: str, tenant: str) -> int:
        number = self._numbers[base] = self._numbers.get(base, 0) + 1
        self.ids.append(base if number == 1 else f"{base}#{number}")
        self.tenant.append(tenant)
        self.keys.append(NOBODY)
        self._bases.append(base)
        return len(self.ids) - 1
