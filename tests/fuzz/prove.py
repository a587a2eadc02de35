"""Shows that the fuzzer works: known bugs are planted in copies of the tree, and each must be found."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from tests.fuzz.campaign import Campaign
from tests.fuzz.planted import BUGS, Bug
from tests.fuzz.workshop import BUILD, STRICT, SWIFT, CannotBuild, Copy

MOST_SECONDS: Final = 120
"""For each bug, beside what the build takes."""
BUILDS: Final = {build.name: build for build in (SWIFT, STRICT)}
FOLDER: Final = BUILD / "planted"


def prove(targets: Collection[str], say: Callable[[str], None]) -> int:
    """Plant every bug that one of ``targets`` must find, and fuzz for it; return 1 if one was not found."""
    bugs = [bug for bug in BUGS if bug.target in targets]
    began = time.monotonic()
    missed: list[str] = []
    for number, bug in enumerate(bugs, 1):
        say(f"{number} of {len(bugs)}: {bug.name}, planted in a copy of {bug.path}, for {bug.target} to find")
        if not is_found(bug, say):
            missed.append(bug.name)
    shutil.rmtree(FOLDER, ignore_errors=True)
    say(f"NOT FOUND: {', '.join(missed)}" if missed else f"all {len(bugs)} planted bugs were found")
    say(f"took {(time.monotonic() - began) / 60:.1f} minutes")
    return 1 if missed else 0


def is_found(bug: Bug, say: Callable[[str], None]) -> bool:
    """Plant one bug in a copy, and fuzz for it from the committed corpus alone."""
    began = time.monotonic()
    # One copy for all bugs of a build: a core in which none is planted is built once.
    copy = Copy(FOLDER, BUILDS[bug.build])
    copy.refresh()
    plant(bug, copy.tree)
    work = FOLDER / "work"
    shutil.rmtree(work, ignore_errors=True)
    outcome = Campaign(bug.target, copy, work, lambda text: None).fuzz(f"-max_total_time={MOST_SECONDS}")
    building = time.monotonic() - began - outcome.seconds
    found = not outcome.is_clean and outcome.crash is not None
    words = next((line for line in outcome.output if "Fault:" in line or "ERROR: " in line), "")
    verdict = "found" if found else "NOT FOUND"
    say(f"{bug.name}: {verdict} after {outcome.seconds:.1f} s, built in {building:.0f} s {words[:120]}")
    return found


def plant(bug: Bug, tree: Path) -> None:
    """Replace the right text by the wrong one.

    Raises:
        CannotBuild: the text is not there, or not once.

    """
    path = tree / bug.path
    text = path.read_text()
    if text.count(bug.right) != 1:
        raise CannotBuild(
            f"{bug.name}: {bug.path} holds {bug.right!r} {text.count(bug.right)} times, not once"
        )
    path.write_text(text.replace(bug.right, bug.wrong))
