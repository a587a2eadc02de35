"""What tenants are owed, kept over a restart: by month and by their ids, for tenants come and go."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from proxy.app.power.keeping import keep
from proxy.energy.arrays import Floats
from proxy.errors import OrderRefused

FILE_NAME = "power-debts.json"
EACH_S = 60.0
"""Seconds between two looks: so much of a debt may be forgotten by a power cut."""

Kwh = Annotated[float, msgspec.Meta(ge=0.0, le=1e12)]
Owed = dict[Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}$")], dict[str, Kwh]]


class DebtBook:
    """The file of debts. Tenants that the configuration does not name any more keep theirs."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._kept: Owed = {}
        self._keeping = threading.Lock()
        """The end of the program may come while a thread still writes."""

    def load(self, tenants: Sequence[str]) -> dict[str, Floats]:
        """Return what these are owed, in kWh by month.

        Raises:
            OrderRefused: the file cannot be read: money is not forgotten silently.

        """
        try:
            self._kept = msgspec.json.decode(self._path.read_bytes(), type=Owed)
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise OrderRefused(
                f"{self._path} holds what tenants are owed and cannot be read ({error}): mend or remove it"
            ) from error
        return {
            month: np.array([owed.get(tenant, 0.0) for tenant in tenants])
            for month, owed in self._kept.items()
        }

    def keep(self, tenants: Sequence[str], by_month: Mapping[str, Floats]) -> None:
        """Write what they are owed now, if that has changed. Slow: not for the loop.

        Raises:
            OSError: the disk does not take it.

        """
        with self._keeping:
            owed = {month: dict(kwh) for month, kwh in self._kept.items()}
            for month, amounts in by_month.items():
                told = dict(zip(tenants, (round(float(kwh), 6) for kwh in amounts), strict=True))
                owed[month] = {**owed.get(month, {}), **told}
            if owed != self._kept:
                keep(self._path, msgspec.json.encode(owed))
                self._kept = owed
