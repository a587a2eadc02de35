"""What miners tell of themselves when they are asked, in turn; some tell nothing, some lie."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from proxy.plant.draw import Draw
from proxy.plant.figures import Miner
from proxy.plant.fleet import Flags, Fleet, Floats, Ints, Model


class Claim(IntEnum):
    """What a miner says that it is doing."""

    UNKNOWN = 0
    MINING = 1
    ASLEEP = 2
    UNREACHABLE = 3
    """It says nothing."""


_UNREACHABLE = np.int8(Claim.UNREACHABLE)
"""As an array has it: numpy takes its time to find out what a member of an enumeration is."""


class Telemetry:
    """The last answers of all miners, as arrays."""

    def __init__(
        self, common: Miner, models: tuple[Model, ...], fleet: Fleet, chance: np.random.Generator
    ) -> None:
        self._poll_s = common.poll_s
        telemetry = np.array([one.telemetry for one in models])
        # A supply that measures is right; an estimate is off by model and knows nothing of heat or unit.
        bias = 1.0 + common.report_bias * chance.uniform(-1.0, 1.0, len(models))
        self._bias: Floats = np.where(telemetry == 1, bias, np.nan)[fleet.model]
        self._measures: Flags = (telemetry == 2)[fleet.model]
        count = fleet.model.size
        self.watts, self.at_s = np.full(count, np.nan), np.zeros(count)
        """NaN where a miner tells none, or did not answer the last time."""
        self.claim: NDArray[np.int8] = np.zeros(count, dtype=np.int8)
        self._pretends, self._pretended_w = np.zeros(count, dtype=np.int8), np.zeros(count)
        self._any_pretends = False
        self._turn = 0.0

    def pretend(self, indices: Ints, claim: Claim, watts: Floats) -> None:
        """Let these say from now on that they do what they were told."""
        if indices.size:
            self._pretends[indices] = claim
            self._pretended_w[indices] = watts
            self._any_pretends = True

    def confess(self, indices: Ints) -> None:
        """Let these say the truth again."""
        if self._any_pretends:
            self._pretends[indices] = Claim.UNKNOWN
            self._any_pretends = bool(self._pretends.any())

    def turn(self, dt: float) -> tuple[slice, ...]:
        """Return whose turn it is to be asked within ``dt``: each once in `poll_s`."""
        count = self.claim.size
        begin = int(self._turn)
        self._turn += count * min(1.0, dt / self._poll_s)
        end = int(self._turn)
        if end < count:
            return (slice(begin, end),)
        self._turn -= count
        return slice(begin, count), slice(0, end - count)

    def poll(
        self, asked: slice | Ints, answers: Flags, honest: NDArray[np.int8], draw: Draw, now: float
    ) -> None:
        """Take the answers of those asked; ``answers`` and ``honest`` have an entry for each."""
        told = draw.level_w[asked] * self._bias[asked]
        np.copyto(told, draw.watts[asked], where=self._measures[asked])
        if self._any_pretends:
            pretends = self._pretends[asked]
            lies = pretends > 0
            honest = np.where(lies, pretends, honest)
            # A liar whose firmware tells no watts has none to lie about.
            told = np.where(lies & ~np.isnan(told), self._pretended_w[asked], told)
        if np.count_nonzero(answers) == answers.size:
            self.claim[asked], self.watts[asked], self.at_s[asked] = honest, told, now
        else:
            self.claim[asked] = np.where(answers, honest, _UNREACHABLE)
            self.watts[asked] = np.where(answers, told, np.nan)
            self.at_s[asked] = np.where(answers, now, self.at_s[asked])
