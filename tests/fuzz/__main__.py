"""``./dev fuzz``: looks for inputs that break Pumpjack, with libFuzzer, atheris, ASan and UBSan."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.fuzz.campaign import Campaign, Outcome
from tests.fuzz.prove import prove
from tests.fuzz.sanitized_tests import run_tests
from tests.fuzz.stored import path_of
from tests.fuzz.targets import TARGETS
from tests.fuzz.workshop import BUILD, ROOT, STRICT, SWIFT, CannotBuild, Copy, natives

TESTS: Final = "tests"
"""Not a target: the suites that touch the core, on the sanitised build."""
STRICT_SHARE: Final = 0.25
"""Of the time of a target in Python: that build is slower, and starts from what the other has learnt."""


def say(text: str) -> None:
    """Print a line of progress, as ``dev`` does."""
    print(f"fuzz: {text}", file=sys.stderr, flush=True)


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """Return what was asked for."""
    every = [*TARGETS, *natives(), TESTS]
    parser = argparse.ArgumentParser("./dev fuzz", description=__doc__, epilog=f"targets: {', '.join(every)}")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all, one after the other")
    how_long = parser.add_mutually_exclusive_group()
    how_long.add_argument("--minutes", type=float, default=1.0, help="for each target (default: 1)")
    how_long.add_argument("--runs", type=int, help="inputs for each target, instead of a time")
    parser.add_argument(
        "--keep", action="store_true", help="then write to tests/fuzz/corpus the least that reaches as much"
    )
    parser.add_argument(
        "--replay", type=Path, metavar="FILE", help="run one input of one target, and nothing else"
    )
    parser.add_argument("--prove", action="store_true", help="plant known bugs in copies: each must be found")
    asked = parser.parse_args(words)
    unknown = [name for name in asked.targets if name not in every]
    if unknown:
        parser.error(f"no target {unknown[0]!r}; one of: {', '.join(every)}")
    if asked.replay is not None and (len(asked.targets) != 1 or not asked.replay.is_file()):
        parser.error("--replay needs one target and a file that is there")
    asked.targets = asked.targets or every
    return asked


def report(target: str, outcome: Outcome) -> None:
    """Say what was found, and how to see it again."""
    for line in outcome.output[-60:]:
        print(line, file=sys.stderr)
    say(f"{target}: FOUND something after {outcome.runs:,} runs, {outcome.seconds:.0f} s")
    if outcome.crash is not None and outcome.crash.exists():
        path = outcome.crash
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        say(f"input:  {name} ({path.stat().st_size} bytes)")
        say(f"replay: ./dev fuzz {target} --replay {name}")


def shares_of(target: str) -> dict[str, float]:
    """Return the builds that a target is fuzzed with, first the one that learns fastest, and their shares."""
    if target in natives():
        return {STRICT.name: 1.0}
    return {SWIFT.name: 1 - STRICT_SHARE, STRICT.name: STRICT_SHARE}


def fuzz(target: str, copies: Mapping[str, Copy], asked: argparse.Namespace) -> bool:
    """Fuzz one target; return whether nothing was found."""
    runs = 0
    shares = shares_of(target)
    campaigns = [Campaign(target, copies[build], BUILD, say) for build in shares]
    for campaign, share in zip(campaigns, shares.values(), strict=True):
        if asked.runs:
            limit = f"-runs={max(1, round(share * asked.runs))}"
        else:
            limit = f"-max_total_time={max(1, round(60 * share * asked.minutes))}"
        outcome = campaign.fuzz(limit)
        runs += outcome.runs
        if not outcome.is_clean:
            report(target, outcome)
            return False
    say(f"{target}: nothing found in {runs:,} runs")
    if asked.keep:
        before, after = campaigns[0].keep()
        say(f"{target}: {after} inputs in {path_of(target).relative_to(ROOT)}, {before} before")
    return True


def replay(target: str, path: Path, copy: Copy) -> bool:
    """Run one input; return whether nothing was found."""
    outcome = Campaign(target, copy, BUILD, say).replay(path)
    print("\n".join(outcome.output), file=sys.stderr)
    say("found nothing" if outcome.is_clean else "it is still there")
    return outcome.is_clean


def main(words: Sequence[str]) -> int:
    """Do what was asked; return 1 if anything was found."""
    asked = parsed(words)
    try:
        if asked.prove:
            return prove(asked.targets, say)
        say("building copies with coverage and sanitizers in build/fuzz")
        copies = {build.name: Copy(BUILD, build) for build in (SWIFT, STRICT)}
        for copy in copies.values():
            copy.refresh()
        strict = copies[STRICT.name]
        if asked.replay is not None:
            return 0 if replay(asked.targets[0], asked.replay, strict) else 1
        found = [
            target
            for target in asked.targets
            if not (run_tests(strict, say) if target == TESTS else fuzz(target, copies, asked))
        ]
    except CannotBuild as trouble:
        say(str(trouble))
        return 1
    say(f"FOUND in: {', '.join(found)}" if found else "nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
