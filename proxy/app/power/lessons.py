"""What was learned of models, kept over a restart: by the row of the configuration, for rows come and go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from proxy.app.power.keeping import KeptFile
from proxy.governor.learned import ACTUATORS, Learned

FILE_NAME = "power-learned.json"
_DIGITS = 4
"""Of what is written: who learns nothing new writes nothing."""

_NAMES = tuple(str(actuator.name) for actuator in ACTUATORS)


class Lesson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one model and one way to bring it down."""

    lag: float
    """Factor on its nominal time."""
    residual: float
    """Part of its watts that stays."""


Lessons = dict[str, dict[str, Lesson]]
"""By model and actuator."""


class LessonBook:
    """The file of what was learned. Models that the configuration does not name any more keep theirs."""

    def __init__(self, folder: Path) -> None:
        self._file: KeptFile[Lessons] = KeptFile(folder / FILE_NAME, Lessons, {})

    def load(self) -> str:
        """Go on with what was learned before; return why that is impossible, or an empty text.

        It can be learned again: a site is not kept from starting by it.
        """
        try:
            self._file.load()
        except (OSError, ValueError) as error:
            return (
                f"{self._file.path} holds what was learned of the miners and cannot be read ({error}): it is "
                "learned again, from the figures of the configuration on"
            )
        return ""

    def recall(self, models: Sequence[str], learned: Learned) -> None:
        """Put what is known of ``models``, the names of its kinds, into ``learned``, within its bounds."""
        for kind, model in enumerate(models):
            known = self._file.content.get(model, {})
            for number, name in enumerate(_NAMES):
                if name in known:
                    learned.recall(kind, number, known[name].lag, known[name].residual)

    def keep(self, models: Sequence[str], learned: Learned) -> None:
        """Write what is known now, if that has changed. Slow: not for the loop.

        Raises:
            OSError: the disk does not take it.

        """
        with self._file.keeping:
            told: Lessons = {
                model: {
                    name: Lesson(
                        round(float(learned.lag[kind, number]), _DIGITS),
                        round(float(learned.residual[kind, number]), _DIGITS),
                    )
                    for number, name in enumerate(_NAMES)
                }
                for kind, model in enumerate(models)
            }
            self._file.keep({**self._file.content, **told})
