"""The core that runs once per share, compiled where it can be.

``reference`` says what it computes; ``_compiled``, built from ``ext/``, does it in C. Two environment
variables, read at import, are meant for tests and diagnosis:

* ``PUMPJACK_PURE=1`` takes the reference although the compiled twin is there.
* ``PUMPJACK_SHA=portable`` keeps the compiled twin from the processor's SHA instructions.
"""

import os
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Final

from proxy.hotpath import reference
from proxy.hotpath.reasons import REASONS, Reason
from proxy.hotpath.shares import NTIME_WINDOW

__all__ = [
    "COMPILED",
    "MAX_BRANCHES",
    "MAX_EXTRANONCE_SIZE",
    "NTIME_WINDOW",
    "REASONS",
    "Assignment",
    "Evidence",
    "Job",
    "Lane",
    "PreparedJob",
    "Reason",
    "ShareFold",
    "Tally",
    "Target",
    "Window",
    "achieved_difficulty",
    "bulk_implementation",
    "deal",
    "implementation",
    "judge",
    "plain_audit",
    "plain_credits",
    "sha256d",
    "share_hashes",
]

_COMPILED_NAME: Final = "proxy.hotpath._compiled"


def _chosen_twin() -> ModuleType:
    if os.environ.get("PUMPJACK_PURE") == "1":
        return reference
    try:
        return import_module(_COMPILED_NAME)
    except ModuleNotFoundError as missing:
        # A module that is there but broken, or lacks something itself, is never taken for a missing one.
        if missing.name != _COMPILED_NAME:
            raise
        return reference


_TWIN = _chosen_twin()

COMPILED: Final[bool] = _TWIN is not reference
"""True if the core runs in C. The slow core must be chosen knowingly: whoever starts mining looks here."""

if TYPE_CHECKING:
    from proxy.hotpath.reference import (
        MAX_BRANCHES,
        MAX_EXTRANONCE_SIZE,
        Assignment,
        Evidence,
        Job,
        Lane,
        PreparedJob,
        ShareFold,
        Tally,
        Target,
        Window,
        achieved_difficulty,
        bulk_implementation,
        deal,
        implementation,
        judge,
        plain_audit,
        plain_credits,
        sha256d,
        share_hashes,
    )
else:
    MAX_BRANCHES = _TWIN.MAX_BRANCHES
    MAX_EXTRANONCE_SIZE = _TWIN.MAX_EXTRANONCE_SIZE
    Assignment = _TWIN.Assignment
    Evidence = _TWIN.Evidence
    Job = _TWIN.Job
    Lane = _TWIN.Lane
    PreparedJob = _TWIN.PreparedJob
    ShareFold = _TWIN.ShareFold
    Tally = _TWIN.Tally
    Target = _TWIN.Target
    Window = _TWIN.Window
    achieved_difficulty = _TWIN.achieved_difficulty
    bulk_implementation = _TWIN.bulk_implementation
    deal = _TWIN.deal
    implementation = _TWIN.implementation
    judge = _TWIN.judge
    plain_audit = _TWIN.plain_audit
    plain_credits = _TWIN.plain_credits
    sha256d = _TWIN.sha256d
    share_hashes = _TWIN.share_hashes
