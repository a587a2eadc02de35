"""What a person and what a program reads of the benchmarks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.table import Table

from benchmarks.goals import Answer, Goal, Json

Say = Callable[[str], None]
"""Tells what is being done now."""
PROFILE_ROWS = 8


class Progress:
    """One line that changes where there is a terminal, otherwise a line for each question and phase."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._status = Status("", console=console) if console.is_terminal else None
        self._said = ""

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End showing."""
        if self._status is not None:
            self._status.stop()

    def say(self, text: str) -> None:
        """Show what is being done."""
        if self._status is not None:
            self._status.update(text)
            return
        phase = text.partition(", round")[0].partition(": round")[0]
        if phase != self._said:
            self._said = phase
            print(f"bench: {phase}", file=sys.stderr, flush=True)


def document(answers: Mapping[str, Answer], environment: Json) -> Json:
    """Return all that was found, for a file."""
    goals: list[Json] = []
    for answer in answers.values():
        for goal in answer.goals:
            profile = answer.profiles.get(goal.name)
            goals.append(goal.json() | ({"profile": profile} if profile is not None else {}))
    return {
        "goals": goals,
        "context": [line.json() for answer in answers.values() for line in answer.context],
        "environment": environment,
        "rounds": {name: answer.details for name, answer in answers.items()},
    }


def show(answers: Mapping[str, Answer], console: Console) -> None:
    """Print ratios first, then where the time of a missed goal goes."""
    table = Table(title="Medians of alternating rounds", title_justify="left", box=None, pad_edge=False)
    for name in ("measured", "goal", "", "least", "most"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    table.add_column("of", overflow="fold")
    for question, answer in answers.items():
        table.add_row(*[""] * 5, f"[bold]{question}[/bold]")
        for goal in answer.goals:
            what = _short(goal.name, question) + (f" ({goal.note})" if goal.note else "")
            table.add_row(
                _number(goal.measured, goal.unit), goal.text, _mark(goal), *_spread(goal.rounds), what
            )
        for line in answer.context:
            what = _short(line.name, question)
            table.add_row(_number(line.measured, line.unit), "", "", *_spread(line.rounds), what, style="dim")
    console.print(table)
    for answer in answers.values():
        shown: list[Json] = []
        for name, profile in answer.profiles.items():
            if profile not in shown:  # goals of one case share a profile
                console.print(f"\n[bold]{name}: missed[/bold]", soft_wrap=True)
                _show_profile(profile, console)
            shown.append(profile)


def _short(name: str, question: str) -> str:
    return name.removeprefix(f"{question}: ")


def _number(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.2f}{f' {unit}' if unit else ''}"


def _spread(rounds: tuple[float, ...]) -> tuple[str, str]:
    return (f"{min(rounds):.2f}", f"{max(rounds):.2f}") if rounds else ("", "")


def _mark(goal: Goal) -> str:
    if goal.met is None:
        return "[yellow]not here[/yellow]"
    return "[green]met[/green]" if goal.met else "[red]missed[/red]"


def _show_profile(profile: Json, console: Console) -> None:
    for kind, found in profile.items():
        if "missing" in found:
            console.print(f"  {kind}: {found['missing']}", soft_wrap=True)
            continue
        for title in ("libraries", "rows"):
            if title in found:
                console.print(f"  {kind if title == 'rows' else title}")
                for row in found[title][:PROFILE_ROWS]:
                    size = f"{row['share']:6.1%}" if "share" in row else f"{row['bytes_per_session']:8.0f} B"
                    where = f"{row['where']}: " if "where" in row else ""
                    text = f"    {size}  {where}{row['what']}"
                    console.print(text, markup=False, highlight=False, soft_wrap=True)
