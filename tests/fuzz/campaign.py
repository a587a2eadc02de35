"""One target, fuzzed for a while: what it is started with, what it shows, what it leaves behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fuzz import stored
from tests.fuzz.workshop import ROOT, SETTINGS, Copy, natives

DICTIONARY: Final = ROOT / "tests" / "fuzz" / "stratum.dict"
LONGEST: Final = {
    "downstream": 2048,
    "upstream": 4096,
    "json": 600,
    "submit_scan": 640,
    "c-submit": 640,
    "c-record": 900,
}
"""Bytes of an input; 400 elsewhere."""
SPOKEN: Final = frozenset({"downstream", "upstream", "json", "submit_scan", "c-submit"})
"""Targets whose input is text."""
PROGRESS: Final = re.compile(r"#(\d+)\s+\w+.*?cov: (\d+).*?corp: (\d+).*?exec/s: (\d+)")
DONE: Final = re.compile(r"Done (\d+) ")
CRASH: Final = re.compile(r"Test unit written to (\S+)")
SHOWN_EVERY: Final = 5.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    runs: int
    seconds: float
    status: int
    crash: Path | None
    """The input that found something."""
    output: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return self.status == 0


@dataclass(frozen=True, slots=True)
class Campaign:
    """A target in a copy of the tree; ``work`` keeps what it learns."""

    target: str
    copy: Copy
    work: Path
    show: Callable[[str], None]

    @property
    def seeds(self) -> Path:
        """The inputs that are committed, unpacked."""
        return self.work / "seeds" / self.target

    @property
    def learnt(self) -> Path:
        """Inputs that reached something new, kept from run to run."""
        return self.work / "corpus" / self.target

    @property
    def longest(self) -> int:
        """Bytes of its longest input."""
        return LONGEST.get(self.target, 400)

    def fuzz(self, *limits: str) -> Outcome:
        """Look for a fault within ``limits``, options of libFuzzer."""
        crashes = self.work / "crashes" / self.target
        for folder in (self.learnt, crashes):
            folder.mkdir(parents=True, exist_ok=True)
        self._unpack()
        words = [f"-artifact_prefix={crashes}/", f"-max_len={self.longest}", "-timeout=20"]
        words += ["-rss_limit_mb=4096", "-print_final_stats=1", "-reload=0", "-len_control=20", *limits]
        if self.target in SPOKEN:
            words.append(f"-dict={DICTIONARY}")
        return self._run([*words, str(self.learnt), str(self.seeds)])

    def replay(self, path: Path) -> Outcome:
        """Run one input, under the sanitizers."""
        return self._run([str(path.resolve())])

    def keep(self) -> tuple[int, int]:
        """Write the least that reaches as much into the tree; return how many were there, and are now.

        What has a name stays.
        """
        before = stored.inputs(self.target)
        least = self.work / "least" / self.target
        shutil.rmtree(least, ignore_errors=True)
        least.mkdir(parents=True)
        self._unpack()
        words = ["-set_cover_merge=1", f"-max_len={self.longest}"]
        self._run([*words, *map(str, (least, self.learnt, self.seeds))])
        found = {name: data for name, data in before.items() if name != stored.hash_of(data)}
        named = set(found.values())
        for path in least.iterdir():
            data = path.read_bytes()
            if data not in named:
                found[stored.hash_of(data)] = data
        stored.store(self.target, found)
        return len(before), len(found)

    def _unpack(self) -> None:
        shutil.rmtree(self.seeds, ignore_errors=True)
        stored.unpack(self.target, self.seeds)

    def _run(self, words: Sequence[str]) -> Outcome:
        if self.target in natives():
            command = [str(self.copy.build_native(self.target)), *words]
            env = {**os.environ, **SETTINGS}
        else:
            self.copy.build_core()
            command = [sys.executable, "-m", "tests.fuzz.guided", self.target, *words]
            env = self.copy.environment()
        return self._watch(command, env)

    def _watch(self, command: list[str], env: dict[str, str]) -> Outcome:
        output: list[str] = []
        runs, crash, began, shown = 0, None, time.monotonic(), time.monotonic()
        name = self.target if self.target in natives() else f"{self.target} ({self.copy.build.name})"
        process = subprocess.Popen(
            command, cwd=self.copy.tree, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
        with process:
            assert process.stdout is not None, "PIPE was asked for"
            try:
                for line in process.stdout:
                    if (seen := PROGRESS.search(line)) is None:
                        output.append(line.rstrip())
                        if (written := CRASH.search(line)) is not None:
                            crash = Path(written[1])
                        if (done := DONE.match(line)) is not None:
                            runs = int(done[1])
                        continue
                    runs = int(seen[1])
                    if time.monotonic() - shown >= SHOWN_EVERY:
                        shown = time.monotonic()
                        self.show(
                            f"{name}: {runs:,} runs, {int(seen[4]):,}/s, {seen[2]} places, {seen[3]} inputs"
                        )
            except KeyboardInterrupt:
                process.terminate()
                raise
        return Outcome(runs, time.monotonic() - began, process.returncode, crash, tuple(output))
