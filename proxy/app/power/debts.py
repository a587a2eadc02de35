"""What tenants are owed, kept over a restart: by month and by their ids, for tenants come and go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from proxy.app.power.keeping import KeptFile
from proxy.energy.arrays import Floats
from proxy.errors import OrderRefused

FILE_NAME = "power-debts.json"

Kwh = Annotated[float, msgspec.Meta(ge=0.0, le=1e12)]
Owed = dict[Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}$")], dict[str, Kwh]]


class DebtBook:
    """The file of debts. Tenants that the configuration does not name any more keep theirs."""

    def __init__(self, folder: Path) -> None:
        self._file: KeptFile[Owed] = KeptFile(folder / FILE_NAME, Owed, {})

    def load(self, tenants: Sequence[str]) -> dict[str, Floats]:
        """Return what these are owed, in kWh by month.

        Raises:
            OrderRefused: the file cannot be read: money is not forgotten silently.

        """
        try:
            self._file.load()
        except (OSError, ValueError) as error:
            raise OrderRefused(
                f"{self._file.path} holds what tenants are owed and cannot be read ({error}): mend or remove"
                " it"
            ) from error
        return {
            month: np.array([owed.get(tenant, 0.0) for tenant in tenants])
            for month, owed in self._file.content.items()
        }

    def keep(self, tenants: Sequence[str], by_month: Mapping[str, Floats]) -> None:
        """Write what they are owed now, if that has changed. Slow: not for the loop.

        Raises:
            OSError: the disk does not take it.

        """
        with self._file.keeping:
            owed = {month: dict(kwh) for month, kwh in self._file.content.items()}
            for month, amounts in by_month.items():
                told = dict(zip(tenants, (round(float(kwh), 6) for kwh in amounts), strict=True))
                owed[month] = {**owed.get(month, {}), **told}
            self._file.keep(owed)
