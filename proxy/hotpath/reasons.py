"""Why a share earns nothing: one table for both twins and both ways of a submit."""

from enum import Enum
from typing import Final


class Reason(Enum):
    """Why a share earns nothing: the code and the text of the answer."""

    SHAPE = (20, "Malformed share")
    NTIME = (20, "ntime out of range")
    VERSION_BITS = (20, "Version bits outside the mask")
    STALE = (21, "Job not found")
    DUPLICATE = (22, "Duplicate share")
    LOW_DIFFICULTY = (23, "Low difficulty share")
    UNAUTHORIZED = (24, "Unauthorized worker")
    NOT_SUBSCRIBED = (25, "Not subscribed")

    @property
    def code(self) -> int:
        """The Stratum error code."""
        return self.value[0]

    @property
    def text(self) -> str:
        """The words beside the code."""
        return self.value[1]


REASONS: Final = tuple(Reason)
"""In the order in which the compiled twin numbers and counts them."""
