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
        self._turn = 0.0

    def pretend(self, indices: Ints, claim: Claim, watts: Floats) -> None:
        """Let these say from now on that they do what they were told."""
        self._pretends[indices] = claim
        self._pretended_w[indices] = watts

    def confess(self, indices: Ints) -> None:
        """Let these say the truth again."""
        self._pretends[indices] = Claim.UNKNOWN

    def turn(self, dt: float) -> Ints:
        """Return whose turn it is to be asked within ``dt``: each once in `poll_s`."""
        count = self.claim.size
        begin = int(self._turn)
        self._turn += count * min(1.0, dt / self._poll_s)
        asked: Ints = np.arange(begin, int(self._turn), dtype=np.int64)
        if self._turn >= count:
            asked %= count
            self._turn -= count
        return asked

    def poll(self, indices: Ints, answers: Flags, honest: NDArray[np.int8], draw: Draw, now: float) -> None:
        """Take the answers of ``indices``; ``answers`` and ``honest`` have an entry for each."""
        pretends = self._pretends[indices]
        claims = np.where(pretends > 0, pretends, honest)
        self.claim[indices] = np.where(answers, claims, Claim.UNREACHABLE)
        estimate = draw.level_w[indices] * self._bias[indices]
        told = np.where(self._measures[indices], draw.watts[indices], estimate)
        # A liar whose firmware tells no watts has none to lie about.
        told = np.where((pretends > 0) & ~np.isnan(told), self._pretended_w[indices], told)
        self.watts[indices] = np.where(answers, told, np.nan)
        self.at_s[indices] = np.where(answers, now, self.at_s[indices])
